"""How exemplars are chosen, which they are, and who leaves as classes arrive (EEIL, sections 3.1 and 6.3)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.image import BboxImage
from matplotlib.lines import TICKDOWN, TICKLEFT, Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox, TransformedBbox
from numpy.typing import ArrayLike

from .pages import handle
from .panels import FRAME, Panel
from .picture import TITLE, Picture, shortened, wrapped
from .probabilities import as_rgb
from .style import BLACK, BLUE, DASHED, DOTTED, GREEN, GREY, MIXED, ORANGE, PURPLE, SKY, SOLID, VERMILLION, Look

LOOKS = {
    "herding": Look(BLUE, SOLID, "o"),
    "closest": Look(VERMILLION, DASHED, "s"),
    "random": Look(PURPLE, DOTTED, "D"),
    "histogram": Look(GREEN, MIXED, "^"),
}
DISTANCE = "distance of their mean to class mean (no unit)"
WIDTH = 9.6  # inches
MAP = Bbox.from_bounds(0.85, 0.6, 3.3, 3.3)  # inches, of the two panels
CURVES = Bbox.from_bounds(5.15, 0.6, 4.25, 3.3)
MARKS = {  # how a point of the map is drawn
    "image": {"color": "#c4c4c4", "marker": "o", "ms": 4.5, "mew": 0},
    "chosen": {"color": ORANGE, "marker": "o", "ms": 6.5, "mec": BLACK, "mew": 0.7},
    "last chosen": {"color": ORANGE, "marker": "o", "ms": 10, "mec": BLACK, "mew": 1.8},
    "class mean": {"color": BLACK, "marker": "*", "ms": 20, "mec": "white", "mew": 1},
    "mean of the chosen": {"color": SKY, "marker": "P", "ms": 8, "mec": BLACK, "mew": 0.8},
}
SIDE, SLOT, MOST = 0.4, 0.44, 60  # inches of a small picture and of its place, and how many are shown
LARGE = 3 * SLOT + SIDE  # inches of the picture last chosen
EMPTY, PALE = 242, 0.3  # grey of an empty place, and what is left of the colours of a picture that leaves


def selection(
    places: ArrayLike,
    order: ArrayLike,
    distances: Mapping[str, ArrayLike],
    strategy: str,
    step: int,
    axes: tuple[str, str],
    what: str = "",
) -> Picture:
    """A class's images on a map, the first ``step`` chosen by a strategy, and how near each strategy's mean comes.

    places (N, 2) of the images; order (M,): which are chosen, in order. On the map the mean of the chosen and the class
    mean are the means of the places of their images, with the way of the first from step to step. distances: strategy
    -> (M,) distance of the mean of the first m chosen to the class mean; axes: the names of the map's axes.

    Raises:
        ValueError: places, order or distances that do not fit together, or a step that there is not.
    """
    xy, order = np.asarray(places, dtype=float), np.asarray(order)
    lines = {name: np.asarray(values, dtype=float) for name, values in distances.items()}
    if xy.ndim != 2 or xy.shape[1] != 2 or not 1 <= step <= len(order) <= len(xy):
        raise ValueError(f"{len(order)} of the places (N, 2) are chosen, {step} so far; places are {xy.shape}")
    if strategy not in lines or not set(lines) <= set(LOOKS) or {a.shape for a in lines.values()} != {order.shape}:
        raise ValueError(f"give {len(order)} distances for {strategy} and any others of {', '.join(LOOKS)}")
    picture = Picture(WIDTH, 4.75)
    title = f"{strategy}: {step} of {len(xy)} images chosen{', ' if what else ''}{what}"
    picture.write(0.12, 4.65, shortened(title, WIDTH - 0.3, TITLE), TITLE)
    _key(picture, {name: values[step - 1] for name, values in lines.items()})
    _map(picture, xy, order[:step], axes)
    _curves(picture, lines, step)
    now = ", ".join(f"{values[step - 1]:.3f} by {name}" for name, values in lines.items())
    picture.alt = f"{title}: distance of the mean of the first {step} to the class mean {now}."
    return picture


def exemplars(images: ArrayLike, step: int, what: str = "") -> Picture:
    """The first ``step`` of the images (M, C, H, W) uint8 in order of choice, and the last of them enlarged.

    Places of those to come are empty; of more than 60 the first are shown.

    Raises:
        ValueError: images of another kind, or a step that there is not.
    """
    images = _checked(images)[:MOST]
    if not 1 <= step <= len(images):
        raise ValueError(f"step is a whole number from 1 to {len(images)}, not {step!r}")
    tiles = np.stack([as_rgb(image) for image in images])
    tiles[step:] = EMPTY
    top, title = LARGE + 0.1, f"Exemplars in order of choice{', ' if what else ''}{what}"
    picture = Picture(WIDTH, top + 0.65)
    picture.write(0.12, top + 0.55, shortened(title, WIDTH - 0.3, TITLE), TITLE)
    picture.write(0.12, top + 0.25, f"number {step}")
    _put(picture, tiles[step - 1], 0.12, top - LARGE, LARGE)
    corners = _sheet(picture, tiles, 15, (LARGE + 0.75, top), SLOT)
    ring = {"fill": False, "edgecolor": ORANGE, "linewidth": 2.5, "transform": picture.dpi_scale_trans}
    picture.add_artist(Rectangle(corners[step - 1], SIDE, SIDE, **ring))
    for first in range(0, len(tiles), 15):
        x, y = corners[first]
        picture.write(x - 0.08, y + SIDE / 2, str(first + 1), ha="right", va="center")
    picture.alt = f"{title}: the first {step}, number {step} enlarged."
    return picture


def evictions(images: ArrayLike, kept: Mapping[int, int], what: str = "") -> Picture:
    """Which exemplars of a class leave as classes arrive: pale ones, with the number of classes at which they do.

    images (n, C, H, W) uint8, those kept at first, in order of choice; kept: number of classes seen, rising -> how many
    of the class are then kept, n at first. Of more than 60 images the first are shown and the others counted.

    Raises:
        ValueError: images of another kind, or numbers kept that grow or do not begin with n.
    """
    images, (seen, counts) = _checked(images), (list(kept), list(kept.values()))
    if not counts or counts[0] != len(images) or counts != sorted(counts, reverse=True) or counts[-1] < 1:
        raise ValueError(f"kept falls from {len(images)}, the number of images, to 1 or more, not {counts}")
    leaves = [next((c for c, n in kept.items() if n <= place), 0) for place in range(min(len(images), MOST))]
    tiles = np.stack([as_rgb(image) for image in images[:MOST]]).astype(float)
    grey = np.array(leaves) > 0
    tiles[grey] = 255 - PALE * (255 - tiles[grey].mean(-1, keepdims=True))
    note = [f"strong: stay with all {seen[-1]} classes; pale: leave when so many classes have been seen"]
    note += wrapped("kept: " + _stages(kept), WIDTH - 0.3)[:2]
    slot, title = SLOT + 0.22, f"Who is evicted{', ' if what else ''}{what}"
    top = 3 * slot + 0.25
    picture = Picture(WIDTH, top + 0.45 + 0.18 * len(note))
    high = picture.get_figheight()
    picture.write(0.12, high - 0.1, shortened(title, WIDTH - 0.3, TITLE), TITLE)
    picture.write(0.12, high - 0.38, "\n".join(note))
    corners = _sheet(picture, tiles.round().astype(np.uint8), 20, (0.12, top), slot)
    for (x, y), classes in zip(corners, leaves, strict=True):
        if classes:
            picture.write(x + SIDE / 2, y - 0.03, str(classes), ha="center")
    if len(images) > MOST:
        picture.write(0.12, 0.23, f"and {len(images) - MOST} more, which leave no later than these")
    picture.alt = f"{title}: {_stages(kept)}."
    return picture


def _key(picture: Picture, now: Mapping[str, float]) -> None:
    """The marks of the map in the first row of the legend, the strategies in the second, with where they stand."""
    dots = [(Line2D([], [], linestyle="", **MARKS[name]), name) for name in MARKS]
    lines = [(handle(LOOKS[name]), f"{name} {value:.3f}") for name, value in now.items()]
    lines += [(Line2D([], [], linestyle=""), "")] * (len(dots) - len(lines))
    handles, labels = zip(*(entry for pair in zip(dots, lines, strict=True) for entry in pair), strict=True)
    picture.key(list(handles), list(labels), 0.4, len(dots))


def _map(picture: Picture, xy: np.ndarray, chosen: np.ndarray, axes: tuple[str, str]) -> None:
    middle, half = (xy.max(0) + xy.min(0)) / 2, 0.55 * max(np.ptp(xy, axis=0).max(), 0.1)
    corner = middle - half
    panel = Panel(picture, MAP, 2 * half, corner[1], corner[1] + 2 * half)
    means = xy[chosen].cumsum(0) / np.arange(1, len(chosen) + 1)[:, None]
    marked = (xy, xy[chosen], xy[chosen[-1:]], xy.mean(0, keepdims=True), means[-1:])
    paths = ((means, BLUE, SOLID, 1), (np.stack([means[-1], xy.mean(0)]), BLACK, DOTTED, 1.5))
    for points, color, line, wide in paths:
        _points(panel, points - (corner[0], 0), linestyle=line, color=color, linewidth=wide, zorder=3)
    for layer, (points, (name, mark)) in enumerate(zip(marked, MARKS.items(), strict=True)):
        _points(panel, points - (corner[0], 0), linestyle="", label=name, zorder=2 + (layer > 2) * 2, **mark)
    x, y = (_ticks(4, low, low + 2 * half) for low in corner)
    _number(panel, [(tick - corner[0], tick) for tick in x], y, axes)


def _curves(picture: Picture, lines: Mapping[str, np.ndarray], step: int) -> None:
    count = len(next(iter(lines.values())))
    highest = 1.08 * max(values.max() for values in lines.values()) or 1
    panel = Panel(picture, CURVES, count + 0.5, 0, highest)
    _points(panel, np.array([[step, 0], [step, highest]]), linestyle=SOLID, color=GREY, linewidth=1, zorder=0.5)
    for name, values in lines.items():
        panel.line(np.arange(1, count + 1), values, LOOKS[name], [step - 1], name)
    numbers = [(m, m) for m in _ticks(6, 1, count, integer=True)]
    _number(panel, numbers, _ticks(5, 0, highest), ("number m of exemplars", DISTANCE))


def _ticks(count: int, low: float, high: float, **kind) -> list[float]:
    return [tick for tick in MaxNLocator(count, **kind).tick_values(low, high) if low <= tick <= high]


def _points(panel: Panel, points: np.ndarray, **look) -> None:
    units = panel.units + panel.picture.dpi_scale_trans
    panel.picture.add_artist(Line2D(*points.T, transform=units, **look))


def _number(panel: Panel, x: Sequence[tuple[float, float]], y: Sequence[float], names: tuple[str, str]) -> None:
    """Frame, ticks and names of a panel's axes; x: (place, number) of its ticks."""
    picture, place = panel.picture, panel.place
    _points(panel, np.array([[0, panel.high], [0, panel.low], [panel.right, panel.low]]), color=FRAME, linewidth=0.8)
    tick = {"linestyle": "", "color": FRAME, "markersize": 3}
    _points(panel, np.array([(at, panel.low) for at, _ in x]), marker=TICKDOWN, **tick)
    _points(panel, np.array([(0, at) for at in y]), marker=TICKLEFT, **tick)
    for at, number in x:
        picture.write(panel.inches([(at, panel.low)])[0, 0], place.y0 - 0.08, f"{number:g}", ha="center")
    for at in y:
        level = panel.inches([(0, at)])[0, 1]
        picture.write(place.x0 - 0.08, level, f"{at:g}", ha="right", va="center_baseline")
    picture.write((place.x0 + place.x1) / 2, 0.2, names[0], ha="center", va="center")
    picture.write(place.x0 - 0.66, (place.y0 + place.y1) / 2, names[1], rotation=90, va="center", ha="center")


