"""Many methods at a glance: a dot and an interval for each, in a panel of its own for each regime of training."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..evaluation import metrics
from .picture import FAINT, FONT, INK, TITLE, Picture, plain, room, wrapped
from .runs import NEVER_COMPETED, Method, accuracy, answering, chance, methods, setting
from .style import HATCH

if TYPE_CHECKING:
    from ..runs.run import Run

WIDE, ROW, GAP = 2.6, 0.215, 0.3  # inches: a panel, a method, beside a panel
BELOW, ABOVE = 0.62, 0.72
THIN = ("x", "+", "1", "2", "3", "4", "|", "_")  # marks without a face
REGIMES = {False: "trained per task", True: "trained across tasks"}

Numbers = tuple[float, float]  # mean and half width of the interval, in percent


def gallery(runs: "Run | Sequence[Run]", known_task: bool = True) -> Picture:
    """Average accuracy at the end of each method, in percent: mean and 95 % interval over its runs.

    Methods that were trained per task and those that were trained across tasks stand in panels of their own, in the
    order given: they are not to be ranked together. A panel of logits that never learned to compete is hatched where
    they are made to. One run of a method has no interval. The dotted line is chance.

    Raises:
        ValueError: no run, runs of different numbers of tasks, or a run that has not learned all of them.
    """
    shown, missing = answering(_by_regime(runs), known_task)
    panels = [group for regime in REGIMES if (group := [m for m in shown if m.competes == regime])]
    numbers = [[_numbers(method, known_task) for method in group] for group in panels]
    low = min(mean - (0 if math.isnan(half) else half) for group in numbers for mean, half in group)
    start, guess = max(0, 10 * math.floor((low - 1) / 10)), _guess(shown[0], known_task)
    names = [0.12 + max(room(len(method.label)) for method in group) for group in panels]
    width = max(6.5, sum(names) + (WIDE + GAP) * len(panels))
    said = [*_notes(shown, known_task, chance_in_view=guess > start), missing]
    lines = [line for note in said for line in wrapped(note, width - 0.3)]
    high = ROW * max(map(len, panels))
    picture = Picture(width, height := BELOW + high + ABOVE + 0.18 * len(lines))
    title = f"Average accuracy at the end, {setting(known_task)}"
    picture.write(0.12, height - 0.1, title, TITLE)
    picture.write(0.12, height - 0.36, "\n".join(lines))
    left, told = 0.0, []
    for group, own, inches in zip(panels, numbers, names, strict=True):
        left += inches
        regime = REGIMES[group[0].competes]
        picture.write(left, BELOW + high + 0.12, regime, weight="bold", va="baseline")
        axes = picture.panel(left, BELOW + high - ROW * len(group), WIDE, ROW * len(group))
        axes.set_xlim(start, 102)
        if guess > start:
            axes.axvline(guess, color=INK, ls=":", lw=1, zorder=0.7)
        if not known_task and not group[0].competes:
            axes.patch.set(hatch=HATCH, edgecolor="#e3e3e3", linewidth=0)
        _dots(axes, group, own)
        told.append(_told(regime, group, own))
        left += WIDE + GAP
    never = "" if known_task or panels[0][0].competes else f" (the hatched panel was {NEVER_COMPETED})"
    picture.alt = f"{title}{never}. {' '.join(told)}"
    return picture


def _by_regime(runs: "Run | Sequence[Run]") -> list[Method]:
    """The methods of the runs trained per task, then of those trained across tasks: one name may be in both."""
    everyone = [run for method in methods(runs) for run in method.runs]
    if unfinished := sorted({run.name for run in everyone if not run.complete}):
        raise ValueError(f"the accuracy at the end needs runs that have learned all tasks; not so {unfinished[0]}")
    return [m for regime in REGIMES if (own := [r for r in everyone if r.competes == regime]) for m in methods(own)]


def _numbers(method: Method, known_task: bool) -> Numbers:
    ends = [100 * metrics.average_accuracy(accuracy(run, known_task)) for run in method.runs]
    return metrics.mean_interval(ends)


def _guess(method: Method, known_task: bool) -> float:
    """The accuracy of guessing, in percent: among a task's classes, or among all."""
    guessed = chance(method.runs[0], known_task)  # of each task, or after each task
    return 100 * float(guessed.mean() if known_task else guessed[-1])


def _notes(shown: list[Method], known_task: bool, chance_in_view: bool) -> list[str]:
    counts = sorted({len(method.runs) for method in shown})
    over = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0])
    found = [f"mean and 95 % interval over {over} runs"] if counts[-1] > 1 else []
    found += ["dotted: chance"] if chance_in_view else []
    if not known_task and not all(method.competes for method in shown):
        found.append(f"hatched: {NEVER_COMPETED}")
    return found


def _dots(axes: Axes, group: list[Method], numbers: list[Numbers]) -> None:
    """A row a method, from the top down; an interval ends where accuracies do."""
    for place, (method, (mean, half)) in enumerate(zip(group, numbers, strict=True)):
        look = method.look
        axes.axhline(place, color=FAINT, lw=0.6, zorder=0.6)
        if math.isfinite(half):
            axes.plot(np.clip([mean - half, mean + half], 0, 100), [place, place], color=look.color, lw=2.2, zorder=2)
        if look.marker in THIN:  # it would be lost on its interval
            axes.plot(mean, place, "o", color="white", ms=10, mew=0, zorder=2.5)
        mark = {"marker": look.marker, "ms": 7, "mew": 1.5, "ls": "", "clip_on": False}
        axes.plot(mean, place, color=look.color, label=method.label, zorder=3, **mark)
    axes.set_ylim(len(group) - 0.5, -0.5)
    axes.set_yticks(range(len(group)), [plain(method.label) for method in group])
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10], integer=True))
    axes.set_xlabel("average accuracy (%)", fontsize=FONT, color=INK)


def _told(regime: str, group: list[Method], numbers: list[Numbers]) -> str:
    parts = [f"{method.label} {mean:.0f} %" for method, (mean, _) in zip(group, numbers, strict=True)]
    return f"{regime[0].upper()}{regime[1:]}: {', '.join(parts)}."
