"""What came out at the end, by method: average accuracy and forgetting, a gallery, old against new tasks."""

import math
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..checked import checked
from ..evaluation import metrics
from .picture import FONT, Picture, headed, name_rows, tens, widest
from .rules import Runs
from .runs import (
    NOTE,
    REGIMES,
    Method,
    NotMeasured,
    Shown,
    accuracy,
    chance,
    counted,
    mean_and_spread,
    measured,
    reading,
)
from .style import FAINT, FRAME, GROUND, HATCH, INK, SHADE

WIDE, BELOW = 2.6, 0.62  # inches: of a panel with a row per method, and below any panel
BAR, VALUE = 0.45, 1.1  # inches of a method with its bars, and of the number beside a bar
DOT, GAP = 0.215, 0.3  # inches of a method in the gallery, and between its panels
SIDE, LEFT, APART = 3.6, 0.85, 0.95  # inches of a panel of old and new tasks, left of the first, between two
MOST = 10  # points of an interval that are shown in any case
MEASURES = (
    (metrics.average_accuracy, "average accuracy at the end", "%"),
    (metrics.forgetting, "forgetting", "points"),
)


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
    matrices = [[accuracy(run, known_task) for run in method.runs] for method in shown.methods]
    if not all(any(run.learned > 1 for run in method.runs) for method in shown.methods):
        raise ValueError("forgetting needs runs that have learned two tasks or more.")
    labels, title = shown.labels, f"Average accuracy and forgetting, {shown.setting}"
    left, high, notes = 0.55 + widest(labels), BAR * len(labels), shown.notes("*, hatched:")
    picture = headed(left + 2 * (WIDE + VALUE) + 0.35, BELOW + high + 0.06, title, notes)
    for place, (metric, what, unit) in enumerate(MEASURES):
        numbers = [mean_and_spread(100 * np.array([metric(matrix) for matrix in own])) for own in matrices]
        axes = picture.panel(left + place * (WIDE + VALUE + 0.15), BELOW, WIDE, high, f"{what} ({unit})")
        _bars(axes, shown, numbers)
        _read_rows(picture, axes, shown, what, [reading(*each, f" {unit}") for each in numbers])
        name_rows(axes, [""] * len(labels) if place else labels)
        axes.tick_params(axis="y", pad=20)
    picture.axes[0].set_xlim(0, 100)
    picture.describe("; ".join([title, *notes]), None)
    return picture.instead(known_task, partial(forgetting, runs))


def _bars(axes: Axes, shown: Shown, numbers: list[tuple[float, float]]) -> None:
    """Bars from the top down, with their methods' marks at the left and their numbers at the right."""
    across = {"transform": axes.get_yaxis_transform()}
    for place, (method, (mean, spread)) in enumerate(zip(shown.methods, numbers, strict=True)):
        look, hatched = method.look, shown.foreign(method)
        style = {"color": "none", "hatch": HATCH} if hatched else {"color": look.color}
        axes.barh(place, mean, height=0.6, **style, edgecolor=look.color, linewidth=1.2)
        if np.isfinite(spread):
            for color, width in ((GROUND, 3), (INK, 1.2)):  # seen on a bar of any colour
                axes.errorbar(mean, place, xerr=spread, color=color, capsize=3, lw=width, capthick=width)
        axes.plot(-0.06, place, **look.style, **across, ms=8, mew=1.5, clip_on=False)
        axes.text(1.03, place, reading(mean, spread, ""), **across, va="center", fontsize=FONT, color=INK)
    axes.spines["left"].set_visible(False)  # bars start at 0, wherever that is
    axes.axvline(0, color=FRAME, lw=0.8)