def _sheet(picture: Picture, tiles: np.ndarray, columns: int, corner: tuple, slot: float) -> list[tuple[float, float]]:
    """Small pictures (S, H, W, 3) in rows from an upper left corner; the lower left corner of each, in inches."""
    places = [divmod(place, columns) for place in range(len(tiles))]
    corners = [(corner[0] + SLOT * across, corner[1] - slot * down - SIDE) for down, across in places]
    for tile, (left, low) in zip(tiles, corners, strict=True):
        _put(picture, tile, left, low, SIDE)
    return corners


def _put(picture: Picture, pixels: np.ndarray, left: float, low: float, side: float) -> None:
    """Pixels (H, W, 3) in a square at a place in inches, as large as their shape allows."""
    high, wide = side * np.array(pixels.shape[:2]) / max(pixels.shape[:2])
    place = Bbox.from_bounds(left + (side - wide) / 2, low + (side - high) / 2, wide, high)
    picture.add_artist(BboxImage(TransformedBbox(place, picture.dpi_scale_trans), data=pixels, origin="upper"))


def _stages(kept: Mapping[int, int]) -> str:
    return ", ".join(f"{n} with {classes} classes" for classes, n in kept.items())


def _checked(images: ArrayLike) -> np.ndarray:
    images = np.asarray(images)
    if images.ndim != 4 or images.dtype != np.uint8 or not len(images):
        raise ValueError(f"images are (M, C, H, W) uint8, one or more, not {images.shape} {images.dtype}")
    return images
