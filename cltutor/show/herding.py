"""How exemplars are chosen, which they are, and which are evicted as classes arrive (EEIL, sections 3.1 and 6.3)."""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from ..checked import Table, checked
from ..describe import Choice, Whole
from .picture import Picture, handle, headed, titled, wrapped
from .probabilities import as_rgb
from .rules import Images, Step, TwoNames, Values
from .style import (
    BLACK,
    BLUE,
    DASHED,
    DOTTED,
    FAINT,
    GREEN,
    GREY,
    GROUND,
    MIXED,
    ORANGE,
    PURPLE,
    SHADE,
    SKY,
    SOLID,
    VERMILLION,
    Look,
)

LOOKS = {
    "herding": Look(BLUE, SOLID, "o"),
    "closest": Look(VERMILLION, DASHED, "s"),
    "random": Look(PURPLE, DOTTED, "D"),
    "histogram": Look(GREEN, MIXED, "^"),
}
Places = Annotated[ArrayLike, Values(("N, 2",))]
Order = Annotated[ArrayLike, Values(("M",), 0, whole=True)]
Distances = Annotated[Mapping, Table(Values(("M",), 0), Choice(LOOKS), least=1)]
Kept = Annotated[Mapping[int, int], Table(Whole(at_least=1), Whole(at_least=1), least=1)]
WIDTH, HIGH = 9.6, 3.3  # inches of a picture and of the panels of `selection`
MARKS = {  # how a point of the map is drawn
    "image": {"color": FAINT, "marker": "o", "ms": 4.5, "mew": 0},
    "chosen": {"color": ORANGE, "marker": "o", "ms": 6.5, "mec": BLACK, "mew": 0.7},
    "last chosen": {"color": ORANGE, "marker": "o", "ms": 10, "mec": BLACK, "mew": 1.8},
    "class mean": {"color": BLACK, "marker": "*", "ms": 20, "mec": GROUND, "mew": 1},
    "mean of the chosen": {"color": SKY, "marker": "P", "ms": 8, "mec": BLACK, "mew": 0.8},
}
SIDE, SLOT, MOST = 0.4, 0.44, 60  # inches of a small image and of its place, and how many are shown
LARGE = 3 * SLOT + SIDE  # inches of the image last chosen
PALE = 0.3  # opacity of an evicted image, which is grey


@checked
def selection(
    places: Places,
    order: Order,
    distances: Distances,
    strategy: Annotated[str, Choice(LOOKS)],
    step: Step,
    axes: TwoNames,
    what: str = "",
) -> Picture:
    """A class's images on a map, the first ``step`` chosen by a strategy, and the distance of each strategy's mean.

    places (N, 2) of the images; order (M,): which are chosen, in order. On the map the mean of the chosen images and
    the class mean are the means of their places; a line shows the path of the former from step to step. distances:
    strategy -> (M,) distance of the mean of the first m chosen images to the class mean; axes: names of the map's axes.

    Raises:
        ValueError: places, order or distances that do not match, or a step outside 1 to M.
    """
    xy, lines = places, distances
    if xy.shape[1] != 2 or len(set(order.tolist())) < len(order) or order.max() >= len(xy):
        raise ValueError(f"order is that of different rows of the places (N, 2), and these are {xy.shape}.")
    Whole(1, len(order)).check("step", step)
    if strategy not in lines or any(len(values) != len(order) for values in lines.values()):
        raise ValueError(f"distances are {len(order)} numbers for {strategy}, and for others that are drawn.")
    title = titled(f"{strategy}: {step} of {len(xy)} images chosen", what)
    legend = {}  # matplotlib fills columns: marks in the first row, strategies in the second
    for place, (name, mark) in enumerate(MARKS.items()):
        legend[name] = Line2D([], [], linestyle="", **mark)
        legend |= {
            f"{name} {lines[name][step - 1]:.3f}": handle(LOOKS[name]) for name in list(lines)[place : place + 1]
        }
    picture = headed(WIDTH, HIGH + 0.65, title, (), legend, len(MARKS))
    _map(picture, picture.panel(0.85, 0.6, HIGH, HIGH, *axes), xy, order, step)
    names = "number m of exemplars", "distance of their mean to class mean (no unit)"
    _curves(picture, picture.panel(5.15, 0.6, 4.25, HIGH, *names), lines, step)
    now = ", ".join(f"{values[step - 1]:.3f} by {name}" for name, values in lines.items())
    picture.alt = f"{title}: distance of the mean of the first {step} to the class mean {now}."
    return picture


