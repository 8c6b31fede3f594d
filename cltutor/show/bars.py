"""Average accuracy and forgetting of each method as bars."""

from functools import partial

import numpy as np
from matplotlib.axes import Axes

from ..checked import checked
from ..evaluation import metrics
from .picture import FONT, FRAME, INK, Picture, headed, name_rows, widest
from .rules import Runs
from .runs import Method, accuracy, counted, marked, mean_and_spread, measured, methods, notes, reading, setting
from .style import GROUND, HATCH

WIDE, ROW, VALUE = 2.6, 0.45, 1.1  # inches: of an axis, of a method, of the number beside a bar
MEASURES = (
    (metrics.average_accuracy, "average accuracy at the end", "%"),
    (metrics.forgetting, "forgetting", "points"),
)


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
    if not all(any(run.learned > 1 for run in method.runs) for method in shown):
        raise ValueError("forgetting needs runs that have learned two tasks or more.")
    labels, title = marked(shown, known_task), f"Average accuracy and forgetting, {setting(known_task)}"
    left, high, rows = 0.55 + widest(labels), ROW * len(shown), []
    note = notes(shown, known_task, missing, "*, hatched:")
    picture = headed(left + 2 * (WIDE + VALUE) + 0.35, 0.66 + high, title, note)
    for place, (metric, what, unit) in enumerate(MEASURES):
        numbers = [mean_and_spread(100 * np.array([metric(matrix) for matrix in own])) for own in matrices]
        axes = picture.panel(left + place * (WIDE + VALUE + 0.15), 0.6, WIDE, high, f"{what} ({unit})")
        _bars(axes, shown, labels, numbers)
        words, of = [reading(*each, f" {unit}") for each in numbers], [counted(len(method.runs)) for method in shown]
        picture.cells(axes, labels, [""], f"{{row}}, {what}: {{words}}, {{of}}", words=words, of=of)
        name_rows(axes, [""] * len(labels) if place else labels)
        axes.tick_params(axis="y", pad=20)
        rows.append(words)
    picture.axes[0].set_xlim(0, 100)
    parts = [f"{label} keeps {kept} and forgets {lost}" for label, kept, lost in zip(labels, *rows, strict=True)]
    picture.alt = f"{'; '.join([title, *filter(None, note)])}: {'; '.join(parts)}."
    return picture.instead(known_task, partial(forgetting, runs))


def _bars(axes: Axes, shown: list[Method], labels: list[str], numbers: list[tuple[float, float]]) -> None:
    """Bars from the top down, with their methods' marks at the left and their numbers at the right."""
    across = {"transform": axes.get_yaxis_transform()}
    for place, (method, label, (mean, spread)) in enumerate(zip(shown, labels, numbers, strict=True)):
        look, hatch = method.look, HATCH if label.endswith("*") else None
        inside = "none" if hatch else look.color
        axes.barh(place, mean, height=0.6, color=inside, edgecolor=look.color, linewidth=1.2, hatch=hatch)
        if np.isfinite(spread):
            for color, width in ((GROUND, 3), (INK, 1.2)):  # seen on a bar of any colour
                axes.errorbar(mean, place, xerr=spread, color=color, capsize=3, lw=width, capthick=width)
        axes.plot(-0.06, place, **look.style, **across, ms=8, mew=1.5, clip_on=False)
        axes.text(1.03, place, reading(mean, spread, ""), **across, va="center", fontsize=FONT, color=INK)
    axes.spines["left"].set_visible(False)  # bars start at 0, wherever that is
    axes.axvline(0, color=FRAME, lw=0.8)
