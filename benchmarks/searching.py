"""The same runs for every method, and a search by ``cl.search`` for a setting of each, shared by the benchmarks."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import torch

import cltutor as cl
from cltutor.comparing.grids import MORE
from cltutor.streams import Stream

STORE = Path(os.environ.get("CLTUTOR_RUNS", Path.home() / ".cache" / "cltutor" / "runs"))

GROWN = f"and up to {MORE} further values on the side where a method's best was at the edge"
ALIKE = f"{GROWN}, while the others tried as many between their best ones"  # where several are searched together

Job = tuple[Callable[..., Stream], dict, cl.Recipe, int]


def learn(stream: Stream, recipe: cl.Recipe, seed: int, threads: int | None = 1) -> cl.Run:
    """A run kept in the store, tested after each task only; with one thread, as several runs share the machine."""
    last = recipe.schedule.epochs + 1
    return cl.learn(stream, recipe, seed, store=STORE, progress=False, test_every=last, threads=threads)


def finished(job: Job) -> cl.Run:
    """The run of a job, learned now or found in the store."""
    source, settings, recipe, seed = job
    torch.set_num_threads(1)
    return learn(source(**settings), recipe, seed)


def search(
    builds: Mapping[str, Callable[..., cl.Recipe]],
    grid: Sequence[float],
    stream: Callable[[int], Stream],
    orders: Sequence[int],
    pool: Executor | None,
    setting: str = "learning_rate",
    **options: Any,
) -> dict[str, float]:
    """The best value of a ``setting`` for each method, on class ``orders`` that are not reported; all is printed.

    ``options`` are those of ``cl.search``.
    """
    own = {name: {setting: grid} for name in builds}
    found = cl.search(builds, stream, own, orders, pool, store=STORE, progress=False, **options)
    print(found, flush=True)
    return {name: settings[setting] for name, settings in found.settings.items()}
