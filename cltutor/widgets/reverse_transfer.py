"""What later tasks do to the accuracy and to the filters of earlier ones (DF-CNN, section 2.3 and Figure 4)."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from .. import methods as named
from .. import show
from ..evaluation.metrics import peak_accuracy
from ..recipe.recipe import Recipe
from ..runs.run import Run
from ..seeds import seeded
from ..show.transfer import filter_distances
from ..streams import Stream
from ..training.events import EpochDone, Event, Stepped, TaskDone
from ..training.loop import train
from .actions import Actions
from .base import Pane, Tool, buttons, draw, row
from .controls import Controls
from .method_toggle import news
from .settings import told
from .training import Trains, snapshot

METHODS = ("dfcnn", "hard_sharing", "single_task")
ALONE = "single_task"  # whose peaks are what a task reaches without the others


class ReverseTransfer(Trains, Tool):
    """Test accuracy of every task while the tasks are learned in turn, by one method after another.

    Train learns the stream by each method with one seed, the pressed one first. Of the pressed one are shown the
    accuracy of each task over the epochs, the difference to when it was learned after every later task, and, where
    filters are rebuilt from shared knowledge, how far later tasks have moved them. A dotted line is the mean peak of
    single-task learning, once it has been trained.

    methods: names; epochs: of every task; method: the one pressed at first; seed, device: as in `learn`; settings:
    given to every method, such as `learning_rate=0.01`.

    Raises:
        ValueError: a stream of one task, an unknown method, or a setting that a method does not take.
    """

    def __init__(
        self,
        stream: Stream,
        methods: Sequence[str] = METHODS,
        epochs: int = 20,
        seed: int = 0,
        *,
        method: str | None = None,
        device: str = "auto",
        **settings,
    ) -> None:
        super().__init__("cltutor-reverse-transfer")
        self.stream, self.seed, self.device = stream, seed, device
        self.recipes = recipes_of(stream, methods, epochs, settings)
        self.rebuilding = {name for name, recipe in self.recipes.items() if rebuilds(recipe, stream)}
        self.runs: dict[str, Run] = {}
        self.changes: dict[str, np.ndarray] = {}
        self._album: dict[tuple, str] = {}
        self._empty = draw(lambda: show.tasks(stream))
        given = {"methods": tuple(self.recipes), "epochs": epochs, "seed": seed, "device": device}
        own = {"methods": METHODS, "epochs": 20, "seed": 0, "device": "auto"}
        given = {name: value for name, value in given.items() if value != own[name]} | settings
        shown = [(name, name) for name in self.recipes]
        pressed = buttons("method", "whose tasks are shown", shown, [told(name) for name in self.recipes])
        first = next(iter(self.recipes))
        self.controls = Controls(
            self, "ReverseTransfer", {"method": pressed}, {"method": first}, given, self._checked, self._show
        )
        self.controls.set({"method": first if method is None else method})
        self.actions = Actions(self._train, self._stop, self._clear, self.guarded)
        self.panes = [Pane(), Pane(), Pane()]
        self.fill(row(pressed), self.actions, self.message, *self.panes, self.controls.line)
        self._show()

    @property
    def method(self) -> str:
        """The name of the method that is pressed."""
        return self.controls.values["method"]

    @property
    def code(self) -> str:
        """The line of code that makes this widget again as it is set."""
        return self.controls.code

    def _checked(self, values: dict) -> dict:
        if values["method"] not in self.recipes:
            raise ValueError(f"method is one of {', '.join(self.recipes)}, not {values['method']!r}.")
        return values

    def _train(self) -> None:
        done = [name for name, run in self.runs.items() if run.complete]
        todo = sorted(
            self.recipes.keys() - done, key=lambda name: (name != self.method, list(self.recipes).index(name))
        )
        if not todo:
            self.actions.say("all methods have been trained; Clear to train them anew", 1)
            return
        self._begin(self._events(todo))

    def _events(self, todo: list[str]) -> Iterator[Event]:
        """Learn by one method after another, each begun anew; look at its filters after it."""
        for done, name in enumerate(todo):
            self._part = name, done / len(todo), 1 / len(todo)
            recipe = self.recipes[name]
            self.runs = {other: run for other, run in self.runs.items() if other != name}
            old = epochs_between(recipe.schedule.epochs)
            yield from train(self.stream, recipe, self.seed, device=self.device, test_old_every=old)
            self._keep(name)

    def _keep(self, name: str) -> None:
        """How far the filters of a run that has ended were moved, and its pictures, ready for the toggle."""
        run = self.runs[name]
        if run.learned > 1 and name in self.rebuilding:
            self.actions.say(f"{name}: looking at the filters of every task")
            self.changes = {**self.changes, name: filter_distances(run)}
        self._show()
        self._pictures(name)

    def _clear(self) -> None:
        if self.actions.busy:
            raise ValueError("Something is being learned: press Stop first.")
        self.runs, self.changes, self._album = {}, {}, {}
        self.actions.say("", 0)
        self._show()

    def _follow(self, event: Event) -> None:
        """Tell the page of an event, but not of every one; called in the thread that trains."""
        name, start, share = self._part
        if isinstance(event, Stepped) and self.pace.news():
            self.actions.say(news(event), start + share * event.progress)
        elif isinstance(event, EpochDone):
            self.runs = {**self.runs, name: snapshot(event.run)}
            if name == self.method:
                self.pace.draw(self._show)
        elif isinstance(event, TaskDone):
            self.runs = {**self.runs, name: snapshot(event.run)}

    def _end(self, run: Run | None, finished: bool) -> None:
        try:
            if not finished and self._part[0] in self.runs:
                self._keep(self._part[0])
            for name in self.runs:
                self._pictures(name)  # ready for the toggle
            self._show()
        finally:
            words = "done" if finished else "stopped; Train begins the method that was not finished anew"
            self.actions.say(words, 1.0 if finished else None)
            self.actions.busy = False

    def _show(self, name: str | None = None) -> None:
        """Show the pressed method; `name`: the control that was moved."""
        method = None
        while method != self.method:  # it may be pressed while a thread draws
            method = self.method
            made = self._pictures(method) if self.runs else [self._empty, "", ""]
            for pane, picture in zip(self.panes, made, strict=True):
                pane.value = picture

    def _pictures(self, name: str) -> list[str]:
        """The curves, the table of differences, and how far the filters have moved."""
        run, alone = self.runs.get(name), self.runs.get(ALONE)
        references = {}
        if alone and alone.complete and name != ALONE:
            peaks = peak_accuracy(alone.curves.known, alone.curves.epoch_task)
            references = {f"{ALONE}, mean peak": float(peaks.mean())}
        epochs, rebuilt = len(run.curves.epoch_task) if run else 0, run and name in self.rebuilding
        moved = name in self.changes
        return [
            self._once(("curves", name, epochs, bool(references)), lambda: self._curves(name, run, references)),
            self._once(("table", name, epochs), lambda: self._table(name, run)) if run else "",
            self._once(("filters", name, moved), lambda: self._filters(name)) if rebuilt else "",
        ]

    def _once(self, key: tuple, make: Callable[[], show.Picture]) -> str:
        made = self._album[key] = self._album.get(key) or draw(make)
        return made

    def _curves(self, name: str, run: Run | None, references: dict[str, float]) -> show.Picture:
        if run is None:
            raise ValueError(f"{name} has not been trained yet: press Train.")
        return show.reverse_transfer(run.curves.known, run.curves.epoch_task, name, references)

    def _table(self, name: str, run: Run) -> show.Picture:
        return show.transfer_table(run.curves.known, run.curves.epoch_task, name)

    def _filters(self, name: str) -> show.Picture:
        if name not in self.changes:
            raise ValueError(
                f"How far later tasks move the filters of earlier ones is shown when {name} has been learned."
            )
        return show.filter_changes(self.changes[name], name)


def recipes_of(stream: Stream, methods: Sequence[str], epochs: int, settings: dict) -> dict[str, Recipe]:
    """The methods by name, with their settings."""
    if len(stream) < 2:
        raise ValueError("Give a stream of two tasks or more: nothing follows the first one.")
    if isinstance(methods, str) or not methods:
        raise ValueError('methods is a list of names of methods, such as ["dfcnn", "hard_sharing"].')
    for name in methods:
        named.get(name)  # an unknown name is told here
    return {name: getattr(named, name)(epochs=epochs, **settings) for name in methods}


def rebuilds(recipe: Recipe, stream: Stream) -> bool:
    """Whether the recipe's network rebuilds the filters of every task from what tasks share."""
    with seeded(("filters",)):
        return hasattr(recipe.network.build(stream.image_shape, pretrained=False), "filters")


def epochs_between(epochs: int) -> int:
    """Epochs between two tests of old tasks: ten a task or more, the last one among them."""
    return next(every for every in range(max(1, epochs // 10), 0, -1) if epochs % every == 0)
