"""The accuracy of each task over time, one panel a task."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .pages import Page, handle
from .panels import Panel, draw_dotted, draw_shades
from .picture import INK, Picture
from .runs import (
    NEVER_COMPETED,
    Method,
    accuracy,
    answering,
    chance,
    class_list,
    mean_and_spread,
    methods,
    notes,
    setting,
)

if TYPE_CHECKING:
    from ..runs.run import Run

SHADE = "#ececec"  # of the time in which a panel's own task is learned


def accuracy_over_time(runs: "Run | Sequence[Run]", known_task: bool = True) -> Picture:
    """Test accuracy of every task, in percent, while the tasks are learned one after another.

    One panel a task, one line a method: the mean over its runs, with a band of one standard
    deviation (n - 1) either side where there are several. Points lie after every epoch where the
    run recorded them, else after every task; marks lie after every task. The time in which the
    panel's own task is learned is shaded, and guessing is dotted.

    Raises:
        ValueError: no run, runs of different numbers of tasks, or none that can be asked so.
    """
    shown, missing = answering(methods(runs), known_task)
    first = shown[0].runs[0]
    lines = [_line(method, known_task) for method in shown]
    guess = 100 * chance(first, known_task)
    low = min([guess.min(), *(100 * np.nanmin(mean, initial=1) for _, mean, _ in lines)])
    page = _page(shown, low)
    note = notes(shown, known_task, missing, "*", page.width - 0.3)
    picture, panels = page.draw(f"Accuracy of each task, {setting(known_task)}", note, *_legend(shown, known_task))
    draw_shades(panels, [(task, task + 1) for task in range(len(panels))], SHADE)
    for task, panel in enumerate(panels):
        for method, (x, mean, spread) in zip(shown, lines, strict=True):
            name = f"{method.label}, task {task + 1}"
            _draw(panel, method, x, 100 * mean[:, task], 100 * spread[:, task], name)
    steps = [guess[[t] * (len(guess) - t)] if known_task else guess[t:] for t in range(len(guess))]
    draw_dotted(panels, [_stairs(task, values) for task, values in enumerate(steps)])
    picture.alt = _alt(shown, lines, known_task)
    return picture


def _points(run: "Run", known_task: bool) -> tuple[np.ndarray, np.ndarray]:
    """Places (P,) in tasks learned so far, and accuracies (P, T) there: epochs, else tasks."""
    learning = np.asarray(run.curves.epoch_task, dtype=int)
    curves = run.curves.known if known_task else run.curves.unknown
    matrix = accuracy(run, known_task)
    places, values = [], []
    for task in range(len(matrix)):
        # Networks of separate ways are asked with the task unknown after whole tasks only.
        epochs = np.flatnonzero((learning == task) & np.isfinite(curves).any(axis=1))
        done = np.isfinite(matrix[task, task])
        planned = len(epochs) if done else max(len(epochs), run.recipe.schedule.epochs)
        places += [task + (e + 1) / planned for e in range(len(epochs))]
        values += [curves[e] for e in epochs]
        if done and not len(epochs):
            places.append(task + 1)
            values.append(matrix[task])
    return np.array(places, dtype=float), np.reshape(values, (-1, len(matrix))).astype(float)


def _line(method: Method, known_task: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places (P,), mean (P, T) and spread (P, T) of a method; a stopped run counts where it is."""
    points = [_points(run, known_task) for run in method.runs]
    places = np.unique(np.concatenate([x for x, _ in points]).round(9))
    values = np.full((len(points), len(places), points[0][1].shape[1]), np.nan)
    for own, (x, y) in zip(values, points, strict=True):
        own[np.searchsorted(places, x.round(9))] = y
    return (places, *mean_and_spread(values))


def _page(shown: list[Method], lowest: float) -> Page:
    first = shown[0].runs[0]
    count = len(first.tasks)
    headings = [f"task {task + 1}: {class_list(first, task)}" for task in range(count)]
    ticks = [(task + 0.5, str(task + 1)) for task in range(count)]
    return Page(headings, lowest, count, ticks, f"task being learned{_epochs(shown)}")


def _epochs(shown: list[Method]) -> str:
    """How many epochs a task takes, if it is the same everywhere."""
    runs = [run for method in shown for run in method.runs]
    counts = {run.recipe.schedule.epochs for run in runs if len(run.curves.epoch_task)}
    return f" ({counts.pop()} epochs each)" if len(counts) == 1 else ""


def _legend(shown: list[Method], known_task: bool) -> tuple[list, list[str]]:
    handles, labels = [], []
    for method in shown:
        handles.append(handle(method.look))
        labels.append(method.label + ("" if known_task or method.competes else "*"))
    handles += [Line2D([], [], color=INK, linestyle=":", lw=1), Patch(color=SHADE)]
    return handles, [*labels, "guessing", "own task being learned"]


def _stairs(start: int, values: np.ndarray) -> np.ndarray:
    """(2N, 2) points of a line that stands at each value for one unit of x, from `start` on."""
    x = np.repeat(np.arange(start, start + len(values) + 1), 2)[1:-1]
    return np.column_stack([x, np.repeat(values, 2)])


def _draw(panel: Panel, method: Method, x: np.ndarray, mean: np.ndarray, spread: np.ndarray, name: str) -> None:
    """One method's line in one panel, with its band where several runs reach."""
    seen = np.isfinite(mean)
    if not seen.any():
        return
    x, mean, spread = x[seen], mean[seen], spread[seen]
    several = np.isfinite(spread)
    if several.any():
        low, high = np.clip([mean - spread, mean + spread], 0, 100)[:, several]
        panel.band(x[several], low, high, method.look, name)
    ends = np.flatnonzero(np.isclose(x, np.round(x)))
    panel.line(x, mean, method.look, ends, name)


def _alt(shown: list[Method], lines: list[tuple[np.ndarray, ...]], known_task: bool) -> str:
    ends = []
    for method, (_, mean, _) in zip(shown, lines, strict=True):
        if len(mean):
            now = mean[-1][np.isfinite(mean[-1])]
            ends.append(
                f"{method.label} ends with {100 * now[0]:.0f} % on task 1 and {100 * now.mean():.0f} % on average"
            )
    words = f"Accuracy of each task while the tasks are learned in turn, {setting(known_task)}"
    note = "" if known_task or all(m.competes for m in shown) else f" (some {NEVER_COMPETED})"
    return f"{words}{note}: {'; '.join(ends) or 'nothing has been learned yet'}."
