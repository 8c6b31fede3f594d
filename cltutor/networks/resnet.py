"""ResNet-32, the residual network for small images (He et al. 2016, section 4.2)."""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from ..describe import Described
from .backbone import Backbone, BackboneArchitecture, Normalise
from .modules import initialise


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside an identity without parameters; where the size changes, it is subsampled and padded
    with zero channels (option A of He et al. 2016, section 4.2)."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.stride, self.extra = (2 if after != before else 1), after - before
        self.first = nn.Sequential(
            nn.Conv2d(before, after, 3, self.stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()
        )
        self.second = nn.Sequential(nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after))

    def forward(self, maps: Tensor) -> Tensor:
        shortcut = F.pad(maps[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))
        return F.relu(self.second(self.first(maps)) + shortcut)


@dataclass(frozen=True, repr=False)
class ResNet32(Described, BackboneArchitecture):
    """ResNet-32 for 32-pixel images (He et al. 2016, section 4.2): three stages of five blocks with 16, 32 and 64
    channels, 464,154 parameters with ten classes."""

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> Backbone:
        depth = image_shape[0]
        stem: list[nn.Module] = [nn.Conv2d(depth, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
        widths = [16] * 6 + [32] * 5 + [64] * 5
        blocks = [ResidualBlock(a, b) for a, b in zip(widths, widths[1:], strict=False)]
        trunk = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return initialise(Backbone(Normalise([0.0] * depth, [1.0] * depth), trunk, [], 64), "fan_out")
