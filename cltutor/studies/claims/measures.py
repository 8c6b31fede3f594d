"""What is measured on a run: one number per trial, in the unit that the table prints. Accuracies are in percent.

The task is known where the run was trained with a head per task, and unknown where all classes competed.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from ... import attention, importance, methods
from ...comparing.storage import needed
from ...evaluation import metrics
from ...evaluation.answers import accuracies, logits
from ...networks.counting import parameters, parameters_of_run
from ...networks.network import Network
from ...runs.run import Run
from ...streams import Stream
from .claim import Measure

SHARE = 0.3  # of each layer's shared weights, set to zero
DRAWS = 5  # of random weights
CIFAR = (3, 32, 32), [10] * 10  # the images, and the classes of each task, of DF-CNN's first experiment


def matrix(run: Run) -> np.ndarray:
    """(tasks, tasks) accuracy in percent, in the regime that the run was trained for."""
    return 100 * run.accuracy(known_task=not run.competes)


def at_end(_: Stream, run: Run, tasks: slice) -> float:
    return matrix(run)[-1, tasks].mean()


old, first, last = (partial(at_end, tasks=tasks) for tasks in (slice(-1), slice(1), slice(-1, None)))


def new(_: Stream, run: Run) -> float:
    return np.diag(matrix(run))[1:].mean()


def whole(_: Stream, run: Run) -> float:
    return float(np.average(matrix(run)[-1], weights=run.test_sizes))


def known(_: Stream, run: Run) -> float:
    return float(np.average(100 * run.accuracy(known_task=True)[-1], weights=run.test_sizes))


def incremental(_: Stream, run: Run) -> float:
    return metrics.average_incremental_accuracy(matrix(run) / 100, run.test_sizes) * 100


def step(run: Run, after: int) -> float:
    """Accuracy over all classes seen, after task ``after``; -1 is the last."""
    row = matrix(run)[after]
    seen = len(row) if after == -1 else after + 1
    return float(np.average(row[:seen], weights=run.test_sizes[:seen]))


def drop(_: Stream, run: Run) -> float:
    return 100 * metrics.drop(run.accuracy(known_task=not run.competes))


def peak(_: Stream, run: Run) -> float:
    return 100 * metrics.peak_accuracy(run.curves.known, run.curves.epoch_task).mean()


def retained(run: Run) -> np.ndarray:
    """(tasks - 1,) the share of each old task's peak that is left at the end, in percent (DF-CNN, section 4.2)."""
    peaks = metrics.peak_accuracy(run.curves.known, run.curves.epoch_task)
    return (100 * run.accuracy()[-1] / peaks)[:-1]


def kept(_: Stream, run: Run) -> float:
    return retained(run).mean()


def kept_of_first(_: Stream, run: Run) -> float:
    return retained(run)[0]


def epochs(_: Stream, run: Run) -> float:
    return metrics.epochs_to_peak(run.curves.known, run.curves.epoch_task).mean()


def better(_: Stream, run: Run) -> float:
    a = run.accuracy()
    return 100 * (a[-1] > np.diag(a))[:-1].mean()


def updates(_: Stream, run: Run) -> float:
    return float(run.updates)


def size(_: Stream, run: Run) -> float:
    return parameters_of_run(run)[-1] / 1e6


def drift(stream: Stream, run: Run) -> float:
    """How far attention on the first task has moved from the first model's, as a mean over later tasks.

    Per image, the L1 distance of the Grad-CAM maps of its own class, on the first task's test images (LwM, eq. 6).
    """
    base = stream[0].test
    labels = stream.positions(base.labels)
    maps = [attention.grad_cam(run.model_after(task), base.images, labels) for task in range(len(stream))]
    return float(np.mean([attention.drift(maps[0], later).mean().item() for later in maps[1:]]))


