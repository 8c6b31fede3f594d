"""Accuracies in per cent as lines in panels: on groups of classes, with fewer images, with damaged weights, by epoch.

A pair of axes takes 5 ms, with its ticks 15 to 25 ms, and ten panels are redrawn with every epoch of a live curve. Here
a panel is only the transform from its units to pixels; what panels share is written once, at the outer ones.
"""

import math
from collections.abc import Mapping, Sequence
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

from ..checked import Table, Text, checked, rule_of
from ..describe import Choice, Real
from ..evaluation.metrics import mean_interval
from .picture import Picture, headed, shortened, tens
from .rules import Names, Runs, Share, Values, accuracies, by_name
from .runs import Method, accuracy, counted, mean_and_spread, measured, reading
from .style import BLUE, DASHED, DOTTED, FAINT, FRAME, GREY, SOLID, VERMILLION, YELLOW, Look, look

LEFT, GAP, BELOW, TITLES = 0.85, 0.15, 0.6, 0.35  # inches around the panels
WIDTHS = {1: 4.6, 2: 3.6, 3: 2.75, 4: 2.35}  # inches of a panel, by the number of panels in a row
LOOKS = {"least": Look(BLUE, SOLID, "o"), "random": Look(GREY, DOTTED, "D"), "most": Look(VERMILLION, DASHED, "s")}
WORDS = {"least": "least important", "random": "random", "most": "most important"}
Groups = by_name(accuracies("tasks, groups", "runs, tasks, groups"))
ByShare = Annotated[Mapping[float, Runs], Table(rule_of(Runs), Real(above=0, at_most=1), least=1)]
Rising = Annotated[ArrayLike, Values(("shares",), 0, 1)]
Damaged = Annotated[dict, Table(accuracies("shares, tasks", "draws, shares, tasks"), Choice(LOOKS), least=1)]
ByHeading = by_name(Table(accuracies("seeds, epochs", gaps=False), Text(), least=1))  # by heading, then by method


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

    def shade(self, start: float, end: float, color: str) -> Artist:
        """A shade over the whole height."""
        place = (start, self.low), end - start, self.high - self.low
        return self.add_artist(Rectangle(*place, color=color, linewidth=0, zorder=0.2))


def paneled(
    headings: Sequence[str], percents: Sequence[float], ticks: Sequence[tuple[float, str]], right: float, below: str,
    title: str, notes: Sequence[str], legend: Mapping[str, Artist], apart: int = 1, y: str = "accuracy (%)",
    most: float = 100,
) -> tuple[Picture, list[Panel]]:  # fmt: skip
    """A picture with its heading and empty panels, at most five in a row.

    headings: a line above each panel; percents: all that is shown lies between the smallest and the largest of them;
    ticks: [(x, words)] along the x axis of every panel, from 0 to ``right``; below: its name and unit; apart: units of
    x between two separators; y: the name of the y axis, which ends at ``most`` or below; the rest as in `headed`.
    """
    rows = math.ceil(len(headings) / 5)
    columns = math.ceil(len(headings) / rows)
    wide, high = WIDTHS.get(columns, 2.0), 2.3 if rows == 1 else 1.7
    low, top = np.minimum(tens(percents), most)
    margin, body = 0.03 * (top - low), rows * (high + TITLES) - TITLES
    picture, panels = headed(LEFT + columns * (wide + GAP) + 0.1, BELOW + body + 0.3, title, notes, legend), []
    for place, heading in enumerate(headings):
        row, column = divmod(place, columns)
        left, base = LEFT + column * (wide + GAP), BELOW + (rows - 1 - row) * (high + TITLES)
        box = Bbox.from_bounds(left, base, wide, high)
        panels.append(panel := Panel(picture, box, right, low - margin, top + margin))
        lines = [[(x, panel.low), (x, panel.high)] for x in range(apart, int(right), apart)]
        panel.add_artist(LineCollection(lines, colors=FAINT, linewidths=0.6, zorder=0.3))
        edges = [(0, panel.high), (0, panel.low), (right, panel.low)]
        panel.add_artist(LineCollection([edges], colors=FRAME, linewidths=0.8))
        picture.write(left, base + high + 0.07, shortened(heading, wide), va="baseline")
        for x, words in ticks if place >= len(headings) - columns else ():
            picture.write(left + wide * x / right, base - 0.05, words, ha="center")
        for value in MaxNLocator(7, steps=[1, 2, 5, 10]).tick_values(low, top) if column == 0 else ():
            if low <= value <= top:
                y_place = base + high * (value - panel.low) / (panel.high - panel.low)
                picture.write(left - 0.07, y_place, f"{value:g}", ha="right", va="center_baseline")
    picture.write(LEFT, 0.25, below, va="center")
    picture.write(0.12, BELOW + body / 2, y, rotation=90, va="center")
    return picture, panels


