"""Several methods on one stream with several seeds, alike in everything else, and the differences between them."""

import csv
import io
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, overload

import numpy as np

from .. import methods as named
from ..checked import Many, a, checked
from ..describe import Whole, counted
from ..recipe.recipe import Recipe
from ..runs import files
from ..runs.naming import grouped
from ..runs.run import Run
from ..streams import Stream
from ..training.events import Event
from ..training.loop import Count, Device, check
from .numbers import numbers, paired
from .parallel import Job, Source, processes, runs_of
from .table import Table, tabulated

__all__ = ["Comparison", "compare", "processes"]
COLUMNS = ("method", "seed", "stream", "heads", "after_task", "on_task", "known_task", "accuracy")  # of ``to_csv``


class Methods(Many):
    """Several methods; a single one will do."""

    def check(self, name: str, value: Any) -> Any:
        return super().check(name, [value] if isinstance(value, Recipe | str) else value)


@checked(methods=Methods(named.MethodName(), least=1), seeds=Many(Whole(at_least=0), least=1))
def compare(
    stream: Source,
    methods: Iterable[Recipe | str],
    seeds: Sequence[int] = (0, 1, 2),
    executor: Executor | None = None,
    device: Device = "auto",
    store: str | os.PathLike | None = None,
    epochs: Count = None,
    equal_budget: bool = True,
    progress: bool = True,
    threads: Count = 1,
    callback: Callable[[Event], object] | None = None,
) -> "Comparison":
    """Learn ``stream`` with every method and every seed; the runs are ordered by method, then seed.

    ``stream`` is a Stream, or a function from a seed to one, such as ``functools.partial(cl.streams.digits, 5)``, so
    that every seed has its own class order; either way all methods learn the same stream. A seed gives every method the
    same initial weights where their networks agree. The budget is the number of passes over the pool, in batches of one
    size: methods that differ in ``epochs`` or ``batch_size`` are refused unless ``equal_budget=False``; ``epochs`` sets
    them for all. Learning rates and all other settings are each method's own.

    ``executor`` is any ``concurrent.futures.Executor``; without one the runs follow one another. ``processes(2)`` makes
    one for this machine, Dask's ``Client.get_executor()`` one for a cluster. The workers share nothing but ``store``;
    parts and functions that are defined in a notebook or script are sent to them. Each run computes with ``threads`` of
    the CPU, by default one, so that the numbers are the same with and without an executor (None: as ``learn``).
    ``callback`` is called with every event of every run, as by ``learn``; not from an executor's workers.

    Raises:
        ValueError: no method, no seed, one of them twice, unequal budgets, or what ``learn`` refuses.
        WorkerDied: a worker died and its executor could not go on; with ``store`` finished runs are found again.
    """
    recipes, seeds = [named.get(recipe).with_epochs(epochs) for recipe in methods], list(seeds)
    check_lists(recipes, seeds)
    if callback and executor:
        raise ValueError("callback is called in this process, and an executor's runs are elsewhere: leave one out.")
    if equal_budget:
        check_budget(recipes)
    if isinstance(stream, Stream):
        for recipe in recipes:
            check(stream, recipe)
    from tqdm.auto import tqdm

    jobs = [Job(recipe, seed, device, store, threads, callback) for recipe in recipes for seed in seeds]
    found: dict[int, Run] = {}
    with tqdm(total=len(jobs), unit="run", disable=not progress, leave=False) as bar:
        for place, run in runs_of(stream, jobs, executor):
            found[place] = run
            bar.update()
    return Comparison(found[place] for place in range(len(jobs)))


def check_lists(recipes: list[Recipe], seeds: list[int]) -> None:
    names = [recipe.name for recipe in recipes if recipes.count(recipe) > 1]
    if twice := [*names, *(f"Seed {seed}" for seed in seeds if seeds.count(seed) > 1)]:
        raise ValueError(f"{twice[0]} is given twice: leave one out.")


def check_budget(recipes: Iterable[Recipe]) -> None:
    """Refuse methods that differ in the number of passes over their images, or in the size of a batch."""
    first, *others = recipes
    for name in ("epochs", "batch_size"):
        for other in others:
            here, there = getattr(first.schedule, name), getattr(other.schedule, name)
            if here != there:
                raise ValueError(
                    f"Unequal budgets: {first.name} learns with {name}={here}, {other.name} with {name}={there}: give "
                    "all the same."
                )


