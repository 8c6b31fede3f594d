"""The numbers of a comparison: measures of each run, intervals over seeds, and differences paired by seed."""

import math
from collections.abc import Mapping, Sequence

from ..evaluation import metrics
from ..runs.run import Run

Interval = tuple[float, float]  # mean and half width
Methods = Mapping[str, Sequence[Run]]  # the runs of each method, by its label


def numbers(run: Run, known_task: bool) -> dict[str, float]:
    """Measures of a run, as fractions: its ``metrics``, the accuracy on new and on old tasks, and the mean average
    precision at the end where images have several labels.

    All nan with the task unknown where logits of different tasks never learned to compete.
    """
    silent = not known_task and not run.competes
    matrix = run.accuracy(known_task, untrained=silent)
    found = {
        **run.metrics(known_task, untrained=silent),
        "new_task_accuracy": metrics.new_task_accuracy(matrix),
        "old_task_accuracy": metrics.old_task_accuracy(matrix),
    }
    if "known_map" in run.accuracies:
        found["mean_average_precision"] = metrics.average_accuracy(run.mean_average_precision())
    return dict.fromkeys(found, math.nan) if silent else found


def interval(values: list[float]) -> Interval:
    return (math.nan, math.nan) if any(map(math.isnan, values)) else metrics.mean_interval(values)


def difference(methods: Methods, label: str, known_task: bool, against: str) -> Interval:
    """The paired difference of two methods; nan where one has no answer, or their seeds differ."""
    one, other = methods[label], methods[against]
    silent = not known_task and not one[0].competes
    if label == against or silent or {run.seed for run in one} != {run.seed for run in other}:
        return math.nan, math.nan
    if any(math.isnan(numbers(run, known_task)["average_accuracy"]) for run in (*one, *other)):
        return math.nan, math.nan
    return paired(one, other, known_task, "average_accuracy")


def paired(one: Sequence[Run], other: Sequence[Run], known_task: bool, measure: str) -> Interval:
    """(mean, half width) of the 95 % t-interval of ``one`` minus ``other``, paired by seed."""
    a, b = (
        [value_of(run, known_task, measure) for run in sorted(runs, key=lambda run: run.seed)] for runs in (one, other)
    )
    return metrics.paired_difference(a, b)


def value_of(run: Run, known_task: bool, measure: str) -> float:
    """One of a run's ``numbers``; ValueError for an unknown name, or where it is nan."""
    found = numbers(run, known_task)
    if measure not in found:
        raise ValueError(f"There is no measure {measure!r}; there are {', '.join(found)}.")
    if math.isnan(found[measure]):
        raise ValueError(f"{run.name} has no {measure} with known_task={known_task}.")
    return found[measure]
