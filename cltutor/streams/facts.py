"""Rendered facts, <subject, predicate, object>: a shape beside, above or inside another one (MAS, section 5.2)."""

import torch
from torch import Tensor

from ..checked import checked
from . import drawing
from .division import Classes, Order, Tasks
from .drawing import GROUND, Put, between
from .grounds import GROUNDS, LATTICE
from .scenes import TURN
from .shapes import REACH, distances
from .stream import Stream

SHAPE_OF = {"circle": "disc", "square": "square", "triangle": "triangle", "star": "star", "cross": "cross"}
PREDICATES = ("left of", "above", "inside")  # of no two is one the other seen from the object's side
FACTS = tuple(f"{s} {p} {o}" for s in SHAPE_OF for p in PREDICATES for o in SHAPE_OF if s != o)

_SMALL = 0.17, 0.23  # the radius of an object beside or above another one
_LARGE = 0.40, 0.47  # of one around another
_FILLED = 0.8, 0.95  # how much of the room inside is filled
_GAP = 0.04  # at least, between two objects in a row
_ASIDE = 0.12  # at most, how far two objects in a row lie out of line
_HUES_APART = 0.3  # at least, of the two objects, round the circle of hues


@checked(**drawing.SETTINGS)
def facts(
    tasks: Tasks = 2,
    order: Order = 0,
    classes: Classes = None,
    validation: float | int = 0,
    size: int = 32,
    per_class: tuple[int, int] = (30, 10),
    seed: int = 0,
) -> Stream:
    """60 facts such as "circle left of star", each a class: every pair of five shapes under three predicates.

    A random order splits the facts at random, as the paper does for two and four tasks; order=None keeps the facts
    of one subject together, as its clusters do for the adaptation test. Colours, sizes, turns, places and the ground
    vary from image to image and depend neither on the fact nor on the task. RGB images of (3, size, size); `masks` of
    every split are the pixels of both objects. per_class: training and test images per fact. Image i of a fact depends
    on `seed`, the fact and i alone. The other arguments, and the ValueError when they do not fit, as in `arrange`.
    """
    settings = locals()
    return drawing.rendered(facts, settings, FACTS, _DRAWS, lambda label, task, *draws: render(FACTS[label], *draws))


def units(fact: str) -> tuple[str, str, str]:
    """Subject, predicate and object: "circle left of star" -> ("circle", "left of", "star"); else ValueError."""
    words = fact.split()
    if len(words) < 3:
        raise ValueError(
            f'{fact!r} states no fact: a fact is a subject, a predicate and an object, such as "circle left of star".'
        )
    return words[0], " ".join(words[1:-1]), words[-1]


# The random numbers in [0, 1) that one image needs, by column.
_LAYOUT = ("first", "second", "middle", "aside", "contrast", "family")
_OBJECT = ("radius", "turn", "hue", "saturation", "brightness")
_NUMBERS = (*_LAYOUT, *(f"{which} {name}" for which in "SO" for name in _OBJECT), *GROUND)
_DRAWS = len(_NUMBERS) + LATTICE**2


def render(fact: str, draws: Tensor, size: int, put: Put = drawing.put) -> tuple[Tensor, Tensor]:
    """Images (N, 3, size, size) uint8 that state `fact`, and masks (N, size, size) bool of both objects' pixels.

    draws: (N, 87) random numbers in [0, 1). The object is drawn first, the subject over it, each with `put`.
    """
    subject, predicate, thing = units(fact)
    drawn = drawing.named(_NUMBERS, draws)
    x, y = drawing.plane(size)
    pictures = _grounds(drawn, draws[:, -(LATTICE**2) :], x, y)
    mask = torch.zeros((len(draws), size, size), dtype=torch.bool)
    hue = drawn["S hue"]
    hues = {"S": hue, "O": hue + _HUES_APART + (1 - 2 * _HUES_APART) * drawn["contrast"]}
    places = _inside(thing, drawn) if predicate == "inside" else _in_a_row(predicate, drawn)
    for which, word in (("O", thing), ("S", subject)):
        across, along, radius = places[which]
        turn = (2 * drawn[f"{which} turn"] - 1) * TURN
        colour = drawing.vivid(hues[which] % 1, drawn[f"{which} saturation"], drawn[f"{which} brightness"])
        right, down = (x - across) / radius, (y - along) / radius
        pictures, edge = put(pictures, SHAPE_OF[word], right, down, radius, turn, colour)
        mask |= edge <= 0
    return drawing.as_pixels(pictures), mask


Places = dict[str, tuple[Tensor, Tensor, Tensor]]  # x and y of the middle, and the radius, each (N, 1, 1)


def _in_a_row(predicate: str, drawn: dict[str, Tensor]) -> Places:
    """The subject left of the object, or above it; neither touches the other."""
    radii = {which: between(_SMALL, drawn[f"{which} radius"]) for which in "SO"}
    slack = 1 - _GAP - 2 * (radii["S"] + radii["O"])  # along the row, shared out before, between and after the two
    before = slack * torch.minimum(drawn["first"], drawn["second"])
    after = slack * (1 - torch.maximum(drawn["first"], drawn["second"]))
    along = {"S": before + radii["S"], "O": 1 - after - radii["O"]}
    widest = torch.maximum(radii["S"], radii["O"]) + _ASIDE / 2
    middle = widest + (1 - 2 * widest) * drawn["middle"]
    aside = _ASIDE * (drawn["aside"] - 0.5)
    across = {"S": middle - aside, "O": middle + aside}
    x, y = (along, across) if predicate == "left of" else (across, along)
    return {which: (x[which], y[which], radii[which]) for which in "SO"}


def _inside(thing: str, drawn: dict[str, Tensor]) -> Places:
    """The subject inside the object, where the object is roomiest."""
    radius = between(_LARGE, drawn["O radius"])
    x, y = (radius + (1 - 2 * radius) * drawn[name] for name in ("first", "second"))
    right, down, depth = roomiest(SHAPE_OF[thing])
    turn = (2 * drawn["O turn"] - 1) * TURN
    cos, sin = torch.cos(turn), torch.sin(turn)
    spot = x + radius * (cos * right - sin * down), y + radius * (sin * right + cos * down)
    small = radius * min(depth, 0.5) * between(_FILLED, drawn["S radius"])
    return {"S": (*spot, small), "O": (x, y, radius)}


def roomiest(shape: str) -> tuple[float, float, float]:
    """The middle (right, down) of the largest circle inside the shape, and its radius, in units of the shape's."""
    table = distances(shape)
    row, column = divmod(int(table.argmin()), len(table))
    right, down = (REACH * (2 * place / (len(table) - 1) - 1) for place in (column, row))
    return right, down, -float(table[row, column])


def _grounds(drawn: dict[str, Tensor], lattice: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """(N, 3, H, W) a ground of any family for each image."""
    families = (drawn["family"].flatten() * len(GROUNDS)).long()
    pictures = torch.empty(len(lattice), 3, y.shape[1], x.shape[2])
    for family in families.unique().tolist():
        rows = families == family
        own = {name: drawn[name][rows] for name in GROUND}
        pictures[rows] = drawing.ground(family, own, lattice[rows], x, y)
    return pictures
