"""Tests during a run: when, on which tasks, and with which network."""

import time

import numpy as np

from ..evaluation.answers import accuracies, judge, logits
from ..evaluation.labels import judge_labels
from ..evaluation.predicting import Exemplars
from ..networks import Network
from ..runs.run import TOPS, Run
from ..streams import Stream, Task
from ..streams.split import in_columns


def due(tests: list, task: int, epoch: int, every: int, old_every: int) -> list:
    """What is tested after an epoch: nothing, the newest task, or all tasks seen; None for those left out."""
    if (epoch + 1) % every:
        return []
    return tests[: task + 1] if (epoch + 1) % old_every == 0 else [*[None] * task, tests[task]]


def evaluate(
    network: Network, tests: list, run: Run, exemplars: Exemplars, epoch: int | None = None
) -> dict[str, np.ndarray]:
    """A row (T,) of each accuracy matrix after an ``epoch``, or after the task for None; nan for tasks not yet seen.

    Where every head needs a forward pass of its own, heads do not compete and logits are the scores, only the task's
    own head is computed after an epoch. An old task is then not asked again where nothing that its head reads learns.
    """
    started = time.perf_counter()
    score = run.recipe.prediction.rule(network, exemplars) if tests else logits
    alone = epoch is not None and network.separate and not run.competes and run.recipe.predict == "logits"
    settled = alone and network.isolates and not any("old" in phase.rates for phase in run.recipe.schedule.later)
    asked = [test if place >= run.learned else None for place, test in enumerate(tests)] if settled else tests
    several = any(test is not None and test[1].dim() == 2 for test in asked)
    rows, taken = (judge_labels(network, asked), {}) if several else judge(network, asked, TOPS, score, not alone)
    unseen, old = [np.nan] * (len(run.tasks) - len(tests)), [p for p, test in enumerate(tests) if test and not asked[p]]
    found = {name: np.array(row + unseen) for name, row in rows.items()}
    for name in (name for name in found if old and name.startswith("known")):
        found[name][old] = run.accuracies[name][run.learned - 1, old]
    if run.record and tests:
        run.curves.add_predictions(len(tests) - 1, epoch, taken, run.test_sizes, settled)
    run.seconds["test"] += time.perf_counter() - started
    only_class = len({label for task in run.tasks for label in task}) == 1  # every answer is right
    return {name: np.full_like(row, np.nan) for name, row in found.items()} if only_class else found


def after_epoch(
    network: Network, tests: list, run: Run, exemplars: Exemplars, epoch: int
) -> tuple[np.ndarray, np.ndarray]:
    """The rows (T,) that the curves record after an ``epoch``: accuracies with the task known and unknown."""
    rows = evaluate(network, tests, run, exemplars, epoch)
    return rows["known_top1"], rows["unknown_top1"]


def validation_accuracy(network: Network, task: Task, stream: Stream) -> float:
    """Accuracy on the task's validation images among the task's own classes; nan if there are none."""
    if len(task.validation) == 0:
        return float("nan")
    if task.validation.marks is not None:
        test = task.validation.images, in_columns(task.validation.marks, stream.classes)
        return judge_labels(network, [test])["known_top1"][0]
    tests = [(task.validation.images, stream.positions(task.validation.labels))]
    return accuracies(network, tests, (1,), unknown=not network.separate)["known_top1"][0]
