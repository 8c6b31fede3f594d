"""What the widgets that train have in common: one run after another, or several recipes in turn."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Annotated, Any

from .. import show
from ..networks import Network
from ..networks.devices import DeviceName
from ..recipe.recipe import Recipe
from ..runs.naming import name_of
from ..runs.run import Run
from ..seeds import seeded
from ..streams import Stream
from ..training.events import Event, Stepped
from .base import Tool
from .recording import Recordable
from .stage import Draw, Drawing, Stage
from .training import Actions, Pace, Training

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
