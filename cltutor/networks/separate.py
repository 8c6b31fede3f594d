"""Networks that compute every task separately from the pixels; the simplest is single-task learning."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from ..describe import Whole
from .backbone import Backbone, BackboneArchitecture, TaskCNN, backbone_field
from .modules import Modules, check_images
from .network import Architecture, MultiHeadNetwork, Network, Output


class SeparateNetwork(Network):
    """A network in which each task is computed from the pixels of images (C, H, W) of one shape.

    Its output computes a task at most once, when it is first used; its features are those of the newest task.
    """

    separate: ClassVar[bool] = True

    def __init__(self, image_shape: tuple[int, int, int]):
        super().__init__()
        self.image_shape, self.classes = image_shape, []

    def compute_task(self, images: Tensor, task: int) -> tuple[Tensor, Tensor]:
        """Features (N, D) and logits of ``task`` for ``images`` (N, C, H, W)."""
        raise NotImplementedError

    def compute(self, images: Tensor) -> Callable[[int], tuple[Tensor, Tensor]]:
        """The function that computes a task for ``images``."""
        return functools.partial(self.compute_task, images)

    def forward(self, images: Tensor) -> Output:
        check_images(images, self.image_shape)
        compute, tasks = functools.cache(self.compute(images)), len(self.classes)
        return Output(lambda: compute(tasks - 1)[0], lambda task: compute(task)[1], tasks)

    def check_task(self, task: int) -> None:
        """Refuse a task that has not been learned."""
        if not 0 <= Whole().check("task", task) < len(self.classes):
            raise ValueError(
                f"This network has learned {len(self.classes)} task(s), counted from 0; there is no task {task}."
            )

    def check_layer(self, layer: int, layers: int) -> None:
        """Refuse a convolution that does not exist."""
        if not 0 <= Whole().check("layer", layer) < layers:
            raise ValueError(f"This network has {layers} convolution(s), counted from 0; there is no layer {layer}.")


class SingleTaskNetwork(SeparateNetwork):
    """One network per task, initialised anew; they share the input normalisation alone."""

    isolates: ClassVar[bool] = True

    def __init__(self, backbone: BackboneArchitecture, image_shape: tuple[int, int, int], pretrained: bool):
        super().__init__(image_shape)
        self.description, self.pretrained = backbone, pretrained
        self.tasks: Modules[MultiHeadNetwork] = Modules([self.draw()])

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

    def compute_task(self, images: Tensor, task: int) -> tuple[Tensor, Tensor]:
        output = self.tasks[task](images)
        return output.features, output.head(0)


@dataclass(frozen=True, repr=False)
class SingleTask(Architecture):
    """A separate and isolated network for each task (STL; DF-CNN, section 4.1): no transfer and no forgetting."""

    needs_task_at_test = True  # to choose the network

    backbone: BackboneArchitecture = backbone_field(TaskCNN())

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> SingleTaskNetwork:
        return SingleTaskNetwork(self.backbone, image_shape, pretrained)


class ChainNetwork(SeparateNetwork):
    """A network with one chain of layers per task, all of which read pixels with the same normalisation."""

    def __init__(self, backbone: BackboneArchitecture, image_shape: tuple[int, int, int], pretrained: bool):
        super().__init__(image_shape)
        first = backbone.build(image_shape, pretrained)
        chain_of(first, repr(backbone))
        self.normalise, self.backbone = first.normalise, backbone
        # Initialised with the network, so that the first task starts as it would in any other network.
        self.first = [first]

    def next_chain(self, classes: int) -> list[nn.Module]:
        """The layers of a new task, output included."""
        backbone = self.first.pop() if self.first else self.backbone.build(self.image_shape, pretrained=False)
        return [*chain_of(backbone, repr(self.backbone)), backbone.make_output(backbone.width, classes)]


def chain_of(backbone: Backbone, name: str) -> list[nn.Module]:
    """The layers of ``backbone`` from the normalised pixels to its features, in order.

    Each is a convolution, a fully connected layer or has no parameters. ValueError for a backbone in which layers
    branch, such as a residual one; ``name`` is what its description prints as.
    """
    layers = [backbone.trunk, *backbone.hidden]
    while any(isinstance(layer, nn.Sequential) for layer in layers):
        layers = [inner for layer in layers for inner in (layer if isinstance(layer, nn.Sequential) else [layer])]
    plain = [isinstance(layer, nn.Conv2d | nn.Linear) or not list(layer.parameters()) for layer in layers]
    if not all(plain) or not isinstance(backbone.flatten, nn.Identity):
        raise ValueError(
            f"{name} is no plain chain of convolutions and fully connected layers: use TaskCNN() or SmallCNN()."
        )
    return layers
