"""A backbone as a plain chain of layers, for networks that give every task a way of its own from the pixels."""

import functools
from collections.abc import Callable

from torch import Tensor, nn

from .backbone import Backbone
from .network import Output


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


def check_shape(images: Tensor, image_shape: tuple[int, int, int]) -> None:
    """Refuse images (N, C, H, W) of another size or number of channels than a network was built for."""
    if tuple(images.shape[1:]) != tuple(image_shape):
        given, known = ("x".join(map(str, shape)) for shape in (images.shape[1:], image_shape))
        raise ValueError(f"This network was built for images of {known} (channels, height, width), not {given}.")


class OwnWays(Output):
    """What a network says of a batch in which each task has its own way from the pixels: gone only when asked for.

    ``way(task)`` gives the task's features (N, D) and its logits; ``features`` are those of the newest task.
    """

    def __init__(self, way: Callable[[int], tuple[Tensor, Tensor]], tasks: int):
        self.maps, self.tasks, self._way, self._heads = None, tasks, functools.cache(way), {}

    def _compute(self, task: int) -> Tensor:
        return self._way(task)[1]

    @functools.cached_property
    def features(self) -> Tensor:
        return self._way(self.tasks - 1)[0]