@checked
def exemplars(images: Images, step: Step, what: str = "") -> Picture:
    """The first ``step`` of the images (M, C, H, W) uint8 in order of choice, with the last of them enlarged.

    The places of later ones are empty; of more than 60 images the first are shown.

    Raises:
        ValueError: a step outside 1 to M.
    """
    images = images[:MOST]
    Whole(1, len(images)).check("step", step)
    top, title, rows = LARGE + 0.3, titled("Exemplars in order of choice", what), -(-len(images) // 15)
    picture = headed(WIDTH, top + 0.05, title)
    picture.frames([f"{count} chosen" for count in range(1, step + 1)], "exemplars")
    corners, box = _corners(len(images), 15, (LARGE + 0.75, top), SLOT)
    places = [Rectangle(corner, SIDE, SIDE) for corner in corners]
    look = {"facecolors": SHADE, "zorder": -1, "transform": picture.dpi_scale_trans}
    picture.add_artist(PatchCollection(places, linewidths=0, **look))
    ring = {"fill": False, "edgecolor": ORANGE, "linewidth": 2.5, "transform": picture.dpi_scale_trans}
    for place in range(step):
        pixels = as_rgb(images[place])
        picture.appear(place, _put(picture, pixels, *corners[place], SIDE, "small"))
        words = picture.write(0.12, top - LARGE - 0.03, f"number {place + 1}")
        around = picture.add_artist(Rectangle(corners[place], SIDE, SIDE, **ring))
        picture.appear(place, _put(picture, pixels, 0.12, top - LARGE, LARGE, "large"), words, around, last=place)
    numbers = [str(place + 1) if place < step else None for place in range(15 * rows)]
    since = [min(place, step - 1) for place in range(15 * rows)]
    words = f"exemplar {{number}} of {len(images)}{', ' if what else ''}{{what}}"
    picture.cells(box, [""] * rows, [""] * 15, words, since=since, number=numbers, what=what)
    for first in range(0, len(images), 15):
        x, y = corners[first]
        picture.write(x - 0.08, y + SIDE / 2, str(first + 1), ha="right", va="center")
    picture.alt = f"{title}: the first {step}, number {step} enlarged."
    return picture


@checked
def evictions(images: Images, kept: Kept, what: str = "") -> Picture:
    """Which exemplars of a class are evicted as classes arrive: pale ones, at the number of classes below them.

    images (n, C, H, W) uint8, those kept at first, in order of choice; kept: number of classes seen, rising -> how many
    of the class are then kept, n at first. Of more than 60 images the first are shown and the others counted.

    Raises:
        ValueError: numbers kept that grow or do not begin with n, or numbers of classes that do not rise.
    """
    seen, counts = list(kept), list(kept.values())
    if counts[0] != len(images) or counts != sorted(counts, reverse=True) or seen != sorted(seen):
        raise ValueError(f"kept falls from {len(images)}, the number of images, as classes arrive, unlike {kept}.")
    evicted = [next((c for c, n in kept.items() if n <= place), 0) for place in range(min(len(images), MOST))]
    stages = ", ".join(f"{n} with {classes} classes" for classes, n in kept.items())
    note = [f"strong: stay with all {seen[-1]} classes; pale: evicted when so many classes have been seen"]
    if counts[-1] == len(images):
        note = [f"none is evicted: all stay with all {seen[-1]} classes"]
    note += wrapped(f"kept: {stages}", WIDTH - 0.3)[:2]
    slot, title = SLOT + 0.22, titled("Which exemplars are evicted", what)
    top = 3 * slot + 0.25
    picture = headed(WIDTH, top + 0.05, title, note)
    picture.frames([f"{classes} classes" for classes in seen], "classes seen")
    corners, box = _corners(len(evicted), 20, (0.12, top), slot)
    for image, corner, classes in zip(images, corners, evicted, strict=False):
        pixels, gone = as_rgb(image), seen.index(classes) if classes else 0
        kept_here = _put(picture, pixels, *corner, SIDE, "kept")
        if classes:
            grey = pixels.mean(-1, keepdims=True).repeat(3, axis=-1)
            pale = np.pad(grey, ((0, 0), (0, 0), (0, 1)), constant_values=255 * PALE).round().astype(np.uint8)
            words = picture.write(corner[0] + SIDE / 2, corner[1] - 0.03, str(classes), ha="center")
            picture.appear(0, kept_here, last=gone - 1)
            picture.appear(gone, _put(picture, pale, *corner, SIDE, "evicted"), words)
    fates = [f"evicted when {c} classes have been seen" if c else f"stays with all {seen[-1]} classes" for c in evicted]
    rows = -(-len(evicted) // 20)
    fates, numbers = ([*one, *[None] * (20 * rows - len(one))] for one in (fates, range(1, len(evicted) + 1)))
    picture.cells(box, [""] * rows, [""] * 20, "exemplar {number}: {fate}", number=numbers, fate=fates)
    if len(images) > MOST:
        picture.write(0.12, 0.23, f"and {len(images) - MOST} more, evicted no later than these")
    picture.alt = f"{title}: {stages}."
    return picture


def _map(picture: Picture, axes: Axes, xy: np.ndarray, order: np.ndarray, step: int) -> None:
    """The images, their means and the path of the mean of the chosen; a unit is as long across as up."""
    chosen = order[:step]
    means = xy[chosen].cumsum(0) / np.arange(1, len(chosen) + 1)[:, None]
    target = xy.mean(0)
    axes.plot(*means.T, color=BLUE, linestyle=SOLID, linewidth=1, zorder=3)
    axes.plot(*np.stack([means[-1], target]).T, color=BLACK, linestyle=DOTTED, linewidth=1.5, zorder=3)
    marked = (xy, xy[chosen], xy[chosen[-1:]], target[None], means[-1:])
    for layer, (points, (name, mark)) in enumerate(zip(marked, MARKS.items(), strict=True)):
        picture.layer(name, *axes.plot(*points.T, linestyle="", label=name, zorder=2 + (layer > 2) * 2, **mark))
    fate = ["not chosen"] * len(xy)
    for place, image in enumerate(order, 1):
        fate[image] = f"number {place} to be chosen"
    names = [f"image {place}, {words}" for place, words in enumerate(fate, 1)]
    names += [f"mean of all {len(xy)} images", f"mean of the first {step} chosen"]
    places = np.concatenate([xy, target[None], means[-1:]])
    x, y = places.T
    picture.points(axes, x, y, "{name}: ({x:.3g}, {y:.3g})", name=names, x=x, y=y)
    middle, half = (xy.max(0) + xy.min(0)) / 2, 0.55 * max(np.ptp(xy, axis=0).max(), 0.1)
    axes.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4))


