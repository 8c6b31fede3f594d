"""Single-task learning: an isolated network for every task, DF-CNN's first baseline (section 4.1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from torch import Tensor, nn

from ..describe import Described
from .backbone import TaskCNN
from .network import MultiHeadNetwork, Network, Output


class SeparateOutput(Output):
    """The output of a network whose tasks share no features: each task's is computed when first asked for."""

    def __init__(self, ask: Callable[[int], Output], tasks: int):
        self.maps, self.tasks, self._heads = None, tasks, {}
        self.of_task = cache(ask)
        self._compute = lambda task: self.of_task(task).head(0)

    @property
    def features(self) -> Tensor:
        """Features (N, D) of the newest task's network."""
        return self.of_task(self.tasks - 1).features


class SeparateNetwork(Network):
    """A network in which each task has a way of its own from the pixels of images (C, H, W) of one shape."""

    separate: ClassVar[bool] = True

    def __init__(self, image_shape: tuple[int, int, int]):
        super().__init__()
        self.image_shape, self.classes = tuple(image_shape), []

    def answer(self, images: Tensor, task: int) -> Output:
        """What one task's own network says of ``images`` (N, C, H, W): features and a single head."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Output:
        if tuple(images.shape[1:]) != self.image_shape:
            depth, *size = self.image_shape
            raise ValueError(
                f"This network was built for images of {depth} channel(s) and {'x'.join(map(str, size))} pixels, "
                f"not for a batch of shape {tuple(images.shape)}."
            )
        return SeparateOutput(lambda task: self.answer(images, task), len(self.classes))


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

    def answer(self, images: Tensor, task: int) -> Output:
        return self.tasks[task](images)


@dataclass(frozen=True, repr=False)
class SingleTask(Described):
    """A separate and isolated network for each task (STL; DF-CNN, section 4.1): nothing is transferred or forgotten."""

    backbone: object = TaskCNN()

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> SingleTaskNetwork:
        return SingleTaskNetwork(self.backbone, image_shape, pretrained)
