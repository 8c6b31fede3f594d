"""Tests during a run: when, on which tasks, and with which network."""

import time

import numpy as np

from ..evaluation.answers import accuracies, logits
from ..evaluation.predicting import Exemplars
from ..networks import Network
from ..runs.one_class import informative
from ..runs.run import TOPS, Run
from ..streams import Stream, Task


def due(tests: list, task: int, epoch: int, every: int, old_every: int) -> list:
    """What is tested after an epoch: nothing, the newest task, or all tasks seen; None for those left out."""
    if (epoch + 1) % every:
        return []
    return tests[: task + 1] if (epoch + 1) % old_every == 0 else [*[None] * task, tests[task]]


def evaluate(
    network: Network, tests: list, run: Run, exemplars: Exemplars, whole: bool = False
) -> dict[str, np.ndarray]:
    """A row (T,) of each accuracy matrix, nan for tasks not yet seen.

    Where every head needs a forward pass of its own, heads do not compete and logits are the scores, only the task's
    own head is computed, unless ``whole``.
    """
    started = time.perf_counter()
    score = run.recipe.prediction.rule(network, exemplars) if tests else logits
    alone = network.separate and not run.competes and run.recipe.predict == "logits"
    rows = accuracies(network, tests, TOPS, score, unknown=whole or not alone)
    run.seconds["test"] += time.perf_counter() - started
    unseen, classes = [np.nan] * (len(run.tasks) - len(tests)), [len(task) for task in run.tasks]
    found = {name: np.array(row + unseen) for name, row in rows.items()}
    return {name: informative(row, classes) if name.startswith("known") else row for name, row in found.items()}


def validation_accuracy(network: Network, task: Task, stream: Stream) -> float:
    """Accuracy on the task's validation images among the task's own classes; nan if there are none."""
    if len(task.validation) == 0:
        return float("nan")
    tests = [(task.validation.images, stream.positions(task.validation.labels))]
    return accuracies(network, tests, (1,), unknown=not network.separate)["known_top1"][0]
