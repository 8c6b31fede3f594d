"""Average accuracy and forgetting of each method as bars."""

from functools import partial

import numpy as np
from matplotlib.axes import Axes

from ..checked import checked
from ..evaluation import metrics
from .picture import FONT, FRAME, INK, Picture, headed, name_rows, widest
from .rules import Runs
from .runs import (
    NEVER_COMPETED,
    Method,
    accuracy,
    counted,
    marked,
    mean_and_spread,
    measured,
    methods,
    notes,
    percent,
    reading,
    setting,
)
from .style import GROUND, HATCH

WIDE, ROW, VALUE = 2.6, 0.45, 1.1  # inches: of an axis, of a method, of the number beside a bar


@checked
def forgetting(runs: Runs, known_task: bool = True) -> Picture:
    """Average accuracy and forgetting of each method side by side, in per cent and percentage points.

    The numbers are `metrics.average_accuracy` and `metrics.forgetting`; with several runs of a method their mean and
    one standard deviation (n - 1). Methods are in the order given, not ranked. Bars of logits that never learned to
    compete are hatched.

    Raises:
        ValueError: no run, runs of different numbers of tasks, or a run of fewer than two tasks.
    """
    shown, missing = measured(methods(runs), known_task)
    matrices = [[accuracy(run, known_task) for run in method.runs] for method in shown]
    kept, lost = (
        np.array([mean_and_spread(100 * np.array([metric(matrix) for matrix in own])) for own in matrices])
        for metric in (metrics.average_accuracy, metrics.forgetting)
    )
    if not all(any(run.learned > 1 for run in method.runs) for method in shown):
        raise ValueError("forgetting needs runs that have learned two tasks or more.")
    labels, title = marked(shown, known_task), f"Average accuracy and forgetting, {setting(known_task)}"
    left, high = 0.3 + widest(labels), ROW * len(shown)
    note = notes(shown, known_task, missing, "*, hatched:")
    picture = headed(left + 2 * (WIDE + VALUE) + 0.35, 0.66 + high, title, note)
    bars = picture.panel(left, 0.6, WIDE, high, "average accuracy at the end (%)")
    _bars(bars, shown, labels, kept, "average accuracy at the end", " %")
    bars.set_xlim(0, 100)
    name_rows(bars, labels)
    bars = picture.panel(left + WIDE + VALUE + 0.15, 0.6, WIDE, high, "forgetting (percentage points)")
    _bars(bars, shown, labels, lost, "forgetting", " points")
    name_rows(bars, [""] * len(shown))
    parts = [
        f"{method.label} keeps {percent(mean)} and forgets {fall:.0f} points"
        for method, (mean, _), (fall, _) in zip(shown, kept, lost, strict=True)
    ]
    never = f" (hatched bars were {NEVER_COMPETED})" if any("*" in label for label in labels) else ""
    picture.alt = f"{title}{never}: {'; '.join(parts)}."
    return picture.instead(known_task, partial(forgetting, runs))


def _bars(axes: Axes, shown: list[Method], labels: list[str], numbers: np.ndarray, what: str, unit: str) -> None:
    """Bars from the top down with their methods' marks, and their numbers in a column at the right."""
    across, words = axes.get_yaxis_transform(), [reading(*each, unit) for each in numbers]
    for place, (method, label, (mean, spread)) in enumerate(zip(shown, labels, numbers, strict=True)):
        color, hatch = method.look.color, HATCH if label.endswith("*") else None
        inside = GROUND if hatch else color
        axes.barh(place, mean, height=0.6, color=inside, edgecolor=color, linewidth=1.2, hatch=hatch)
        if np.isfinite(spread):
            axes.errorbar(mean, place, xerr=spread, color=INK, capsize=3, lw=1.2)
        axes.plot(mean, place, **method.look.style, ms=8, mew=1.5, clip_on=False)
        value = words[place].removesuffix(unit)
        axes.text(1.05, place, value, transform=across, va="center", fontsize=FONT, color=INK)
    axes.spines["left"].set_visible(False)  # bars start at 0, wherever that is
    axes.axvline(0, color=FRAME, lw=0.8)
    of = [counted(len(method.runs)) for method in shown]
    axes.figure.cells(axes, labels, [""], f"{{row}}, {what}: {{words}}, {{of}}", words=words, of=of)
