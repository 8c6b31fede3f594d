"""Rendered objects on textured ground, with the object's pixels as a mask: no download, any size."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .division import Classes, Order, Plan, Tasks, arrange, call, divide
from .grounds import GROUNDS, LATTICE, pattern
from .shapes import REACH, SHAPES, distances
from .stream import Split, Stream, check_seed, is_whole

_TURN = np.radians(25)  # at most, to either side: no shape may become another one
_RADIUS = 0.32, 0.46  # of the object, as a share of the image
_PERIODS = 2.0, 4.0  # of the ground's pattern across the image
_GOLDEN = 0.618034  # the hues of the grounds, a golden section apart, stay apart for any number
_BATCH = 2**18  # pixels drawn at a time


def scenes(
    tasks: Tasks = 5,
    order: Order = 0,
    classes: Classes = None,
    validation: float | int = 0,
    size: int = 32,
    per_class: tuple[int, int] = (100, 20),
    seed: int = 0,
) -> Stream:
    """20 classes of objects: the shape is the class; colour, size, turn and place vary.

    The ground's pattern and palette belong to the task, so that a network that looks at the ground
    alone tells the tasks apart, and is wrong when the ground changes. RGB images of (3, size, size);
    `masks` of every split hold the object's pixels. per_class: training and test images a class.
    The object in image i of a class depends on `seed`, the class and i alone.
    The other arguments, and the ValueError when they do not fit, as in `arrange`.
    """
    code = call(scenes, locals())
    plan = arrange(SHAPES, tasks, order, classes, validation)
    if not is_whole(size) or size < 8:
        raise ValueError(f"size must be a whole number of pixels from 8 up, not {size!r}.")
    pair = isinstance(per_class, tuple | list) and len(per_class) == 2
    if not pair or not all(is_whole(n) and n > 0 for n in per_class):
        raise ValueError(
            f"per_class must be two whole numbers above 0, training and test images a class, not {per_class!r}."
        )
    check_seed(seed)
    train, test = (_draw_all(plan, count, size, seed, part) for part, count in enumerate(per_class))
    return divide(train, test, SHAPES, plan, validation, name="scenes", code=code)


def _draw_all(plan: Plan, count: int, size: int, seed: int, part: int) -> Split:
    """`count` images of every class of the plan; part: 0 for training, 1 for test images."""
    total = count * sum(map(len, plan))
    images = torch.empty((total, 3, size, size), dtype=torch.uint8)
    masks = torch.empty((total, size, size), dtype=torch.bool)
    labels = torch.tensor([label for task in plan for label in task]).repeat_interleave(count)
    batch = max(1, _BATCH // size**2)
    done = 0
    for ground, task in enumerate(plan):
        for label in task:
            generator = np.random.default_rng([seed, label, part])
            draws = torch.from_numpy(generator.random((count, _DRAWS), dtype=np.float32))
            for some in draws.split(batch):
                rows = slice(done, done + len(some))
                images[rows], masks[rows] = render(SHAPES[label], ground, some, size)
                done += len(some)
    return Split(images, labels, masks)


# What one image needs: random numbers in [0, 1), by column.
_OBJECT = ("hue", "saturation", "brightness", "radius", "turn", "x", "y")
_GROUND = ("tint", "light", "dark", "periods", "angle", "shift_u", "shift_v")
_DRAWS = len(_OBJECT) + len(_GROUND) + LATTICE**2


def render(shape: str, ground: int, draws: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Images (N, 3, size, size) uint8 and masks (N, size, size) bool of `shape` on ground number `ground`.

    draws: (N, 78) random numbers in [0, 1). A pixel belongs to the mask when its centre lies inside
    the object; the edge between object and ground is one pixel wide.
    """
    columns = draws[:, :, None, None].unbind(1)  # each (N, 1, 1)
    drawn = dict(zip(_OBJECT + _GROUND, columns, strict=False))
    centres = (torch.arange(size) + 0.5) / size
    x, y = centres[None, None, :], centres[None, :, None]
    edge, shade = _object(shape, drawn, x, y)
    edge *= size  # in pixels, negative inside
    back = _ground(ground, drawn, draws[:, -(LATTICE**2) :], x, y)
    # A soft shadow round the object keeps it visible on ground of its own colour.
    back *= (edge * (32 / size / 3.5)).clamp_(0, 1).mul_(0.5).add_(0.5)[:, None]
    vivid = _rgb(drawn["hue"], 0.7 + 0.3 * drawn["saturation"], 0.85 + 0.15 * drawn["brightness"])
    front = vivid * shade[:, None]
    cover = (0.5 - edge).clamp_(0, 1)[:, None]
    images = torch.lerp(back, front, cover).mul_(255).round_().clamp_(0, 255)
    return images.to(torch.uint8), edge <= 0


def _object(shape: str, drawn: dict[str, Tensor], x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """(N, H, W) signed distance to the object's edge as a share of the image, and its shading."""
    radius = _between(_RADIUS, drawn["radius"])
    turn = (2 * drawn["turn"] - 1) * _TURN
    right = (x - radius - drawn["x"] * (1 - 2 * radius)) / radius
    down = (y - radius - drawn["y"] * (1 - 2 * radius)) / radius
    cos, sin = torch.cos(turn), torch.sin(turn)
    spots = torch.stack((cos * right + sin * down, cos * down - sin * right), dim=-1)
    table = distances(shape)[None, None]
    flat = spots.mul_(1 / REACH).reshape(1, -1, spots.shape[2], 2)
    distance = functional.grid_sample(table, flat, padding_mode="border", align_corners=True)
    light = 0.92 - 0.1 * right - 0.16 * down  # from the upper left
    return distance.reshape(spots.shape[:3]) * radius, light


def _ground(number: int, drawn: dict[str, Tensor], lattice: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """(N, 3, H, W) the textured ground; its family and hue belong to `number`."""
    periods = _between(_PERIODS, drawn["periods"])
    angle = 2 * torch.pi * drawn["angle"]
    cos, sin = torch.cos(angle) * periods, torch.sin(angle) * periods
    u = cos * x + (sin * y + drawn["shift_u"])
    v = cos * y - (sin * x - drawn["shift_v"])
    lattice = lattice.reshape(-1, 1, LATTICE, LATTICE) * 2 - 1
    share = pattern(GROUNDS[number % len(GROUNDS)], u, v, lattice)
    hue = (0.08 + number * _GOLDEN + 0.06 * (drawn["tint"] - 0.5)) % 1
    light = _rgb(hue, 0.28, 0.74 + 0.16 * drawn["light"])
    dark = _rgb((hue + 0.04) % 1, 0.42, 0.44 + 0.16 * drawn["dark"])
    return torch.lerp(light, dark, share[:, None])


def _between(ends: tuple[float, float], share: Tensor) -> Tensor:
    return ends[0] + (ends[1] - ends[0]) * share


def _rgb(hue: Tensor, saturation: Tensor | float, value: Tensor) -> Tensor:
    """(N, 1, 1) hue, saturation and value in [0, 1] -> (N, 3, 1, 1) red, green and blue."""
    sixths = torch.tensor([5.0, 3.0, 1.0]).reshape(1, 3, 1, 1)
    place = (sixths + 6 * hue[:, None]) % 6
    fall = torch.minimum(place, 4 - place).clamp(0, 1)
    if isinstance(saturation, Tensor):
        saturation = saturation[:, None]
    return value[:, None] * (1 - saturation * fall)
