"""Runs as the figures need them: grouped into methods, with mean and spread over seeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..describe import counted
from ..runs.naming import grouped, name_of
from ..runs.one_class import DASH, NOTE, competitors, constant_terms, informative
from ..streams.stream import arrivals
from .style import Look, look

if TYPE_CHECKING:
    from ..runs.run import Run

REGIMES = {False: "trained per task", True: "trained across tasks"}
NEVER_COMPETED = "trained per task: these logits never learned to compete across tasks"


class NotMeasured(ValueError):
    """Runs without accuracies in a setting."""


@dataclass(frozen=True)
class Method:
    """The runs of one recipe, which differ by seed or class order."""

    label: str
    runs: tuple["Run", ...]
    look: Look

    @property
    def competes(self) -> bool:
        return all(run.competes for run in self.runs)

    @property
    def count(self) -> str:
        return counted(len(self.runs), "run")

    def ends(self, metric: Callable[[np.ndarray], float], known_task: bool) -> list[float]:
        """A metric of the accuracy matrix of each run."""
        return [metric(accuracy(run, known_task)) for run in self.runs]


@dataclass(frozen=True)
class Shown:
    """The methods that a picture shows in one setting, and a note on those that it cannot show."""

    methods: tuple[Method, ...]
    known_task: bool
    missing: str = ""

    @property
    def labels(self) -> list[str]:
        """With an asterisk where logits are compared that never learned to compete."""
        return [method.label + "*" * self.foreign(method) for method in self.methods]

    @property
    def setting(self) -> str:
        return setting(self.known_task)

    @property
    def guess(self) -> float:
        """The accuracy of guessing at the end, in per cent: among a task's classes, or among all."""
        guesses = 100 * chance(self.methods[0].runs[0], self.known_task)
        return float(mean_and_spread(guesses)[0] if self.known_task else guesses[-1])

    def by_regime(self, known_task: bool | None) -> list[tuple[str, "Shown"]]:
        """The methods trained per task and those trained across tasks, if any, in a setting; None: as each was."""
        groups = {one: tuple(m for m in self.methods if m.competes == one) for one in REGIMES}
        settings = {one: not one if known_task is None else known_task for one in REGIMES}
        return [(REGIMES[one], Shown(group, settings[one])) for one, group in groups.items() if group]

    def foreign(self, method: Method) -> bool:
        """Whether logits are compared that never learned to compete."""
        return not (self.known_task or method.competes)

    def notes(self, mark: str, measure: str = "mean ± one standard deviation") -> list[str]:
        """Notes below a title: the number of runs in a mean, the meaning of the mark, the methods that are missing."""
        counts = sorted({len(method.runs) for method in self.methods})
        several = f"{measure} over {f'{counts[0]} to ' if len(counts) > 1 else ''}{counts[-1]} runs"
        never = f"{mark} {NEVER_COMPETED}" if any(map(self.foreign, self.methods)) else ""
        found = [several if measure and counts[-1] > 1 else "", never, self.missing]
        runs = [run for method in self.methods for run in method.runs]
        found += [NOTE] * (self.known_task and any(1 in competitors(run.tasks) for run in runs))
        found += [words for run in runs for words in constant_terms(run.recipe, run.tasks)]
        return list(dict.fromkeys(filter(None, found)))


def methods(runs: Sequence["Run"]) -> list[Method]:
    """Group runs by method, in the order given.

    Runs of one name are seeds of one method, unless their recipes differ: then each recipe is a method of its own, and
    its label shows how it differs.

    Raises:
        ValueError: runs of different numbers of tasks.
    """
    counts = sorted({len(run.tasks) for run in runs})
    if len(counts) > 1:
        raise ValueError(f"runs in one picture must have the same number of tasks, not {counts[0]} and {counts[-1]}.")
    found, seen = [], set()
    for label, same in grouped(runs):
        name = name_of(same[0])  # the first recipe of a name has the look of the name, the others one of their own
        found.append(Method(label, tuple(same), look(label if name in seen else name)))
        seen.add(name)
    return found


def measured(runs: Sequence["Run"], known_task: bool) -> Shown:
    """The methods of these runs that have accuracies in this setting; the others are named in a note.

    A network with separate logits for each task (a copy per task) cannot predict when the task is unknown.

    Raises:
        NotMeasured: none of them has accuracies in this setting.
    """
    found = methods(runs)
    missing = [] if known_task else [m for m in found if _measured(m, True) > _measured(m, False)]
    names = ", ".join(method.label for method in missing)
    if missing and len(missing) == len(found):
        raise NotMeasured(
            f"{names} has no logits of different tasks that could compete: it can be shown with known_task=True only."
        )
    note = f"not shown: {names} (no logits of different tasks that could compete)" if missing else ""
    return Shown(tuple(method for method in found if method not in missing), known_task, note)


def _measured(method: Method, known_task: bool) -> bool:
    """Whether any accuracy was measured in this setting."""
    return any(
        np.isfinite(accuracy(run, known_task)).any()
        or np.isfinite(run.curves.known if known_task else run.curves.unknown).any()
        for run in method.runs
    )


def accuracy(run: "Run", known_task: bool) -> np.ndarray:
    """The (T, T) accuracy matrix, also of logits that never learned to compete."""
    if known_task or run.competes:
        return run.accuracy(known_task=known_task)
    return run.accuracy(known_task=False, untrained=True)


def mean_and_spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (n - 1) over the first axis, leaving out nan.

    The mean is nan where there is no value, the deviation where there are fewer than two.
    """
    values = np.asarray(values, dtype=float)
    count = np.isfinite(values).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(values, axis=0) / count
        variance = np.nansum((values - mean) ** 2, axis=0) / (count - 1)
    return mean, np.sqrt(np.where(count > 1, variance, np.nan))


def percent(value: float, form: str = ".0f") -> str:
    """A percentage in words, a dash where there is none."""
    return f"{value:{form}} %" if np.isfinite(value) else DASH


def reading(mean: float, spread: float = np.nan, unit: str = " %", kind: str = "") -> str:
    """A mean as it is read, with its spread if there is one, and the ``kind`` of this: "93.4 ± 1.2 %"."""
    if np.isnan(mean):
        return DASH
    return f"{mean:.1f} ± {spread:.1f}{unit}{kind}" if np.isfinite(spread) else f"{mean:.1f}{unit}"


def setting(known_task: bool) -> str:
    return "task known at test" if known_task else "task unknown at test"


def class_list(run: "Run", task: int) -> str:
    """The names of a task's classes, with commas."""
    return ", ".join(run.class_names[label] for label in run.tasks[task])


def chance(run: "Run", known_task: bool) -> np.ndarray:
    """(T,) the accuracy of guessing among the classes that compete.

    With the task known there is a value for each task, nan for one of a single class; with the task unknown, for
    each number of tasks learned.
    """
    new = np.array([len(classes) for classes in arrivals(run.tasks)])
    classes = np.where(new > 0, new, competitors(run.tasks))  # those that return are all there are
    return informative(1 / classes, classes) if known_task else 1 / np.cumsum(new)
