"""What came out, by method: the accuracy matrix, average accuracy and forgetting, a gallery, old against new tasks."""

import math
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ..checked import checked
from ..describe import counted
from ..evaluation import metrics
from ..runs.naming import name_of
from ..runs.one_class import DASH, NOTE
from ..runs.run import Run
from .images import heat_map, write_in_cell
from .picture import FONT, Picture, headed, name_rows, plain, tens, widest, wrapped
from .rules import Runs
from .runs import Method, NotMeasured, Shown, accuracy, class_list, mean_and_spread, measured, percent, reading
from .style import FAINT, FRAME, GROUND, HATCH, INK, SHADE

WIDE, BELOW = 2.6, 0.62  # inches: of a panel with a row per method, and below any panel
BAR, VALUE = 0.45, 1.1  # inches of a method with its bars, and of the number beside a bar
DOT, GAP = 0.215, 0.3  # inches of a method in the gallery, and between its panels
SIDE, LEFT, APART = 3.6, 0.85, 0.95  # inches of a panel of old and new tasks, left of the first, between two
MOST = 10  # points of an interval that are shown in any case
MEASURES = (metrics.average_accuracy, "average accuracy at the end", "%"), (metrics.forgetting, "forgetting", "points")


@checked
def accuracy_matrix(run: Run, known_task: bool = True) -> Picture:
    """Heat map of the (T, T) accuracy matrix, in per cent: rows after a task, columns on a task.

    A row read from left to right is one network's accuracy on every task it has seen; a column read downwards shows how
    one task is forgotten. The cells of logits that never learned to compete (known_task=False of a run trained per
    task) are hatched.

    Raises:
        ValueError: a run without accuracies in this setting.
    """
    shown, values = measured([run], known_task), accuracy(run, known_task)
    count, hatched = len(values), any(map(shown.foreign, shown.methods))
    cell, height = (0.95, max(0.6, 1.6 / count)) if count <= 5 else (0.68, 0.52)
    columns = [_label(run, j, "\n", cell - 0.06, 4 if count <= 5 else 2) for j in range(count)]
    rows = [_label(run, i, ": ", 1.9, 2) for i in range(count)]
    left = 0.65 + widest(line for row in rows for line in row.split("\n"))
    below = 0.4 + 0.17 * max(column.count("\n") + 1 for column in columns)
    title, notes = f"{name_of(run)}: accuracy (%), {shown.setting}", shown.notes("hatched:")
    picture = headed(max(left + count * cell + 0.25, 4.6), below + count * height + 0.08, title, notes)
    names = "accuracy on task", "after learning task"
    axes = picture.panel(left, below, count * cell, count * height, *names, frame=False)
    picture.frames([f"after task {task + 1}" for task in range(run.learned)], "task")
    fill_matrix(axes, run, values, rows, columns, dict(enumerate(range(run.learned))), hatched)
    done = max(np.flatnonzero(np.isfinite(values).any(axis=1)), default=-1) + 1
    average = percent(100 * metrics.average_accuracy(values)) if done else ""
    notes += [f"average accuracy {average} after {counted(done, 'task')}"] * bool(done)
    words = f"Accuracy matrix of {name_of(run)}, {shown.setting}"
    picture.describe("; ".join([words, *notes]), (0, -done))  # the first task, at first and at the end
    return picture.instead(known_task, partial(accuracy_matrix, run))


def _label(run: Run, task: int, between: str, inches: float, lines: int) -> str:
    """The task's number, with the names of its classes if they fit."""
    names = wrapped(class_list(run, task), inches)
    fits = len(names) <= lines and widest(names) <= inches
    return f"{task + 1}{between}" + "\n".join(names) if fits else str(task + 1)


def fill_matrix(
    axes: Axes, run: Run, values: np.ndarray, rows: Sequence[str], columns: Sequence[str],
    since: Mapping[int, int], hatched: bool = False, decimals: int | None = 1, name: str = "", link: Sequence[int] = (),
) -> None:  # fmt: skip
    """The accuracies (T, T) with their labels and what is read there; since: the row of each task learned -> the frame
    in which it appears; decimals: of the numbers in the cells, None: no numbers; name: of the run, where there are
    several."""
    axes.set_xticks(range(len(values)), [plain(column) for column in columns])
    axes.set_xlim(-0.5, len(values) - 0.5)
    name_rows(axes, rows)
    for row, frame in since.items():
        axes.figure.appear(frame, *_row(axes, values, row, hatched, decimals))
    names = [f"task {task + 1} ({class_list(run, task)})" for task in range(len(values))]
    words = f"{'{name}, ' * bool(name)}after {{row}}, on {{column}}: {{value:.1f}} %"
    frames = np.repeat([since.get(row, 0) for row in range(len(values))], len(values))
    axes.figure.cells(axes, names, names, words, since=frames, link=link, name=name, value=100 * values)


