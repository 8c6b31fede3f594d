"""A fair search: one learning rate for all recipes compared, then each one's own weights at that rate."""

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Any

import numpy as np

from ..checked import AnyOf, Many, Table, Text, checked
from ..describe import Choice, Kind, Real, Whole
from ..recipe.recipe import Recipe
from ..runs.run import Run
from ..streams import Split, Stream
from ..training.events import Diverged
from ..training.loop import Count, Device
from ..warned import warn
from .candidates import MADE, NAMED, RATE, Build, Own, Settings, builders, check_all, divided
from .found import Configuration, SearchResult
from .grids import MORE, Point, at_edge, best, best_point, edges, grown, grown_alike, values_on
from .numbers import value_of
from .parallel import Job, Source, make_stream, runs_of

ALL = "all together"
SCORES = ("average_accuracy", "average_incremental_accuracy", "new_task_accuracy", "old_task_accuracy")

OF_ORDER = Kind("a function of a class order, such as partial(cl.streams.digits, 5, validation=0.2)", callable)
VALUES = Many(Real(at_least=0), least=1)
RULES = {
    "recipes": AnyOf((Many(NAMED, least=1), Table(MADE, Text(), least=1))),
    "stream": OF_ORDER,
    "grid": AnyOf((VALUES, Table(AnyOf((VALUES, Table(VALUES, Text(), least=1))), Text(), least=1))),
    "orders": Many(Whole(at_least=0), least=1),
    "score": AnyOf((Choice(SCORES), Kind("a function from a Run to a number", callable))),
}


@checked(**RULES)
def search(
    recipes: Iterable[Recipe | str] | Mapping[str, Recipe | str | Build],
    stream: Callable[[int], Stream],
    grid: Sequence[float] | Mapping[str, Sequence[float] | Mapping[str, Sequence[float]]],
    orders: Sequence[int] = (100, 101, 102),
    executor: Executor | None = None,
    device: Device = "auto",
    store: str | os.PathLike | None = None,
    epochs: Count = None,
    score: str | Callable[[Run], float] = "average_accuracy",
    on: Annotated[str, Choice(("validation", "test"))] = "validation",
    widen: Annotated[int, Whole(at_least=0)] = MORE,
    progress: bool = True,
    threads: Count = 1,
) -> SearchResult:
    """Find settings of ``recipes`` on class ``orders`` that are not reported, with the same effort for each recipe.

    One learning rate for all, that with the highest mean score over all recipes and orders; then at that rate each
    recipe's own weights, as many configurations for each recipe that has any. All are tried on the same orders, which
    are the seeds, too, so that the higher mean is the higher paired mean; an exact tie goes to a value inside the grid.

    ``grid`` are rates, or values by setting: ``{"learning_rate": (0.01, 0.03), "lam": (0.1, 1, 10)}`` for every recipe
    that takes ``lam``, ``{"mas": {"lam": (1, 10)}}`` for that one. ``recipes`` are names of methods, or a dict in which
    a function from settings to a Recipe has a name of its own: ``{"slow": partial(cl.methods.mas, epochs=50)}``; of a
    Recipe the fields of its Schedule can be searched. A grid whose best lies at its edge gets up to ``widen`` further
    values there, and the other recipes as many between theirs; a best that stays at the edge is warned of.

    ``stream`` makes the Stream of an order; scores are taken on its validation images, or ``on="test"``, for classes
    that are not reported at all. ``score`` is a measure by name, tested as trained, or a function of a run; 0 for a run
    that diverged. All else is as in ``compare``: with ``store``, a search that was stopped goes on where it was.

    Raises:
        ValueError: what ``compare`` refuses, unknown settings, unequal numbers of configurations, or two regimes.
    """
    builds = builders(recipes, epochs)
    rates, own = divided(grid, builds)
    source = partial(searched, stream, on)
    check_all(builds, rates, own, source, orders)
    settings = {"device": device, "store": store, "threads": threads}
    trials = Trials(builds, source, list(orders), score, executor, progress, settings)
    return trials.result(rates, own, widen, on)


@dataclass(frozen=True)
class Trial(Job):
    """A run of a search: one that diverges ends where it did, and is not complete."""

    def run(self, stream: Stream) -> Run:
        try:
            return super().run(stream)
        except Diverged as error:
            if error.run is None:
                raise
            return error.run


