"""What is kept of a run that a claim needs: counts of right answers, small enough to be stored in the repository."""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...recipe.recipe import Recipe
from ...runs import files
from ...runs.run import Run
from .settings import setting_of

Matrix = list[list[int]]


@dataclass(frozen=True)
class Job:
    """A run to train: a recipe on a stream of the claims, in a trial; ``extras`` are measured on its networks."""

    setting: str
    recipe: Recipe
    trial: int
    extras: tuple[str, ...] = ()

    @cached_property
    def key(self) -> str:
        """What the run is found by: everything that its numbers depend on but the code of cltutor."""
        words = f"{self.setting}; {setting_of(self.setting).words}; {self.recipe!r}; {self.trial}"
        return hashlib.sha256(words.encode()).hexdigest()[:20]


@dataclass(frozen=True)
class Record:
    """The numbers of a run. ``known`` and ``unknown``: right answers on each task seen, after each task, with the task
    known or unknown at test; ``sizes`` are the tasks' test images. ``curves``: right answers on a task after each of
    its own epochs. A run that diverged has only ``diverged``."""

    setting: str
    recipe: str
    trial: int
    known: Matrix = field(default_factory=list)
    unknown: Matrix = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    curves: Matrix = field(default_factory=list)
    updates: int = 0
    parameters: int = 0
    extras: dict[str, float] = field(default_factory=dict)
    diverged: bool = False
    seconds: float = 0.0

    @property
    def competes(self) -> bool:
        """Whether logits of different tasks were trained to compete."""
        return bool(self.unknown)

    def accuracy(self, known: bool | None = None) -> np.ndarray:
        """(tasks, tasks) accuracy in percent, nan for tasks not yet seen; by default with the task known only where
        logits were not trained to compete."""
        rows = self.known if (not self.competes if known is None else known) else self.unknown
        found = np.full((len(rows), len(rows)), np.nan)
        for task, row in enumerate(rows):
            found[task, : task + 1] = 100 * np.array(row) / np.array(self.sizes[: task + 1])
        return found

    def peaks(self) -> np.ndarray:
        """(tasks,) the best accuracy of each task, in percent, while it was learned."""
        return np.array([100 * max(curve) / size for curve, size in zip(self.curves, self.sizes, strict=True)])


def record_of(job: Job, run: Run, parameters: int, extras: dict[str, float]) -> Record:
    """The record of a finished run."""
    sizes = list(run.test_sizes)
    curves = []
    if setting_of(job.setting).curve:
        of_task = [run.curves.known[run.curves.epoch_task == task, task] for task in range(len(sizes))]
        curves = [[round(value * size) for value in own] for own, size in zip(of_task, sizes, strict=True)]
    return Record(
        job.setting,
        repr(job.recipe),
        job.trial,
        _counts(run.accuracy(), sizes),
        _counts(run.accuracy(known_task=False), sizes) if run.competes else [],
        sizes,
        curves,
        run.updates,
        parameters,
        extras,
        seconds=round(sum(run.seconds.values()), 2),
    )


def _counts(accuracy: np.ndarray, sizes: Sequence[int]) -> Matrix:
    return [[round(row[task] * sizes[task]) for task in range(place + 1)] for place, row in enumerate(accuracy)]


class Missing(Exception):
    """Runs that a claim needs and that are not there yet."""

    def __init__(self, jobs: Iterable[Job]):
        super().__init__()
        self.jobs = list(jobs)


class Records:
    """The records in a folder, one file each, written in full or not at all: what was stopped continues."""

    def __init__(self, folder: str | os.PathLike):
        self.folder = Path(folder)
        self._known: dict[str, Record] = {}

    def __contains__(self, job: Job) -> bool:
        found = self.get(job.key)
        return found is not None and (found.diverged or set(job.extras) <= found.extras.keys())

    def of(self, jobs: Sequence[Job]) -> list[Record]:
        """The records of ``jobs``; Missing where some are not there."""
        if lacking := [job for job in jobs if job not in self]:
            raise Missing(lacking)
        return [self._known[job.key] for job in jobs]

    def add(self, key: str, record: Record) -> None:
        self._known[key] = record
        text = json.dumps(asdict(record), separators=(",", ":"))
        files.write_bytes(self.folder / f"{key}.json", text.encode())

    def get(self, key: str) -> Record | None:
        """A record by its key; None where there is none. One that is damaged counts as absent and is made again."""
        if key in self._known:
            return self._known[key]
        path = self.folder / f"{key}.json"
        try:
            files.refuse_irregular(path)
            self._known[key] = Record(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return self._known[key]


def packed(record: Record) -> list[Any]:
    """A record without names, for the file in the repository: ``Record(*packed(record))`` is it, but its seconds."""
    return [value for name, value in asdict(record).items() if name != "seconds"]
