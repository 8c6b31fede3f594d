"""What is compared: one number per trial from a record, in the unit that the table prints. Accuracies are in percent.

The task is known where the run was trained with a head per task, and unknown where all classes competed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from ... import methods, streams
from ...comparing.storage import needed
from ...evaluation import metrics
from ...networks.counting import parameters
from .records import Record

CIFAR = (3, 32, 32), [10] * 10  # the images, and the classes of each task, of DF-CNN's first experiment


@dataclass(frozen=True)
class Statistic:
    """A number of a run by name, with its unit.

    ``floor`` and ``top``: where it has no room left, with ``tolerance``. One that is ``absolute``, such as an accuracy,
    decides nothing there; any other, such as a drop, cannot fall below another side that is already there. A
    ``counted`` one depends on the method alone, ``of(method)``, and needs no run. One of ``curves`` needs runs that
    converged. ``extra`` is what has to be measured on the networks.
    """

    name: str
    of: Callable[..., float]
    floor: float = -np.inf
    top: float = np.inf
    tolerance: float = 0.0
    absolute: bool = False
    counted: bool = False
    curves: bool = False
    extra: str = ""

    def at_floor(self, value: float) -> bool:
        return value <= self.floor + self.tolerance

    def at_top(self, value: float) -> bool:
        return value >= self.top - self.tolerance


def percent(words: str, of: Callable[..., float], **more: Any) -> Statistic:
    """A share of right answers, which has no room within half a point of 0 and of 100."""
    return Statistic(words, of, 0.0, 100.0, 0.5, absolute=True, **more)


def points(words: str, of: Callable[..., float], **more: Any) -> Statistic:
    """A drop of accuracy: less than none is not to be had."""
    return Statistic(words, of, floor=0.0, tolerance=0.5, **more)


def old(record: Record) -> float:
    return record.accuracy()[-1, :-1].mean()


def first(record: Record) -> float:
    return record.accuracy()[-1, 0]


def last(record: Record) -> float:
    return record.accuracy()[-1, -1]


def new(record: Record) -> float:
    return np.diag(record.accuracy())[1:].mean()


def whole(record: Record) -> float:
    return step(record, -1)


def known(record: Record) -> float:
    return float(np.average(record.accuracy(known=True)[-1], weights=record.sizes))


def step(record: Record, after: int) -> float:
    """Accuracy over all classes seen after task ``after``; -1 is the last."""
    row = record.accuracy()[after]
    seen = len(row) if after == -1 else after + 1
    return float(np.average(row[:seen], weights=record.sizes[:seen]))


def incremental(record: Record) -> float:
    """The mean over the steps after the first (EEIL, section 5)."""
    return 100 * metrics.average_incremental_accuracy(record.accuracy() / 100, record.sizes)


def drop(record: Record) -> float:
    """By how much old tasks are worse at the end than right after each was learned."""
    return 100 * metrics.drop(record.accuracy() / 100)


def first_drop(record: Record) -> float:
    a = record.accuracy()
    return a[0, 0] - a[-1, 0]


def peak(record: Record) -> float:
    return record.peaks().mean()


def _retained(record: Record) -> np.ndarray:
    """(tasks - 1,) the share of each old task's peak that is left at the end, in percent (DF-CNN, section 4.2)."""
    return (100 * record.accuracy(known=True)[-1] / record.peaks())[:-1]


def kept(record: Record) -> float:
    return _retained(record).mean()


def kept_of_first(record: Record) -> float:
    return _retained(record)[0]


def epochs(record: Record) -> float:
    """Epochs until a task first has 98 % of its peak (DF-CNN, section 4.2), as a mean over the tasks."""
    reached = [1 + next(e for e, n in enumerate(curve) if n >= 0.98 * max(curve)) for curve in record.curves]
    return float(np.mean(reached))


def twice(record: Record) -> float:
    return 2 * epochs(record)


def net_gains(record: Record) -> float:
    """Old tasks that are better at the end less those that are worse: random changes give zero."""
    a = record.accuracy()
    return 100 * float(np.sign(a[-1] - np.diag(a))[:-1].mean())


def backward(record: Record) -> float:
    """How much better old tasks are at the end (Lopez-Paz and Ranzato 2017)."""
    return -drop(record)


def latest_peak(record: Record) -> float:
    """Where in a task's epochs its peak lies, 1 at the end, as a mean over the tasks."""
    return float(np.mean([(1 + int(np.argmax(curve))) / len(curve) for curve in record.curves]))


def extra(name: str) -> Callable[[Record], float]:
    return lambda record: record.extras[name]


