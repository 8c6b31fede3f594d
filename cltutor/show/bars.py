"""What each method keeps and what it loses, as bars."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from ..evaluation import metrics
from .picture import FONT, INK, TITLE, Picture, plain, room
from .runs import NEVER_COMPETED, Method, accuracy, answering, mean_and_spread, methods, notes, setting
from .style import HATCH

if TYPE_CHECKING:
    from ..runs.run import Run

ROW = 0.45  # inches a method
VALUE = 1.1  # inches for the number beside a bar


def forgetting(runs: "Run | Sequence[Run]", known_task: bool = True) -> Picture:
    """Average accuracy and forgetting of each method side by side, in percent and points.

    The numbers are `metrics.average_accuracy` and `metrics.forgetting`; with several runs of a
    method their mean and one standard deviation (n - 1). Methods stand in the order given, not
    ranked. Bars of logits that never learned to compete are hatched.

    Raises:
        ValueError: no run, runs of different numbers of tasks, or a run of fewer than two tasks.
    """
    shown, missing = answering(methods(runs), known_task)
    kept, lost = [], []
    for method in shown:
        matrices = [accuracy(run, known_task) for run in method.runs]
        kept.append(_numbers(metrics.average_accuracy, matrices))
        lost.append(_numbers(metrics.forgetting, matrices))
    if not np.isfinite(lost).any(axis=1).all():
        raise ValueError("forgetting needs runs that have learned two tasks or more")
    hatched = [not (known_task or method.competes) for method in shown]
    left = 0.3 + max(room(len(method.label)) for method in shown)
    width = left + 2 * (2.6 + VALUE) + 0.35
    heading = f"What is kept and what is lost, {setting(known_task)}"
    note = notes(shown, known_task, missing, "hatched:", width - 0.3)
    height = 0.6 + ROW * len(shown) + 0.48 + 0.18 * len(note)
    picture = Picture(width, height)
    picture.write(0.12, height - 0.1, heading, TITLE)
    picture.write(0.12, height - 0.36, "\n".join(note))
    axes = [picture.panel(left + i * (2.6 + VALUE + 0.15), 0.6, 2.6, ROW * len(shown)) for i in (0, 1)]
    _bars(axes[0], shown, 100 * np.array(kept), hatched)
    _bars(axes[1], shown, 100 * np.array(lost), hatched)
    axes[0].set_xlim(0, 100)
    axes[0].set_yticks(range(len(shown)), [plain(method.label) for method in shown])
    axes[0].set_xlabel("average accuracy at the end (%)", fontsize=FONT, color=INK)
    axes[1].set_xlabel("forgetting (percentage points)", fontsize=FONT, color=INK)
    axes[1].set_yticks([])
    picture.alt = _alt(shown, kept, lost, known_task, any(hatched))
    return picture


def _numbers(metric, matrices: list[np.ndarray]) -> tuple[float, float]:
    """Mean and spread of a metric over the runs of a method."""
    mean, spread = mean_and_spread(np.array([metric(matrix) for matrix in matrices]))
    return float(mean), float(spread)


def _bars(axes: Axes, shown: list[Method], numbers: np.ndarray, hatched: list[bool]) -> None:
    """Bars from the top down, with their numbers in a column at the right."""
    for place, (method, (mean, spread)) in enumerate(zip(shown, numbers, strict=True)):
        color = method.look.color
        inside = "white" if hatched[place] else color
        axes.barh(
            place,
            mean,
            height=0.6,
            color=inside,
            edgecolor=color,
            linewidth=1.2,
            hatch=HATCH if hatched[place] else None,
        )
        words = f"{mean:.1f}"
        if np.isfinite(spread):
            axes.errorbar(mean, place, xerr=spread, color=INK, capsize=3, lw=1.2)
            words += f" ± {spread:.1f}"
        axes.text(
            1.03,
            place,
            words,
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=FONT,
            color=INK,
        )
    axes.spines["left"].set_visible(False)  # bars start at 0, wherever that is
    axes.axvline(0, color="#888888", lw=0.8)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)


def _alt(shown: list[Method], kept: list, lost: list, known_task: bool, hatched: bool) -> str:
    parts = [
        f"{method.label} keeps {100 * mean:.0f} % and forgets {100 * fall:.0f} points"
        for method, (mean, _), (fall, _) in zip(shown, kept, lost, strict=True)
    ]
    note = f" (hatched bars were {NEVER_COMPETED})" if hatched else ""
    return f"Average accuracy and forgetting, {setting(known_task)}{note}: {'; '.join(parts)}."
