"""Many methods at a glance: a dot and an interval for each, with one panel per training regime."""

import math
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..checked import checked
from ..evaluation import metrics
from .picture import FAINT, INK, Picture, headed, name_rows, widest
from .rules import Runs
from .runs import (
    REGIMES,
    Method,
    accuracy,
    chance,
    counted,
    marked,
    mean_and_spread,
    measured,
    methods,
    notes,
    reading,
    setting,
)
from .style import HATCH, SHADE

WIDE, ROW, GAP, BELOW = 2.6, 0.215, 0.3, 0.62  # inches: of a panel, of a method, beside and below a panel


@checked
def gallery(runs: Runs, known_task: bool = True) -> Picture:
    """Average accuracy at the end of each method, in per cent: mean and 95 % interval over its runs.

    Methods that were trained per task and those that were trained across tasks have separate panels, in the order
    given: they must not be ranked together. A panel of logits that never learned to compete is hatched if the task is
    unknown. One run of a method has no interval. The dotted line is chance.

    Raises:
        ValueError: no run, runs of different numbers of tasks, or a run that has not learned all of them.
    """
    shown, missing = measured(sorted(methods(runs), key=lambda method: method.competes), known_task)
    if unfinished := sorted({run.name for method in shown for run in method.runs if not run.complete}):
        raise ValueError(f"the accuracy at the end needs runs that have learned all tasks; not so {unfinished[0]}.")
    panels = [group for regime in REGIMES if (group := [m for m in shown if m.competes == regime])]
    numbers = [[_numbers(method, known_task) for method in group] for group in panels]
    ends = [mean - (0 if math.isnan(half) else half) for group in numbers for mean, half in group]
    low = min([end for end in ends if math.isfinite(end)], default=100)
    start, guessed = max(0, 10 * math.floor((low - 1) / 10)), 100 * chance(shown[0].runs[0], known_task)
    guess = float(mean_and_spread(guessed)[0] if known_task else guessed[-1])  # among a task's classes, or among all
    names = [0.12 + widest(marked(group, known_task)) for group in panels]
    high, title = ROW * max(map(len, panels)), f"Average accuracy at the end, {setting(known_task)}"
    note = notes(shown, known_task, missing, "*, hatched:", "mean and 95 % interval")
    note += ["dotted: chance"] * (guess > start)
    picture = headed(max(6.5, sum(names) + (WIDE + GAP) * len(panels)), BELOW + high + 0.3, title, note)
    left, parts = 0.0, []
    for group, own, inches in zip(panels, numbers, names, strict=True):
        left += inches
        regime = REGIMES[group[0].competes]
        picture.write(left, BELOW + high + 0.12, regime, weight="bold", va="baseline")
        axes = picture.panel(left, BELOW + high - ROW * len(group), WIDE, ROW * len(group), "average accuracy (%)")
        axes.set_xlim(start, 102)
        if guess > start:
            axes.axvline(guess, color=INK, ls=":", lw=1, zorder=0.7)
        if not known_task and not group[0].competes:
            axes.patch.set(hatch=HATCH, edgecolor=SHADE, linewidth=0)
        _dots(axes, group, own)
        name_rows(axes, labels := marked(group, known_task))
        words = [f"{reading(*each)}{' (95 % interval)' * math.isfinite(each[1])}" for each in own]
        of = [counted(len(method.runs)) for method in group]
        picture.cells(axes, labels, [""], f"{{row}}, {regime}: {{words}}, {{of}}", words=words, of=of)
        parts.append(f"{regime.capitalize()}: {', '.join(map(' '.join, zip(labels, words, strict=True)))}.")
        left += WIDE + GAP
    picture.alt = f"{'; '.join([title, *filter(None, note)])}. {' '.join(parts)}"
    return picture.instead(known_task, partial(gallery, runs))


def _numbers(method: Method, known_task: bool) -> tuple[float, float]:
    """Mean and half width of the interval, in per cent."""
    ends = [100 * metrics.average_accuracy(accuracy(run, known_task)) for run in method.runs]
    return metrics.mean_interval(ends) if np.isfinite(ends).all() else (math.nan, math.nan)


def _dots(axes: Axes, group: list[Method], numbers: list[tuple[float, float]]) -> None:
    """One row per method, from the top down; an interval is cut off at 0 and 100 %."""
    for place, (method, (mean, half)) in enumerate(zip(group, numbers, strict=True)):
        axes.axhline(place, color=FAINT, lw=0.6, zorder=0.6)
        if math.isfinite(half):  # pale, so that every mark is seen on it
            ends = np.clip([mean - half, mean + half], 0, 100)
            axes.plot(ends, [place, place], color=method.look.color, lw=5, alpha=0.4, solid_capstyle="butt", zorder=2)
        mark = method.look.style | {"ms": 7, "mew": 1.5, "linestyle": "", "clip_on": False}
        axes.plot(mean, place, label=method.label, zorder=3, **mark)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10], integer=True))