def parameters_of(method: str) -> list[int]:
    """The number of parameters after each of ten tasks of ten classes of CIFAR-100."""
    return parameters(methods.get(method).network, *CIFAR)


def total(method: str) -> float:
    return parameters_of(method)[-1] / 1e6


def tenth(method: str) -> float:
    sizes = parameters_of(method)
    return (sizes[-1] - sizes[-2]) / 1e6


def second(method: str) -> float:
    sizes = parameters_of(method)
    return (sizes[1] - sizes[0]) / 1e6


@cache
def stored(method: str) -> list[dict[str, int]]:
    """Bytes that a method stores to learn each later of five tasks, by what they are for.

    Measured over one epoch of a few pictures at a low learning rate, which does not change what is stored.
    """
    recipe, stream = methods.named(method)(learning_rate=0.001), streams.scenes(5, size=12, per_class=(2, 1))
    return needed(stream, [recipe], epochs=3 if method == "ebll" else 1, device="cpu")[method]


def megabytes(method: str) -> float:
    """What is stored in all when the last task begins."""
    return sum(stored(method)[-1].values()) / 1e6


def growth(method: str) -> float:
    """How many MB of importance and anchors more are stored for the last task than for the second."""
    found = stored(method)
    return (found[-1].get("Anchor", 0) - found[0].get("Anchor", 0)) / 1e6


def measured(kind: Callable[..., Statistic], words: str, name: str) -> Statistic:
    """A statistic of the networks of a run: one of ``extras.EXTRAS``."""
    return kind(words, extra(name), extra=name)


MILLIONS = "parameters for ten tasks of CIFAR-100, millions"
WITHOUT = "30 % of the shared weights, points"
STATISTICS = {
    "old": percent("accuracy on old tasks at the end, %", old),
    "first": percent("accuracy on the first task at the end, %", first),
    "last": percent("accuracy on the last task at the end, %", last),
    "new": percent("accuracy on each later task right after it, %", new),
    "whole": percent("accuracy on all tasks at the end, %", whole),
    "known": percent("accuracy on all tasks at the end, task known, %", known),
    "second": percent("accuracy on all classes after the second task, %", partial(step, after=1)),
    "incremental": percent("average incremental accuracy, %", incremental),
    "drop": points("drop of old tasks since each was learned, points", drop),
    "first drop": points("drop of the first task, points", first_drop),
    "peak": percent("peak accuracy per task, %", peak, curves=True),
    "kept": Statistic("share of old tasks' peaks kept, %", kept, curves=True),
    "kept of first": Statistic("share of the first task's peak kept, %", kept_of_first, curves=True),
    "epochs": Statistic("epochs to 98 % of the peak", epochs, floor=1.0, absolute=True, curves=True),
    "twice the epochs": Statistic("twice the epochs to 98 % of the peak", twice, floor=2.0, curves=True),
    "net gains": Statistic("old tasks better less old tasks worse at the end, %", net_gains),
    "backward": Statistic("backward transfer, points", backward),
    "updates": Statistic("updates of the weights", lambda record: float(record.updates)),
    "size": Statistic("parameters at the end, millions", lambda record: record.parameters / 1e6),
    "drift": measured(Statistic, "drift of attention on the first task", "drift"),
    "attention at first": measured(Statistic, "attention loss at the first step of a task", "attention at first"),
    "attention at last": measured(Statistic, "mean attention loss in a task's last epoch", "attention at last"),
    "least": measured(Statistic, f"accuracy lost without the least important {WITHOUT}", "lost least"),
    "random": measured(Statistic, f"accuracy lost without a random {WITHOUT}", "lost random"),
    "most": measured(Statistic, f"accuracy lost without the most important {WITHOUT}", "lost most"),
    "first class drop": measured(points, "drop of the first class within its task, points", "first class drop"),
    **{f"T{n}": measured(percent, f"MAP of the facts of task {n} at the end x 100", f"map T{n}") for n in (1, 2, 3, 4)},
    "all facts": measured(percent, "MAP of all facts at the end x 100", "map all"),
    "subset": measured(percent, "MAP of the facts to keep at the end x 100", "map subset"),
    "total": Statistic(MILLIONS, total, counted=True),
    "tenth": Statistic(f"what the tenth task adds: {MILLIONS}", tenth, counted=True),
    "added second": Statistic(f"what the second task adds: {MILLIONS}", second, counted=True),
    "megabytes": Statistic("stored for the last task, MB", megabytes, counted=True),
    "growth": Statistic("importance and anchors stored for the last task beyond the second, MB", growth, counted=True),
}
