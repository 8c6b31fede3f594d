"""The terms of a loss over the steps of a run."""

from itertools import cycle, pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..checked import checked
from ..runs.naming import name_of
from ..runs.run import Run
from .picture import FAINT, FONT, INK, Picture, headed, room
from .style import TERMS

WIDTH, WIDE = 8.0, 6.8  # inches of the picture and of the axis
POINTS, SPOTS = 1500, 300  # a line of this width cannot show more, and a pointer not meet more


@checked
def loss_parts(run: Run) -> Picture:
    """Each term of the loss at every step: raw values light, their moving mean strong.

    The moving mean spans 2 % of the steps, at least 5, and does not cross from one task into the next, where the loss
    jumps. A term is drawn where it was active.

    Raises:
        ValueError: a run without a step.
    """
    tasks = np.asarray(run.curves.step_task)
    if len(tasks) == 0:
        raise ValueError("this run has no steps yet: its loss has no parts to show.")
    starts = np.flatnonzero(np.diff(tasks, prepend=tasks[0] - 1))
    span = max(5, round(0.02 * len(tasks)))
    looks = {name: {"color": color, "ls": line} for name, (color, line) in zip(run.curves.loss, cycle(TERMS))}
    legend = {name: Line2D([], [], lw=1.8, **look) for name, look in looks.items()}
    picture = headed(WIDTH, 2.95, f"{name_of(run)}: the parts of its loss", (), legend, len(legend))
    axes = picture.panel(0.85, 0.6, WIDE, 2.05, "step", "weighted loss (mean of a batch)")
    shown = np.arange(0, len(tasks), max(1, len(tasks) // POINTS))
    breaks = np.searchsorted(shown, starts[1:])  # no line may cross from one task to the next
    steps, highest, ends = np.insert(shown + 1.0, breaks, np.nan), 0.0, []
    met = shown[:: max(1, len(shown) // SPOTS)]
    names, until = _epochs(run, tasks, starts)
    picture.frames(names, "epoch")
    for name, raw in run.curves.loss.items():
        smooth = np.concatenate([moving_mean(part, span) for part in np.split(raw, starts[1:])])
        light, strong = (np.insert(values[shown], breaks, np.nan) for values in (raw, smooth))
        drawn = axes.plot(steps, light, color=looks[name]["color"], alpha=0.25, lw=0.7)
        drawn += axes.plot(steps, strong, lw=1.8, label=name, **looks[name])
        picture.layer(name, *drawn)
        picture.unveil(axes, until + 0.5, *drawn)
        columns = {"name": name, "step": met + 1, "task": tasks[met] + 1, "mean": smooth[met], "raw": raw[met]}
        words, since = "{name}, step {step} (task {task}): mean {mean:.3g}, this batch {raw:.3g}", until < met[:, None]
        picture.points(axes, met + 1, smooth[met], words, name, since=since.sum(1), **columns)
        highest = np.nanmax(smooth, initial=highest)
        last = smooth[np.isfinite(smooth)]
        ends += [f"{name} ends at {last[-1]:.3g}"] if len(last) else []
    # The axis follows the means: a single spike of the raw loss may exceed it.
    axes.set(xlim=(1, max(2, len(tasks))), ylim=(0, 1.15 * highest or 1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _mark_tasks(axes, starts, tasks)
    words = f"Parts of the loss of {name_of(run)} over {len(tasks):,} steps and {len(starts)} task"
    picture.alt = f"{words}{'s' if len(starts) > 1 else ''}: {'; '.join(ends) or 'none was active'}."
    return picture


def _epochs(run: Run, tasks: np.ndarray, starts: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The frames in words, and the last step of each: epochs, or whole tasks where the run recorded none."""
    names, last = [], []
    for start, end in pairwise([*starts, len(tasks)]):
        count = max(1, int((np.asarray(run.curves.epoch_task) == tasks[start]).sum()))
        last += np.linspace(start, end, count + 1)[1:].tolist()
        names += [f"task {tasks[start] + 1}, epoch {epoch + 1} of {count}" for epoch in range(count)]
    return names, np.array(last)


def moving_mean(values: np.ndarray, span: int) -> np.ndarray:
    """Mean over the steps at most span // 2 away, leaving out nan; nan where the value is nan."""
    active = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(active, values, 0))])
    counts = np.concatenate([[0], np.cumsum(active)])
    first = np.maximum(np.arange(len(values)) - span // 2, 0)
    after = np.minimum(np.arange(len(values)) + span // 2 + 1, len(values))
    total, number = sums[after] - sums[first], counts[after] - counts[first]
    return np.divide(total, number, out=np.full(len(values), np.nan), where=active)


def _mark_tasks(axes: Axes, starts: np.ndarray, tasks: np.ndarray) -> None:
    """A line where each task begins, with its number above."""
    across = axes.get_xaxis_transform()
    axes.vlines(starts[1:] + 0.5, 0, 1, transform=across, color=FAINT, lw=0.8)
    ends = np.append(starts[1:], len(tasks))
    narrow = (ends - starts).min() / len(tasks) * WIDE < room(len("task 10"))
    look = {"transform": across, "ha": "center", "fontsize": FONT, "color": INK}
    for start, end in zip(starts, ends, strict=True):
        axes.text((start + end + 1) / 2, 1.02, f"{'' if narrow else 'task '}{tasks[start] + 1}", **look)
