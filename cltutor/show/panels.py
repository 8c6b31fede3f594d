"""Accuracies in per cent as lines in panels: on groups of classes, with fewer images, with damaged weights.

A pair of axes takes 5 ms, with its ticks 15 to 25 ms, and ten panels are redrawn with every epoch of a live curve. Here
a panel is only the transform from its units to pixels; what panels share is written once, at the outer ones.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox, BboxTransform
from numpy.typing import ArrayLike

from ..checked import Table, checked, rule_of
from ..describe import Choice, Real, counted
from .picture import Picture, headed, shortened, tens
from .rules import Names, Runs, Share, Values, accuracies, by_name
from .runs import mean_and_spread, measured, reading
from .style import BLUE, DASHED, DOTTED, FAINT, FRAME, GREY, SOLID, VERMILLION, YELLOW, Look, look

LEFT, GAP, BELOW, TITLES = 0.85, 0.15, 0.6, 0.35  # inches around the panels
WIDTHS = {1: 4.6, 2: 3.6, 3: 2.75, 4: 2.35}  # inches of a panel, by the number of panels in a row
LOOKS = {"least": Look(BLUE, SOLID, "o"), "random": Look(GREY, DOTTED, "D"), "most": Look(VERMILLION, DASHED, "s")}
WORDS = {"least": "least important", "random": "random", "most": "most important"}
Groups = by_name(accuracies("tasks, groups", "runs, tasks, groups"))
ByShare = Annotated[Mapping[float, Runs], Table(rule_of(Runs), Real(above=0, at_most=1), least=1)]
Rising = Annotated[ArrayLike, Values(("shares",), 0, 1)]
Damaged = Annotated[dict, Table(accuracies("shares, tasks", "draws, shares, tasks"), Choice(LOOKS), least=1)]


class Panel:
    """A rectangle of a picture, in inches, with its own units: x from 0 to ``right``, y from ``low`` to ``high``."""

    def __init__(self, picture: Picture, place: Bbox, right: float, low: float, high: float):
        self.picture, self.place, self.right, self.low, self.high = picture, place, right, low, high
        self.transData = BboxTransform(Bbox([[0, low], [right, high]]), place) + picture.dpi_scale_trans

    def add_artist(self, artist: Artist) -> Artist:
        """Put an artist in the panel's units on the picture."""
        artist.set_transform(self.transData)
        return self.picture.add_artist(artist)

    def plot(self, x: np.ndarray, y: np.ndarray, **style: Any) -> list[Artist]:
        return [self.add_artist(Line2D(x, y, **style))]

    def frame(self, apart: int) -> None:
        """Its left and lower edge, and a separator after so many units of x."""
        lines = [[(x, self.low), (x, self.high)] for x in range(apart, int(self.right), apart)]
        self.add_artist(LineCollection(lines, colors=FAINT, linewidths=0.6, zorder=0.3))
        edges = [(0, self.high), (0, self.low), (self.right, self.low)]
        self.add_artist(LineCollection([edges], colors=FRAME, linewidths=0.8))

    def shade(self, start: float, end: float, color: str) -> Artist:
        """A shade over the whole height."""
        place = (start, self.low), end - start, self.high - self.low
        return self.add_artist(Rectangle(*place, color=color, linewidth=0, zorder=0.2))


