"""Several methods on one stream with several seeds, alike in everything else."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor

from . import methods as named
from .learner import learn
from .recipe import Recipe
from .run import Run
from .streams import Stream


def compare(
    stream: Stream,
    methods: Iterable[Recipe | str],
    seeds: Sequence[int] = (0, 1, 2),
    executor: Executor | None = None,
    device: str = "auto",
    store: str | None = None,
) -> list[Run]:
    """Learn ``stream`` with every method and every seed; runs come back by method, then seed.

    A seed gives every method the same first weights where their networks agree. ``executor`` is any
    ``concurrent.futures.Executor``; without one the runs follow one another.
    """
    jobs = [(stream, recipe, seed, device, store) for recipe in map(named.get, methods) for seed in seeds]
    return list((executor.map if executor else map)(_one, jobs))


def _one(job: tuple) -> Run:
    stream, recipe, seed, device, store = job
    return learn(stream, recipe, seed, device=device, store=store, progress=False)