def _row(axes: Axes, values: np.ndarray, row: int, hatched: bool, decimals: int | None) -> list[Artist]:
    """What is drawn of the accuracies after one task."""
    image = heat_map(axes, values[row : row + 1], 0, 1, extent=(-0.5, len(values) - 0.5, row + 0.5, row - 0.5))
    drawn = [image]
    if hatched:
        hatch = Rectangle((-0.5, row - 0.5), row + 1, 1, fill=False, hatch=HATCH, edgecolor="white", linewidth=0)
        drawn.append(axes.add_patch(hatch))
    for column, value in enumerate(values[row, : row + 1] if decimals is not None else ()):
        words = f"{100 * value:.{decimals}f}" if np.isfinite(value) else DASH
        text = write_in_cell(axes, row, column, words, image.to_rgba(value), FONT + 1)
        if np.isnan(value):
            text.set_color(INK)
        elif hatched:
            text.set_bbox({"facecolor": image.to_rgba(value), "edgecolor": "none", "pad": 1.5})
        drawn.append(text)
    return drawn


@checked
def forgetting(runs: Runs, known_task: bool = True) -> Picture:
    """Average accuracy and forgetting of each method side by side, in per cent and percentage points.

    The numbers are `metrics.average_accuracy` and `metrics.forgetting`; with several runs of a method their mean and
    one standard deviation (n - 1). Methods are in the order given, not ranked. Bars of logits that never learned to
    compete are hatched.

    Raises:
        ValueError: no run, runs of different numbers of tasks, or a run of fewer than two tasks.
    """
    shown = measured(runs, known_task)
    if not all(any(run.learned > 1 for run in method.runs) for method in shown.methods):
        raise ValueError("forgetting needs runs that have learned two tasks or more.")
    labels, title = shown.labels, f"Average accuracy and forgetting, {shown.setting}"
    left, high, notes = 0.55 + widest(labels), BAR * len(labels), shown.notes("*, hatched:")
    picture = headed(left + 2 * (WIDE + VALUE) + 0.35, BELOW + high + 0.06, title, notes)
    for place, (metric, what, unit) in enumerate(MEASURES):
        axes = picture.panel(left + place * (WIDE + VALUE + 0.15), BELOW, WIDE, high, f"{what} ({unit})")
        numbers = [mean_and_spread(100 * np.array(method.ends(metric, known_task))) for method in shown.methods]
        for row, (method, (mean, spread)) in enumerate(zip(shown.methods, numbers, strict=True)):
            _bar(axes, row, method, shown.foreign(method), mean, spread)
        axes.spines["left"].set_visible(False)  # bars start at 0, wherever that is
        axes.axvline(0, color=FRAME, lw=0.8)
        _name(axes, shown, [""] * len(labels) if place else labels, what, numbers, f" {unit}")
        axes.tick_params(axis="y", pad=20)
    picture.axes[0].set_xlim(0, 100)
    picture.describe("; ".join([title, *notes]), None)
    return picture.instead(known_task, partial(forgetting, runs))


def _bar(axes: Axes, row: int, method: Method, hatched: bool, mean: float, spread: float) -> None:
    """A bar with its method's mark at the left and its number at the right."""
    look, across = method.look, {"transform": axes.get_yaxis_transform()}
    style = {"color": "none", "hatch": HATCH} if hatched else {"color": look.color}
    axes.barh(row, mean, height=0.6, **style, edgecolor=look.color, linewidth=1.2)
    for color, width in ((GROUND, 3), (INK, 1.2)) if np.isfinite(spread) else ():  # seen on a bar of any colour
        axes.errorbar(mean, row, xerr=spread, color=color, capsize=3, lw=width, capthick=width)
    axes.plot(-0.06, row, **look.style, **across, ms=8, mew=1.5, clip_on=False)
    axes.text(1.03, row, reading(mean, spread, ""), **across, va="center", fontsize=FONT, color=INK)


