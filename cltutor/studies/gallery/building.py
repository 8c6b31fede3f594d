"""How the gallery is made: one search for the rate of every method, then every method's trials, kept in a run store."""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from ...recipe.recipe import Recipe
from ...runs.provenance import hardware, versions
from ...runs.run import Run
from ...streams import Split, Stream
from ...training.events import Diverged
from ...training.loop import begin, learn
from .archive import Origin, write
from .settings import ALSO_ACROSS, BATCH, RATES, SEARCH_ORDER, SETTINGS, at_rate, best, entries, key, stream

Job = tuple[str, Recipe, int, str]  # the stream's name, the recipe, the trial, the store
Scores = dict[str, dict[float, float]]  # validation accuracy by rate, by method and regime
TOPS = 1, 5


def build(stream_name: str, store: Path, folder: Path, executor: Executor | None = None) -> Path:
    """Search, learn, and write ``folder/<stream>.safetensors`` and the rates beside it.

    Finished runs are found in ``store`` and not repeated. All methods learn the first trial, then all the second: the
    file is written after each of them, so that a gallery that was stopped early has as many trials of every method.
    """
    recipes = searched(stream_name, store, folder, executor)
    path, rounds, diverged = folder / f"{stream_name}.safetensors", [], []
    for trial in range(SETTINGS[stream_name].trials):
        jobs = [(stream_name, recipe, trial, str(store)) for recipe in recipes]
        rounds.append([])
        for run, words in _each(executor, finished, jobs):
            rounds[-1].append(run)
            diverged += [words] if words else []
            score = run.accuracy(known_task=not run.competes)[-1].mean()
            print(f"{stream_name}: {key(run.recipe)}, trial {trial}: {100 * score:.1f} % {words}", flush=True)
        by_method = [run for runs in zip(*rounds, strict=True) for run in runs]
        write(path, by_method, origin(stream_name, len(rounds), diverged))
    return path


def searched(stream_name: str, store: Path, folder: Path, executor: Executor | None = None) -> list[Recipe]:
    """Every recipe of the gallery at the rate that the search finds best; the scores are written into ``folder``."""
    found = search(stream_name, store, executor)
    remember(stream_name, found, folder)
    plain = [(name, heads, key(at_rate(name, stream_name, None, heads))) for name, heads in entries()]
    return [at_rate(name, stream_name, best(found[own]), heads) for name, heads, own in plain]


def search(stream_name: str, store: Path, executor: Executor | None = None) -> Scores:
    """Validation accuracy at the end of another class order, for every method and rate; 0 where it diverged."""
    tried = [at_rate(name, stream_name, rate, heads) for name, heads in entries() for rate in RATES]
    found: Scores = {}
    jobs = [(stream_name, recipe, SEARCH_ORDER, str(store)) for recipe in tried]
    for recipe, score in zip(tried, _each(executor, validated, jobs), strict=True):
        found.setdefault(key(recipe), {})[recipe.schedule.learning_rate] = score
        rate = recipe.schedule.learning_rate
        print(f"{stream_name}: {key(recipe)}, rate {rate:g}: {100 * score:.1f} % in validation", flush=True)
    return found


def validated(job: Job) -> float:
    """Average accuracy over all tasks at the end, on validation images, in the regime that the method trained for."""
    stream_name, recipe, order, store = job
    torch.set_num_threads(1)
    setting = SETTINGS[stream_name]
    arrived = held_out(setting.source(**setting.fixed, order=order, validation=0.2))
    try:
        run = learn(arrived, recipe, 0, device="cpu", store=store, progress=False, test_every=setting.epochs + 1)
    except Diverged:
        return 0.0
    return round(float(np.mean(run.accuracy(known_task=not run.competes)[-1])), 4)  # equal ones are to be equal


def held_out(stream: Stream) -> Stream:
    """The stream with its validation images in place of its test images, for a search that sees no test image."""
    none = Split.empty(stream.image_shape)
    tasks = [replace(task, test=task.validation, validation=none) for task in stream]
    return Stream(tasks=tasks, class_names=stream.class_names, name=stream.name, code=stream.code + " held out")


def finished(job: Job) -> tuple[Run, str]:
    """The run of a trial without its weights, and in which words it diverged; then all its accuracies are 0."""
    stream_name, recipe, trial, store = job
    torch.set_num_threads(1)
    arrived = stream(stream_name, trial)
    try:
        return learn(arrived, recipe, trial, device="cpu", store=store, progress=False).without_weights(), ""
    except Diverged as error:
        return counted_as_zero(arrived, recipe, trial), f"{key(recipe)}, trial {trial}: {error}"


def counted_as_zero(stream: Stream, recipe: Recipe, trial: int) -> Run:
    """A run that did not come to its end, as one that answers everything wrong."""
    run = begin(stream, recipe, trial, torch.device("cpu"))
    zeros = np.where(np.tri(len(stream), dtype=bool), 0.0, np.nan)
    run.accuracies = {f"{regime}_top{top}": zeros.copy() for regime in ("known", "unknown") for top in TOPS}
    for task in range(len(stream)):
        for _ in range(recipe.schedule.epochs):
            run.curves.add_epoch(task, {}, zeros[task], zeros[task])
    return replace(run, states=[{} for _ in stream])


def remember(stream_name: str, found: Scores, folder: Path) -> None:
    """Write the scores of a search into ``folder/rates.json``, from which `recipe` takes its rates."""
    path = folder / "rates.json"
    scores = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    own = {name: {f"{rate:g}": score for rate, score in row.items()} for name, row in found.items()}
    path.write_text(json.dumps({**scores, stream_name: own}, indent=1) + "\n", encoding="utf-8")


def origin(stream_name: str, trials: int, diverged: Iterable[str]) -> Origin:
    setting = SETTINGS[stream_name]
    return Origin(
        command=f"cltutor gallery {stream_name}",
        stream=stream(stream_name, 0).code,
        seeds=f"class orders and seeds 0 to {trials - 1}; the search: class order {SEARCH_ORDER}, seed 0",
        budget=f"{setting.epochs} epochs a task, batches of {BATCH}, at most {setting.capacity} exemplars in all",
        search=(
            f"the rate of every method among {', '.join(map(str, RATES))} by its average accuracy on validation images "
            "(a fifth of the training images) at the end; all other settings as published"
        ),
        regimes=f"each method in its paper's, and across tasks too: {', '.join(ALSO_ACROSS)}",
        seconds="of one thread on a machine that others used too: compare updates instead",
        versions=versions(),
        hardware=hardware(),
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        diverged="; ".join(diverged) or "no trial",
    )


def _each(executor: Executor | None, function, jobs: list[Job]) -> Iterator:
    return (executor.map if executor else map)(function, jobs)