def draw_means(
    picture: Picture, panels: Sequence[Panel], headings: Sequence[str], x: np.ndarray,
    values: tuple[np.ndarray, np.ndarray], look: Look, name: str, at: Sequence[str], layer: str = "",
    runs: np.ndarray | int = 1, noun: str = "run", kind: str = "", since: Sequence[int] = (),
    marks: np.ndarray | None = None,
) -> list[list[Artist]]:  # fmt: skip
    """In each panel a line of mean accuracies, in per cent, with a band of their spread; nan is left out.

    values: mean and spread (P, panels) in [0, 1], the spread nan where there is one run only; at: each x in words, to
    be read after the name and the heading; layer: by default the name; runs: how many a mean is of; kind: what the
    spread is, such as " (95 % interval)"; since: (P,) the frame of each point; marks: (P,) where the line has a mark,
    everywhere by default. The key of a line's spots is its name with the heading. Returns what it drew in each panel.
    """
    (mean, spread), drawn, since = values, [], np.array(since, dtype=int)
    counts = np.broadcast_to(runs, mean.shape)
    for place, (panel, heading) in enumerate(zip(panels, headings, strict=True)):
        seen, label = np.isfinite(mean[:, place]), f"{name}, {heading}"
        if not seen.any():
            drawn.append([])
            continue
        y, around, of = 100 * mean[seen, place], 100 * spread[seen, place], counts[seen, place]
        after = zip(around, of.tolist(), strict=True)
        rest = [f"{reading(0, s)[3:]}{kind * bool(np.isfinite(s))}, {counted(n, noun)}" for s, n in after]
        style = look.style | {"label": label, "clip_on": False}  # marks lie on the edges, too
        style |= {} if marks is None else {"markevery": list(np.flatnonzero(marks[seen]))}
        fields = {"name": label, "where": np.array(at)[seen], "y": y, "rest": rest if of.max() > 1 else " %"}
        fields["band"] = np.clip([y - around, y + around], max(0, panel.low), 100)
        fields["since"] = since[seen] if len(since) else ()
        fields |= {"layer": layer or name, "key": label, "style": style}
        drawn.append(picture.curve(panel, x[seen], y, "{name}, {where}: {y:.1f}{rest}", **fields))
    return drawn


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
    lines = {name: mean_and_spread(array) for name, array in seeds.items()}
    percents = [100, *(100 * np.nanmin(mean, initial=1) for mean, _ in lines.values())]
    ticks, legend = [(task + 0.5, str(task + 1)) for task in range(count)], {name: look(name).handle for name in lines}
    title = "Accuracy on groups of classes, task known at test"
    picture, panels = paneled(groups, percents, ticks, count, "after learning task", title, [note], legend)
    x, at = np.arange(count) + 0.5, [f"after task {task + 1}" for task in range(count)]
    for name, values in lines.items():
        draw_means(picture, panels, groups, x, values, look(name), name, at, runs=len(seeds[name]))
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
    first, headings = groups[0], ("old tasks", "newest task")
    if any([m.label for m in shown.methods] != [m.label for m in first.methods] for shown in groups):
        raise ValueError("every share needs runs of the same methods, in the same order.")
    if any(len(method.runs[0].tasks) < 2 for method in first.methods):
        raise ValueError("old tasks and a new one are needed: give runs of two tasks or more.")
    by_method = list(zip(*(shown.methods for shown in groups), strict=True))
    lines = [np.swapaxes([_old_and_newest(at_share, known_task) for at_share in own], 0, 1) for own in by_method]
    percents = [100, *(100 * np.nanmin(mean, initial=1) for mean, _ in lines)]
    ticks = [(k + 0.5, f"{100 * share:g}") for k, share in enumerate(shares)]
    below, title = "training images of the new tasks that are used (%)", "Accuracy with fewer images of new tasks"
    legend = {method.label: method.look.handle for method in first.methods}
    title, note = f"{title}, {first.setting}", first.notes("")
    picture, panels = paneled(headings, percents, ticks, len(shares), below, title, note, legend)
    x, at = np.arange(len(shares)) + 0.5, [f"with {100 * share:g} % of the images" for share in shares]
    for own, values in zip(by_method, lines, strict=True):
        counts = np.array([[len(at_share.runs)] for at_share in own])
        draw_means(picture, panels, headings, x, values, own[0].look, own[0].label, at, runs=counts)
    picture.describe(title, (0, -1))
    return picture.instead(known_task, partial(accuracy_by_share, runs))


