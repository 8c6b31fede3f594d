"""How the gallery is made: one search for the learning rate of every method, then all trials, kept in a run store."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from ...comparing.grids import at_edge, best, grown
from ...comparing.search import held_out
from ...recipe.recipe import Recipe
from ...runs.provenance import hardware, versions
from ...runs.run import Run
from ...streams import Stream
from ...training.events import Diverged
from ...training.loop import begin, learn
from .archive import Origin, read, write
from .settings import ALSO_ACROSS, BATCH, RATES, SEARCH_ORDER, Setting, at_rate, entries, key, search_words

Job = tuple[Recipe, int]  # the recipe and its trial or class order
Entry = tuple[str, str | None]  # a method and its heads, None for those of its paper
Scores = dict[Entry, dict[float, float]]  # validation accuracy by rate
RateScores = Mapping[str, Mapping[str, float]]  # the same by key, and a rate as it is written
TOPS = 1, 5
SETTINGS: dict[str, Any] = {"device": "cpu", "progress": False, "threads": 1}


@dataclass(frozen=True)
class Builder:
    """Makes the gallery of a stream. Finished runs are found in ``store`` and not repeated.

    ``executor``, any of ``concurrent.futures``, runs the jobs in parallel. ``entries`` are (method, heads), ``rates``
    the learning rates to try first; a method whose best lies at their edge tries further ones.
    """

    name: str
    setting: Setting
    store: Path
    executor: Executor | None = None
    entries: Sequence[Entry] = tuple(entries())
    rates: Sequence[float] = RATES
    learn: Callable[..., Run] = learn

    def build(self, folder: Path, missing: bool = False) -> Path:
        """Search, train, and write ``folder/<stream>.safetensors`` and the rates beside it.

        All methods run the first trial, then all the second: the file is written after each of them, so that a gallery
        that was stopped early has equally many trials of every method. ``missing``: only the methods that the file
        lacks, beside what it has, which stays as it is.
        """
        path = folder / f"{self.name}.safetensors"
        if missing:
            return self.extend(path)
        found = self.search()
        self.record(found, folder)
        recipes = [self.at(entry, best(scores)) for entry, scores in found.items()]
        rounds: list[list[Run]] = []
        diverged: list[str] = []
        for trial in range(self.setting.trials):
            rounds.append([])
            for run, words in self._each(finished, [(recipe, trial) for recipe in recipes]):
                rounds[-1].append(run)
                diverged += [words] if words else []
                score = run.accuracy(known_task=not run.competes)[-1].mean()
                print(f"{self.name}: {key(run.recipe)}, trial {trial}: {100 * score:.1f} % {words}", flush=True)
            by_method = [run for runs in zip(*rounds, strict=True) for run in runs]
            write(path, by_method, self.origin(len(rounds), found, diverged))
        return path

    def extend(self, path: Path) -> Path:
        """Write the runs of ``path`` again, with those of the entries that it lacks in their places."""
        kept, before = read(path)
        have = {key(run.recipe) for run in kept}
        new = replace(self, entries=[entry for entry in self.entries if key(self.at(entry)) not in have])
        if not new.entries:
            return path
        with TemporaryDirectory() as apart:
            made, origin = read(new.build(Path(apart)))
            rates = json.loads((Path(apart) / "rates.json").read_text(encoding="utf-8"))[self.name]
        order = {key(self.at(entry)): place for place, entry in enumerate(self.entries)}
        every = sorted([*kept, *made], key=lambda run: (order[key(run.recipe)], run.seed))
        origin = replace(origin, command=f"{origin.command} --missing")
        write(path, every, together(before, origin, [key(new.at(entry)) for entry in new.entries]))
        keep_rates(path.parent, self.name, rates, order)
        return path

    def search(self) -> Scores:
        """Validation accuracy at the end of another class order, for every entry and rate; 0 where it diverged."""

        def score(tried: list[tuple[Entry, float]]) -> Iterator[float]:
            recipes = [self.at(entry, rate) for entry, rate in tried]
            for recipe, reached in zip(
                recipes, self._each(validated, [(r, SEARCH_ORDER) for r in recipes]), strict=True
            ):
                rate = f"{recipe.schedule.learning_rate:g}"
                print(f"{self.name}: {key(recipe)}, rate {rate}: {100 * reached:.1f} % in validation", flush=True)
                yield reached

        return grown(score, self.entries, self.rates)

    def record(self, found: Scores, folder: Path) -> None:
        """Write the scores of this stream into ``folder``, from which ``settings.recipe`` takes its rates."""
        named = {key(self.at(entry)): sorted(row.items()) for entry, row in found.items()}
        scores = {name: {f"{rate:g}": score for rate, score in row} for name, row in named.items()}
        keep_rates(folder, self.name, scores)

    def at(self, entry: Entry, rate: float | None = None) -> Recipe:
        """The recipe of an entry at a learning rate, None for its own."""
        method, heads = entry
        return at_rate(method, self.setting, rate, heads)

    def origin(self, trials: int, found: Scores, diverged: Sequence[str]) -> Origin:
        setting = self.setting
        edge = ", ".join(f"{key(self.at(entry))} at {best(row):g}" for entry, row in found.items() if at_edge(row))
        return Origin(
            command=f"cltutor gallery {self.name}",
            stream=setting.stream(0).code,
            seeds=f"class orders and seeds 0 to {trials - 1}; the search: class order {SEARCH_ORDER}, seed 0",
            budget=f"{setting.epochs} epochs per task, batches of {BATCH}, at most {setting.capacity} exemplars in all",
            search=f"{search_words(self.rates)}; still at the edge: {edge or 'none'}",
            regimes=f"each method in its paper's, and across tasks too: {', '.join(ALSO_ACROSS)}",
            seconds="of one thread on a shared machine: compare updates instead",
            versions=versions(),
            hardware=hardware(),
            date=datetime.now(UTC).strftime("%Y-%m-%d"),
            diverged="; ".join(diverged) or "no trial",
        )

    def _each(self, function: Callable[..., Any], jobs: Sequence[Job]) -> Iterator[Any]:
        work = partial(function, setting=self.setting, store=str(self.store), learn=self.learn)
        return iter((self.executor.map if self.executor else map)(work, jobs))


def keep_rates(folder: Path, stream: str, new: RateScores, order: Iterable[str] = ()) -> None:
    """Write the scores of a stream into the file of rates in ``folder``: beside those that it has if there is an
    ``order`` of all, else in place of them."""
    path = folder / "rates.json"
    every = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    joined = every.get(stream, {}) | new
    every[stream] = {name: joined[name] for name in order or new if name in joined}
    path.write_text(json.dumps(every, indent=1) + "\n", encoding="utf-8")


def together(before: Origin, added: Origin, names: Sequence[str]) -> Origin:
    """The origin of runs to which those of ``names`` were added: each fact in which the two differ says so."""
    both = {"regimes": added.regimes}  # a list of all methods
    for name in (fact.name for fact in fields(Origin) if fact.name not in both):
        old, new = getattr(before, name), getattr(added, name)
        both[name] = old if old == new else f"{old}; of {', '.join(names)}: {new}"
    return Origin(**both)


def validated(job: Job, setting: Setting, store: str, learn: Callable[..., Run]) -> float:
    """Average accuracy over all tasks at the end, on validation images, in the regime that the method trained for."""
    recipe, order = job
    stream = held_out(setting.stream(order, validation=0.2))
    try:
        run = learn(stream, recipe, 0, **SETTINGS, store=store, test_every=setting.epochs + 1)
    except Diverged:
        return 0.0
    return round(float(np.mean(run.accuracy(known_task=not run.competes)[-1])), 4)  # so that ties are ties


def finished(job: Job, setting: Setting, store: str, learn: Callable[..., Run]) -> tuple[Run, str]:
    """The run of a trial without its weights, and a sentence if it diverged; then all its accuracies are 0."""
    recipe, trial = job
    stream, record = setting.stream(trial), "predictions" if trial == 0 and key(recipe) in setting.recorded else None
    try:
        return learn(stream, recipe, trial, **SETTINGS, store=store, record=record).without_weights(), ""
    except Diverged as error:
        return counted_as_zero(stream, recipe, trial), f"{key(recipe)}, trial {trial}: {error}"


def counted_as_zero(stream: Stream, recipe: Recipe, trial: int) -> Run:
    """A run that did not reach its end, as one that classifies every image wrongly."""
    run = begin(stream, recipe, trial, torch.device("cpu"), 1, (1, 1))
    zeros = np.where(np.tri(len(stream), dtype=bool), 0.0, np.nan)
    run.accuracies = {f"{regime}_top{top}": zeros.copy() for regime in ("known", "unknown") for top in TOPS}
    for task in range(len(stream)):
        for _ in range(recipe.schedule.epochs):
            run.curves.add_epoch(task, {}, zeros[task], zeros[task])
    return replace(run, states=[{} for _ in stream])