def _read_rows(picture: Picture, axes: Axes, shown: Shown, what: str, words: list[str]) -> None:
    of = [counted(len(method.runs)) for method in shown.methods]
    picture.cells(axes, shown.labels, [""], f"{{row}}, {what}: {{words}}, {{of}}", words=words, of=of)


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
    panels = [Shown(tuple(m for m in shown.methods if m.competes == one), known_task) for one in REGIMES]
    panels = [panel for panel in panels if panel.methods]
    numbers = [[_average(method, known_task) for method in panel.methods] for panel in panels]
    ends = [mean - (0 if math.isnan(half) else half) for group in numbers for mean, half in group]
    start, guesses = tens([*ends, 100])[0], 100 * chance(shown.methods[0].runs[0], known_task)
    guess = float(mean_and_spread(guesses)[0] if known_task else guesses[-1])  # among a task's classes, or among all
    names = [0.12 + widest(panel.labels) for panel in panels]
    high, title = DOT * max(map(len, numbers)), f"Average accuracy at the end, {shown.setting}"
    notes = [*shown.notes("*, hatched:", "mean and 95 % interval"), *["dotted: chance"] * (guess > start)]
    width, left = max(6.5, sum(names) + (WIDE + GAP) * len(panels)), 0.0
    picture = headed(width, BELOW + high + 0.3, title, notes)
    for panel, own, inches in zip(panels, numbers, names, strict=True):
        left += inches
        regime, rows = REGIMES[panel.methods[0].competes], DOT * len(panel.methods)
        picture.write(left, BELOW + high + 0.12, regime, weight="bold", va="baseline")
        axes = picture.panel(left, BELOW + high - rows, WIDE, rows, "average accuracy (%)")
        axes.set_xlim(start, 102)
        if guess > start:
            axes.axvline(guess, color=INK, ls=":", lw=1, zorder=0.7)
        if shown.foreign(panel.methods[0]):
            axes.patch.set(hatch=HATCH, edgecolor=SHADE, linewidth=0)
        _dots(axes, panel, own)
        name_rows(axes, panel.labels)
        words = [f"{reading(*each)}{' (95 % interval)' * math.isfinite(each[1])}" for each in own]
        _read_rows(picture, axes, panel, regime, words)
        left += WIDE + GAP
    picture.describe("; ".join([title, *notes]), None)
    return picture.instead(known_task, partial(gallery, runs))


def _average(method: Method, known_task: bool) -> tuple[float, float]:
    """Mean and half width of the interval, in per cent."""
    ends = [100 * metrics.average_accuracy(accuracy(run, known_task)) for run in method.runs]
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
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10], integer=True))


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
    shown, panels = measured(runs, True).methods, []
    for competes in REGIMES:
        group = tuple(method for method in shown if method.competes == competes)
        panel = Shown(group, not competes if known_task is None else known_task)
        panels += [panel] if group and (panel.known_task or competes) else []
    if not panels:
        raise NotMeasured("these heads never learned to compete: they can be shown with the task known only.")
    if any(run.learned < 2 for panel in panels for method in panel.methods for run in method.runs):
        raise ValueError("old and new tasks need runs that have learned two tasks or more.")
    points = [(panel, [point(method, panel.known_task) for method in panel.methods]) for panel in panels]
    points = [(panel, own) for panel, own in points if np.isfinite([mean for mean, _ in own]).all()]
    if not points:
        raise ValueError(f"old or new tasks have no accuracy; {NOTE}.")
    measure = "mean and 95 % intervals, which may extend beyond the edges,"
    notes = dict.fromkeys(note for panel, _ in points for note in panel.notes("", measure))
    legend = {method.label: method.look.handle for panel, _ in points for method in panel.methods}
    width, title = max(5.2, LEFT + len(points) * (SIDE + APART) - APART + 0.2), "Accuracy on old and on new tasks"
    picture = headed(width, BELOW + SIDE + 0.45, title, list(notes), legend)
    for place, (panel, own) in enumerate(points):
        left, words = LEFT + place * (SIDE + APART), f"{REGIMES[panel.methods[0].competes]}, {panel.setting}"
        picture.write(left, BELOW + SIDE + 0.3, words)
        axes = picture.panel(left, BELOW, SIDE, SIDE, "accuracy on old tasks (%)", "accuracy on new tasks (%)")
        _points(picture, axes, panel.methods, words, own)
    picture.describe(title)
    return picture if known_task is None else picture.instead(known_task, partial(old_and_new, runs))


def point(method: Method, known_task: bool) -> tuple[np.ndarray, np.ndarray]:
    """Means and half widths (2,) of the accuracy on old and on new tasks, in per cent; no width for a single run."""
    matrices = [run.accuracy(known_task=known_task) for run in method.runs]
    numbers = [[f(matrix) for matrix in matrices] for f in (metrics.old_task_accuracy, metrics.new_task_accuracy)]
    if not np.isfinite(numbers).all():
        return np.full(2, np.nan), np.full(2, np.nan)
    means, widths = zip(*map(metrics.mean_interval, numbers), strict=True)
    return 100 * np.array(means), 100 * np.array(widths)


def _points(picture: Picture, axes: Axes, group: tuple[Method, ...], where: str, points: list) -> None:
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
        drawn = bars.get_children()
        drawn += axes.plot(*mean, **method.look.style | {"linestyle": ""}, ms=10, mew=1.8)
        picture.layer(method.label, *drawn)
        old, new = map(reading, mean, half)
        words = f"{method.label}, {where}: {old} on old tasks, {new} on new tasks, {counted(len(method.runs))}"
        picture.points(axes, *mean[:, None], "{words}", method.label, words=words)