@dataclass
class Trials:
    """Everything that a search has tried; what was learned once is not learned again."""

    builds: dict[str, Build]
    source: Source
    orders: list[int]
    score: str | Callable[[Run], float]
    executor: Executor | None
    progress: bool
    settings: dict[str, Any]  # of every run
    known: dict[str, list[float | None]] = field(default_factory=dict)  # scores by a recipe's code, None: diverged
    tried: list[Configuration] = field(default_factory=list)

    def learn(self, asked: Sequence[tuple[str, Settings]]) -> list[Configuration]:
        """Recipes with settings, and what they scored; all that are new are learned together."""
        from tqdm.auto import tqdm

        recipes = [self.builds[label](**settings) for label, settings in asked]
        new = {repr(recipe): recipe for recipe in recipes if repr(recipe) not in self.known}
        jobs = [self.trial(recipe, order) for recipe in new.values() for order in self.orders]
        reached: dict[int, float | None] = {}
        with tqdm(total=len(jobs), unit="run", disable=not self.progress, leave=False) as bar:
            for place, run in runs_of(self.source, jobs, self.executor):
                reached[place] = self.value(run)
                bar.update()
        scores = iter(reached[place] for place in range(len(jobs)))
        self.known |= {code: [next(scores) for _ in self.orders] for code in new}
        found = []
        for (label, settings), recipe in zip(asked, recipes, strict=True):
            own = self.known[repr(recipe)]
            found.append(Configuration(label, settings, tuple(one or 0.0 for one in own), own.count(None)))
        self.tried += [one for one in found if one not in self.tried]
        return found

    def trial(self, recipe: Recipe, order: int) -> Trial:
        # Scored is the accuracy after each task: no other test is needed.
        return Trial(recipe, order, **self.settings, test_every=recipe.schedule.epochs + 1)

    def value(self, run: Run) -> float | None:
        """The score of a run; None where it diverged."""
        if not run.complete:
            return None
        if isinstance(self.score, str):
            return value_of(run, not run.competes, self.score)
        return Real().check("the score of a run", self.score(run))

    def common_rate(self, rates: Sequence[float], widen: int) -> tuple[Settings, list[str]]:
        """The rate with the best mean over all recipes, and a sentence if it lies at the edge."""
        together: dict[float, Configuration] = {}

        def score(tried: list[tuple[str, float]]) -> list[float]:
            found = iter(self.learn([(label, {RATE: value}) for _, value in tried for label in self.builds]))
            for _, value in tried:
                group = [next(found) for _ in self.builds]
                means = tuple(np.mean([one.scores for one in group], axis=0).tolist())
                together[value] = Configuration(ALL, {RATE: value}, means, sum(one.diverged for one in group))
            return [together[value].mean for _, value in tried]

        scores = grown(score, [ALL], rates, widen)[ALL]
        self.tried = [*together.values(), *self.tried]
        words = [edge_words(RATE, best(scores), scores)] if at_edge(scores) else []
        return {RATE: best(scores)}, words

    def own_weights(self, own: Own, rate: Settings, widen: int) -> tuple[dict[str, Settings], list[str]]:
        """The chosen settings of every recipe, and a sentence for each that lies at the edge of its grid."""

        def settings_at(label: str, point: Point) -> Settings:
            return {**rate, **dict(zip(own[label], point, strict=True))}

        def score(tried: list[tuple[str, Point]]) -> list[float]:
            return [one.mean for one in self.learn([(label, settings_at(label, point)) for label, point in tried])]

        grids = {label: list(axes.values()) for label, axes in own.items() if axes}
        found = grown_alike(score, grids, widen)
        points = {label: best_point(scores) for label, scores in found.items()}
        words = [
            edge_words(f"{list(own[label])[axis]} of {label}", points[label][axis], values_on(axis, scores))
            for label, scores in found.items()
            for axis in edges(points[label], scores)
        ]
        return {label: settings_at(label, points.get(label, ())) for label in self.builds}, words

    def result(self, rates: Sequence[float], own: Own, widen: int, on: str) -> SearchResult:
        """The search itself: the common rate, then the weights."""
        rate, words = self.common_rate(rates, widen) if rates else ({}, [])
        chosen, more = self.own_weights(own, rate, widen)
        words = [*filter(None, (*words, *more))]
        if words:
            warn(" ".join(words))
        score = self.score if isinstance(self.score, str) else "score"
        about = f"{score} on {on} images; class orders {', '.join(map(str, self.orders))}"
        recipes = [self.builds[label](**settings) for label, settings in chosen.items()]
        return SearchResult(recipes, chosen, self.listed(chosen, rate), tuple(words), about)

    def listed(self, chosen: Mapping[str, Settings], rate: Settings) -> tuple[Configuration, ...]:
        """All that was tried, the chosen ones marked."""
        marked = {**chosen, ALL: rate}
        return tuple(replace(one, chosen=one.settings == marked[one.recipe]) for one in self.tried)


def edge_words(name: str, value: float, tried: Collection[float]) -> str:
    """That a best value lies at the edge of what was tried; "" where only one was."""
    if len(tried) == 1:
        return ""
    span = f"{min(tried):g} to {max(tried):g}"
    return f"The best {name}, {value:g}, lies at the edge of what was tried ({span}): give a wider grid."


def searched(source: Source, on: str, order: int) -> Stream:
    """The stream of a class order on which a search scores."""
    stream = make_stream(source, order)
    return held_out(stream) if on == "validation" else stream


def held_out(stream: Stream) -> Stream:
    """The stream with its validation images in place of its test images: a search must see no test image.

    Raises:
        ValueError: a task without validation images.
    """
    if bare := [task.index for task in stream if not len(task.validation)]:
        raise ValueError(
            f"Task {bare[0]} has no validation images, and a search sees no test image: make the stream with "
            'validation=0.2, or search with on="test" if none of its classes is reported.'
        )
    none = Split.empty(stream.image_shape)
    tasks = [replace(task, test=task.validation, validation=none) for task in stream]
    code = stream.code + " held out"
    return Stream(tasks, stream.class_names, stream.name, code, returning=stream.returning)