@dataclass(frozen=True)
class Line:
    """The mean accuracies of a method in each panel of a picture, in [0, 1], with their spread; nan is left out."""

    name: str
    look: Look
    x: np.ndarray  # (P,)
    at: Sequence[str]  # each x in words, to be read after the name and the heading
    mean: np.ndarray  # (P, panels)
    spread: np.ndarray  # (P, panels), nan where there is one run only
    runs: np.ndarray | int = 1  # how many a mean is of
    noun: str = "run"
    kind: str = ""  # of the spread, such as " (95 % interval)"
    layer: str = ""  # by default the name
    marks: np.ndarray | None = None  # (P,) where the line has a mark; by default everywhere

    def draw(self, panel: Panel, place: int, heading: str, times: ArrayLike = ()) -> None:
        """The line in a panel, with a band; the key of its spots is its name with the heading. times: the x of the
        frames, each of which shows what lies left of it."""
        seen, label = np.isfinite(self.mean[:, place]), f"{self.name}, {heading}"
        if not seen.any():
            return
        y, around = 100 * self.mean[seen, place], 100 * self.spread[seen, place]
        runs = np.broadcast_to(self.runs, self.mean.shape)[seen, place]
        read = [reading(*each, kind=self.kind) for each in zip(y, around, strict=True)]
        if runs.max() > 1:
            read = [f"{words}, {counted(n, self.noun)}" for words, n in zip(read, runs, strict=True)]
        style = self.look.style | {"label": label, "clip_on": False}  # marks lie on the edges, too
        if self.marks is not None:
            marked = self.marks[seen] | (len(y) == 1)  # of a lone point nothing else would be seen
            style["markevery"] = list(np.flatnonzero(marked))
        band = np.clip([y - around, y + around], max(0, panel.low), 100)
        fields = {"name": label, "where": np.array(self.at)[seen], "read": read}
        since = np.searchsorted(times, self.x[seen]) if len(times) else ()
        layer, words = self.layer or self.name, "{name}, {where}: {read}"
        drawn = panel.picture.curve(panel, self.x[seen], y, words, layer, style, band, key=label, since=since, **fields)
        if len(times):
            panel.picture.unveil(panel, times + 0.02, *drawn)


def lowest(lines: Sequence[Line], others: ArrayLike = 1.0) -> float:
    """The smallest of all means and of the ``others``, in per cent."""
    return 100 * min(np.nanmin(values, initial=1) for values in (others, *(line.mean for line in lines)))


def paneled(
    title: str, headings: Sequence[str], percents: Sequence[float], right: float, ticks: Sequence[tuple[float, str]],
    below: str, notes: Sequence[str], lines: Sequence[Line] = (), legend: Mapping[str, Artist] | None = None,
    apart: int = 1, y: str = "accuracy (%)", most: float = 100,
) -> tuple[Picture, list[Panel]]:  # fmt: skip
    """A picture with its heading and panels, at most five in a row, and ``lines`` in all of them.

    headings: a line above each panel; percents: all that is shown lies between the smallest and the largest of them;
    ticks: [(x, words)] along the x axis of every panel, from 0 to ``right``; below: its name and unit; apart: units of
    x between two separators; y: the name of the y axis, which ends at ``most`` or below; legend: what it has beside the
    lines; the rest as in `headed`.
    """
    rows = math.ceil(len(headings) / 5)
    columns = math.ceil(len(headings) / rows)
    wide, high = WIDTHS.get(columns, 2.0), 2.3 if rows == 1 else 1.7
    low, top = np.minimum(tens(percents), most)
    margin, body = 0.03 * (top - low), rows * (high + TITLES) - TITLES
    handles = {line.name: line.look.handle for line in lines} | (legend or {})
    picture, panels = headed(LEFT + columns * (wide + GAP) + 0.1, BELOW + body + 0.3, title, notes, handles), []
    for place, heading in enumerate(headings):
        row, column = divmod(place, columns)
        left, base = LEFT + column * (wide + GAP), BELOW + (rows - 1 - row) * (high + TITLES)
        panel = Panel(picture, Bbox.from_bounds(left, base, wide, high), right, low - margin, top + margin)
        panel.frame(apart)
        panels.append(panel)
        picture.write(left, base + high + 0.07, shortened(heading, wide), va="baseline")
        for x, words in ticks if place >= len(headings) - columns else ():
            picture.write(left + wide * x / right, base - 0.05, words, ha="center")
        for value in MaxNLocator(7, steps=[1, 2, 5, 10]).tick_values(low, top) if column == 0 else ():
            if low <= value <= top:
                at = base + high * (value - panel.low) / (panel.high - panel.low)
                picture.write(left - 0.07, at, f"{value:g}", ha="right", va="center_baseline")
    picture.write(LEFT, 0.25, below, va="center")
    picture.write(0.12, BELOW + body / 2, y, rotation=90, va="center")
    for line in lines:
        for place, (panel, heading) in enumerate(zip(panels, headings, strict=True)):
            line.draw(panel, place, heading)
    return picture, panels


