"""Accuracy on old and on new tasks (LwF, Figure 1), one point per method."""

from functools import partial

import numpy as np
from matplotlib.axes import Axes

from ..checked import checked
from ..evaluation import metrics
from .picture import Picture, handle, headed
from .rules import Runs
from .runs import NOTE, REGIMES, Method, NotMeasured, counted, methods, one_class_notes, reading, setting

SIDE, LEFT, BELOW, ABOVE, GAP = 3.6, 0.85, 0.65, 0.3, 0.95  # inches
WIDE = 10  # points of an interval that are shown in any case


@checked
def old_and_new(runs: Runs, known_task: bool | None = None) -> Picture:
    """Accuracy on new tasks over accuracy on old ones, in per cent: up and to the right is better.

    New tasks: each after the first, right after it was learned; old tasks: all before the last, at the end. Each method
    is the mean over its runs with its 95 % t-intervals. Methods whose heads compete and those whose heads do not have
    separate panels. ``known_task=None`` tests each as it was trained; with the task unknown, methods that never learned
    to compete are left out.

    Raises:
        ValueError: no run, runs of different numbers of tasks or of fewer than two, or none with accuracies in this
            setting.
    """
    panels = []
    for competes in (False, True):
        shown = [method for method in methods(runs) if method.competes == competes]
        known = not competes if known_task is None else known_task
        if shown and (known or competes):
            panels.append((f"{REGIMES[competes]}, {setting(known)}", shown, [point(m, known) for m in shown]))
    if not panels:
        raise NotMeasured("these heads never learned to compete: they can be shown with the task known only.")
    runs = [run for _, shown, _ in panels for method in shown for run in method.runs]
    if any(run.learned < 2 for run in runs):
        raise ValueError("old and new tasks need runs that have learned two tasks or more.")
    panels = [panel for panel in panels if np.isfinite([mean for mean, _ in panel[2]]).all()]
    if not panels:
        raise ValueError(f"old or new tasks have no accuracy; {NOTE}.")
    several = max(len(method.runs) for _, shown, _ in panels for method in shown) > 1
    picture = headed(
        max(5.2, LEFT + len(panels) * (SIDE + GAP) - GAP + 0.2),
        BELOW + SIDE + ABOVE + 0.15,
        "Accuracy on old and on new tasks",
        ["mean and 95 % intervals, which may extend beyond the edges"] * several
        + one_class_notes(runs, any("task known" in words for words, _, _ in panels)),
        {method.label: handle(method.look) for _, shown, _ in panels for method in shown},
    )
    parts = []
    for place, (words, shown, points) in enumerate(panels):
        left = LEFT + place * (SIDE + GAP)
        picture.write(left, BELOW + SIDE + ABOVE, words)
        axes = picture.panel(left, BELOW, SIDE, SIDE, "accuracy on old tasks (%)", "accuracy on new tasks (%)")
        _points(picture, axes, shown, points)
        means = [f"{m.label} {mean[0]:.0f} % and {mean[1]:.0f} %" for m, (mean, _) in zip(shown, points, strict=True)]
        parts.append(f"{words}: {', '.join(means)}")
    picture.alt = f"Accuracy on old and on new tasks; {'; '.join(parts)}."
    return picture if known_task is None else picture.instead(known_task, partial(old_and_new, runs))


def point(method: Method, known_task: bool) -> tuple[np.ndarray, np.ndarray]:
    """Means and half widths (2,) of the accuracy on old and on new tasks, in per cent; no width for a single run."""
    matrices = [run.accuracy(known_task=known_task) for run in method.runs]
    numbers = [[f(matrix) for matrix in matrices] for f in (metrics.old_task_accuracy, metrics.new_task_accuracy)]
    if not np.isfinite(numbers).all():
        return np.full(2, np.nan), np.full(2, np.nan)
    means, widths = zip(*map(metrics.mean_interval, numbers), strict=True)
    return 100 * np.array(means), 100 * np.array(widths)


def _points(picture: Picture, axes: Axes, shown: list[Method], points: list[tuple[np.ndarray, np.ndarray]]) -> None:
    means = np.array([mean for mean, _ in points])
    for side, axis in enumerate((axes.xaxis, axes.yaxis)):
        width = np.array([np.nan_to_num(half[side]).clip(max=WIDE) for _, half in points])
        low, high = (means[:, side] - width).min(), (means[:, side] + width).max()
        margin = max(2, 0.08 * (high - low))
        low, high = max(-2, low - margin), min(102, high + margin)
        (axes.set_ylim if side else axes.set_xlim)(low, high)
        axis.set_ticks([tick for tick in axis.get_ticklocs() if max(0, low) <= tick <= min(100, high)])
    for method, (mean, half) in zip(shown, points, strict=True):
        ends = mean + np.nan_to_num(half) * np.array([[[-1, 0], [1, 0]], [[0, -1], [0, 1]]])
        drawn = [axes.plot(*each.T, color=method.look.color, lw=1)[0] for each in ends]
        drawn += axes.plot(*mean, **method.look.style | {"linestyle": ""}, ms=10, mew=1.8)
        picture.layer(method.label, *drawn)
        old, new = map(reading, mean, half)
        words = f"{method.label}: {old} on old tasks, {new} on new tasks, {counted(len(method.runs))}"
        picture.points(axes, *mean[:, None], "{words}", method.label, words=words)
