"""What the widgets that train have in common: one run after another, or several recipes in turn."""

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Annotated, Any

import numpy as np

from .. import show
from ..evaluation.metrics import average_accuracy, forgetting
from ..networks import Network
from ..networks.devices import DeviceName
from ..recipe.recipe import Recipe
from ..runs.naming import name_of
from ..runs.one_class import DASH
from ..runs.run import Run
from ..seeds import seeded
from ..show.runs import accuracy, setting
from ..streams import Stream
from ..training.events import EpochDone, Event, Stepped
from .base import Tool
from .behind import RunAlbum
from .recording import Recordable
from .stage import Draw, Drawing, Stage
from .training import Actions, Pace, Training, snapshot

Train = Callable[..., Iterator[Event]]


class DeviceText(DeviceName):
    """As text, which a line of code can show."""

    def convert(self, value: Any) -> str:
        return str(value)


Device = Annotated[str, DeviceText()]


class Trains(Recordable, Tool):
    """A tool with Train, Stop and Clear (`actions`), which learns `stream` in a thread.

    train, draw: used to learn and to draw; tests give others. Subclasses say what happens at the press of `_train` and
    `_clear`; `_follow(event)` and `_end(run, finished)` are called in the thread.
    """

    pauses = False  # whether Stop pauses, and `_resume` goes on

    def __init__(self, css: str, stream: Stream, seed: int, device: str, train: Train, draw: Draw) -> None:
        super().__init__(css, draw)
        self.css = css.removeprefix("cltutor-")
        self.stream, self.seed, self.device, self.train = stream, seed, device, train
        self.training: Training | None = None
        self.pace = Pace()
        resume = self._resume if self.pauses else None
        self.actions = Actions(self._train, self._stop, self._clear, self.guarded, resume)

    @cached_property
    def empty(self) -> Drawing:
        """The page before anything has been learned: sample pictures of the tasks."""
        return self.draw(lambda: show.tasks(self.stream))

    def _begin(self, events: Iterator[Event], words: str = "getting ready", progress: float | None = 0) -> None:
        self.actions.say(words, progress)
        self.actions.busy = True
        self.warnings: dict[str, None] = {}  # of all runs of this training, in order
        self.actions.caution(())
        self.pace.restart()
        self.training = Training(events, self._each, self._end, self.show_error, self.pauses)
        self.training.start()

    def _each(self, event: Event) -> None:
        self.warnings |= dict.fromkeys(event.run.warnings.values())
        self.actions.caution(self.warnings)
        self._follow(event)

    def _stop(self) -> None:
        self.training.stop()
        self.actions.stop.disabled = True


class CollectsRuns(Trains):
    """Each training adds a run to `runs`, and all are drawn over each other in `pane`.

    `known_task` is a control that says what is drawn: accuracy with the task known at test, or unknown.
    """

    def __init__(self, *given, **more) -> None:
        super().__init__(*given, **more)
        self.runs: list[Run] = []
        self._live: Run | None = None
        self._ended: tuple[Run | None, bool, str] | None = None  # how the last training ended
        self.pane = self.stage()
        self.album = RunAlbum(lambda: self.empty, self.show_error, self.draw)

    @property
    def shown(self) -> list[Run]:
        """What the picture shows: finished and stopped runs, and the one that learns."""
        return [*self.runs, *([self._live] if self._live else [])]

    def _train(self) -> None:
        """Learn the recipe with its next seed; runs of it that were stopped are dropped."""
        recipe, first = self.recipe, self.seed
        self.runs = [run for run in self.runs if run.complete or run.recipe != recipe]
        taken = {run.seed for run in self.runs if run.recipe == recipe}
        seed = min(set(range(first, first + len(taken) + 1)) - taken)
        events = self.train(self.stream, recipe, seed, device=self.device)
        self._begin(events, f"{recipe.name}, seed {seed}: getting ready")

    def _clear(self) -> None:
        if not self.actions.busy:
            self.actions.say("", 0)
        self.runs, self._ended = [], None
        self._show()

    def _follow(self, event: Event) -> None:
        """Show some of the events on the page; called in the thread that trains."""
        if isinstance(event, Stepped) and self.pace.line_due():
            self.actions.say(progress_line(event), event.progress)
        if isinstance(event, EpochDone):
            self._live = snapshot(event.run)
            self.pace.draw(self._show)

    def _end(self, run: Run | None, finished: bool) -> None:
        """Keep what was learned, show it and make ready for the next; called in the thread that trains."""
        self._live, kept = None, None
        if run is not None and len(run.curves.epoch_task):
            kept = run if finished else snapshot(run)
            self.runs = [*self.runs, kept]
        self._ended = run, finished, self._pause(kept)
        self._say_end()
        try:
            self._show()
        finally:
            self.actions.busy = False

    def _say_end(self) -> None:
        """Say how the last training ended, about the question that the picture answers."""
        if self._ended:
            run, finished, more = self._ended
            self.actions.say(outcome(run, finished, self.known_task.value) + more, 1.0 if finished else None)

    def _pause(self, kept: Run | None) -> str:
        """Keep what a stopped training needs to go on; words to add to its outcome."""
        return ""

    def _show(self) -> None:
        """Show the picture of all runs, and have those that a press of a switch would show drawn ahead."""
        known = None
        while known != self.known_task.value:  # the switch may be pressed while a thread draws
            known = self.known_task.value
            self.pane.drawing = self.album.picture(self.shown, known)
        if not self.actions.busy:
            self._say_end()
        if not self._live:
            self.album.ahead(self._wishes())

    def _wishes(self) -> list[tuple[list[Run], bool]]:
        """What a press of a switch would show."""
        return [(self.shown, not self.known_task.value)]


