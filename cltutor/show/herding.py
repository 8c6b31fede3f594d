"""How exemplars are chosen, which they are, and which are evicted as classes arrive (EEIL, sections 3.1 and 6.3)."""

import math
from collections.abc import Collection, Mapping
from typing import Annotated

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from ..checked import Table, checked
from ..describe import Choice, Real, Whole, counted
from . import style
from .images import OUTLINE, as_rgb, fitted, mosaic, put_image
from .picture import Picture, headed, titled, wrapped
from .rules import Images, Step, TwoNames, Values
from .style import BLACK, BLUE, DOTTED, FAINT, GREY, GROUND, ORANGE, PURPLE, SHADE, SOLID, VERMILLION, Look

LOOKS = {
    "herding": Look(BLUE, SOLID, "o"),
    "closest": Look(VERMILLION, style.DASHED, "s"),
    "random": Look(PURPLE, DOTTED, "D"),
    "histogram": Look(style.GREEN, style.MIXED, "^"),
}
Places = Annotated[ArrayLike, Values(("N, 2",))]
Order = Annotated[ArrayLike, Values(("M",), 0, whole=True)]
Distances = Annotated[Mapping, Table(Values(("M",), 0), Choice(LOOKS), least=1)]
Strategy = Annotated[str, Choice(LOOKS)]
Distance = Annotated[float, Real(at_least=0)]
Kept = Annotated[Mapping[int, int], Table(Whole(at_least=1), Whole(at_least=1), least=1)]
WIDTH, HIGH = 9.6, 3.3  # inches of a picture and of the panels of `selection`
MARKS = {  # how a point of the map is drawn
    "image": {"color": FAINT, "marker": "o", "ms": 4.5, "mew": 0},
    "chosen": {"color": ORANGE, "marker": "o", "ms": 6.5, "mec": BLACK, "mew": 0.7},
    "last chosen": {"color": ORANGE, "marker": "o", "ms": 10, "mec": BLACK, "mew": 1.8},
    "class mean": {"color": BLACK, "marker": "*", "ms": 20, "mec": GROUND, "mew": 1},
    "mean of the chosen": {"color": style.SKY, "marker": "P", "ms": 8, "mec": BLACK, "mew": 0.8},
}
BY_HAND = {"color": BLACK, "marker": "X", "markersize": 9, "mec": GROUND, "mew": 1}
SIDE, SLOT, MOST = 0.4, 0.44, 60  # inches of a small image and of its place, and how many are shown
TILE, TILES, DEEP, PIXELS = 0.4, 160, 1.0, 24  # inches of a tile, at most; tiles; inches of all; pixels of each
LARGE = 3 * SLOT + SIDE  # inches of the image last chosen
PALE = 0.3  # opacity of an evicted image, which is grey


