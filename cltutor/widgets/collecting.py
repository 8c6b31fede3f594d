"""Widgets that collect runs: what all runs show is drawn over each other, the learner's beside recorded ones."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import show
from ..evaluation.metrics import average_accuracy, forgetting, mean_interval
from ..recipe.recipe import Recipe
from ..runs.naming import name_of
from ..runs.run import Run
from ..show.runs import accuracy, reading, setting
from ..training.events import EpochDone, Event
from .learning import Trains
from .stage import Drawing
from .training import snapshot


@dataclass(frozen=True)
class Paused:
    """A run that was stopped: the events that continue it, its recipe, and the picture of it so far among the runs."""

    events: Iterator[Event]
    recipe: Recipe
    shown: Run | None

    def cease(self) -> None:
        self.events.close()


class CollectsRuns(Trains):
    """Each training adds runs to `runs`, which are drawn over each other in `pane`, and over those in `beside`.

    `known_task` is a control that says what is drawn: accuracy with the task known at test, or unknown.
    """

    records_more: dict[str, Any] = {}  # arguments of `train`

    beside: Sequence[Run] = ()  # runs from elsewhere that are shown
    count = 1  # how many runs a training makes, one seed after another

    def __init__(self, *given, **more) -> None:
        super().__init__(*given, **more)
        self.runs: list[Run] = []
        self._live: Run | None = None
        self._paused: Paused | None = None
        self._done: list[Run] = []  # by the latest training
        self._finished: bool | None = None  # whether that has ended as planned; None before its end
        self.pane = self.stage()
        self.add_class("cltutor-runs")

    @property
    def shown(self) -> list[Run]:
        """What the picture shows: runs from elsewhere, finished and stopped ones, and the one that learns."""
        return [*self.beside, *self.runs, *([self._live] if self._live else [])]

    def own(self, recipe: Recipe) -> Recipe:
        """The recipe under the name that its runs have here: one of their own beside others of the same name."""
        name = name_of(SimpleNamespace(name=recipe.name, competes=recipe.heads == "class"))
        return replace(recipe, name=f"{name}, yours") if name in map(name_of, self._others) else recipe

    @property
    def _others(self) -> Sequence[Run]:
        """Runs from elsewhere, shown or not."""
        return self.beside

    def _train(self) -> None:
        """Learn the recipe with its next seeds; runs of it that were stopped are dropped."""
        self._drop_paused()
        self._learning = self.recipe
        recipe, first = self.own(self.recipe), self.seed
        self.runs = [run for run in self.runs if run.complete or run.recipe != recipe]
        made = (*self.runs, *self._others)
        taken = {run.seed for run in made if replace(run.recipe, name=recipe.name) == recipe}
        free = (seed for seed in itertools.count(first) if seed not in taken)
        seeds = list(itertools.islice(free, self.count))
        self._done, self._finished = [], None
        self._begin(self._events(recipe, seeds), f"{recipe.name}, seed {seeds[0]}: getting ready")

    def _events(self, recipe: Recipe, seeds: list[int]) -> Iterator[Event]:
        """Learn with one seed after another; the last run is kept when the training ends."""
        for seed in seeds:
            events = self.train(self.stream, recipe, seed, device=self.device, **self.records_more)
            try:
                for event in events:
                    yield event
            finally:
                events.close()
            if seed != seeds[-1]:
                self._keep(event.run)

    def _keep(self, run: Run) -> None:
        self._live = None
        self.runs, self._done = [*self.runs, run], [*self._done, run]

    def _resume(self) -> None:
        """Go on where the run was stopped."""
        if not self._can_resume:
            raise ValueError("There is nothing to resume with this recipe: press Train.")
        paused, self._paused = self._paused, None
        self.runs, self._done = ([run for run in runs if run is not paused.shown] for runs in (self.runs, self._done))
        self._live, self._learning = paused.shown, paused.recipe
        self._begin(paused.events, f"{paused.recipe.name} continues", None)

    @property
    def _can_resume(self) -> bool:
        return self._paused is not None and self._paused.recipe == self.recipe

    def _drop_paused(self) -> None:
        if self._paused:
            self._paused.cease()
        self._paused = None

    def _clear(self) -> None:
        if not self.actions.busy:
            self._drop_paused()
            self.actions.say("", 0)
        self.runs, self._done, self._finished = [], [], None
        self._show()

    def _take(self, event: Event) -> None:
        if isinstance(event, EpochDone):
            self._live = snapshot(event.run)
            self.pace.draw(self._show)

    def _end(self, run: Run | None, finished: bool) -> None:
        """Keep what was learned, show it and make ready for the next; called in the thread that trains."""
        run = run or self._live  # a training that goes on after its very last event has no other
        kept = run is not None and len(run.curves.epoch_task) > 0
        if kept:
            self._keep(run if finished else snapshot(run))
        self._live, self._finished = None, finished
        if self.training.keep:
            self._paused = Paused(self.training.events, self._learning, self.runs[-1] if kept else None)
        self._say_end()
        try:
            self._show()
        finally:
            self.actions.busy = False

    def _say_end(self) -> None:
        """Say how the last training ended, about the question that the picture answers, and whether it may go on."""
        self.actions.resumable = self._can_resume
        if self._finished is not None:
            words = outcome(self._done, self._finished, self.known_task.value)
            goes_on = "; Resume goes on" * self.actions.resumable
            self.actions.say(words + goes_on, 1.0 if self._finished else None)

    def _page(
        self, runs: Sequence[Run], known_task: bool, make: Callable[..., show.Picture] = show.accuracy_over_time
    ) -> Drawing:
        """What a stage shows of the accuracy of these runs over time, or of what else ``make(runs, known_task)`` draws,
        once."""
        if not runs:
            return self.empty
        pictures = []

        def keep() -> show.Picture:
            pictures.append(make(runs, known_task=known_task))
            return pictures[0]

        made = self.album.page((known_task, make, *map(id, runs)), keep, tuple(runs))
        for picture in pictures:
            picture.clear()  # its artists refer to each other, and would stay until the garbage collector runs
        return made

    def _pages(self, known_task: bool, **_: Any) -> list[Drawing]:
        return [self._page(self.shown, known_task)]

    def _show(self, name: str | None = None) -> None:
        """Show the picture of all runs, and have those that a press of a switch would show drawn ahead."""
        super()._show(name)
        if not self.actions.busy:
            self._say_end()
        if not self._live:
            self.album.do(self._page(*wish) for wish in self._wishes())

    def _wishes(self) -> list[tuple]:
        """What a press of a switch would show, as arguments of `_page`."""
        return [(self.shown, not self.known_task.value)]


def outcome(runs: Sequence[Run], finished: bool, known_task: bool = True) -> str:
    """The result of a recipe's runs, in one line, with the task known at test or unknown."""
    if not runs:
        return "stopped before the first epoch was over: there is nothing to show"
    last, words = runs[-1], f"{name_of(runs[0])}, {seeds_of(runs)}: "
    if not last.complete:
        stopped = f"stopped in task {last.learned + 1} of {len(last.tasks)}"
        return f"{words}{stopped}{f' of seed {last.seed}' * (len(runs) > 1)}; what it learned is kept"
    average, lost = ends_of(runs, known_task)
    cost = f"{sum(sum(run.seconds.values()) for run in runs):.0f} s on the {'CPU' if last.device == 'cpu' else 'GPU'}"
    numbers = f"{reading(*average)} on average"
    numbers += f", {reading(*lost, unit=' points')} forgotten" if math.isfinite(lost[0]) else ""
    interval = "; 95 % interval" * math.isfinite(average[1])
    more = "" if finished else "; stopped"
    return f"{words}{numbers} ({setting(known_task)}{interval}); {cost}{more}"


def seeds_of(runs: Sequence[Run]) -> str:
    """The seeds of runs in words."""
    seeds = [str(run.seed) for run in runs]
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}"


def ends_of(runs: Sequence[Run], known_task: bool) -> list[tuple[float, float]]:
    """Average accuracy and forgetting of complete runs at the end, in per cent: mean and half of the 95 % interval;
    nan where a run has no answer to this question."""
    matrices = [accuracy(run, known_task) for run in runs if run.complete]
    if not matrices or any(np.isnan(matrix[-1]).all() for matrix in matrices):
        return [(math.nan, math.nan)] * 2
    return [mean_interval([100 * measure(matrix) for matrix in matrices]) for measure in (average_accuracy, forgetting)]