class Comparison(Sequence[Run]):
    """Complete runs of several methods on one stream, whose class order may differ by seed.

    Made by ``compare``, or from any runs that belong together. A notebook shows its ``table()``.

    Raises:
        ValueError: no run, a run that is not complete, a method twice with one seed, or different streams.
    """

    @checked(runs=Many(a(Run), least=1))
    def __init__(self, runs: Iterable[Run]):
        self._runs = tuple(runs)
        for run in self._runs:
            if not run.complete:
                raise ValueError(
                    f"A comparison needs complete runs, and {run.name} with seed {run.seed} has learned {run.learned} "
                    f"of {len(run.tasks)} tasks: finish it first."
                )
        self.methods: dict[str, tuple[Run, ...]] = {label: tuple(runs) for label, runs in grouped(self._runs)}
        check_streams(self._runs)
        for label, same in self.methods.items():
            if len({run.seed for run in same}) < len(same):
                raise ValueError(f"{label} has two runs with one seed: leave one out.")

    def __len__(self) -> int:
        return len(self._runs)

    @overload
    def __getitem__(self, place: int) -> Run: ...

    @overload
    def __getitem__(self, place: slice) -> list[Run]: ...

    def __getitem__(self, place: int | slice) -> Run | list[Run]:
        return list(self._runs[place]) if isinstance(place, slice) else self._runs[place]

    def __repr__(self) -> str:
        return f"<Comparison: {counted(len(self), 'run')} of {', '.join(self.methods)}>"

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    @checked
    def difference(
        self, method: str, against: str, known_task: bool | None = None, measure: str = "average_accuracy"
    ) -> tuple[float, float]:
        """(mean, half width) of the 95 % t-interval of ``method`` minus ``against``, paired by seed, as a fraction.

        ``known_task=None`` tests both as they were trained: with the task unknown where all classes competed.
        ``measure`` is a name in ``numbers``. One pair has no interval: its half width is nan.

        Raises:
            ValueError: no such method or measure, seeds that differ, or regimes of training that do.
        """
        for label in (method, against):
            if label not in self.methods:
                raise ValueError(f"There is no {label!r} in this comparison of {', '.join(self.methods)}.")
        one, other = self.methods[method], self.methods[against]
        seeds = [sorted(run.seed for run in runs) for runs in (one, other)]
        if seeds[0] != seeds[1]:
            raise ValueError(f"Differences are paired by seed: {method} has {seeds[0]} and {against} has {seeds[1]}.")
        regimes = {run.competes for run in (*one, *other)}
        if len(regimes) > 1 and known_task is not True:
            raise ValueError(
                f"{method} and {against} were trained under different regimes, one with a head per task: they can only "
                "be set side by side with known_task=True."
            )
        return paired(one, other, not regimes.pop() if known_task is None else known_task, measure)

    @checked
    def table(self, known_task: bool | None = None, against: str | None = None) -> Table:
        """One row per method, in two groups that are never ranked in one column: trained with a head per task, and with
        all classes competing. Each group is sorted by average accuracy.

        ``known_task=None`` tests each group as it was trained; True or False tests both that way, and methods that
        never learned to compete have no accuracy with False. Differences are paired with ``against``, or with the first
        method of each group; ValueError for a method that is not here.
        """
        if against is not None and against not in self.methods:
            raise ValueError(f"There is no {against!r} in this comparison of {', '.join(self.methods)}.")
        return tabulated(self.methods, known_task, against)

    def data(self) -> list[dict[str, str | int | float | None]]:
        """One flat dict per run, for a data frame or JSON; None where there is no number."""
        labels = {id(run): label for label, runs in self.methods.items() for run in runs}
        return [
            {
                "method": labels[id(run)],
                "seed": run.seed,
                "stream": run.stream_code,
                "heads": run.recipe.heads,
                "epochs": run.recipe.schedule.epochs,
                "updates": run.updates,
                "train_seconds": run.seconds["train"],
                "test_seconds": run.seconds["test"],
                "memory_bytes": sum(run.memory.values()) or None,
                "device": run.device,
                **{f"known_{name}": _plain(value) for name, value in numbers(run, True).items()},
                **{f"unknown_{name}": _plain(value) for name, value in numbers(run, False).items()},
            }
            for run in self
        ]

    @checked
    def to_csv(self, path: str | os.PathLike) -> None:
        """Write the accuracy matrices of all runs as a CSV file, in full or not at all, one accuracy a row.

        The columns are ``COLUMNS``: ``on_task`` was tested after ``after_task``, both counted from 0, with the task
        known or not; ``accuracy`` is a fraction. There is no row where there is no number: for a task that is not
        learned yet, and with the task unknown where all classes never competed.

        Raises:
            NotWritten: a ValueError, where the disk refuses.
        """
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([COLUMNS, *self._rows()])
        files.write_bytes(Path(path), text.getvalue().encode("utf-8"))

    def to_pandas(self) -> Any:
        """The rows of ``to_csv`` as a pandas DataFrame; ImportError where pandas is not installed."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("to_pandas needs pandas: pip install pandas, or write a file with to_csv.") from error
        return pandas.DataFrame(list(self._rows()), columns=list(COLUMNS))

    def _rows(self) -> Iterator[tuple[str | int | float | bool, ...]]:
        for label, runs in self.methods.items():
            for run in runs:
                facts = label, run.seed, run.stream_code, run.recipe.heads
                for known in (True, False) if run.competes else (True,):
                    for (after, on), value in np.ndenumerate(run.accuracy(known)):
                        if not math.isnan(value):
                            yield *facts, after, on, known, float(value)


def check_streams(runs: Sequence[Run]) -> None:
    """Refuse runs that differ in classes or number of tasks, or, with one seed, in the order of classes."""
    first = runs[0]
    of_seed: dict[int, Run] = {}
    for run in runs:
        alike = run.class_names == first.class_names and len(run.tasks) == len(first.tasks)
        if not alike or of_seed.setdefault(run.seed, run).fingerprint != run.fingerprint:
            other = of_seed.get(run.seed, first) if alike else first
            raise ValueError(
                f"Runs of different streams cannot be compared: {other.name} with seed {other.seed} learned "
                f"{other.stream_code}, {run.name} with seed {run.seed} {run.stream_code}."
            )


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
