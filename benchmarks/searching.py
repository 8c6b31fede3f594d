"""The same search for every method, and the same runs for every method, shared by the benchmarks."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch

import cltutor as cl
from cltutor.streams import Stream
from cltutor.studies.gallery.building import held_out
from cltutor.training.events import Diverged

STORE = Path(os.environ.get("CLTUTOR_RUNS", Path.home() / ".cache" / "cltutor" / "runs"))

Build = Callable[..., cl.Recipe]
Job = tuple[Callable[..., Stream], dict, cl.Recipe, int]


def learn(stream: Stream, recipe: cl.Recipe, seed: int) -> cl.Run:
    """A run kept in the store, tested after each task only."""
    return cl.learn(stream, recipe, seed, store=STORE, progress=False, test_every=recipe.schedule.epochs + 1)


def final_accuracy(job: Job) -> float:
    """Average accuracy over all tasks at the end of a run; 0 for a run that diverged."""
    source, settings, recipe, seed = job
    torch.set_num_threads(1)
    stream = held_out(source(**settings))
    try:
        run = learn(stream, recipe, seed)
    except Diverged:
        return 0.0
    return float(np.mean(run.accuracy(known_task=not run.competes)[-1]))


def finished(job: Job) -> cl.Run:
    """The run of a job, learned now or found in the store."""
    source, settings, recipe, seed = job
    torch.set_num_threads(1)
    return learn(source(**settings), recipe, seed)


def search(
    builds: dict[str, Build],
    grid: Sequence[float],
    source: Callable[..., Stream],
    settings: Iterable[dict],
    pool: ProcessPoolExecutor,
) -> dict[str, float]:
    """For each method the rate of ``grid`` with the best mean accuracy over the streams of ``settings``.

    ``builds[name](learning_rate=...)`` is the recipe. Streams need validation images: no test image is looked at.
    """
    settings = list(settings)
    jobs = [(n, rate, (source, s, builds[n](learning_rate=rate), 0)) for n in builds for rate in grid for s in settings]
    scores: dict[tuple[str, float], list[float]] = {}
    for (name, rate, _), score in zip(jobs, pool.map(final_accuracy, [job for *_, job in jobs]), strict=True):
        scores.setdefault((name, rate), []).append(score)
    return {name: max(grid, key=lambda rate: np.mean(scores[name, rate])) for name in builds}
