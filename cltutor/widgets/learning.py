"""What the widgets that train have in common: one run after another, or several recipes in turn."""

from collections.abc import Callable, Iterator, Mapping
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
from .controls import unusual
from .recording import FOLDER, Held, key_of, read
from .stage import Draw, Drawing
from .training import Actions, Pace, Training

Train = Callable[..., Iterator[Event]]


class DeviceText(DeviceName):
    """As text, which a line of code can show."""

    def convert(self, value: Any) -> str:
        return str(value)


Device = Annotated[str, DeviceText()]


class Trains(Tool):
    """A tool with Train, Stop and Clear (`actions`), which learns `stream` in a thread.

    train, draw: used to learn and to draw; tests give others. Subclasses say what happens at the press of `_train` and
    `_clear`; `_take(event)` and `_end(run, finished)` are called in the thread. Those that begin with results that came
    with the package, whose names are `recorded`, have `_held` and `_restore`.
    """

    pauses = False  # whether Stop pauses, and `_resume` goes on
    records = FOLDER
    recorded: frozenset[str] = frozenset()

    def __init__(self, css: str, stream: Stream, seed: int, device: str, train: Train, draw: Draw) -> None:
        super().__init__(css, draw)
        self.css = css.removeprefix("cltutor-")
        self.stream, self.seed, self.device, self.train = stream, seed, device, train
        self.training: Training | None = None
        self.pace = Pace()
        resume = self._resume if self.pauses else None
        self.actions = Actions(self._train, self._stop, self._clear, self.guarded, resume)

    def _given(self, settings: dict[str, Any], **more: Any) -> dict[str, Any]:
        """What the line of code says besides the controls: arguments that are not the usual ones, and settings."""
        return unusual(type(self), more | {"seed": self.seed, "device": self.device}) | settings

    def _load(self, recipes: Mapping[str, Recipe]) -> None:
        """Begin with what is recorded of these recipes, by name, for this stream and seed; what does not fit is left
        out, and the page says so."""
        self.restorable = dict(recipes)
        try:
            for name, held in read(self.css, self.record_keys, self.records).items():
                self._restore(name, held)
                self.recorded |= {name}
        except (KeyError, RuntimeError, TypeError, ValueError):  # damaged, or of another version
            self.actions.caution(["What was recorded cannot be read: press Train to make your own."])
        self.actions.explain(self.recorded)

    @property
    def record_keys(self) -> dict[str, str]:
        """What recorded results of this widget depend on, by their names."""
        return {name: key_of(self.stream, self.seed, recipe) for name, recipe in self.restorable.items()}

    def _replace(self, *names: str) -> None:
        """What was recorded under these names makes room for the learner's own."""
        self.recorded -= set(names)
        self.actions.explain(self.recorded)

    def _restore(self, name: str, held: dict[str, Any]) -> None:
        """Take over a result as ``_held`` gave it."""
        raise NotImplementedError

    def _held(self, name: str) -> Held:
        """All that is shown of a result, as arrays by name; nothing of one that is not whole."""
        raise NotImplementedError

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
        if not isinstance(event, Stepped):
            self._take(event)
        elif self.pace.line_due():
            self._say(event)

    def _say(self, event: Stepped) -> None:
        """Say where the run stands."""
        self.actions.say(progress_line(event), event.progress)

    def _take(self, event: Event) -> None:
        """Keep and show what was learned, at an event that is no step."""
        raise NotImplementedError

    def _stop(self) -> None:
        self.training.stop()
        self.actions.stop.disabled = True


class LearnsInTurn(Trains):
    """Train learns the stream with several `recipes`, one after another, the one of `method` first.

    `results`: by the method's name its run, or what is kept of it, which says whether it is `complete`. Subclasses
    define `_pages`.
    """

    all_done = "all methods have been trained; Clear to train them again"
    unfinished = "stopped; Train starts the unfinished method again"
    recipes: dict[str, Recipe]

    def __init__(self, *given, **more) -> None:
        super().__init__(*given, **more)
        self.results: dict[Any, Any] = {}

    @property
    def method(self) -> str | None:
        """The name of the method that is pressed, None where all are shown."""
        return self.controls.values.get("method")

    def _done(self, name: str) -> bool:
        return name not in self.recorded and name in self.results and self.results[name].complete

    def _train(self) -> None:
        """Learn with the recipes that are not finished, the pressed one first."""
        todo = {name: recipe for name, recipe in self.recipes.items() if not self._done(name)}
        if todo:
            self._begin(self._events(dict(sorted(todo.items(), key=lambda item: item[0] != self.method))))
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

    def _keep(self, name: Any, result: Any) -> None:
        """Keep what was learned, and show it."""
        self.results = {**self.results, name: result}
        self._show()

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

    def _end(self, run: Run | None, finished: bool) -> None:
        try:
            self._show()
        finally:
            self.actions.say("done" if finished else self.unfinished, 1.0 if finished else None)
            self.actions.busy = False


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
