"""Rendered objects on textured ground, with the object's pixels as a mask: no download, any size."""

import numpy as np
from torch import Tensor

from ..checked import checked
from . import drawing
from .division import Classes, Order, Tasks
from .drawing import GROUND, between
from .grounds import LATTICE
from .shapes import SHAPES, Shape
from .stream import Stream

TURN = np.radians(25)  # at most, to either side: no shape may become another one
_RADIUS = 0.32, 0.46  # of the object, as a share of the image


@checked(**drawing.SETTINGS)
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

    The ground's pattern and palette belong to the task, so that a network that looks at the ground alone distinguishes
    the tasks, and is wrong when the ground changes. RGB images of (3, size, size); `masks` of every split are the
    object's pixels. per_class: training and test images per class. The object in image i of a class depends on `seed`,
    the class and i alone. The other arguments, and the ValueError when they do not fit, as in `arrange`.
    """
    settings = locals()
    return drawing.rendered(scenes, settings, SHAPES, _DRAWS, lambda label, *drawn: render(SHAPES[label], *drawn))


# The random numbers in [0, 1) that one image needs, by column.
_OBJECT = ("hue", "saturation", "brightness", "radius", "turn", "x", "y")
_DRAWS = len(_OBJECT) + len(GROUND) + LATTICE**2


def render(shape: Shape, ground: int, draws: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Images (N, 3, size, size) uint8 and masks (N, size, size) bool of `shape` on ground number `ground`.

    draws: (N, 78) random numbers in [0, 1). A pixel belongs to the mask when its centre lies inside the object; the
    edge between object and ground is one pixel wide.
    """
    drawn = drawing.named(_OBJECT + GROUND, draws)
    x, y = drawing.plane(size)
    radius = between(_RADIUS, drawn["radius"])
    turn = (2 * drawn["turn"] - 1) * TURN
    right = (x - radius - drawn["x"] * (1 - 2 * radius)) / radius
    down = (y - radius - drawn["y"] * (1 - 2 * radius)) / radius
    colour = drawing.vivid(drawn["hue"], drawn["saturation"], drawn["brightness"])
    back = drawing.ground(ground, drawn, draws[:, -(LATTICE**2) :], x, y)
    pictures, edge = drawing.put(back, shape, right, down, radius, turn, colour)
    return drawing.as_pixels(pictures), edge <= 0
