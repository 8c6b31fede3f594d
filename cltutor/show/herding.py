"""How exemplars are chosen, which they are, and which are evicted as classes arrive (EEIL, sections 3.1 and 6.3)."""

from collections.abc import Mapping
from itertools import zip_longest
from typing import Annotated

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from ..checked import Table, checked
from ..describe import Choice, Whole
from . import style
from .images import as_rgb, put_image
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
Kept = Annotated[Mapping[int, int], Table(Whole(at_least=1), Whole(at_least=1), least=1)]
WIDTH, HIGH = 9.6, 3.3  # inches of a picture and of the panels of `selection`
MARKS = {  # how a point of the map is drawn
    "image": {"color": FAINT, "marker": "o", "ms": 4.5, "mew": 0},
    "chosen": {"color": ORANGE, "marker": "o", "ms": 6.5, "mec": BLACK, "mew": 0.7},
    "last chosen": {"color": ORANGE, "marker": "o", "ms": 10, "mec": BLACK, "mew": 1.8},
    "class mean": {"color": BLACK, "marker": "*", "ms": 20, "mec": GROUND, "mew": 1},
    "mean of the chosen": {"color": style.SKY, "marker": "P", "ms": 8, "mec": BLACK, "mew": 0.8},
}
SIDE, SLOT, MOST = 0.4, 0.44, 60  # inches of a small image and of its place, and how many are shown
LARGE = 3 * SLOT + SIDE  # inches of the image last chosen
PALE = 0.3  # opacity of an evicted image, which is grey


@checked
def selection(
    places: Places, order: Order, distances: Distances, strategy: Annotated[str, Choice(LOOKS)], step: Step,
    axes: TwoNames, what: str = "",
) -> Picture:  # fmt: skip
    """A class's images on a map, the first ``step`` chosen by a strategy, and the distance of each strategy's mean.

    places (N, 2) of the images; order (M,): which are chosen, in order. On the map the mean of the chosen images and
    the class mean are the means of their places; a line shows the path of the former from step to step. distances:
    strategy -> (M,) distance of the mean of the first m chosen images to the class mean; axes: names of the map's axes.

    Raises:
        ValueError: places, order or distances that do not match, or a step outside 1 to M.
    """
    if places.shape[1] != 2 or len(set(order.tolist())) < len(order) or order.max() >= len(places):
        raise ValueError(f"order is that of different rows of the places (N, 2), and these are {places.shape}.")
    Whole(1, len(order)).check("step", step)
    if strategy not in distances or any(len(values) != len(order) for values in distances.values()):
        raise ValueError(f"distances are {len(order)} numbers for {strategy}, and for others that are drawn.")
    title = titled(f"{strategy}: {step} of {len(places)} images chosen", what)
    labels = {f"{name} {values[step - 1]:.3f}": name for name, values in distances.items()}
    marks = {name: Line2D([], [], linestyle="", **mark) for name, mark in MARKS.items()}
    lines = {label: LOOKS[name].handle for label, name in labels.items()}
    # matplotlib fills columns: marks in the first row, strategies in the second
    legend = dict(each for pair in zip_longest(marks.items(), lines.items()) for each in pair if each)
    picture = headed(WIDTH, HIGH + 0.65, title, (), legend, len(MARKS))
    _map(picture, picture.panel(0.85, 0.6, HIGH, HIGH, *axes), places, order, step)
    names = "number m of exemplars", "distance of their mean to class mean (no unit)"
    panel, x = picture.panel(5.15, 0.6, 4.25, HIGH, *names), np.arange(1, len(order) + 1)
    panel.axvline(step, color=GREY, linewidth=1, zorder=0.5)
    for label, name in labels.items():
        fields = {"name": name, "count": x, "values": distances[name]}
        look = LOOKS[name].style | {"markevery": [step - 1], "label": name}
        words = "{name}, {count} exemplars: distance {values:.4f} (no unit)"
        picture.curve(panel, x, distances[name], words, label, look, **fields)
    panel.set(xlim=(0, len(x) + 0.5), ylim=(0, 1.08 * max(values.max() for values in distances.values()) or 1))
    panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    now = ", ".join(f"{values[step - 1]:.3f} by {name}" for name, values in distances.items())
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
    top, title = LARGE + 0.3, titled("Exemplars in order of choice", what)
    picture = headed(WIDTH, top + 0.05, title)
    picture.frames([f"{count} chosen" for count in range(1, step + 1)], "exemplars")
    corners = _corners(len(images), 15, LARGE + 0.75, top, SLOT)
    places = [Rectangle(corner, SIDE, SIDE) for corner in corners]
    look = {"facecolors": SHADE, "zorder": -1, "transform": picture.dpi_scale_trans}
    picture.add_artist(PatchCollection(places, linewidths=0, **look))
    ring = {"fill": False, "edgecolor": ORANGE, "linewidth": 2.5, "transform": picture.dpi_scale_trans}
    for place in range(step):
        pixels = as_rgb(images[place])
        picture.appear(place, put_image(picture, pixels, *corners[place], SIDE, "small"))
        words = picture.write(0.12, top - LARGE - 0.03, f"number {place + 1}")
        around = picture.add_artist(Rectangle(corners[place], SIDE, SIDE, **ring))
        picture.appear(place, put_image(picture, pixels, 0.12, top - LARGE, LARGE, "large"), words, around, last=place)
        words = titled(f"exemplar {place + 1} of {len(images)}", what)
        picture.spot((*corners[place], SIDE, SIDE), words, frames=[place])
    for first, (x, y) in list(enumerate(corners))[::15]:
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
    corners = _corners(len(evicted), 20, 0.12, top, slot)
    for number, (corner, classes) in enumerate(zip(corners, evicted, strict=True)):
        fate = f"evicted when {classes} classes have been seen" if classes else f"stays with all {seen[-1]} classes"
        picture.spot((*corner, SIDE, SIDE), f"exemplar {number + 1}: {fate}")
        pixels, gone = as_rgb(images[number]), seen.index(classes) if classes else 0
        kept_here = put_image(picture, pixels, *corner, SIDE, "kept")
        if classes:
            grey = pixels.mean(-1, keepdims=True).repeat(3, axis=-1)
            pale = np.pad(grey, ((0, 0), (0, 0), (0, 1)), constant_values=255 * PALE).round().astype(np.uint8)
            words = picture.write(corner[0] + SIDE / 2, corner[1] - 0.03, str(classes), ha="center")
            picture.appear(0, kept_here, last=gone - 1)
            picture.appear(gone, put_image(picture, pale, *corner, SIDE, "evicted"), words)
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


def _corners(count: int, columns: int, left: float, top: float, slot: float) -> list[tuple[float, float]]:
    """The lower left corners of small images in rows from an upper left corner, in inches."""
    places = [divmod(place, columns) for place in range(count)]
    return [(left + SLOT * across, top - slot * down - SIDE) for down, across in places]
