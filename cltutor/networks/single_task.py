"""Single-task learning: an isolated network for every task, DF-CNN's first baseline (section 4.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from .backbone import TaskCNN
from .chain import OwnWays, check_shape
from .network import Architecture, MultiHeadNetwork, Network, Output


class SeparateNetwork(Network):
    """A network in which each task has a way of its own from the pixels of images (C, H, W) of one shape."""

    separate: ClassVar[bool] = True

    def __init__(self, image_shape: tuple[int, int, int]):
        super().__init__()
        self.image_shape, self.classes = tuple(image_shape), []

    def answer(self, images: Tensor, task: int) -> tuple[Tensor, Tensor]:
        """Features (N, D) and logits that one task's own network has for ``images`` (N, C, H, W)."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Output:
        check_shape(images, self.image_shape)
        return OwnWays(lambda task: self.answer(images, task), len(self.classes))


class SingleTaskNetwork(SeparateNetwork):
    """One network per task, drawn anew; they share the input normalisation alone."""

    def __init__(self, backbone: object, image_shape: tuple[int, int, int], pretrained: bool):
        super().__init__(image_shape)
        self.description, self.pretrained = backbone, pretrained
        self.tasks = nn.ModuleList([self.draw()])

    def draw(self) -> MultiHeadNetwork:
        return MultiHeadNetwork(self.description.build(self.image_shape, self.pretrained), 1, None)

    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        if self.classes:
            self.tasks.append(self.draw())
            self.tasks[-1].backbone.normalise = self.tasks[0].backbone.normalise
        self.tasks[-1].grow(classes, names)
        self.classes.append(classes)

    def parts(self) -> dict[str, list[nn.Module]]:
        return {"shared": [], "old": list(self.tasks[:-1]), "new": list(self.tasks[-1:])}

    def answer(self, images: Tensor, task: int) -> tuple[Tensor, Tensor]:
        output = self.tasks[task](images)
        return output.features, output.head(0)


@dataclass(frozen=True, repr=False)
class SingleTask(Architecture):
    """A separate and isolated network for each task (STL; DF-CNN, section 4.1): nothing is transferred or forgotten."""

    backbone: object = TaskCNN()

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> SingleTaskNetwork:
        return SingleTaskNetwork(self.backbone, image_shape, pretrained)