@checked
def selection(
    places: Places, order: Order, distances: Distances, strategy: Strategy, step: Step, axes: TwoNames, what: str = "",
    images: Images | None = None, by_hand: Collection[int] = (), distance: Distance = 0.0,
) -> Picture:  # fmt: skip
    """A class's images on a map, the first ``step`` chosen by a strategy, and the distance of each strategy's mean.

    places (N, 2) of the images; order (at least M,): which are chosen, in order. On the map the mean of the chosen
    images and the class mean are the means of their places; a line shows the path of the former from step to step.
    distances: strategy -> (M,) distance of the mean of the first m chosen images to the class mean; axes: names of the
    map's axes. images (N, C, H, W) uint8: drawn below as tiles in order, marked with their points. by_hand: rows of
    other images to show as the chosen ones, and the ``distance`` of their mean.

    Raises:
        ValueError: places, order, images or distances that do not match, a step outside 1 to M, or an image that there
            is not.
    """
    xy, lines = places, distances
    _check_selection(xy, order, lines, strategy, step, images, by_hand)
    chosen = np.array(sorted(by_hand) or order[:step].tolist())
    title = titled(f"{'your choice' if by_hand else strategy}: {len(chosen)} of {len(xy)} images chosen", what)
    own = {f"your choice {distance:.3f}": (len(chosen), distance)} if by_hand else {}
    legend = {}  # matplotlib fills columns: marks in the first row, strategies in the second
    for place, (name, mark) in enumerate(MARKS.items()):
        legend[name] = Line2D([], [], linestyle="", **mark)
        legend |= {f"{name} {lines[name][step - 1]:.3f}": LOOKS[name].handle for name in list(lines)[place : place + 1]}
    legend |= {name: Line2D([], [], linestyle="", **BY_HAND) for name in own}
    low, high = (0.0, HIGH) if images is None else (DEEP + 0.05, HIGH - 0.4)  # all on one screen
    picture = headed(WIDTH, high + 0.65 + low, title, (), legend, len(MARKS))
    _map(picture.panel(0.85, 0.6 + low, high, high, *axes), xy, order, step, chosen)
    names = "number m of exemplars", "mean to class mean: distance (no unit)"
    _curves(picture.panel(5.15, 0.6 + low, 4.25, high, *names), lines, step, own)
    if images is not None:
        _tiles(picture, images, order[:TILES], chosen)
    now = ", ".join(f"{values[step - 1]:.3f} by {name}" for name, values in lines.items())
    mine = f"of your {len(chosen)} images {distance:.3f}, " if by_hand else ""
    picture.alt = f"{title}: distance of the mean to the class mean {mine}of the first {step} {now}."
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
    picture.put(PatchCollection(places, linewidths=0, facecolors=SHADE, zorder=-1))
    for place in range(step):
        pixels = as_rgb(images[place])
        picture.appear(place, put_image(picture, pixels, *corners[place], SIDE, "small"))
        words = picture.write(0.12, top - LARGE - 0.03, f"number {place + 1}")
        around = picture.put(Rectangle(corners[place], SIDE, SIDE, fill=False, edgecolor=ORANGE, linewidth=2.5))
        picture.appear(place, put_image(picture, pixels, 0.12, top - LARGE, LARGE, "large"), words, around, last=place)
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
    stages = ", ".join(f"{n} with {counted(classes, 'class')}" for classes, n in kept.items())
    note = f"strong: stay with all {counted(seen[-1], 'class')}; pale: evicted when so many classes have been seen"
    if counts[-1] == len(images):
        note = f"none is evicted: all stay with all {seen[-1]} classes"
    notes = [note, *wrapped(f"kept: {stages}", WIDTH - 0.3)[:2]]
    slot, title = SLOT + 0.22, titled("Which exemplars are evicted", what)
    top = 3 * slot + 0.25
    picture = headed(WIDTH, top + 0.05, title, notes)
    picture.frames([counted(classes, "class") for classes in seen], "classes seen")
    corners, box = _corners(len(evicted), 20, (0.12, top), slot)
    for image, corner, classes in zip(images, corners, evicted, strict=False):
        pixels, gone = as_rgb(image), seen.index(classes) if classes else 0
        kept_here = put_image(picture, pixels, *corner, SIDE, "kept")
        if classes:
            grey = pixels.mean(-1, keepdims=True).repeat(3, axis=-1)
            pale = np.pad(grey, ((0, 0), (0, 0), (0, 1)), constant_values=255 * PALE).round().astype(np.uint8)
            words = picture.write(corner[0] + SIDE / 2, corner[1] - 0.03, str(classes), ha="center")
            picture.appear(0, kept_here, last=gone - 1)
            picture.appear(gone, put_image(picture, pale, *corner, SIDE, "evicted"), words)
    fates = [f"evicted when {c} classes have been seen" if c else f"stays with all {seen[-1]} classes" for c in evicted]
    rows = -(-len(evicted) // 20)
    fates, numbers = ([*one, *[None] * (20 * rows - len(one))] for one in (fates, range(1, len(evicted) + 1)))
    picture.cells(box, [""] * rows, [""] * 20, "exemplar {number}: {fate}", number=numbers, fate=fates)
    if len(images) > MOST:
        picture.write(0.12, 0.23, f"and {len(images) - MOST} more, evicted no later than these")
    picture.alt = f"{title}: {stages}."
    return picture


def _check_selection(
    xy: np.ndarray, order: np.ndarray, lines: Mapping, strategy: str, step: int, images: np.ndarray | None,
    by_hand: Collection[int],
) -> None:  # fmt: skip
    """ValueError for what does not fit together."""
    count = len(next(iter(lines.values())))
    if xy.shape[1] != 2 or len(set(order.tolist())) < len(order) or order.max() >= len(xy):
        raise ValueError(f"order is that of different rows of the places (N, 2), and these are {xy.shape}.")
    Whole(1, min(count, len(order))).check("step", step)
    if strategy not in lines or any(len(values) != count for values in lines.values()) or count > len(order):
        raise ValueError(f"distances are at most {len(order)} numbers, as many of {strategy} as of each other one.")
    if images is not None and len(images) != len(xy):
        raise ValueError(f"images are as many as places, {len(xy)}, not {len(images)}.")
    if wrong := [place for place in by_hand if not 0 <= place < len(xy)]:
        raise ValueError(f"by_hand lists images from 0 to {len(xy) - 1}, not {wrong[0]}.")


def _map(axes: Axes, xy: np.ndarray, order: np.ndarray, step: int, chosen: np.ndarray) -> None:
    """The images, their means and the path of the strategy's mean; a unit is as long across as up."""
    path = xy[order[:step]].cumsum(0) / np.arange(1, step + 1)[:, None]
    target, mean = xy.mean(0), xy[chosen].mean(0)
    axes.plot(*path.T, color=BLUE, linestyle=SOLID, linewidth=1, zorder=3)
    axes.plot(*np.stack([mean, target]).T, color=BLACK, linestyle=DOTTED, linewidth=1.5, zorder=3)
    last = [image for image in order[step - 1 : step] if image in chosen]
    marked = (xy, xy[chosen], xy[last], target[None], mean[None])
    for layer, (points, (name, mark)) in enumerate(zip(marked, MARKS.items(), strict=True)):
        axes.figure.layer(name, *axes.plot(*points.T, linestyle="", label=name, zorder=2 + (layer > 2) * 2, **mark))
    names = [f"image {place}, {words}" for place, words in enumerate(_fates(len(xy), order, chosen), 1)]
    names += [f"mean of all {len(xy)} images", f"mean of the {len(chosen)} chosen"]
    x, y = np.concatenate([xy, target[None], mean[None]]).T
    link = [*range(len(xy)), -1, -2]  # a mean has no tile
    axes.figure.points(axes, x, y, "{name}: ({x:.3g}, {y:.3g})", key="dot", link=link, name=names)
    middle, half = (xy.max(0) + xy.min(0)) / 2, 0.55 * max(np.ptp(xy, axis=0).max(), 0.1)
    axes.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half))
    axes.locator_params(nbins=4)


