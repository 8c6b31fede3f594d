"""What a method keeps of old tasks and what it gets of new ones (LwF, Figure 1), as one point a method."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from ..evaluation import metrics
from .pages import columns_of, handle
from .picture import FONT, INK, TITLE, Picture, wrapped
from .runs import Method, methods, setting

if TYPE_CHECKING:
    from ..runs.run import Run

SIDE, LEFT, BELOW, ABOVE, GAP = 3.6, 0.85, 0.65, 0.5, 0.95  # inches
WIDE = 10  # points of an interval that are shown in any case
TRAINED = {False: "trained with a head per task", True: "trained with all classes competing"}


def old_and_new(runs: "Run | Sequence[Run]", known_task: bool | None = None) -> Picture:
    """Accuracy on new tasks over accuracy on old ones, in percent: up and to the right is better.

    New tasks: each after the first, right after it was learned; old ones: all before the last, at the end. Each method
    is the mean over its runs with its 95 % t-intervals. Methods whose heads compete and those whose heads do not have
    a panel each, asked as they were trained for ``known_task=None``; those that never learned to compete are left out
    when asked with the task unknown.

    Raises:
        ValueError: no run, runs of different numbers of tasks or of fewer than two, or none that can be asked.
    """
    panels = []
    for competes in (False, True):
        shown = [method for method in methods(runs) if method.competes == competes]
        known = not competes if known_task is None else known_task
        if shown and (known or competes):
            panels.append((competes, known, shown))
    if not panels:
        raise ValueError("these heads never learned to compete: they can be shown with the task known only")
    points = [[point(method, known) for method in shown] for _, known, shown in panels]
    if not np.isfinite([means for place in points for means, _ in place]).all():
        raise ValueError("old and new tasks need runs that have learned two tasks or more")
    return _draw(panels, points)


def point(method: Method, known_task: bool) -> tuple[np.ndarray, np.ndarray]:
    """Means and half widths (2,) of the accuracy on old and on new tasks, in percent; no width for a single run."""
    matrices = [run.accuracy(known_task=known_task) for run in method.runs]
    numbers = [[f(matrix) for matrix in matrices] for f in (metrics.old_task_accuracy, metrics.new_task_accuracy)]
    if not np.isfinite(numbers).all():
        return np.full(2, np.nan), np.full(2, np.nan)
    means, widths = zip(*map(metrics.mean_interval, numbers), strict=True)
    return 100 * np.array(means), 100 * np.array(widths)


def _draw(panels: list, points: list) -> Picture:
    width = max(5.2, LEFT + len(panels) * SIDE + (len(panels) - 1) * GAP + 0.2)
    heading = wrapped("What is kept of old tasks, and what new ones come to", width - 0.3, TITLE)
    runs = max(len(method.runs) for _, _, shown in panels for method in shown)
    note = wrapped("mean and 95 % intervals, which may pass the edges", width - 0.3) if runs > 1 else []
    labels = {method.label: method.look for _, _, shown in panels for method in shown}
    fits = columns_of(list(labels), width - 0.2)
    down = 0.2 + 0.22 * len(heading) + 0.18 * len(note)
    top = down + 0.22 * math.ceil(len(labels) / fits) + 0.15
    picture = Picture(width, BELOW + SIDE + ABOVE + top)
    high = picture.get_figheight()
    picture.write(0.12, high - 0.1, "\n".join(heading), TITLE)
    picture.write(0.12, high - down + 0.06 + 0.18 * len(note), "\n".join(note))
    picture.key([handle(look) for look in labels.values()], list(labels), down, fits)
    for place, ((competes, known, shown), found) in enumerate(zip(panels, points, strict=True)):
        left = LEFT + place * (SIDE + GAP)
        axes = picture.panel(left, BELOW, SIDE, SIDE)
        picture.write(left, BELOW + SIDE + ABOVE, f"{TRAINED[competes]},\n{setting(known)}")
        _points(axes, shown, found)
    picture.alt = _alt(panels, points)
    return picture


def _points(axes: Axes, shown: list[Method], found: list) -> None:
    means = np.array([mean for mean, _ in found])
    for side, axis in enumerate((axes.xaxis, axes.yaxis)):
        width = np.array([np.nan_to_num(half[side]).clip(max=WIDE) for _, half in found])
        low, high = (means[:, side] - width).min(), (means[:, side] + width).max()
        room = max(2, 0.08 * (high - low))
        low, high = max(-2, low - room), min(102, high + room)
        (axes.set_ylim if side else axes.set_xlim)(low, high)
        axis.set_ticks([tick for tick in axis.get_ticklocs() if max(0, low) <= tick <= min(100, high)])
        for method, (mean, half) in zip(shown, found, strict=True):
            ends = np.repeat(mean[None], 2, 0)
            ends[:, side] += np.array([-1, 1]) * (0 if np.isnan(half[side]) else half[side])
            axes.plot(*ends.T, color=method.look.color, lw=1)
    for method, (mean, _) in zip(shown, found, strict=True):
        axes.plot(*mean, color=method.look.color, marker=method.look.marker, ms=10, mew=1.8, ls="none")
    axes.set_xlabel("accuracy on old tasks (%)", fontsize=FONT, color=INK)
    axes.set_ylabel("accuracy on new tasks (%)", fontsize=FONT, color=INK)


def _alt(panels: list, points: list) -> str:
    parts = []
    for (competes, known, shown), found in zip(panels, points, strict=True):
        told = [f"{m.label} {mean[0]:.0f} % and {mean[1]:.0f} %" for m, (mean, _) in zip(shown, found, strict=True)]
        parts.append(f"{TRAINED[competes]}, {setting(known)}: {', '.join(told)}")
    return f"Accuracy on old and on new tasks; {'; '.join(parts)}."
