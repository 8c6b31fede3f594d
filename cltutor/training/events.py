"""The moments of a run, as ``train`` yields them."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ..networks import Network
from ..runs.run import Run


@dataclass(frozen=True)
class Event:
    """A moment of a run: ``run`` as it stands, the index of the ``task``, and the ``progress`` (0 to 1) of the run."""

    run: Run
    task: int
    progress: float


@dataclass(frozen=True)
class TaskBegun(Event):
    """A task has arrived and the network has grown for it."""


@dataclass(frozen=True)
class Stepped(Event):
    """The weights were updated. ``losses``: each term's weighted value, scalars on the training device."""

    phase: str
    epoch: int
    losses: dict[str, Tensor]


@dataclass(frozen=True)
class EpochDone(Event):
    """An epoch is over. ``known`` and ``unknown`` (T,): test accuracies, nan for tasks not yet seen. ``network`` is the
    one that learns; it stays as it is until the next event."""

    phase: str
    epoch: int
    known: np.ndarray
    unknown: np.ndarray
    network: Network


@dataclass(frozen=True)
class TaskDone(Event):
    """A task was learned, evaluated, recorded and, with a store, saved."""


class Diverged(ArithmeticError):
    """The loss or a weight became NaN or infinite, or a rate too large left an image without any feature, from which no
    memory can choose. ``run``: the tasks that were finished before."""

    def __init__(self, message: str, run: Run | None = None):
        super().__init__(message)
        self.run = run


class OutOfMemory(MemoryError):
    """The GPU's memory was full. ``run``: the tasks that were finished before."""

    def __init__(self, message: str, run: Run | None = None):
        super().__init__(message)
        self.run = run
