"""Rendered pictures with several objects each: a multi-label stream without a download."""

import numpy as np
import torch
from torch import Tensor

from ..checked import checked
from ..describe import Several, Whole
from . import drawing
from .division import DIVISION, Classes, Order, Tasks, arrange, call
from .drawing import GROUND, between
from .grounds import LATTICE
from .scenes import TURN
from .shapes import SHAPES
from .split import Split, of_marks
from .stream import Stream, Task, check_memory

CORNERS = 4  # places for objects: the quarters of the image
_RADIUS = 0.15, 0.21
_OBJECT = ("hue", "saturation", "brightness", "radius", "turn", "x", "y")
SETTINGS = {
    **{name: rule for name, rule in DIVISION.items() if name != "validation"},
    "size": Whole(at_least=8),
    "per_task": Several(Whole(at_least=1), length=2),
    "objects": Whole(at_least=1, at_most=CORNERS),
    "seed": Whole(at_least=0),
}


@checked(**SETTINGS)
def several(
    tasks: Tasks = 5,
    order: Order = 0,
    classes: Classes = None,
    size: int = 32,
    per_task: tuple[int, int] = (200, 80),
    objects: int = 3,
    seed: int = 0,
) -> Stream:
    """The shapes of `scenes`, one to `objects` different ones of a task in each image: multi-label tasks.

    RGB images of (3, size, size), on a ground that belongs to the task; an object lies in a quarter of the image, and
    every number of objects is as frequent. `marks` of every split are the labels. per_task: training and test images
    of each task, at least as many as it has classes, each of which some image shows. The other arguments, and the
    ValueError when they do not fit, as in `arrange`.
    """
    code = call(several, locals())
    plan = arrange(SHAPES, tasks, order, classes)
    check_memory(sum(per_task) * len(plan), (3, size, size))
    if short := [labels for labels in plan if min(per_task) < len(labels)]:
        raise ValueError(
            f"per_task has an image for each of the {len(short[0])} classes of a task, or more: {per_task}."
        )
    masks = torch.empty((0, size, size), dtype=torch.bool)
    empty = of_marks(torch.empty((0, 3, size, size), dtype=torch.uint8), torch.empty((0, len(SHAPES))), masks)
    found = []
    for index, labels in enumerate(plan):
        train, test = (drawn(labels, index, count, size, objects, (seed, part)) for part, count in enumerate(per_task))
        found.append(Task(index, labels, train, empty, test))
    return Stream(found, SHAPES, "several", code)


def drawn(labels: tuple[int, ...], task: int, count: int, size: int, objects: int, seed: tuple[int, int]) -> Split:
    """So many images of a task; image i shows its class i modulo their number, and others."""
    random = np.random.default_rng([*seed, task])
    marks, masks = (
        torch.zeros((count, len(SHAPES)), dtype=torch.bool),
        torch.zeros((count, size, size), dtype=torch.bool),
    )
    x, y = drawing.plane(size)
    draws = torch.from_numpy(random.random((count, len(GROUND) + LATTICE**2), dtype=np.float32))
    pictures = drawing.textured(task, draws, x, y)
    for row in range(count):
        others = random.permutation([label for label in labels if label != labels[row % len(labels)]])
        shown = [labels[row % len(labels)], *others[: random.integers(min(objects, len(labels)))]]
        for label, corner in zip(shown, random.permutation(CORNERS), strict=False):
            put(pictures[row : row + 1], masks[row], SHAPES[label], int(corner), random, x, y)
            marks[row, label] = True
    return of_marks(drawing.as_pixels(pictures), marks, masks)


def put(
    picture: Tensor, mask: Tensor, shape: str, corner: int, random: np.random.Generator, x: Tensor, y: Tensor
) -> None:
    """Draw a shape into a quarter of the picture (1, 3, H, W), and its pixels into the mask (H, W)."""
    numbers = torch.from_numpy(random.random((len(_OBJECT), 1, 1, 1), dtype=np.float32))
    own = dict(zip(_OBJECT, numbers, strict=True))
    radius = between(_RADIUS, own["radius"])
    across, down = (
        0.5 * half + radius + own[name] * (0.5 - 2 * radius) for half, name in ((corner % 2, "x"), (corner // 2, "y"))
    )
    turn, colour = (2 * own["turn"] - 1) * TURN, drawing.vivid(own["hue"], own["saturation"], own["brightness"])
    made, edge = drawing.put(picture, shape, (x - across) / radius, (y - down) / radius, radius, turn, colour)
    picture.copy_(made)
    mask |= edge[0] <= 0
