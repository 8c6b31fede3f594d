"""Several methods on one stream with several seeds, alike in everything else, and what that says of them."""

import math
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor

from .. import methods as named
from ..evaluation import metrics
from ..recipe.recipe import Recipe
from ..runs.naming import grouped
from ..runs.run import Run
from ..streams import Stream
from ..training.loop import check
from .parallel import Job, Source, processes, runs_of
from .table import Table, numbers, tabulated

__all__ = ["Comparison", "compare", "processes"]


def compare(
    stream: Source,
    methods: Iterable[Recipe | str],
    seeds: Sequence[int] = (0, 1, 2),
    executor: Executor | None = None,
    device: str = "auto",
    store: str | os.PathLike | None = None,
    epochs: int | None = None,
    equal_budget: bool = True,
    progress: bool = True,
) -> "Comparison":
    """Learn ``stream`` with every method and every seed; the runs of the comparison come by method, then seed.

    ``stream`` is a Stream, or a function from a seed to one, such as ``functools.partial(cl.streams.digits, 5)``, so
    that every seed brings its own class order; either way all methods get the same. A seed gives every method the
    same first weights where their networks agree. The budget is the passes over the pool in batches of one size:
    methods that differ in ``epochs`` or ``batch_size`` are refused unless ``equal_budget=False``; ``epochs`` sets them
    for all. Rates and all else are a method's own.

    ``executor`` is any ``concurrent.futures.Executor``; without one the runs follow one another. ``processes(2)`` makes
    one for this machine, Dask's ``Client.get_executor()`` for a cluster. The workers share nothing but ``store``, and a
    function given as ``stream`` must be one that they can import.

    Raises:
        ValueError: no method, no seed, one of them twice, unequal budgets, or what ``learn`` refuses.
        WorkerDied: a worker died and its executor could not go on; with ``store`` finished runs are found again.
    """
    methods = [methods] if isinstance(methods, Recipe | str) else methods
    recipes, seeds = [named.get(recipe).with_epochs(epochs) for recipe in methods], list(seeds)
    check_lists(recipes, seeds)
    if equal_budget:
        check_budget(recipes)
    if isinstance(stream, Stream):
        for recipe in recipes:
            check(stream, recipe)
    from tqdm.auto import tqdm

    jobs = [Job(recipe, seed, device, store) for recipe in recipes for seed in seeds]
    found: dict[int, Run] = {}
    with tqdm(total=len(jobs), unit="run", disable=not progress, leave=False) as bar:
        for place, run in runs_of(stream, jobs, executor):
            found[place] = run
            bar.update()
    return Comparison(found[place] for place in range(len(jobs)))


def check_lists(recipes: list[Recipe], seeds: list[int]) -> None:
    if not recipes or not seeds:
        raise ValueError('Give one method and one seed or more: compare(stream, ["finetune", "lwf"], seeds=(0, 1, 2)).')
    twice = next((one for one in (recipes, seeds) for item in one if one.count(item) > 1), None)
    if twice is not None:
        what = next(item for item in twice if twice.count(item) > 1)
        raise ValueError(f"{getattr(what, 'name', f'Seed {what}')} is given twice: leave one out.")