def _name(axes: Axes, shown: Shown, labels: list[str], what: str, numbers: list, unit: str, kind: str = "") -> None:
    """The names of the rows, from the top down, and what is read there."""
    name_rows(axes, labels)
    words, of = [reading(*each, unit, kind) for each in numbers], [method.count for method in shown.methods]
    axes.figure.cells(axes, shown.labels, [""], f"{{row}}, {what}: {{words}}, {{of}}", words=words, of=of)


@checked
def gallery(runs: Runs, known_task: bool = True) -> Picture:
    """Average accuracy at the end of each method, in per cent: mean and 95 % interval over its runs.

    Methods that were trained per task and those that were trained across tasks have separate panels, in the order
    given: they must not be ranked together. A panel of logits that never learned to compete is hatched if the task is
    unknown. One run of a method has no interval. The dotted line is chance.

    Raises:
        ValueError: no run, runs of different numbers of tasks, or a run that has not learned all of them.
    """
    shown = measured(runs, known_task)
    if unfinished := sorted({run.name for method in shown.methods for run in method.runs if not run.complete}):
        raise ValueError(f"the accuracy at the end needs runs that have learned all tasks; not so {unfinished[0]}.")
    panels = shown.by_regime(known_task)
    panels = [(regime, panel, [_average(m, known_task) for m in panel.methods]) for regime, panel in panels]
    ends = [mean - np.nan_to_num(half) for *_, numbers in panels for mean, half in numbers]
    start, guess = tens([*ends, 100])[0], shown.guess
    title, high = f"Average accuracy at the end, {shown.setting}", DOT * max(len(numbers) for *_, numbers in panels)
    notes = [*shown.notes("*, hatched:", "mean and 95 % interval"), *["dotted: chance"] * (guess > start)]
    names = [0.12 + widest(panel.labels) for _, panel, _ in panels]
    picture = headed(max(6.5, sum(names) + (WIDE + GAP) * len(panels)), BELOW + high + 0.3, title, notes)
    for place, (regime, panel, numbers) in enumerate(panels):
        left, rows = sum(names[: place + 1]) + (WIDE + GAP) * place, DOT * len(numbers)
        picture.write(left, BELOW + high + 0.12, regime, weight="bold", va="baseline")
        axes = picture.panel(left, BELOW + high - rows, WIDE, rows, "average accuracy (%)")
        axes.set_xlim(start, 102)
        if guess > start:
            axes.axvline(guess, color=INK, ls=":", lw=1, zorder=0.7)
        if shown.foreign(panel.methods[0]):
            axes.patch.set(hatch=HATCH, edgecolor=SHADE, linewidth=0)
        _dots(axes, panel, numbers)
        _name(axes, panel, panel.labels, regime, numbers, " %", " (95 % interval)")
    picture.describe("; ".join([title, *notes]), None)
    return picture.instead(known_task, partial(gallery, runs))


def _average(method: Method, known_task: bool) -> tuple[float, float]:
    """Mean and half width of the interval, in per cent."""
    ends = 100 * np.array(method.ends(metrics.average_accuracy, known_task))
    return metrics.mean_interval(ends) if np.isfinite(ends).all() else (math.nan, math.nan)


def _dots(axes: Axes, shown: Shown, numbers: list[tuple[float, float]]) -> None:
    """One row per method, from the top down; an interval is cut off at 0 and 100 %."""
    for place, (method, (mean, half)) in enumerate(zip(shown.methods, numbers, strict=True)):
        axes.axhline(place, color=FAINT, lw=0.6, zorder=0.6)
        if math.isfinite(half):  # pale, so that every mark is seen on it
            ends = np.clip([mean - half, mean + half], 0, 100)
            axes.plot(ends, [place, place], color=method.look.color, lw=5, alpha=0.4, solid_capstyle="butt", zorder=2)
        mark = method.look.style | {"ms": 7, "mew": 1.5, "linestyle": "", "clip_on": False}
        axes.plot(mean, place, label=method.label, zorder=3, **mark)
    axes.locator_params(axis="x", nbins=5, integer=True)