class LearnsInTurn(Trains):
    """Train learns the stream with several `recipes`, one after another, the one of `method` first.

    `results`: by the method's name its run, or what is kept of it, which says whether it is `complete`. Subclasses
    define `_pictures(method)`, which a press of a button shows in `panes`, or `_show()` where all methods are shown.
    """

    all_done = "all methods have been trained; Clear to train them again"
    unfinished = "stopped; Train starts the unfinished method again"
    recipes: dict[str, Recipe]
    panes: list[Stage]

    def __init__(self, *given, **more) -> None:
        super().__init__(*given, **more)
        self.results: dict[Any, Any] = {}

    @property
    def method(self) -> str | None:
        """The name of the method that is pressed, None where all are shown."""
        return self.controls.values.get("method")

    def _done(self, name: str) -> bool:
        return name not in self.recorded and name in self.results and self.results[name].complete

    def _todo(self) -> dict[str, Recipe]:
        """The recipes that are not finished, in the order in which they are learned."""
        todo = [name for name in self.recipes if not self._done(name)]
        return {name: self.recipes[name] for name in sorted(todo, key=lambda name: name != self.method)}

    def _train(self) -> None:
        if todo := self._todo():
            self._begin(self._events(todo))
        else:
            self.actions.say(self.all_done, 1)

    def _events(self, todo: dict[str, Recipe]) -> Iterator[Event]:
        """Learn with one recipe after another, each from its beginning."""
        for done, (name, recipe) in enumerate(todo.items()):
            self._part = name, done / len(todo), 1 / len(todo)
            self._start(name)
            yield from self.train(self.stream, recipe, self.seed, device=self.device, **self._tests(recipe))
            self._finish(name)

    def _start(self, name: str) -> None:
        """Drop what was left of an earlier attempt, before a recipe is learned."""
        self.results = {other: result for other, result in self.results.items() if other != name}
        self._replace(name)

    def _finish(self, name: str) -> None:
        """Called when a recipe has been learned."""

    def _tests(self, recipe: Recipe) -> dict[str, int]:
        """Arguments of `train`: how often old tasks are tested."""
        return {}

    def _say(self, event: Stepped, more: str = "") -> None:
        _, start, share = self._part
        self.actions.say(progress_line(event) + more, start + share * event.progress)

    def _forget(self) -> None:
        """Drop all results."""
        self.results = {}
        self._replace(*self.recorded)
        self.album.clear()

    def _clear(self) -> None:
        if self.actions.busy:
            raise ValueError("A network is being trained: press Stop first.")
        self._forget()
        self.actions.say("", 0)
        self._show()

    def _show(self, name: str | None = None) -> None:
        """Show the pressed method, or the empty page before anything is learned; `name`: the control that was moved."""
        shown = None
        while shown != self.method:  # another may be pressed while a thread draws
            shown = self.method
            pages = self._pictures(shown) if self.results else [self.empty, *[{}] * (len(self.panes) - 1)]
            for pane, page in zip(self.panes, pages, strict=True):
                pane.drawing = page

    def _end(self, run: Run | None, finished: bool) -> None:
        try:
            self._show()
            self._draw_ahead(finished)
        finally:
            self.actions.say("done" if finished else self.unfinished, 1.0 if finished else None)
            self.actions.busy = False

    def _draw_ahead(self, finished: bool) -> None:
        """Draw what a press of a button would show."""
        for name in self.results:
            self._pictures(name)


def first_network(recipe: Recipe, stream: Stream) -> Network:
    """A recipe's untrained network with heads for the first task, to look at its layers."""
    with seeded(("layers",)):
        network = recipe.network.build(stream.image_shape, pretrained=False)
        network.grow(len(stream[0].classes))
    return network


def progress_line(event: Stepped) -> str:
    """Where a run stands, in one line."""
    run, epochs = event.run, event.run.recipe.schedule.epochs
    where = f"task {event.task + 1} of {len(run.tasks)}, epoch {event.epoch + 1} of {epochs}"
    return f"{name_of(run)}, seed {run.seed}: {where} ({event.phase})"


def outcome(run: Run | None, finished: bool, known_task: bool = True) -> str:
    """The result of a run, in one line, with the task known at test or unknown."""
    if run is None or not len(run.curves.epoch_task):
        return "stopped before the first epoch was over: there is nothing to show"
    words = f"{name_of(run)}, seed {run.seed}: "
    if not finished:
        return f"{words}stopped in task {run.curves.epoch_task[-1] + 1} of {len(run.tasks)}; what it learned is kept"
    matrix, average, lost = accuracy(run, known_task), math.nan, math.nan
    if not np.isnan(matrix[-1]).all():  # else the run has no answer to this question
        average, lost = 100 * average_accuracy(matrix), 100 * forgetting(matrix)
    cost = f"{sum(run.seconds.values()):.0f} s on the {'CPU' if run.device == 'cpu' else 'GPU'}"
    numbers = f"{average:.1f} % on average" if math.isfinite(average) else f"{DASH} on average"
    numbers += f", {lost:.1f} points forgotten" if math.isfinite(lost) else ""
    return f"{words}{numbers} ({setting(known_task)}); {cost}"
