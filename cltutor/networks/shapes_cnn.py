"""A small CNN that comes with weights: it has learned rendered shapes that are in no stream here."""

from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn

from ..describe import Described
from .backbone import Backbone, BackboneArchitecture, Normalise
from .modules import initialise

WEIGHTS = Path(__file__).with_name("shapes_cnn.safetensors")
CHANNELS, SIDE, CELLS = (24, 48, 96), 32, 2


class Resized(nn.Module):
    """Images of any size as images of ``SIDE`` pixels, bilinearly: what the weights have seen."""

    def forward(self, pixels: Tensor) -> Tensor:
        if tuple(pixels.shape[2:]) == (SIDE, SIDE):
            return pixels
        return nn.functional.interpolate(pixels, (SIDE, SIDE), mode="bilinear", antialias=True)


def trunk() -> nn.Sequential:
    """Three 3x3 convolutions, each below a ReLU and a 2x2 max-pool, and the mean of each quarter of the maps."""
    layers: list[nn.Module] = [Resized()]
    for below, maps in zip((3, *CHANNELS), CHANNELS, strict=False):
        layers += [nn.Conv2d(below, maps, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(CELLS), nn.Flatten())


@dataclass(frozen=True, repr=False)
class ShapesCNN(Described, BackboneArchitecture):
    """A CNN of 52,656 parameters with weights in the package (``benchmarks/shapes_cnn.py`` makes them).

    It was trained to distinguish random outlines on textured ground; none is a shape of ``streams.scenes`` or
    ``streams.facts``. Images of any size, grey or RGB, are resized to 32 pixels. Its 384 features are the means of 96
    maps over each quarter of the image.
    """

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> Backbone:
        if image_shape[0] not in (1, 3):
            raise ValueError(f"ShapesCNN takes grey or RGB images, of 1 or 3 channels, not {image_shape[0]}.")
        layers = initialise(trunk())
        if pretrained:
            weights = {name: value.float() for name, value in load_file(WEIGHTS).items()}
            layers.load_state_dict(weights)
        normalise = Normalise([0.5] * 3, [0.25] * 3, fixed=True)
        return Backbone(normalise, layers, [], CHANNELS[-1] * CELLS**2)
