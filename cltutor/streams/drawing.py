"""Rendered pictures: a textured ground, objects with a soft shadow, colours.

Planes are (N, H, W), or (1, H, W) and (N, 1, 1) where they are constant along the others; lengths are shares of the
image's side.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..describe import Several, Whole
from .division import DIVISION, Plan, arrange, call, divide
from .grounds import GROUNDS, LATTICE, pattern
from .shapes import REACH, Shape, distances
from .stream import Split, Stream, check_memory

GROUND = ("tint", "light", "dark", "periods", "angle", "shift_u", "shift_v")  # random numbers that a ground takes
_PERIODS = 2.0, 4.0  # of the ground's pattern across the image
_GOLDEN = 0.618034  # the hues of the grounds, a golden section apart, stay apart for any number
_BATCH = 2**18  # pixels drawn at a time

Render = Callable[[int, int, Tensor, int], tuple[Tensor, Tensor]]
Put = Callable[[Tensor, Shape, Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


SETTINGS = DIVISION | {
    "size": Whole(at_least=8),
    "per_class": Several(Whole(at_least=1), length=2),
    "seed": Whole(at_least=0),
}


def rendered(
    source: Callable[..., Stream], settings: dict[str, Any], class_names: Sequence[str], numbers: int, render: Render
) -> Stream:
    """The stream of the function ``source``, called with ``settings``; ``numbers`` and ``render`` as of ``draw``."""
    validation, size, seed, counts = (settings[name] for name in ("validation", "size", "seed", "per_class"))
    plan = arrange(class_names, settings["tasks"], settings["order"], settings["classes"], validation)
    check_memory(sum(counts) * sum(map(len, plan)), (3, size, size))
    train, test = (draw(plan, count, size, seed, part, numbers, render) for part, count in enumerate(counts))
    name, code = source.__name__, call(source, settings)
    return divide(train, test, class_names, plan, validation, name=name, code=code)


def draw(plan: Plan, count: int, size: int, seed: int, part: int, numbers: int, render: Render) -> Split:
    """`count` images of every class of the plan; part: 0 for training, 1 for test images.

    render(label, task, draws, size) -> images (N, 3, size, size) uint8 and masks (N, size, size) bool, from `draws`,
    (N, numbers) random numbers in [0, 1) that depend on the seed, the class, the part and the image's number alone.
    """
    total = count * sum(map(len, plan))
    images = torch.empty((total, 3, size, size), dtype=torch.uint8)
    masks = torch.empty((total, size, size), dtype=torch.bool)
    labels = torch.tensor([label for task in plan for label in task]).repeat_interleave(count)
    batch = max(1, _BATCH // size**2)
    done = 0
    for index, task in enumerate(plan):
        for label in task:
            generator = np.random.default_rng([seed, label, part])
            draws = torch.from_numpy(generator.random((count, numbers), dtype=np.float32))
            for some in draws.split(batch):
                rows = slice(done, done + len(some))
                images[rows], masks[rows] = render(label, index, some, size)
                done += len(some)
    return Split(images, labels, masks)


def plane(size: int) -> tuple[Tensor, Tensor]:
    """x (1, 1, size), rightwards, and y (1, size, 1), downwards, of the pixels' centres, in [0, 1]."""
    centres = (torch.arange(size) + 0.5) / size
    return centres[None, None, :], centres[None, :, None]