def _fates(count: int, order: np.ndarray, chosen: np.ndarray) -> list[str]:
    """Of every image, when the strategy chooses it, and whether it is among the ``chosen``."""
    when = ["not chosen"] * count
    for place, image in enumerate(order, 1):
        when[image] = f"number {place} to be chosen"
    for image in chosen:
        when[image] += ", in the memory"
    return when


def _curves(axes: Axes, lines: Mapping[str, np.ndarray], step: int, own: Mapping[str, tuple[int, float]]) -> None:
    """The distance of each strategy's mean, and the point of the choice by hand, if there is ``own``."""
    count = len(next(iter(lines.values())))
    axes.axvline(step, color=GREY, linewidth=1, zorder=0.5)
    for name, values in lines.items():
        layer, x = f"{name} {values[step - 1]:.3f}", np.arange(1, count + 1)
        style = LOOKS[name].style | {"markevery": [step - 1], "label": name}
        words = f"{name}, {{x:.0f}} exemplars: distance {{y:.4f}} (no unit)"
        axes.figure.curve(axes, x, values, words, layer, style, key=name)
    for layer, (x, y) in own.items():
        style = BY_HAND | {"linestyle": "", "zorder": 4, "clip_on": False, "label": "your choice"}
        words = f"your choice, {counted(x, 'image')}: distance {y:.4f} (no unit)"
        axes.figure.curve(axes, np.array([x]), np.array([y]), words, layer, style, key="your choice")
        count = max(count, x)
    highest = max(*map(max, lines.values()), *(y for _, y in own.values()), 0)
    axes.set(xlim=(0, count + 0.5), ylim=(0, 1.08 * highest or 1))
    axes.locator_params(axis="x", nbins=6, integer=True)


def _tiles(picture: Picture, images: np.ndarray, order: np.ndarray, chosen: np.ndarray) -> None:
    """The images in order of choice as tiles of one image: pale unless chosen, and framed if they are."""
    side, columns = fitted(len(order), WIDTH - 0.24, DEEP, TILE)
    rows, fates = math.ceil(len(order) / columns), _fates(len(images), order, chosen)
    across = np.arange(PIXELS)
    down, right = across * images.shape[2] // PIXELS, across * images.shape[3] // PIXELS
    small = np.stack([as_rgb(image) for image in images[order][:, :, down][:, :, :, right]])
    alpha = np.where(np.isin(order, chosen), 255, 120).astype(np.uint8)[:, None, None, None]
    tiles = np.concatenate([small, np.broadcast_to(alpha, (*small.shape[:3], 1))], axis=3)
    box = (0.12, 0.08 + DEEP - side * rows, side * columns, side * rows)
    picture.pixels(mosaic(tiles, columns, 2), *box)
    down, right = np.divmod(np.flatnonzero(np.isin(order, chosen)), columns)
    edge = side * PIXELS / (PIXELS + 2)
    corners = np.column_stack([box[0] + right * side, box[1] + box[3] - down * side - edge])
    picture.put(LineCollection(corners[:, None] + edge * OUTLINE, colors=ORANGE, linewidths=1.8))
    empty = [None] * (rows * columns - len(order))
    fields = {"number": [*(order + 1), *empty], "fate": [*(fates[image] for image in order), *empty]}
    words, link = "image {number}, its picture, {fate}", [*order, *[-3] * len(empty)]
    picture.cells(box, [""] * rows, [""] * columns, words, key="image", link=link, **fields)


def _corners(count: int, columns: int, corner: tuple, slot: float) -> tuple[list[tuple[float, float]], tuple]:
    """The lower left corners of small images in rows from an upper left corner, and the box of all, in inches."""
    places, rows = [divmod(place, columns) for place in range(count)], -(-count // columns)
    corners = [(corner[0] + SLOT * across, corner[1] - slot * down - SIDE) for down, across in places]
    return corners, (corner[0], corner[1] - slot * rows, SLOT * columns, slot * rows)