@checked
def adaptation(accuracies: Groups, groups: Names, note: str = "") -> Picture:
    """Accuracy on each group of classes after every task, in per cent, one line per method (MAS, section 5.1).

    accuracies: name of the method -> (T, G), or (R, T, G) for R seeds, whose mean is drawn with a band of one standard
    deviation (n - 1): row i after task i, one column per group, nan for classes that have not been seen; groups: G
    names, such as "chosen: 3, 7", "others of task 1", "later tasks"; note: a line below the title.

    Raises:
        ValueError: accuracies of different numbers of tasks, or whose columns do not match the groups.
    """
    count = next(iter(accuracies.values())).shape[-2]
    if any(values.shape[-2:] != (count, len(groups)) for values in accuracies.values()):
        raise ValueError(f"accuracies are of shape (tasks, {len(groups)}), of as many tasks for each method.")
    seeds = {name: array.reshape(-1, count, len(groups)) for name, array in accuracies.items()}
    x, at = np.arange(count) + 0.5, [f"after task {task + 1}" for task in range(count)]
    lines = [Line(name, look(name), x, at, *mean_and_spread(own), len(own)) for name, own in seeds.items()]
    ticks, title = [(each, f"{each + 0.5:g}") for each in x], "Accuracy on groups of classes, task known at test"
    picture, _ = paneled(title, groups, (lowest(lines), 100), count, ticks, "after learning task", [note], lines)
    picture.describe(title)
    return picture


@checked
def accuracy_by_share(runs: ByShare, known_task: bool = True) -> Picture:
    """Final accuracy on the old tasks (their mean) and on the newest one, in per cent, over the share of new images.

    runs: for every share of the new tasks' training images (as given to `Stream.fewer`) the runs made with it, the same
    methods each time. Shares fall from left to right, as in the paper (LwF, Figure 5). Over several runs of a method
    the mean is drawn, with a band of one standard deviation (n - 1).

    Raises:
        ValueError: shares with different methods, or runs of fewer than two tasks.
    """
    shares = sorted(runs, reverse=True)
    groups = [measured(runs[share], known_task) for share in shares]
    first = groups[0]
    if any([m.label for m in shown.methods] != [m.label for m in first.methods] for shown in groups):
        raise ValueError("every share needs runs of the same methods, in the same order.")
    if any(len(method.runs[0].tasks) < 2 for method in first.methods):
        raise ValueError("old tasks and a new one are needed: give runs of two tasks or more.")
    x, at = np.arange(len(shares)) + 0.5, [f"with {100 * share:g} % of the images" for share in shares]
    lines = []
    for own in zip(*(shown.methods for shown in groups), strict=True):
        mean, spread = np.swapaxes([mean_and_spread(method.ends(_old_and_newest, known_task)) for method in own], 0, 1)
        counts = np.array([[len(method.runs)] for method in own])
        lines.append(Line(own[0].label, own[0].look, x, at, mean, spread, counts))
    ticks = [(k + 0.5, f"{100 * share:g}") for k, share in enumerate(shares)]
    below, title = "training images of the new tasks that are used (%)", "Accuracy with fewer images of new tasks"
    title, headings = f"{title}, {first.setting}", ("old tasks", "newest task")
    picture, _ = paneled(title, headings, (lowest(lines), 100), len(shares), ticks, below, first.notes(""), lines)
    picture.describe(title, (0, -1))
    return picture.instead(known_task, partial(accuracy_by_share, runs))