def check_budget(recipes: Iterable[Recipe]) -> None:
    """Refuse methods of which one makes more passes over its images than another, or smaller steps of them."""
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

    Made by ``compare``, or of any runs that belong together. A page shows its ``table()``.

    Raises:
        ValueError: no run, a run that is not complete, a method twice with one seed, or different streams.
    """

    def __init__(self, runs: Iterable[Run]):
        self._runs = tuple(runs)
        if not self._runs:
            raise ValueError("A comparison needs one run or more.")
        for run in self._runs:
            if not run.complete:
                raise ValueError(
                    f"A comparison is of complete runs, and {run.name} with seed {run.seed} has learned {run.learned} "
                    f"of {len(run.tasks)} tasks: go on with it first."
                )
        self.methods: dict[str, tuple[Run, ...]] = {label: tuple(runs) for label, runs in grouped(self._runs)}
        check_streams(self._runs)
        for label, same in self.methods.items():
            if len({run.seed for run in same}) < len(same):
                raise ValueError(f"{label} has two runs with one seed: leave one out.")

    def __len__(self) -> int:
        return len(self._runs)

    def __getitem__(self, place):
        return list(self._runs[place]) if isinstance(place, slice) else self._runs[place]

    def __repr__(self) -> str:
        return f"<Comparison: {len(self)} runs of {', '.join(self.methods)}>"

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def difference(
        self, method: str, against: str, known_task: bool | None = None, measure: str = "average_accuracy"
    ) -> tuple[float, float]:
        """(mean, half width) of the 95 % t-interval of ``method`` minus ``against``, paired by seed, as a fraction.

        ``known_task=None`` asks as both were trained: the task unknown where all classes competed. ``measure`` is a
        name in ``numbers``. One pair has no interval: its half width is nan.

        Raises:
            ValueError: no such method or measure, seeds that differ, or regimes of training that do.
        """
        one, other = self._paired(method), self._paired(against)
        if one.keys() != other.keys():
            raise ValueError(
                f"Differences are paired by seed: {method} has {list(one)} and {against} has {list(other)}."
            )
        regimes = {run.competes for runs in (one, other) for run in runs.values()}
        if len(regimes) > 1 and known_task is not True:
            raise ValueError(
                f"{method} and {against} were trained under different regimes, one with a head per task: they can only "
                "be set side by side with known_task=True."
            )
        known = not regimes.pop() if known_task is None else known_task
        values = [[_measure(run, known, measure) for run in (one[seed], other[seed])] for seed in one]
        return metrics.paired_difference(*zip(*values, strict=True))

    def _paired(self, method: str) -> dict[int, Run]:
        if method not in self.methods:
            raise ValueError(f"There is no {method!r} in this comparison of {', '.join(self.methods)}.")
        return {run.seed: run for run in sorted(self.methods[method], key=lambda run: run.seed)}

    def table(self, known_task: bool | None = None, against: str | None = None) -> Table:
        """A row a method, in two groups that are never ranked in one column: trained with a head per task, and with
        all classes competing. Each group is sorted by average accuracy.

        ``known_task=None`` asks each group as it was trained; True or False asks both so, and those that never learned
        to compete then have no accuracy. Differences are paired with ``against``, or with each group's first method.
        """
        if against is not None and against not in self.methods:
            raise ValueError(f"There is no {against!r} in this comparison of {', '.join(self.methods)}.")
        return tabulated(self, known_task, against)

    def data(self) -> list[dict[str, str | int | float | None]]:
        """A flat dict a run, for a data frame or JSON; None where there is no number."""
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


def check_streams(runs: Sequence[Run]) -> None:
    """Refuse runs that do not belong together: other classes, another number of tasks, another order for one seed."""
    first, of_seed = runs[0], {}
    for run in runs:
        alike = run.class_names == first.class_names and len(run.tasks) == len(first.tasks)
        if not alike or of_seed.setdefault(run.seed, run).fingerprint != run.fingerprint:
            other = of_seed.get(run.seed, first) if alike else first
            raise ValueError(
                f"Runs of different streams cannot be compared: {other.name} with seed {other.seed} learned "
                f"{other.stream_code}, {run.name} with seed {run.seed} {run.stream_code}."
            )


def _measure(run: Run, known_task: bool, measure: str) -> float:
    found = numbers(run, known_task)
    if measure not in found:
        raise ValueError(f"There is no measure {measure!r}; there are {', '.join(found)}.")
    if math.isnan(found[measure]):
        raise ValueError(f"{run.name} has no {measure} with known_task={known_task}.")
    return found[measure]


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
