"""The accuracy of each task over time, one panel per task."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..checked import checked
from .pages import paneled
from .panels import draw_dotted, draw_shades
from .picture import Picture, handle
from .rules import Runs
from .runs import (
    DASH,
    NEVER_COMPETED,
    Method,
    accuracy,
    chance,
    class_list,
    marked,
    mean_and_spread,
    measured,
    methods,
    notes,
    percent,
    setting,
)
from .style import INK, SHADE

if TYPE_CHECKING:
    from ..runs.run import Run


@checked
def accuracy_over_time(runs: Runs, known_task: bool = True) -> Picture:
    """Test accuracy of every task, in per cent, while the tasks are learned one after another.

    One panel per task, one line per method: the mean over its runs, with a band of one standard deviation (n - 1) where
    there are several. There is a point after every epoch where the run recorded epochs, else after every task; there is
    a mark after every task. The time in which the panel's own task is learned is shaded, and guessing is dotted.

    Raises:
        ValueError: no run, runs of different numbers of tasks, or none with accuracies in this setting.
    """
    shown, missing = measured(methods(runs), known_task)
    lines = [_line(method, known_task) for method in shown]
    guess = chance(shown[0].runs[0], known_task)
    first, count = shown[0].runs[0], len(guess)
    single = [known_task and len(task) == 1 for task in first.tasks]
    headings = [f"task {task + 1}: {class_list(first, task)}{f' {DASH}' * single[task]}" for task in range(count)]
    lowest = 100 * min([np.nanmin(guess, initial=1), *(np.nanmin(mean, initial=1) for _, mean, *_ in lines)])
    ticks, below = [(task + 0.5, str(task + 1)) for task in range(count)], f"task being learned{_epochs(shown)}"
    title, note = f"Accuracy of each task, {setting(known_task)}", notes(shown, known_task, missing, "*")
    legend = {label: handle(m.look) for m, label in zip(shown, marked(shown, known_task), strict=True)}
    legend["guessing"] = Line2D([], [], color=INK, linestyle=":", lw=1)
    legend["own task being learned"] = Patch(color=SHADE)
    picture, panels = paneled(headings, lowest, ticks, count, below, title, note, legend)
    draw_shades(panels, [(task, task + 1) for task in range(count)], SHADE)
    times = np.unique(np.concatenate([[0.0], *(x for x, *_ in lines)]))[1:]
    picture.frames([_moment(x) for x in times], "time")
    for method, label, (x, mean, spread, runs_at) in zip(shown, legend, lines, strict=False):
        at, ends, since = [_moment(each) for each in x], np.isclose(x, np.round(x)), np.searchsorted(times, x)
        for task, panel in enumerate(panels):
            name, values = f"{method.label}, task {task + 1}", (x, mean[:, task], spread[:, task])
            drawn = panel.mean(*values, method.look, name, at, label, runs_at[:, task], since, ends)
            picture.unveil(panel, times + 0.02, *drawn)
    steps = [guess[[t] * (count - t)] if known_task else guess[t:] for t in range(count)]
    draw_dotted(panels, [_stairs(task, 100 * values) for task, values in enumerate(steps)])
    picture.alt = _alt(shown, lines, known_task)
    return picture.instead(known_task, partial(accuracy_over_time, runs))


def _points(run: "Run", known_task: bool) -> tuple[np.ndarray, np.ndarray]:
    """Places (P,) in tasks learned so far, and the accuracies (P, T) there: after epochs, else after tasks."""
    learning = np.asarray(run.curves.epoch_task, dtype=int)
    curves = run.curves.known if known_task else run.curves.unknown
    matrix = accuracy(run, known_task)
    places, values = [], []
    for task in range(len(matrix)):
        # Networks with separate columns per task are tested with the task unknown after whole tasks only.
        epochs = np.flatnonzero((learning == task) & np.isfinite(curves).any(axis=1))
        done = np.isfinite(matrix[task]).any()
        planned = len(epochs) if done else max(len(epochs), run.recipe.schedule.epochs)
        places += [task + (e + 1) / planned for e in range(len(epochs))]
        values += [curves[e] for e in epochs]
        if done and not len(epochs):
            places.append(task + 1)
            values.append(matrix[task])
    return np.array(places, dtype=float), np.reshape(values, (-1, len(matrix))).astype(float)


def _line(method: Method, known_task: bool) -> tuple[np.ndarray, ...]:
    """Places (P,), mean, spread and number of runs (P, T) of a method; a stopped run counts as far as it got."""
    points = [_points(run, known_task) for run in method.runs]
    places = np.unique(np.concatenate([x for x, _ in points]).round(9))
    values = np.full((len(points), len(places), points[0][1].shape[1]), np.nan)
    for own, (x, y) in zip(values, points, strict=True):
        own[np.searchsorted(places, x.round(9))] = y
    return (places, *mean_and_spread(values), np.isfinite(values).sum(axis=0))


def _moment(place: float) -> str:
    """A place on the axis of time in words."""
    task, share = divmod(place, 1)
    return f"{100 * share:.3g} % of task {task + 1:.0f}" if 0.001 < share < 0.999 else f"after task {round(place)}"


def _epochs(shown: list[Method]) -> str:
    """The number of epochs per task, if it is the same everywhere."""
    runs = [run for method in shown for run in method.runs]
    counts = {run.recipe.schedule.epochs for run in runs if len(run.curves.epoch_task)}
    return f" ({counts.pop()} epochs each)" if len(counts) == 1 else ""


def _stairs(start: int, values: np.ndarray) -> np.ndarray:
    """(2N, 2) points of a line that stays at each value for one unit of x, from `start` on."""
    x = np.repeat(np.arange(start, start + len(values) + 1), 2)[1:-1]
    return np.column_stack([x, np.repeat(values, 2)])


def _alt(shown: list[Method], lines: list[tuple[np.ndarray, ...]], known_task: bool) -> str:
    ends = []
    for method, (_, mean, *_) in zip(shown, lines, strict=True):
        if len(mean) or method.runs[0].learned:
            now = 100 * mean[-1] if len(mean) else np.full(mean.shape[1], np.nan)
            average = percent(now[np.isfinite(now)].mean()) if np.isfinite(now).any() else DASH
            ends.append(f"{method.label} ends with {percent(now[0])} on task 1 and {average} on average")
    words = f"Accuracy of each task while the tasks are learned in turn, {setting(known_task)}"
    note = "" if known_task or all(m.competes for m in shown) else f" (some {NEVER_COMPETED})"
    return f"{words}{note}: {'; '.join(ends) or 'nothing has been learned yet'}."
