"""Backbones: the shared part theta_s of a network, from pixels to features.

A frozen description (``SmallCNN()``, ``TaskCNN()``, ``ResNet32()``, ``Torchvision("resnet18")``) builds a
``Backbone``, a module in two parts: a convolutional ``trunk`` and the fully connected ``hidden`` layers above it. The
split is what task-specific layers (LwF, Table 2a) and network expansion (LwF, section 4.2) act on.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ..describe import Described, Flag, Kind, Part, Several, Whole, choice, real, ruled, several
from .devices import is_out_of_memory
from .modules import Modules, channel_statistics, check_images, draw_small, initialise, small_linear


class ImageShape(Several):
    """The shape (C, H, W) of an image."""

    words = "(channels, height, width), three whole numbers from 1 up"


MANY = 2**28  # pixel values whose statistics are not computed at once
IMAGE_SHAPE = ImageShape(Whole(at_least=1, at_most=2**14), length=3)


def check_building(kind: type) -> None:
    """Let the method ``build`` of a description refuse what is no shape of an image."""
    if build := vars(kind).get("build"):

        @wraps(build)
        def checked_build(self: Any, image_shape: tuple[int, int, int], pretrained: bool = True) -> Any:
            shape, flag = IMAGE_SHAPE.check("image_shape", image_shape), Flag().check("pretrained", pretrained)
            return build(self, shape, flag)

        kind.build = checked_build  # type: ignore[attr-defined]  # it has one


class Normalise(nn.Module):
    """uint8 images to floats of zero mean and unit deviation, channel by channel.

    The statistics are those of the first task and stay for all that follow (LwF, section 3, implementation details).
    Every image enters a network here, and is checked: its channels, or its ``shape`` (C, H, W) where it is given.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        fixed: bool = False,
        shape: tuple[int, ...] = (),
    ):
        super().__init__()
        self.fixed, self.shape = fixed, shape or (len(mean),)
        self.register_buffer("mean", torch.tensor(mean).reshape(-1, 1, 1) * 255)
        self.register_buffer("std", torch.tensor(std).reshape(-1, 1, 1) * 255)

    def fit(self, images: Tensor) -> None:
        """Take mean and deviation from ``images`` (N, C, H, W) uint8; a pretrained network keeps its own."""
        check_images(images, self.shape[:1])
        if self.fixed or len(images) == 0:
            return
        if images.numel() > MANY:  # as floats they would take eight times the memory
            mean, deviation = channel_statistics(images, max(1, MANY // images[0].numel()))
        else:
            pixels = images.transpose(0, 1).flatten(1).double()
            mean, deviation = pixels.mean(1), pixels.std(1)
        self.mean.copy_(mean.reshape(-1, 1, 1))
        self.std.copy_(deviation.clamp(min=1.0).reshape(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        check_images(images, self.shape)
        return (images.float() - self.mean) / self.std


class NormaliseEach(Normalise):
    """Each image by itself to zero mean and unit deviation, channel by channel.

    As the DF-CNN authors' program standardises pixels from 0 to 1: the deviation is at least 1 / sqrt(h w).
    """

    def fit(self, images: Tensor) -> None:
        check_images(images, self.shape[:1])

    def forward(self, images: Tensor) -> Tensor:
        check_images(images, self.shape)
        pixels = images.float() / 255
        deviation = pixels.std((-2, -1), correction=0, keepdim=True)
        return (pixels - pixels.mean((-2, -1), keepdim=True)) / deviation.clamp(min=pixels[0, 0].numel() ** -0.5)


class Backbone(nn.Module):
    """Shared layers: uint8 images (N, C, H, W) to features (N, D), or (N, D, h, w) under a convolutional classifier.

    ``classifier`` is the pretrained output layer where there is one; ``make_output`` builds a fresh one for a number
    of classes; ``flatten`` turns features into (N, D). ``draw`` initialises further layers below ReLUs like these.
    """

    def __init__(
        self,
        normalise: Normalise,
        trunk: nn.Module,
        hidden: Sequence[nn.Sequential],
        width: int,
        make_output: Callable[[int, int], nn.Module] = nn.Linear,
        classifier: nn.Module | None = None,
        flatten: nn.Module | None = None,
    ):
        super().__init__()
        self.normalise, self.trunk = normalise, trunk
        self.hidden: Modules[nn.Sequential] = Modules(hidden)
        self.width, self.make_output = width, make_output
        self.draw: Callable[[nn.Module], nn.Module] = initialise
        self.pretrained_classifier = [classifier]  # in a list: not one of this module's own parameters
        self.flatten = flatten or nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, D) of ``images`` (N, C, H, W); ValueError for images too small to pass through."""
        pixels = self.normalise(images)
        try:
            features = self.trunk(pixels)
        except (RuntimeError, AssertionError, ValueError) as error:  # vision transformers assert their size
            if is_out_of_memory(error):
                raise
            size, reason = "x".join(map(str, images.shape[2:])), " ".join(str(error).split())[:160].rstrip(".")
            raise ValueError(
                f"Images of {size} pixels do not pass through this network: use larger ones, or a network for small "
                f"images such as SmallCNN() ({reason})."
            ) from error
        for layer in self.hidden:
            features = layer(features)
        return features

    def after(self, layer: str) -> list[nn.Module] | None:
        """The modules above ``layer``, such as "trunk.7"; None if the trunk is not a plain sequence of layers."""
        place = layer.removeprefix("trunk.")
        if not isinstance(self.trunk, nn.Sequential) or not place.isdigit():
            return None
        return [*self.trunk[int(place) + 1 :], *self.hidden]


@runtime_checkable
class BackboneArchitecture(Protocol):
    """The description of a backbone: a ``Described`` class, or any other with this method; ValueError for one
    whose ``build`` takes other arguments."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        check_building(cls)

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> Backbone:
        """A backbone for images (C, H, W), ValueError for those that do not fit; ``pretrained=False`` reads no file of
        weights."""
        ...


def backbone_field(default: BackboneArchitecture) -> Any:
    """A field for the description of a backbone."""

    def fits(value: Any) -> bool:
        return isinstance(value, BackboneArchitecture) and not isinstance(value, type | Part)

    return ruled(Kind("a backbone, such as SmallCNN()", fits), default)


class Widths(Several):
    """Channels or nodes of layers from the lowest up; there may be no layer."""

    def accepts(self, value: Any) -> bool:
        return isinstance(value, tuple | list) and (not value or super().accepts(value))


def plain_cnn(
    settings: "SmallCNN | TaskCNN", image_shape: tuple[int, int, int], smallest: int, pool_every: int, dropout: float
) -> Backbone:
    """3x3 convolutions, a 2x2 max-pool after every ``pool_every``-th while 2x2 positions remain, and fully connected
    layers, the first of which reads its features with ``dropout``; for images of ``smallest`` pixels or more a side."""
    depth, height, width = image_shape
    if min(height, width) < smallest:
        name = type(settings).__name__
        raise ValueError(f"{name} needs images of at least {smallest}x{smallest} pixels, not {height}x{width}.")
    layers: list[nn.Module] = []
    for place, maps in enumerate(settings.channels, start=1):
        layers += [nn.Conv2d(depth, maps, 3, padding=1), nn.ReLU()]
        depth = maps
        if place % pool_every == 0 and min(height, width) >= 4:
            layers.append(nn.MaxPool2d(2))
            height, width = height // 2, width // 2
    return finished(settings, image_shape, layers, depth * height * width, dropout)


def finished(
    settings: "SmallCNN | TaskCNN | OfficeHomeCNN",
    image_shape: tuple[int, int, int],
    layers: list[nn.Module],
    features: int,
    dropout: float,
) -> Backbone:
    """The convolutional ``layers``, which have so many ``features``, under fully connected ones; initialised."""
    above: list[nn.Sequential] = []
    for nodes in settings.hidden:
        dropped = [nn.Dropout(dropout)] if dropout and not above else []
        above.append(nn.Sequential(*dropped, nn.Linear(features, nodes), nn.ReLU()))
        features = nodes
    kind = NormaliseEach if getattr(settings, "normalise", "") == "image" else Normalise
    normalise = kind([0.0] * image_shape[0], [1.0] * image_shape[0], shape=image_shape)
    backbone = Backbone(normalise, nn.Sequential(*layers, nn.Flatten()), above, features)
    if getattr(settings, "initialisation", "he") == "he":
        return initialise(backbone)
    backbone.draw, backbone.make_output = draw_small, small_linear
    return draw_small(backbone)


@dataclass(frozen=True, repr=False)
class SmallCNN(Described, BackboneArchitecture):
    """Three 3x3 convolutions and two fully connected layers, for images of 8 to 32 pixels: a small AlexNet.

    A max-pool follows a convolution while at least 2x2 positions remain.
    """

    channels: tuple[int, ...] = ruled(Widths(Whole(at_least=1)), (32, 32, 64))
    hidden: tuple[int, ...] = ruled(Widths(Whole(at_least=1)), (128, 128))

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> Backbone:
        return plain_cnn(self, image_shape, smallest=8, pool_every=1, dropout=0.0)


@dataclass(frozen=True, repr=False)
class TaskCNN(Described, BackboneArchitecture):
    """The CNN that each task has in DF-CNN's experiments on CIFAR-100 (section 4.2; sizes from the authors' program):
    3x3 convolutions, 2x2 max-pools after every second one, ``dropout`` of the features, a fully connected layer.

    A max-pool is left out where fewer than 2x2 positions would remain. With a head of 10 classes on 3x32x32 images it
    has 328,426 parameters. Of the paper's large one only the total is known, 0.935 M: ``TaskCNN((48, 48, 96, 96),
    (128,))`` has 934,586, and its sizes are inferred.

    The weights' ``initialisation`` is "he", ours, or "truncated_normal" of deviation 0.05 with biases of 0.2, the
    authors'. ``normalise`` images by the statistics of the "first_task", as everywhere here, or of each "image".
    """

    channels: tuple[int, ...] = several((32, 32, 64, 64), Whole(at_least=1))
    hidden: tuple[int, ...] = several((64,), Whole(at_least=1))
    dropout: float = real(0.5, at_least=0, below=1)
    initialisation: str = choice("he", ("he", "truncated_normal"))
    normalise: str = choice("first_task", ("first_task", "image"))

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> Backbone:
        return plain_cnn(self, image_shape, smallest=4, pool_every=2, dropout=self.dropout)


@dataclass(frozen=True, repr=False)
class OfficeHomeCNN(Described, BackboneArchitecture):
    """The CNN that each task has in DF-CNN's experiments on Office-Home, for images of 128 pixels (section 4.2; sizes
    from the authors' program): convolutions with ``kernels`` of odd sides, each with a ReLU and a max-pool of ``pools``
    positions a side, ``dropout`` of the features, and fully connected layers. ``initialisation`` and ``normalise`` as
    in ``TaskCNN``.

    As in TensorFlow's "SAME", a pool that is not full at the border counts too. With a head of 13 classes on 3x128x128
    images it has 2,679,437 parameters. ValueError for lists of different lengths and for kernels of an even side.
    """

    channels: tuple[int, ...] = several((64, 256, 256, 256), Whole(at_least=1))
    kernels: tuple[int, ...] = several((11, 5, 3, 3), Whole(at_least=1))
    pools: tuple[int, ...] = several((3, 3, 2, 2), Whole(at_least=1))
    hidden: tuple[int, ...] = several((256, 64), Whole(at_least=1))
    dropout: float = real(0.5, at_least=0, below=1)
    initialisation: str = choice("he", ("he", "truncated_normal"))
    normalise: str = choice("first_task", ("first_task", "image"))

    def __post_init__(self) -> None:
        super().__post_init__()
        if not len(self.channels) == len(self.kernels) == len(self.pools):
            counts = f"{len(self.channels)}, {len(self.kernels)} and {len(self.pools)}"
            raise ValueError(f"channels, kernels and pools have a number for each convolution, not {counts}.")
        if even := [side for side in self.kernels if side % 2 == 0]:
            raise ValueError(f"kernels have an odd side, so that maps keep their size, not {even[0]}.")

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> Backbone:
        depth, *sides = image_shape
        layers: list[nn.Module] = []
        for maps, kernel, pool in zip(self.channels, self.kernels, self.pools, strict=True):
            layers += [nn.Conv2d(depth, maps, kernel, padding=kernel // 2), nn.ReLU()]
            after = [math.ceil(side / pool) for side in sides]
            border = [(n * pool - side) // 2 for n, side in zip(after, sides, strict=True)]
            layers.append(nn.MaxPool2d(pool, padding=(border[0], border[1]), ceil_mode=True))
            depth, sides = maps, after
        return finished(self, image_shape, layers, depth * math.prod(sides), self.dropout)