def lost(stream: Stream, run: Run, which: str) -> float:
    """Points of average accuracy lost with the ``which`` important 30 % of each layer's shared weights set to zero."""
    network, omega = run.model, importance.by_name(run.model, run.part_states["Anchor"]["importance"][0])
    tests = [(task.test.images, stream.positions(task.test.labels)) for task in stream]

    def accuracy(tested: Network) -> float:
        return 100 * float(np.mean(accuracies(tested, tests, (1,))["known_top1"]))

    seeds = range(DRAWS if which == "random" else 1)
    left = [accuracy(importance.damage(network, omega, SHARE, which, seed)) for seed in seeds]
    return accuracy(network) - float(np.mean(left))


def first_class(stream: Stream) -> tuple[int, ...]:
    """The one class of the first task for which importance is estimated (MAS, adaptation test)."""
    return stream[0].classes[:1]


def drop_of_first_class(stream: Stream, run: Run) -> float:
    """By how much the accuracy on that class, among the classes of its task, has fallen at the end."""
    chosen = stream[0].test.labels == first_class(stream)[0]
    images, labels = stream[0].test.images[chosen], stream.positions(stream[0].test.labels[chosen])
    own = slice(len(stream[0].classes))
    then, now = (
        (logits(run.model_after(task), images)[:, own].argmax(1) == labels).double().mean().item()
        for task in (0, len(stream) - 1)
    )
    return 100 * (then - now)


def drop_of_first_task(_: Stream, run: Run) -> float:
    a = matrix(run)
    return a[0, 0] - a[-1, 0]


def stored(stream: Stream, method: str) -> list[dict[str, int]]:
    """Bytes that a method stores to learn each later task, by what they are for.

    Measured over one epoch per task at a low learning rate, which does not change what is stored.
    """
    recipe = getattr(methods, method)(learning_rate=0.001)
    return needed(stream, [recipe], epochs=1, device="cpu")[method]


def megabytes(stream: Stream, method: str) -> float:
    """What is stored in all when the last task begins."""
    return sum(stored(stream, method)[-1].values()) / 1e6


def growth(stream: Stream, method: str) -> float:
    """How many MB of importance and anchors more are stored for the last task than for the second."""
    found = stored(stream, method)
    return (found[-1]["Anchor"] - found[0]["Anchor"]) / 1e6


def cifar_sizes(method: str) -> list[int]:
    """The number of parameters after each of ten tasks of ten classes of CIFAR-100."""
    return parameters(methods.get(method).network, *CIFAR)


def gap(stream: Stream, one: Run, other: Run, of: Callable[[Stream, Run], float]) -> float:
    """How far a statistic of one run lies above that of another."""
    return of(stream, one) - of(stream, other)


def least(stream: Stream, *runs: Run, of: Callable[[Stream, Run], float]) -> float:
    return min(of(stream, run) for run in runs)


def largest(stream: Stream, *runs: Run, of: Callable[[Stream, Run], float]) -> float:
    return max(of(stream, run) for run in runs)


STATISTICS = {
    "old": Measure("accuracy on old tasks at the end, %", old),
    "first": Measure("accuracy on the first task at the end, %", first),
    "last": Measure("accuracy on the last task at the end, %", last),
    "new": Measure("accuracy on each later task right after it, %", new),
    "whole": Measure("accuracy on all tasks at the end, %", whole),
    "incremental": Measure("average incremental accuracy, %", incremental),
    "drop": Measure("drop of old tasks since each was learned, points", drop),
    "peak": Measure("peak accuracy per task, %", peak),
    "kept": Measure("share of old tasks' peaks kept, %", kept),
    "kept_of_first": Measure("share of the first task's peak kept, %", kept_of_first),
    "epochs": Measure("epochs to 98 % of the peak", epochs),
    "better": Measure("old tasks better at the end than right after them, %", better),
    "updates": Measure("updates of the weights", updates),
    "size": Measure("parameters at the end, millions", size),
    "drift": Measure("drift of attention on the first task", drift),
}
