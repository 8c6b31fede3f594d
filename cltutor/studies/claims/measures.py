"""What is taken from a run: one number a trial, in the unit that the table prints. Accuracies are in percent.

The task is known where the run was trained with a head per task, and unknown where all classes competed.
"""

from collections.abc import Callable

import numpy as np

from ... import attention, importance, methods
from ...comparing.storage import needed
from ...evaluation import metrics
from ...evaluation.answers import accuracies, logits
from ...networks.counting import parameters, parameters_of_run
from ...runs.run import Run
from ...streams import Stream
from .claim import Measure

SHARE, DRAWS = 0.3, 5  # of every layer's shared weights that are set to zero; how often random ones are drawn
CIFAR = (3, 32, 32), [10] * 10  # the images, and the classes of each task, of DF-CNN's first experiment


def matrix(run: Run) -> np.ndarray:
    """(T, T) accuracy in percent, in the run's own regime."""
    return 100 * run.accuracy(known_task=not run.competes)


def old(_: Stream, run: Run) -> float:
    return matrix(run)[-1, :-1].mean()


def first(_: Stream, run: Run) -> float:
    return matrix(run)[-1, 0]


def last(_: Stream, run: Run) -> float:
    return matrix(run)[-1, -1]


def new(_: Stream, run: Run) -> float:
    return np.diag(matrix(run))[1:].mean()


def whole(_: Stream, run: Run) -> float:
    return float(np.average(matrix(run)[-1], weights=run.test_sizes))


def known(_: Stream, run: Run) -> float:
    return float(np.average(100 * run.accuracy(known_task=True)[-1], weights=run.test_sizes))


def incremental(_: Stream, run: Run) -> float:
    return metrics.average_incremental_accuracy(matrix(run) / 100, run.test_sizes) * 100


def step(run: Run, after: int) -> float:
    """Accuracy over all classes seen after task ``after``."""
    row = matrix(run)[after]
    seen = len(row) if after == -1 else after + 1
    return float(np.average(row[:seen], weights=run.test_sizes[:seen]))


def drop(_: Stream, run: Run) -> float:
    return 100 * metrics.drop(run.accuracy(known_task=not run.competes))


def peak(_: Stream, run: Run) -> float:
    return 100 * metrics.peak_accuracy(run.curves.known, run.curves.epoch_task).mean()


def retained(run: Run) -> np.ndarray:
    """(T - 1,) the share of each old task's peak that is left at the end, in percent (DF-CNN, section 4.2)."""
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
    """Mean over the steps after the first of the L1 distance of Grad-CAM on the first task's test images from the
    first model's (LwM, eq. 6)."""
    base = stream[0].test
    labels = stream.positions(base.labels)
    maps = [attention.grad_cam(run.model_after(task), base.images, labels) for task in range(len(stream))]
    return float(np.mean([attention.drift(maps[0], later).mean().item() for later in maps[1:]]))


def lost(stream: Stream, run: Run, which: str) -> float:
    """Points of average accuracy lost when the ``which`` important 30 % of each layer's shared weights are zero."""
    network, omega = run.model, importance.by_name(run.model, run.kept["Anchor"]["importance"][0])
    tests = [(task.test.images, stream.positions(task.test.labels)) for task in stream]

    def accuracy(damaged) -> float:
        return 100 * float(np.mean(accuracies(damaged, tests, (1,))["known_top1"]))

    seeds = range(DRAWS if which == "random" else 1)
    left = [accuracy(importance.damage(network, omega, SHARE, which, seed)) for seed in seeds]
    return accuracy(network) - float(np.mean(left))


def first_class(stream: Stream) -> tuple[int, ...]:
    """The class that is to be preserved alone, of the first task."""
    return stream[0].classes[:1]


def drop_of_first_class(stream: Stream, run: Run) -> float:
    """How far the accuracy on the first class alone, among the classes of its task, has fallen by the end."""
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
    """Bytes that a method stores to learn each later task, by what they are for; it learns for an epoch a task, slowly:
    that changes nothing of what is stored."""
    recipe = getattr(methods, method)(learning_rate=0.001)
    return needed(stream, [recipe], epochs=1, device="cpu")[method]


def megabytes(stream: Stream, method: str) -> float:
    """All that is stored when the last task begins."""
    return sum(stored(stream, method)[-1].values()) / 1e6


def growth(stream: Stream, method: str) -> float:
    """How many bytes more of importance and anchors are stored for the last task than for the second."""
    found = stored(stream, method)
    return (found[-1]["Anchor"] - found[0]["Anchor"]) / 1e6


def cifar_sizes(method: str) -> list[int]:
    """The number of parameters after each of ten tasks of ten classes of CIFAR-100."""
    return parameters(methods.get(method).network, *CIFAR)


OLD = Measure("accuracy on old tasks at the end, %", old)
FIRST = Measure("accuracy on the first task at the end, %", first)
LAST = Measure("accuracy on the last task at the end, %", last)
NEW = Measure("accuracy on each later task right after it, %", new)
WHOLE = Measure("accuracy on all tasks at the end, %", whole)
INCREMENTAL = Measure("average incremental accuracy, %", incremental)
DROP = Measure("drop of old tasks since each was learned, points", drop)
PEAK = Measure("peak accuracy per task, %", peak)
KEPT = Measure("share of old tasks' peaks kept, %", kept)
KEPT_OF_FIRST = Measure("share of the first task's peak kept, %", kept_of_first)
EPOCHS = Measure("epochs to 98 % of the peak", epochs)
BETTER = Measure("old tasks better at the end than right after them, %", better)
UPDATES = Measure("updates of the weights", updates)
SIZE = Measure("parameters at the end, millions", size)
DRIFT = Measure("drift of attention on the first task", drift)


def gap(stream: Stream, one: Run, other: Run, of: Callable[[Stream, Run], float]) -> float:
    """How far a number of one run lies above that of another."""
    return of(stream, one) - of(stream, other)


def least(stream: Stream, *runs: Run, of: Callable[[Stream, Run], float]) -> float:
    return min(of(stream, run) for run in runs)


def largest(stream: Stream, *runs: Run, of: Callable[[Stream, Run], float]) -> float:
    return max(of(stream, run) for run in runs)
