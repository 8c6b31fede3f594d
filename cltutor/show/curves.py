"""The accuracy of each task over time, one panel a task."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import Bbox

from .panels import Panel, draw_dotted, draw_frames, draw_shades
from .picture import INK, TITLE, Picture, room, shortened, wrapped
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
    from ..run import Run

SHADE = "#ececec"  # of the time in which a panel's own task is learned
LEFT, GAP, BELOW, TITLES = 0.85, 0.15, 0.6, 0.35  # inches around the panels
WIDTHS = {1: 4.6, 2: 3.6, 3: 2.9, 4: 2.35}  # inches of a panel for so many in a row


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
    picture, panels = _page(shown, known_task, missing, max(0, 10 * math.floor((low - 2) / 10)))
    for task, panel in enumerate(panels):
        for method, (x, mean, spread) in zip(shown, lines, strict=True):
            name = f"{method.label}, task {task + 1}"
            _draw(panel, method, x, 100 * mean[:, task], 100 * spread[:, task], name)
        title = f"task {task + 1}: {class_list(first, task)}"
        place = panel.place
        picture.write(place.x0, place.y1 + 0.07, shortened(title, place.width), va="baseline")
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
        epochs = np.flatnonzero(learning == task)
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


def _page(shown: list[Method], known_task: bool, missing: str, low: float) -> tuple[Picture, list[Panel]]:
    """The page with title, notes, legend, frames and empty panels."""
    count = len(shown[0].runs[0].tasks)
    rows = 1 if count <= 5 else math.ceil(count / 5)
    columns = math.ceil(count / rows)
    wide, high = WIDTHS.get(columns, 2.0), 2.3 if rows == 1 else 1.7
    width = LEFT + columns * (wide + GAP) + 0.1
    heading = wrapped(f"Accuracy of each task, {setting(known_task)}", width - 0.3, TITLE)
    note = notes(shown, known_task, missing, "*", width - 0.3)
    handles, labels = _legend(shown, known_task)
    fits = _columns(labels, width - 0.2)
    down = 0.2 + 0.22 * len(heading) + 0.18 * len(note)
    top = down + 0.22 * math.ceil(len(labels) / fits) + 0.3
    height = BELOW + rows * (high + TITLES) - TITLES + top
    picture = Picture(width, height)
    picture.write(0.12, height - 0.1, "\n".join(heading), TITLE)
    picture.write(0.12, height - down + 0.06 + 0.18 * len(note), "\n".join(note))
    picture.key(handles, labels, down, fits)
    panels = []
    for task in range(count):
        row, column = divmod(task, columns)
        left, bottom = LEFT + column * (wide + GAP), BELOW + (rows - 1 - row) * (high + TITLES)
        place = Bbox.from_bounds(left, bottom, wide, high)
        panels.append(Panel(picture, place, count, low - 0.03 * (100 - low), 103))
    step = 10 if low >= 50 else 20
    _number(panels, columns, range(step * math.ceil(low / step), 101, step))
    draw_shades(panels, [(task, task + 1) for task in range(count)], SHADE)
    picture.write(LEFT, 0.25, f"task being learned{_epochs(shown)}", va="center")
    picture.write(0.12, (BELOW + height - top) / 2, "accuracy (%)", rotation=90, va="center")
    return picture, panels


def _columns(labels: list[str], inches: float) -> int:
    """Columns of a legend: one for each label if they fit in a row, else as many as the widest."""
    widths = [room(len(label)) + 0.7 for label in labels]
    return len(labels) if sum(widths) <= inches else max(1, int(inches / max(widths)))


def _number(panels: list[Panel], columns: int, percents: range) -> None:
    """Frames, percents at the left of every row and task numbers below every column."""
    draw_frames(panels, percents)
    picture = panels[0].picture
    for panel in panels[::columns]:
        for y, percent in zip(panel.inches((0, p) for p in percents)[:, 1], percents, strict=True):
            picture.write(panel.place.x0 - 0.07, y, str(percent), ha="right", va="center_baseline")
    for panel in panels[-columns:]:
        middles = panel.inches((task + 0.5, panel.low) for task in range(len(panels)))
        for number, (x, y) in enumerate(middles, start=1):
            picture.write(x, y - 0.05, str(number), ha="center")


def _epochs(shown: list[Method]) -> str:
    """How many epochs a task takes, if it is the same everywhere."""
    runs = [run for method in shown for run in method.runs]
    counts = {run.recipe.schedule.epochs for run in runs if len(run.curves.epoch_task)}
    return f" ({counts.pop()} epochs each)" if len(counts) == 1 else ""


def _legend(shown: list[Method], known_task: bool) -> tuple[list, list[str]]:
    handles, labels = [], []
    for method in shown:
        style = method.look
        handles.append(Line2D([], [], color=style.color, linestyle=style.line, marker=style.marker))
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
