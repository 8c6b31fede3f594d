"""Where several methods look in one image after every step, to be touched: beside the images of its class, or large."""

import math
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from .attention import drift_from_first, overlaid
from .picture import INK, TITLE, Picture, headed, shortened, titled, wrapped
from .probabilities import as_rgb

SIDE, GAP, UNDER, OVER = 1.15, 0.06, 0.2, 0.28  # inches: of a map, between two, of the number below, of names above
NAMES, THUMB, ACROSS, LARGEST = 1.0, 0.95, 8.3, 2.6  # of the methods' names, an image, a page, and an enlarged map
OBJECT, OUTLINE = "object", "#ff00aa"  # a colour that neither photographs nor maps have
BRIGHT = "Bright: much attention, on each map's own scale."
DRIFT = "Drift: the L1 distance of a map from its method's first; 0 is the same look."
WORDS = "{row}, {column}: drift from {first} {drift:.3f}"
Maps = Mapping[str, np.ndarray]  # by method, (S, h, w), nan after steps not learned yet


def beside(
    images: np.ndarray, chosen: int, maps: Maps, columns: Sequence[str], opacity: float, mask: np.ndarray | None,
    what: str,
) -> Picture:  # fmt: skip
    """The images (N, C, H, W) of a class, and the maps of the ``chosen`` one: a row per method, a column per step.

    Spots: "image" for the images, numbered in order, and "map" for the maps (method, step). mask: (H, W) of the object.
    """
    body = OVER + len(maps) * (SIDE + UNDER)
    down = max(1, int(body / (THUMB + GAP)))
    wide = math.ceil(len(images) / down)
    left = 0.12 + wide * (THUMB + GAP) + NAMES
    picture = _headed(left + len(columns) * (SIDE + GAP) + 0.1, body, what, "Click one to enlarge it.", columns, mask)
    for n, image in enumerate(images):
        x, y = 0.12 + n % wide * (THUMB + GAP), body - (n // wide + 1) * (THUMB + GAP)
        picture.pixels(as_rgb(image), x, y, THUMB, THUMB, "image")
        picture.spot((x, y, THUMB, THUMB), f"test image {n + 1}" + ", shown" * (n == chosen), key=f"image {n}")
        if n == chosen:
            look = {"fill": False, "ec": INK, "lw": 3, "transform": picture.dpi_scale_trans}
            picture.add_artist(Rectangle((x, y), THUMB, THUMB, **look))
            _outline(picture, mask, x, y, THUMB)
    low = {name: body - OVER - (row + 1) * (SIDE + UNDER) + UNDER for row, name in enumerate(maps)}
    for name, y in low.items():
        words = "\n".join(wrapped(name, NAMES - 0.2))
        picture.write(left - 0.1, y + SIDE / 2, words, TITLE, va="center", ha="right")
    places = {(name, step): (left + step * (SIDE + GAP), low[name]) for name in maps for step in range(len(columns))}
    for step, column in enumerate(columns):
        picture.write(left + step * (SIDE + GAP) + SIDE / 2, body - 0.06, shortened(column, SIDE), ha="center")
    drifts = _tiles(picture, images[chosen], maps, columns, opacity, mask, places, SIDE, [None] * len(columns))
    box = (left, low[next(reversed(low))] - UNDER, len(columns) * (SIDE + GAP), len(maps) * (SIDE + UNDER))
    since = [step for _ in maps for step in range(len(columns))]
    picture.cells(box, list(maps), columns, WORDS, key="map", since=since, first=columns[0], drift=drifts)
    return picture


def large(
    image: np.ndarray, maps: Maps, columns: Sequence[str], opacity: float, mask: np.ndarray | None, what: str
) -> Picture:
    """An image (C, H, W) beside its map by every method, large: each step is a frame, in the same place.

    Spots: "image", and "map 0", "map 1", ... for the maps of every step.
    """
    side = max(SIDE, min(LARGEST, ACROSS / (1 + len(maps)) - GAP))
    names, body = ["image", *maps], OVER + side + UNDER
    width = max(5.4, 0.2 + len(names) * (side + GAP))
    picture = _headed(width, body, what, "Click one to go back.", columns, mask)
    x = {name: 0.12 + place * (side + GAP) for place, name in enumerate(names)}
    for name in names:
        picture.write(x[name], body - 0.2, shortened(name, side), TITLE, va="baseline")
    picture.pixels(as_rgb(image), x["image"], UNDER, side, side, "image")
    picture.spot((x["image"], UNDER, side, side), "the image", key="image")
    _outline(picture, mask, x["image"], UNDER, side)
    steps = range(len(columns))
    places = {(name, step): (x[name], UNDER) for name in maps for step in steps}
    drifts = _tiles(picture, image, maps, columns, opacity, mask, places, side, list(steps))
    box = (0.12 + side + GAP, 0, len(maps) * (side + GAP), side + UNDER)
    for step, column in enumerate(columns):
        words, own = WORDS.replace("{row}, {column}", "{column}, {model}"), {"since": [step], "until": step}
        values = {"first": columns[0], "drift": drifts[:, step], "model": column}
        picture.cells(box, [""], list(maps), words, key=f"map {step}", **own, **values)
    return picture


def _headed(
    width: float, body: float, what: str, click: str, columns: Sequence[str], mask: np.ndarray | None
) -> Picture:
    legend = {} if mask is None else {OBJECT: Line2D([], [], color=OUTLINE)}
    picture = headed(width, body, titled("Where the network looks", what), [f"{BRIGHT} {click}", DRIFT], legend)
    picture.frames(columns, "model")
    picture.alt = f"Attention maps, {what}: "
    return picture


def _tiles(
    picture: Picture, image: np.ndarray, maps: Maps, columns: Sequence[str], opacity: float, mask: np.ndarray | None,
    places: dict[tuple[str, int], tuple[float, float]], side: float, last: Sequence[int | None],
) -> np.ndarray:  # fmt: skip
    """Every map at its place, from the frame of its step on to the ``last``; returns the drifts (methods, S)."""
    drifts = {name: drift_from_first(values[None])[0] for name, values in maps.items()}
    tiles = {name: overlaid(image, values, opacity) for name, values in maps.items()}
    for name, step in product(maps, range(len(columns))):
        x, y = places[name, step]
        drawn = [picture.pixels(tiles[name][step], x, y, side, side, name)]
        if np.isfinite(drifts[name][step]):
            drawn.append(picture.write(x + side / 2, y - 0.02, f"{drifts[name][step]:.2f}", ha="center"))
            drawn += _outline(picture, mask, x, y, side)
        picture.appear(step, *drawn, last=last[step])
    ends = [f"{name} ends with a drift of {one[np.isfinite(one)][-1]:.2f}" for name, one in drifts.items()]
    picture.alt += "; ".join(ends) + "."
    return np.stack(list(drifts.values()))


def _outline(picture: Picture, mask: np.ndarray | None, left: float, low: float, side: float) -> list[PathPatch]:
    """The edge of an object's mask (H, W) over an image, in a layer of its own; nothing without a mask."""
    if mask is None:
        return []
    padded = np.pad(mask, 1)
    rows, columns = np.nonzero(padded[1:] != padded[:-1])
    level = np.stack([np.stack([columns - 1, rows], 1), np.stack([columns, rows], 1)], 1)
    rows, columns = np.nonzero(padded[:, 1:] != padded[:, :-1])
    upright = np.stack([np.stack([columns, rows - 1], 1), np.stack([columns, rows], 1)], 1)
    ends = np.concatenate([level, upright]).reshape(-1, 2) / len(mask) * [1, -1] + [0, 1]  # from the lower left corner
    codes = np.tile([Path.MOVETO, Path.LINETO], len(ends) // 2)
    look = {"fill": False, "ec": OUTLINE, "lw": 1.2, "transform": picture.dpi_scale_trans}
    drawn = picture.add_artist(PathPatch(Path(ends * side + [left, low], codes), **look))
    picture.layer(OBJECT, drawn)
    return [drawn]
