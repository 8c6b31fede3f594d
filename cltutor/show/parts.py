"""The parts of a loss over the steps of a run."""

from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from .picture import FAINT, FONT, INK, TITLE, Picture, room
from .style import TERMS

if TYPE_CHECKING:
    from ..runs.run import Run

WIDTH, HEIGHT = 8.0, 3.6
POINTS = 1500  # more than that a line 8 inches wide cannot show


def loss_parts(run: "Run") -> Picture:
    """Each term of the loss at every step: the raw values light, their moving mean strong.

    The moving mean spans 2 % of the steps, 5 at least, and does not cross from one task into the next, where
    the loss jumps. A term is drawn where it was active.

    Raises:
        ValueError: something that is not one run, or a run without a step.
    """
    if not hasattr(run, "curves"):
        raise ValueError("the parts of a loss are those of one run: give one, as learn() returns it")
    tasks = np.asarray(run.curves.step_task)
    if len(tasks) == 0:
        raise ValueError("this run has no steps yet: its loss has no parts to show")
    starts = np.flatnonzero(np.diff(tasks, prepend=tasks[0] - 1))
    span = max(5, round(0.02 * len(tasks)))
    picture = Picture(WIDTH, HEIGHT)
    axes = picture.panel(0.85, 0.6, WIDTH - 1.2, HEIGHT - 1.55)
    shown = np.arange(0, len(tasks), max(1, len(tasks) // POINTS))
    breaks = np.searchsorted(shown, starts[1:])  # where no line may cross from task to task
    steps = np.insert(shown + 1.0, breaks, np.nan)
    handles, tops, ends = [], [], []
    for (name, raw), (color, line) in zip(run.curves.loss.items(), cycle(TERMS), strict=False):
        smooth = np.concatenate([_moving_mean(part, span) for part in np.split(raw, starts[1:])])
        for values, look in ((raw, {"alpha": 0.25, "lw": 0.7}), (smooth, {"ls": line, "lw": 1.8})):
            drawn = axes.plot(steps, np.insert(values[shown], breaks, np.nan), color=color, **look)
        drawn[0].set_label(name)
        handles += drawn
        tops.append(np.nanmax(smooth, initial=0))
        last = smooth[np.isfinite(smooth)]
        ends += [f"{name} ends at {last[-1]:.3g}"] if len(last) else []
    # The axis follows the means: a single spike of the raw loss may leave the top.
    axes.set(xlim=(1, max(2, len(tasks))), ylim=(0, 1.15 * max(tops) or 1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("step", fontsize=FONT, color=INK)
    middle = 0.6 + (HEIGHT - 1.55) / 2
    picture.write(0.12, middle, "weighted loss (mean of a batch)", rotation=90, va="center")
    _mark_tasks(axes, starts, tasks)
    picture.write(0.12, HEIGHT - 0.1, f"{run.name}: the parts of its loss", TITLE)
    picture.key(handles, list(run.curves.loss), 0.42, len(handles))
    count = len(starts)
    words = f"Parts of the loss of {run.name} over {len(tasks):,} steps and {count} task"
    picture.alt = f"{words}{'s' if count > 1 else ''}: {'; '.join(ends) or 'none was active'}."
    return picture


def _moving_mean(values: np.ndarray, span: int) -> np.ndarray:
    """Mean over the steps at most span // 2 away, leaving out nan; nan where the value is nan."""
    active = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(active, values, 0))])
    counts = np.concatenate([[0], np.cumsum(active)])
    first = np.maximum(np.arange(len(values)) - span // 2, 0)
    after = np.minimum(np.arange(len(values)) + span // 2 + 1, len(values))
    total, number = sums[after] - sums[first], counts[after] - counts[first]
    return np.divide(total, number, out=np.full(len(values), np.nan), where=active)


def _mark_tasks(axes, starts: np.ndarray, tasks: np.ndarray) -> None:
    """A line where each task begins and its number above."""
    across = axes.get_xaxis_transform()
    axes.vlines(starts[1:] + 0.5, 0, 1, transform=across, color=FAINT, lw=0.8)
    ends = np.append(starts[1:], len(tasks))
    narrow = (ends - starts).min() / len(tasks) * (WIDTH - 1.2) < room(len("task 10"))
    for start, end in zip(starts, ends, strict=True):
        number = str(tasks[start] + 1)
        axes.text(
            (start + end) / 2 + 0.5,
            1.02,
            number if narrow else f"task {number}",
            transform=across,
            ha="center",
            fontsize=FONT,
            color=INK,
        )