@checked
def old_and_new(runs: Runs, known_task: bool | None = None) -> Picture:
    """Accuracy on new tasks over accuracy on old ones, in per cent: up and to the right is better (LwF, Figure 1).

    New tasks: each after the first, right after it was learned; old tasks: all before the last, at the end. Each method
    is the mean over its runs with its 95 % t-intervals. Methods whose heads compete and those whose heads do not have
    separate panels. ``known_task=None`` tests each as it was trained; with the task unknown, methods that never learned
    to compete are left out.

    Raises:
        ValueError: no run, runs of different numbers of tasks or of fewer than two, or none with accuracies in this
            setting.
    """
    panels = measured(runs, True).by_regime(known_task)
    panels = [(regime, panel) for regime, panel in panels if not panel.foreign(panel.methods[0])]
    if not panels:
        raise NotMeasured("these heads never learned to compete: they can be shown with the task known only.")
    if any(run.learned < 2 for _, panel in panels for method in panel.methods for run in method.runs):
        raise ValueError("old and new tasks need runs that have learned two tasks or more.")
    found = [(regime, panel, [point(m, panel.known_task) for m in panel.methods]) for regime, panel in panels]
    found = [(regime, panel, own) for regime, panel, own in found if np.isfinite([mean for mean, _ in own]).all()]
    if not found:
        raise ValueError(f"old or new tasks have no accuracy; {NOTE}.")
    measure = "mean and 95 % intervals, which may extend beyond the edges,"
    notes = dict.fromkeys(note for _, panel, _ in found for note in panel.notes("", measure))
    legend = {method.label: method.look.handle for _, panel, _ in found for method in panel.methods}
    width, title = max(5.2, LEFT + len(found) * (SIDE + APART) - APART + 0.2), "Accuracy on old and on new tasks"
    picture = headed(width, BELOW + SIDE + 0.45, title, list(notes), legend)
    for place, (regime, panel, own) in enumerate(found):
        left, words = LEFT + place * (SIDE + APART), f"{regime}, {panel.setting}"
        picture.write(left, BELOW + SIDE + 0.3, words)
        axes = picture.panel(left, BELOW, SIDE, SIDE, "accuracy on old tasks (%)", "accuracy on new tasks (%)")
        _points(axes, panel.methods, words, own)
    picture.describe(title)
    return picture if known_task is None else picture.instead(known_task, partial(old_and_new, runs))


def point(method: Method, known_task: bool) -> tuple[np.ndarray, np.ndarray]:
    """Means and half widths (2,) of the accuracy on old and on new tasks, in per cent; no width for a single run."""
    numbers = [method.ends(one, known_task) for one in (metrics.old_task_accuracy, metrics.new_task_accuracy)]
    if not np.isfinite(numbers).all():
        return np.full(2, np.nan), np.full(2, np.nan)
    means, widths = zip(*map(metrics.mean_interval, numbers), strict=True)
    return 100 * np.array(means), 100 * np.array(widths)


def _points(axes: Axes, group: tuple[Method, ...], where: str, points: list) -> None:
    means, halves = (np.array(each) for each in zip(*points, strict=True))
    width = np.nan_to_num(halves).clip(max=MOST)
    ends = np.array([(means - width).min(0), (means + width).max(0)])
    margin = np.maximum(2, 0.08 * np.ptp(ends, axis=0))
    lows, highs = np.maximum(-2, ends[0] - margin), np.minimum(102, ends[1] + margin)
    axes.set(xlim=(lows[0], highs[0]), ylim=(lows[1], highs[1]))
    for axis, low, high in zip((axes.xaxis, axes.yaxis), lows, highs, strict=True):
        axis.set_ticks([tick for tick in axis.get_ticklocs() if max(0, low) <= tick <= min(100, high)])
    for method, mean, half in zip(group, means, halves, strict=True):
        width, height = np.nan_to_num(half)
        bars = axes.errorbar(*mean, height, width, fmt="none", ecolor=method.look.color, elinewidth=1)
        mark = axes.plot(*mean, **method.look.style | {"linestyle": ""}, ms=10, mew=1.8)
        axes.figure.layer(method.label, *bars.get_children(), *mark)
        old, new = map(reading, mean, half)
        words = f"{method.label}, {where}: {old} on old tasks, {new} on new tasks, {method.count}"
        axes.figure.points(axes, *mean[:, None], "{words}", method.label, words=words)
