"""The accuracy matrix as a heat map."""

from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from ..evaluation.metrics import average_accuracy
from .picture import FONT, INK, TITLE, Picture, plain, room, wrapped
from .runs import NEVER_COMPETED, accuracy, answering, class_list, methods, setting
from .style import HATCH, ink_on

if TYPE_CHECKING:
    from ..runs.run import Run

MAP = "cividis"  # perceptually uniform and the same to readers with any colour vision


def accuracy_matrix(run: "Run", known_task: bool = True) -> Picture:
    """Heat map of the (T, T) accuracy matrix, in percent: rows after a task, columns on a task.

    A row read from left to right is one network's accuracy on every task it has seen; a column read
    downwards is one task being forgotten. The cells of logits that never learned to compete
    (known_task=False of a run trained per task) are hatched.

    Raises:
        ValueError: not a single run, or one that cannot be asked without the task.
    """
    if not hasattr(run, "accuracy"):
        raise ValueError("an accuracy matrix shows one run: give one, or call it for each run")
    answering(methods(run), known_task)
    values = accuracy(run, known_task)
    count = len(values)
    cell, height = (0.95, max(0.6, 1.6 / count)) if count <= 5 else (0.68, 0.52)
    columns = [_label(run, j, "\n", cell - 0.06, 4 if count <= 5 else 2) for j in range(count)]
    rows = [_label(run, i, ": ", 1.9, 2) for i in range(count)]
    left = 0.65 + max(room(len(line)) for row in rows for line in row.split("\n"))
    below = 0.4 + 0.17 * max(column.count("\n") + 1 for column in columns)
    width = max(left + count * cell + 0.25, 4.6)
    title = wrapped(f"{run.name}: accuracy (%), {setting(known_task)}", width - 0.3, TITLE)
    hatched = not (known_task or run.competes)
    note = wrapped(f"hatched: {NEVER_COMPETED}", width - 0.3) if hatched else []
    above = 0.25 + 0.22 * len(title) + 0.18 * len(note)
    picture = Picture(width, below + count * height + above)
    picture.write(0.15, picture.get_figheight() - 0.12, "\n".join(title), TITLE)
    picture.write(0.15, picture.get_figheight() - 0.15 - 0.22 * len(title), "\n".join(note))
    axes = picture.panel(left, below, count * cell, count * height)
    _cells(axes, values, hatched)
    axes.set_xticks(range(count), [plain(column) for column in columns])
    axes.set_yticks(range(count), [plain(row) for row in rows])
    axes.tick_params(length=0)
    axes.set_xlabel("accuracy on task", fontsize=FONT, color=INK)
    axes.set_ylabel("after learning task", fontsize=FONT, color=INK)
    picture.alt = _alt(run, values, known_task)
    return picture


def _label(run: "Run", task: int, between: str, inches: float, lines: int) -> str:
    """The task's number, with the names of its classes where they fit."""
    names = wrapped(class_list(run, task), inches)
    fits = len(names) <= lines and max(room(len(line)) for line in names) <= inches
    return f"{task + 1}{between}" + "\n".join(names) if fits else str(task + 1)


def _cells(axes: Axes, values: np.ndarray, hatched: bool) -> None:
    colors = matplotlib.colormaps[MAP]
    axes.imshow(values, cmap=colors, vmin=0, vmax=1, aspect="auto")
    for spine in axes.spines.values():
        spine.set_visible(False)
    if hatched:
        learned = int(np.isfinite(np.diag(values)).sum())
        stairs = [(i + 1, y) for i in range(learned) for y in (i, i + 1)]
        corners = np.array([(0, 0), *stairs, (0, learned)]) - 0.5
        axes.add_patch(Polygon(corners, fill=False, hatch=HATCH, edgecolor="white", linewidth=0))
    for i, j in zip(*np.nonzero(np.isfinite(values)), strict=True):
        color = colors(values[i, j])
        axes.text(
            j,
            i,
            f"{100 * values[i, j]:.1f}",
            ha="center",
            va="center",
            fontsize=FONT + 1,
            color=ink_on(color),
            bbox={"facecolor": color, "edgecolor": "none", "pad": 1.5} if hatched else None,
        )


def _alt(run: "Run", values: np.ndarray, known_task: bool) -> str:
    words = f"Accuracy matrix of {run.name}, {setting(known_task)}"
    learned = int(np.isfinite(np.diag(values)).sum())
    if learned == 0:
        return f"{words}: no task has been learned yet."
    end = f"average accuracy {100 * average_accuracy(values):.0f} % after {learned} tasks"
    if learned == 1:
        return f"{words}: {100 * values[0, 0]:.0f} % on task 1, the only one learned."
    fall = f"task 1 goes from {100 * values[0, 0]:.0f} % to {100 * values[learned - 1, 0]:.0f} %"
    note = f" ({NEVER_COMPETED})" if not (known_task or run.competes) else ""
    return f"{words}{note}: {fall}, {end}."