def _curves(picture: Picture, axes: Axes, lines: Mapping[str, np.ndarray], step: int) -> None:
    count = len(next(iter(lines.values())))
    axes.axvline(step, color=GREY, linewidth=1, zorder=0.5)
    for name, values in lines.items():
        line = {"linewidth": 1.8, "markersize": 5.5, "markevery": [step - 1], "label": name}
        layer, x = f"{name} {values[step - 1]:.3f}", np.arange(1, count + 1)
        picture.layer(layer, *axes.plot(x, values, **line, **LOOKS[name].style))
        words = "{name}, {count} exemplars: distance {values:.4f} (no unit)"
        picture.points(axes, x, values, words, layer, name=name, count=x, values=values)
    axes.set(xlim=(0, count + 0.5), ylim=(0, 1.08 * max(values.max() for values in lines.values()) or 1))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def _corners(count: int, columns: int, corner: tuple, slot: float) -> tuple[list[tuple[float, float]], tuple]:
    """The lower left corners of small images in rows from an upper left corner, and the box of all, in inches."""
    places, rows = [divmod(place, columns) for place in range(count)], -(-count // columns)
    corners = [(corner[0] + SLOT * across, corner[1] - slot * down - SIDE) for down, across in places]
    return corners, (corner[0], corner[1] - slot * rows, SLOT * columns, slot * rows)


def _put(picture: Picture, pixels: np.ndarray, left: float, low: float, side: float, label: str) -> Artist:
    """Pixels (H, W, 3) in the middle of a square, as large as their shape allows."""
    high, wide = side * np.array(pixels.shape[:2]) / max(pixels.shape[:2])
    return picture.pixels(pixels, left + (side - wide) / 2, low + (side - high) / 2, wide, high, label)