def _old_and_newest(method: Method, known_task: bool) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread over the runs, (2,) each: old tasks, newest task."""
    ends = [accuracy(run, known_task)[-1] for run in method.runs]
    return mean_and_spread(np.array([(mean_and_spread(row[:-1])[0], row[-1]) for row in ends]))


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
    lines = {which: np.array(mean_and_spread(array)) for which, array in draws.items()}
    tasks = np.flatnonzero(np.isfinite([mean for mean, _ in lines.values()]).all(axis=(0, 1)))
    if not len(tasks):
        raise ValueError("accuracies are those of one task or more at every share; of these each has a nan.")
    lines, most = {which: values[..., tasks] for which, values in lines.items()}, max(map(len, draws.values()))
    ticks = [(k, f"{10 * k}") for k in range(0, 10, 2 if len(tasks) < 4 else 3)]
    percents = [100, *(100 * mean.min() for mean, _ in lines.values())]
    below, headings = f"weights of every layer that were {done} (%)", [f"task {task + 1}" for task in tasks]
    title = f"Accuracy with damaged weights{', ranked by ' if what else ''}{what}"
    notes = [f"mean ± one standard deviation over {most} draws or seeds"] * (most > 1)
    notes += ["above each panel: the accuracies at this share, in the order of the legend"] * (at is None)
    legend = {WORDS[which]: LOOKS[which].handle for which in lines}
    legend |= {} if at is None else {f"{100 * at:g} %": Patch(color=YELLOW)}
    picture, panels = paneled(headings, percents, ticks, 10, below, title, notes, legend)
    for panel in panels if at is not None else ():
        panel.shade(0, 10 * at, YELLOW)
    points, parts = [f"{100 * share:.3g} % of the weights {done}" for share in shares], []
    third = abs(shares - 0.3).argmin()
    if at is None:
        picture.frames(points, "share of the weights")
        _slide(picture, panels, shares, {which: mean for which, (mean, _) in lines.items()})
    for which, values in lines.items():
        about = {"runs": len(draws[which]), "noun": "repeat"}
        draw_means(picture, panels, headings, 10 * shares, values, LOOKS[which], WORDS[which], points, **about)
        parts.append(f"{100 * values[0, third].mean():.0f} % with the {WORDS[which]}")
    whole = 100 * next(iter(lines.values()))[0, 0].mean()
    undamaged = f"{whole:.0f} % on average at {100 * shares[0]:g} %"
    picture.alt = f"{title}: {undamaged}; with {points[third]}, {', '.join(parts)}."
    return picture


def _slide(picture: Picture, panels: list[Panel], shares: np.ndarray, means: dict[str, np.ndarray]) -> None:
    """In the frame of each share its shade in every panel, and what is read there (S, T), in the legend's order."""
    for frame, share in enumerate(shares):
        drawn = [panel.shade(0, 10 * share, YELLOW) for panel in panels]
        for task, panel in enumerate(panels):
            for place, mean in enumerate(reversed(means.values())):
                at = panel.place.x1 - 0.38 * place, panel.place.y1 + 0.07
                drawn.append(picture.write(*at, f"{100 * mean[frame, task]:.0f}", ha="right", va="baseline"))
        picture.appear(frame, *drawn, last=frame)


@checked
def convergence(panels: ByHeading, what: str = "") -> Picture:
    """Test accuracy of a task, in per cent, after each epoch in which it is learned.

    panels: a heading -> a method's name -> accuracies in [0, 1] (seeds, epochs). Over several seeds the mean is drawn,
    with a band as wide as its 95 % t-interval. what: words for the title.

    Raises:
        ValueError: curves of different lengths.
    """
    every = [rows for by in panels.values() for rows in by.values()]
    if len({rows.shape[1] for rows in every}) > 1:
        raise ValueError("The accuracies (seeds, epochs) of every method have as many epochs.")
    epochs, seeds = every[0].shape[1], {len(rows) for rows in every}
    means = {
        head: {n: np.array([mean_interval(e) for e in own.T]) for n, own in by.items()} for head, by in panels.items()
    }
    ends = np.concatenate([(m[:, 0], m.sum(1)) for by in means.values() for m in by.values()], axis=None)
    ticks = [(epoch - 0.5, str(epoch)) for epoch in (1, *range(5, epochs + 1, 5))]
    count = f"{max(seeds)} seeds" if len(seeds) == 1 else "its seeds"
    note = [f"mean over {count} and its 95 % interval"] if max(seeds) > 1 else []
    legend = {name: look(name).handle for by in panels.values() for name in by}
    title = f"{what}, test accuracy after each epoch" if what else "Test accuracy after each epoch"
    percents = 100 * ends[np.isfinite(ends)].clip(max=1)
    picture, drawn = paneled(list(panels), percents, ticks, epochs, "epoch", title, note, legend, apart=5)
    x, at = np.arange(epochs) + 0.5, [f"after epoch {epoch + 1}" for epoch in range(epochs)]
    for panel, (heading, by) in zip(drawn, means.items(), strict=True):
        for name, values in by.items():
            about = {"runs": len(panels[heading][name]), "kind": " (95 % interval)", "noun": "seed"}
            draw_means(picture, [panel], [heading], x, values.T[..., None], look(name), name, at, **about)
    picture.describe(title)
    return picture
