"""Many methods at a glance: a dot and an interval for each, with one panel per training regime."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..checked import checked
from ..evaluation import metrics
from .picture import FAINT, INK, Picture, headed, name_rows, widest
from .rules import Runs
from .runs import NEVER_COMPETED, Method, accuracy, chance, mean_and_spread, measured, methods, notes, percent, setting
from .style import HATCH

WIDE, ROW, GAP, BELOW = 2.6, 0.215, 0.3, 0.62  # inches: of a panel, of a method, beside and below a panel
THIN = ("x", "+", "1", "2", "3", "4", "|", "_")  # marks without a face
REGIMES = {False: "trained per task", True: "trained across tasks"}


@checked
def gallery(runs: Runs, known_task: bool = True) -> Picture:
    """Average accuracy at the end of each method, in per cent: mean and 95 % interval over its runs.

    Methods that were trained per task and those that were trained across tasks have separate panels, in the order
    given: they must not be ranked together. A panel of logits that never learned to compete is hatched if the task is
    unknown. One run of a method has no interval. The dotted line is chance.

    Raises:
        ValueError: no run, runs of different numbers of tasks, or a run that has not learned all of them.
    """
    shown, missing = measured(_by_regime(runs), known_task)
    panels = [group for regime in REGIMES if (group := [m for m in shown if m.competes == regime])]
    numbers = [[_numbers(method, known_task) for method in group] for group in panels]
    ends = [mean - (0 if math.isnan(half) else half) for group in numbers for mean, half in group]
    low = min([end for end in ends if math.isfinite(end)], default=100)
    start, guessed = max(0, 10 * math.floor((low - 1) / 10)), 100 * chance(shown[0].runs[0], known_task)
    guess = float(mean_and_spread(guessed)[0] if known_task else guessed[-1])  # among a task's classes, or among all
    names = [0.12 + widest(method.label for method in group) for group in panels]
    high, title = ROW * max(map(len, panels)), f"Average accuracy at the end, {setting(known_task)}"
    note = notes(shown, known_task, missing, "hatched:", "mean and 95 % interval")
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
            axes.patch.set(hatch=HATCH, edgecolor="#e3e3e3", linewidth=0)
        _dots(axes, group, own)
        means = ", ".join(f"{method.label} {percent(mean)}" for method, (mean, _) in zip(group, own, strict=True))
        parts.append(f"{regime.capitalize()}: {means}.")
        left += WIDE + GAP
    never = "" if known_task or panels[0][0].competes else f" (the hatched panel was {NEVER_COMPETED})"
    picture.alt = f"{title}{never}. {' '.join(parts)}"
    return picture


def _by_regime(runs: Runs) -> list[Method]:
    """The methods of the runs trained per task, then of those trained across tasks; one name may occur in both."""
    everyone = [run for method in methods(runs) for run in method.runs]
    if unfinished := sorted({run.name for run in everyone if not run.complete}):
        raise ValueError(f"the accuracy at the end needs runs that have learned all tasks; not so {unfinished[0]}.")
    return [m for regime in REGIMES if (own := [r for r in everyone if r.competes == regime]) for m in methods(own)]


def _numbers(method: Method, known_task: bool) -> tuple[float, float]:
    """Mean and half width of the interval, in per cent."""
    ends = [100 * metrics.average_accuracy(accuracy(run, known_task)) for run in method.runs]
    return metrics.mean_interval(ends) if np.isfinite(ends).all() else (math.nan, math.nan)


def _dots(axes: Axes, group: list[Method], numbers: list[tuple[float, float]]) -> None:
    """One row per method, from the top down; an interval is cut off at 0 and 100 %."""
    for place, (method, (mean, half)) in enumerate(zip(group, numbers, strict=True)):
        look = method.look
        axes.axhline(place, color=FAINT, lw=0.6, zorder=0.6)
        if math.isfinite(half):
            axes.plot(np.clip([mean - half, mean + half], 0, 100), [place, place], color=look.color, lw=2.2, zorder=2)
        if look.marker in THIN:  # it could not be seen on its interval
            axes.plot(mean, place, "o", color="white", ms=10, mew=0, zorder=2.5)
        mark = {"marker": look.marker, "ms": 7, "mew": 1.5, "ls": "", "clip_on": False}
        axes.plot(mean, place, color=look.color, label=method.label, zorder=3, **mark)
    name_rows(axes, [method.label for method in group])
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10], integer=True))
