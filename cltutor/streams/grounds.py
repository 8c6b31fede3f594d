"""Ten families of textured ground, each a plain function of the plane."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

LATTICE = 8  # random numbers along each side that a ground may use


def _wave(x: Tensor) -> Tensor:
    return torch.sin(2 * torch.pi * x)


def _bricks(u: Tensor, v: Tensor, lattice: Tensor) -> Tensor:
    row = (2 * v).floor()
    across = (u + 0.5 * (row % 2)) % 1 - 0.5
    down = (2 * v) % 1 - 0.5
    return 8 * torch.minimum(0.43 - across.abs(), 0.5 * (0.38 - down.abs()))


def _clouds(u: Tensor, v: Tensor, lattice: Tensor) -> Tensor:
    return functional.interpolate(lattice, u.shape[1:], mode="bicubic", align_corners=True)[:, 0]


_FAMILIES: dict[str, tuple[Callable[[Tensor, Tensor, Tensor], Tensor], float]] = {
    # The number is the contrast: how fast the pattern goes from one colour to the other.
    "stripes": (lambda u, v, _: _wave(u), 1.5),
    "dots": (lambda u, v, _: (_wave(u + 0.25) + _wave(v + 0.25) - 0.6) * 0.6, 1.5),
    "bricks": (_bricks, 1.0),
    "waves": (lambda u, v, _: _wave(u + 0.16 * _wave(0.7 * v)), 1.5),
    "checks": (lambda u, v, _: 1.5 * _wave(u) * _wave(v), 1.5),
    "clouds": (_clouds, 1.0),
    "rings": (lambda u, v, _: _wave(torch.sqrt(u * u + v * v + 1e-6)), 1.5),
    "zigzag": (lambda u, v, _: _wave(v + (u % 1 - 0.5).abs()), 1.5),
    "plaid": (lambda u, v, _: 0.5 * (_wave(u).clamp(-0.3, 0.3) + _wave(v).clamp(-0.3, 0.3)), 1.6),
    "mosaic": (lambda u, v, lattice: functional.interpolate(lattice, u.shape[1:], mode="nearest")[:, 0], 1.0),
}
GROUNDS = tuple(_FAMILIES)


def pattern(family: str, u: Tensor, v: Tensor, lattice: Tensor) -> Tensor:
    """(N, H, W) values in [0, 1]: how much of the second colour each pixel has.

    u, v: (N, H, W), the plane in units of the pattern's period; lattice: (N, 1, 8, 8) random numbers in [-1, 1], for
    the families that are not periodic.
    """
    texture, contrast = _FAMILIES[family]
    return texture(u, v, lattice).mul_(contrast / 2).add_(0.5).clamp_(0, 1)
