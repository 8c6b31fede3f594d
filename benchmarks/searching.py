"""The same search for every method, and the same runs for every method, shared by the benchmarks."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch

import cltutor as cl
from cltutor.comparing.search import MORE, at_edge, best
from cltutor.comparing.search import search as grown
from cltutor.streams import Stream
from cltutor.studies.gallery.building import held_out
from cltutor.training.events import Diverged

STORE = Path(os.environ.get("CLTUTOR_RUNS", Path.home() / ".cache" / "cltutor" / "runs"))

GROWN = f"and up to {MORE} further values on the side where a method's best was at the edge"

Build = Callable[..., cl.Recipe]
Job = tuple[Callable[..., Stream], dict, cl.Recipe, int]


def learn(stream: Stream, recipe: cl.Recipe, seed: int, threads: int | None = 1) -> cl.Run:
    """A run kept in the store, tested after each task only; with one thread, as several runs share the machine."""
    last = recipe.schedule.epochs + 1
    return cl.learn(stream, recipe, seed, store=STORE, progress=False, test_every=last, threads=threads)


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
    setting: str = "learning_rate",
) -> dict[str, float]:
    """For each method the rate with the best mean accuracy over the streams of ``settings``, of ``grid`` or beyond.

    ``builds[name](learning_rate=...)`` is the recipe; another ``setting`` than the rate may be searched. Streams need
    validation images: no test image is looked at.
    """
    settings = list(settings)

    def score(tried: list[tuple[str, float]]) -> list[float]:
        jobs = [(source, one, builds[name](**{setting: value}), 0) for name, value in tried for one in settings]
        return np.reshape(list(pool.map(final_accuracy, jobs)), (len(tried), len(settings))).mean(axis=1).tolist()

    return chosen(grown(score, list(builds), grid))


def chosen(found: dict[str, dict[float, float]]) -> dict[str, float]:
    """The best value for each method; all scores are printed, and a best that stayed at the edge is marked."""
    for name, scores in found.items():
        words = ", ".join(f"{value:g}: {scores[value]:.3f}" for value in sorted(scores))
        print(f"search {name}: {words}{'; the best is still at the edge' if at_edge(scores) else ''}", flush=True)
    return {name: best(scores) for name, scores in found.items()}
