"""The accuracy matrix as a heat map."""

from functools import partial
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from ..checked import checked
from ..evaluation.metrics import average_accuracy
from ..runs.naming import name_of
from ..runs.run import Run
from .picture import FONT, Picture, headed, name_rows, plain, widest, wrapped
from .runs import DASH, accuracy, class_list, counted, measured, percent
from .style import HATCH, INK, ink_on

MAP = "cividis"  # perceptually uniform and the same to readers with any colour vision


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
    axes.set(xlim=(-0.5, count - 0.5))
    if run.learned:
        picture.frames([f"after task {task + 1}" for task in range(run.learned)], "task")
        names = [f"task {task + 1} ({class_list(run, task)})" for task in range(count)]
        since = np.repeat(np.minimum(np.arange(count), run.learned - 1), count)
        picture.cells(axes, names, names, "after {row}, on {column}: {value:.1f} %", since=since, value=100 * values)
        for row in range(run.learned):
            picture.appear(row, *fill_row(axes, values, row, hatched))
    axes.set_xticks(range(count), [plain(column) for column in columns])
    name_rows(axes, rows)
    done = max(np.flatnonzero(np.isfinite(values).any(axis=1)), default=-1) + 1
    notes += [f"average accuracy {percent(100 * average_accuracy(values))} after {counted(done, 'task')}"] * bool(done)
    words = f"Accuracy matrix of {name_of(run)}, {shown.setting}"
    picture.describe("; ".join([words, *notes]), (0, -done))  # the first task, at first and at the end
    return picture.instead(known_task, partial(accuracy_matrix, run))


def _label(run: Run, task: int, between: str, inches: float, lines: int) -> str:
    """The task's number, with the names of its classes if they fit."""
    names = wrapped(class_list(run, task), inches)
    fits = len(names) <= lines and widest(names) <= inches
    return f"{task + 1}{between}" + "\n".join(names) if fits else str(task + 1)


def fill_row(axes: Axes, values: np.ndarray, row: int, hatched: bool, decimals: int = 1) -> list[Artist]:
    """What is drawn of the accuracies after one task."""
    image = heat_map(axes, values[row : row + 1], 0, 1, extent=(-0.5, len(values) - 0.5, row + 0.5, row - 0.5))
    drawn = [image]
    if hatched:
        hatch = Rectangle((-0.5, row - 0.5), row + 1, 1, fill=False, hatch=HATCH, edgecolor="white", linewidth=0)
        drawn.append(axes.add_patch(hatch))
    for column, value in enumerate(values[row, : row + 1]):
        words = f"{100 * value:.{decimals}f}" if np.isfinite(value) else DASH
        text = write_in_cell(axes, row, column, words, image.to_rgba(value), FONT + 1)
        if np.isnan(value):
            text.set_color(INK)
        elif hatched:
            text.set_bbox({"facecolor": image.to_rgba(value), "edgecolor": "none", "pad": 1.5})
        drawn.append(text)
    return drawn


def heat_map(axes: Axes, values: np.ndarray, low: float, high: float | None, **options: Any) -> AxesImage:
    """Cells (rows, columns) in colours from low to high, by default the largest; nan is left out."""
    look = {"cmap": MAP, "vmin": low, "vmax": high, "aspect": "auto", "interpolation": "none"}
    return axes.imshow(values, **look | options)


def write_in_cell(axes: Axes, row: float, column: float, words: str, color: tuple[float, ...], size: float = FONT):
    """A number in a cell of a heat map, in black or white, whichever is readable on the cell's colour."""
    options = {"ha": "center", "va": "center_baseline", "fontsize": size}
    return axes.text(column, row, words, color=ink_on(color), **options)