def put(
    back: Tensor, shape: Shape, right: Tensor, down: Tensor, radius: Tensor, turn: Tensor, colour: Tensor
) -> tuple[Tensor, Tensor]:
    """The pictures (N, 3, H, W) with an object of `shape` on them, and the distance to its edge in pixels.

    right, down: how far each pixel lies from the object's middle, in units of its radius; turn: (N, 1, 1) radians;
    colour: (N, 3, 1, 1). A distance (N, H, W) is negative inside; the edge is one pixel wide. Draws into `back`.
    """
    size = back.shape[-1]
    cos, sin = torch.cos(turn), torch.sin(turn)
    spots = torch.stack((cos * right + sin * down, cos * down - sin * right), dim=-1)
    flat = spots.mul_(1 / REACH).reshape(1, -1, spots.shape[2], 2)
    table = distances(shape)[None, None]
    distance = functional.grid_sample(table, flat, padding_mode="border", align_corners=True)
    edge = (distance.reshape(spots.shape[:3]) * radius).mul_(size)
    # A soft shadow round the object keeps it visible on ground of the same colour.
    back *= (edge * (32 / size / 3.5)).clamp_(0, 1).mul_(0.5).add_(0.5)[:, None]
    light = 0.92 - 0.1 * right - 0.16 * down  # from the upper left
    cover = (0.5 - edge).clamp_(0, 1)[:, None]
    return torch.lerp(back, colour * light[:, None], cover), edge


def as_pixels(pictures: Tensor) -> Tensor:
    """Colours in [0, 1] -> uint8; changes its argument in place."""
    return pictures.mul_(255).round_().clamp_(0, 255).to(torch.uint8)


def ground(number: int, drawn: dict[str, Tensor], lattice: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """(N, 3, H, W) the textured ground; its family and hue belong to `number`.

    drawn: a random number (N, 1, 1) in [0, 1) for each of `GROUND`; lattice: (N, LATTICE**2) more of them.
    """
    periods = between(_PERIODS, drawn["periods"])
    angle = 2 * torch.pi * drawn["angle"]
    cos, sin = torch.cos(angle) * periods, torch.sin(angle) * periods
    u = cos * x + (sin * y + drawn["shift_u"])
    v = cos * y - (sin * x - drawn["shift_v"])
    lattice = lattice.reshape(-1, 1, LATTICE, LATTICE) * 2 - 1
    share = pattern(GROUNDS[number % len(GROUNDS)], u, v, lattice)
    hue = (0.08 + number * _GOLDEN + 0.06 * (drawn["tint"] - 0.5)) % 1
    light = rgb(hue, 0.28, 0.74 + 0.16 * drawn["light"])
    dark = rgb((hue + 0.04) % 1, 0.42, 0.44 + 0.16 * drawn["dark"])
    return torch.lerp(light, dark, share[:, None])


def named(names: Sequence[str], draws: Tensor) -> dict[str, Tensor]:
    """The first columns of ``draws`` (N, numbers) by the names of the numbers, each (N, 1, 1)."""
    return dict(zip(names, draws[:, :, None, None].unbind(1), strict=False))


def textured(number: int, draws: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """``ground`` from ``draws`` (N, numbers): one number for each of ``GROUND``, then the lattice's."""
    return ground(number, named(GROUND, draws), draws[:, len(GROUND) :], x, y)


def between(ends: tuple[float, float], share: Tensor) -> Tensor:
    return ends[0] + (ends[1] - ends[0]) * share


def vivid(hue: Tensor, saturation: Tensor, brightness: Tensor) -> Tensor:
    """(N, 1, 1) hue, saturation and brightness in [0, 1) -> (N, 3, 1, 1), a colour more vivid than any ground."""
    return rgb(hue, 0.7 + 0.3 * saturation, 0.85 + 0.15 * brightness)


def rgb(hue: Tensor, saturation: Tensor | float, value: Tensor) -> Tensor:
    """(N, 1, 1) hue, saturation and value in [0, 1] -> (N, 3, 1, 1) red, green and blue."""
    sixths = torch.tensor([5.0, 3.0, 1.0]).reshape(1, 3, 1, 1)
    place = (sixths + 6 * hue[:, None]) % 6
    fall = torch.minimum(place, 4 - place).clamp(0, 1)
    if isinstance(saturation, Tensor):
        saturation = saturation[:, None]
    return value[:, None] * (1 - saturation * fall)