def _old_and_newest(matrix: np.ndarray) -> tuple[float, float]:
    """The accuracy at the end: the mean of the old tasks, and the newest task."""
    return mean_and_spread(matrix[-1, :-1])[0], matrix[-1, -1]


@checked
def damage(
    shares: Rising, accuracies: Damaged, what: str = "", done: str = "set to zero", at: Share | None = None
) -> Picture:
    """Accuracy of each task, in per cent, over the share of the weights of every layer that is damaged.

    shares: (S,) from 0 to 1, rising; accuracies: "least", "random" and "most" (any of them) -> (S, T), or (R, S, T) for
    R draws or seeds, whose mean is drawn with a band of one standard deviation (n - 1); tasks that are nan throughout
    get no panel. what: whose importance, for the title; done: what was done to the weights; at: a share,
    shaded; None: a frame for each share.

    Raises:
        ValueError: shares that do not rise, accuracies of other shapes, or of no task at every share.
    """
    shapes = {array.shape[-2:] for array in accuracies.values()}
    if len(shapes) > 1 or next(iter(shapes))[0] != len(shares):
        shape = f"({len(shares)}, tasks)"
        raise ValueError(f"{len(shares)} shares need accuracies of one shape {shape}, not {sorted(shapes)}.")
    if (np.diff(shares) <= 0).any():
        raise ValueError(f"shares rise from 0 to 1, and these do not: {shares.tolist()}.")
    draws = {which: array.reshape(-1, *array.shape[-2:]) for which, array in accuracies.items()}
    tasks = np.flatnonzero(np.all([np.isfinite(array).any(0) for array in draws.values()], axis=(0, 1)))
    if not len(tasks):
        raise ValueError("accuracies are those of one task or more at every share; of these each has a nan.")
    points = [f"{100 * share:.3g} % of the weights {done}" for share in shares]
    lines = [
        Line(WORDS[which], LOOKS[which], 10 * shares, points, *mean_and_spread(array[..., tasks]), len(array), "repeat")
        for which, array in draws.items()
    ]
    below, headings = f"weights of every layer that were {done} (%)", [f"task {task + 1}" for task in tasks]
    title, most = f"Accuracy with damaged weights{', ranked by ' if what else ''}{what}", max(map(len, draws.values()))
    notes = [f"mean ± one standard deviation over {most} draws or seeds"] * (most > 1)
    notes += ["above each panel: the accuracies at this share, in the order of the legend"] * (at is None)
    legend = {} if at is None else {f"{100 * at:g} %": Patch(color=YELLOW)}
    ticks = [(k, f"{10 * k}") for k in range(0, 10, 2 if len(tasks) < 4 else 3)]
    picture, panels = paneled(title, headings, (lowest(lines), 100), 10, ticks, below, notes, lines, legend)
    if at is None:
        picture.frames(points, "share of the weights")
        _slide(picture, panels, lines)
    for panel in panels if at is not None else ():
        panel.shade(0, 10 * at, YELLOW)
    third = abs(shares - 0.3).argmin()
    parts = ", ".join(f"{100 * line.mean[third].mean():.0f} % with the {line.name}" for line in lines)
    undamaged = f"{100 * lines[0].mean[0].mean():.0f} % on average at {100 * shares[0]:g} %"
    picture.alt = f"{title}: {undamaged}; with {points[third]}, {parts}."
    return picture


def _slide(picture: Picture, panels: list[Panel], lines: list[Line]) -> None:
    """In the frame of each share its shade in every panel, and what is read there, in the legend's order."""
    for frame, end in enumerate(lines[0].x):
        shown = [panel.shade(0, end, YELLOW) for panel in panels]
        for task, panel in enumerate(panels):
            for place, line in enumerate(reversed(lines)):
                x, words = panel.place.x1 - 0.38 * place, f"{100 * line.mean[frame, task]:.0f}"
                shown.append(picture.write(x, panel.place.y1 + 0.07, words, ha="right", va="baseline"))
        picture.appear(frame, *shown, last=frame)
