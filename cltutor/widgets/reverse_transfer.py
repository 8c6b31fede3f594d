"""What later tasks do to the accuracy and to the filters of earlier ones (DF-CNN, section 2.3 and Figure 4)."""

from collections.abc import Sequence

import numpy as np

from .. import methods as registry
from .. import show
from ..checked import checked
from ..evaluation.metrics import peak_accuracy
from ..recipe.recipe import Recipe
from ..runs.run import Run
from ..show.transfer import filter_distances
from ..streams import Stream
from ..training.events import EpochDone, Event, Stepped, TaskDone
from ..training.loop import Seed, train
from .base import buttons
from .controls import Controls, unusual
from .learning import Device, LearnsInTurn, Train, first_network
from .method_toggle import listed, summary_of
from .stage import Draw, Drawing, draw
from .training import snapshot

METHODS = ("dfcnn", "hard_sharing", "single_task")
ALONE = "single_task"  # whose peaks are what a task reaches without the others


class ReverseTransfer(LearnsInTurn):
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

    @checked
    def __init__(
        self,
        stream: Stream,
        methods: Sequence[str] = METHODS,
        epochs: int = 20,
        seed: Seed = 0,
        *,
        method: str | None = None,
        device: Device = "auto",
        train: Train = train,
        draw: Draw = draw,
        **settings,
    ) -> None:
        super().__init__("cltutor-reverse-transfer", stream, seed, device, train, draw)
        if len(stream) < 2:
            raise ValueError("Give a stream of two tasks or more: nothing follows the first one.")
        self.recipes = {name: registry.named(name)(epochs=epochs, **settings) for name in listed(methods)}
        self.rebuilding = {name for name, r in self.recipes.items() if hasattr(first_network(r, stream), "filters")}
        self.changes: dict[str, np.ndarray] = {}
        given = {"methods": tuple(self.recipes), "epochs": epochs, "seed": seed, "device": device}
        given = unusual(type(self), given) | settings
        names = [(name, name) for name in self.recipes]
        pressed = buttons("method", "whose tasks are shown", names, [summary_of(name) for name in self.recipes])
        self.controls = Controls(self, {"method": pressed}, {"method": next(iter(self.recipes))}, given, self._show)
        self.controls.start(method=method)
        self.panes = [self.stage() for _ in range(3)]
        self.fill([self.actions, pressed], self.panes)
        self._show()

    def _tests(self, recipe: Recipe) -> dict[str, int]:
        return {"test_old_every": epochs_between(recipe.schedule.epochs)}

    def _finish(self, name: str) -> None:
        """Measure how far the filters of a run that has ended were moved, and draw its pictures."""
        run = self.results[name]
        if run.learned > 1 and name in self.rebuilding:
            self.actions.say(f"{name}: comparing the filters of every task")
            self.changes = {**self.changes, name: filter_distances(run)}
        self._show()
        self._pictures(name)

    def _forget(self) -> None:
        self.changes = {}
        super()._forget()

    def _follow(self, event: Event) -> None:
        """Show some of the events on the page; called in the thread that trains."""
        name = self._part[0]
        if isinstance(event, Stepped) and self.pace.line_due():
            self._say(event)
        elif isinstance(event, EpochDone):
            self.results = {**self.results, name: snapshot(event.run)}
            if name == self.method:
                self.pace.draw(self._show)
        elif isinstance(event, TaskDone):
            self.results = {**self.results, name: snapshot(event.run)}

    def _draw_ahead(self, finished: bool) -> None:
        if not finished and self._part[0] in self.results:
            self._finish(self._part[0])
        super()._draw_ahead(finished)

    def _pictures(self, name: str) -> list[Drawing]:
        """The curves, the table of differences, and how far the filters have moved."""
        run, alone = self.results.get(name), self.results.get(ALONE)
        references = {}
        if alone and alone.complete and name != ALONE:
            peaks = peak_accuracy(alone.curves.known, alone.curves.epoch_task)
            measured = peaks[np.isfinite(peaks)]
            references = {f"{ALONE}, mean peak": float(measured.mean())} if len(measured) else {}
        epochs, rebuilt = len(run.curves.epoch_task) if run else 0, run and name in self.rebuilding
        page, moved = self.album.page, name in self.changes
        known = (run.curves.known, run.curves.epoch_task) if run else ()
        return [
            page(("curves", name, epochs, bool(references)), lambda: self._curves(name, run, references)),
            page(("table", name, epochs), lambda: show.transfer_table(*known, name)) if run else {},
            page(("filters", name, moved), lambda: self._filters(name)) if rebuilt else {},
        ]

    def _curves(self, name: str, run: Run | None, references: dict[str, float]) -> show.Picture:
        if run is None:
            raise ValueError(f"{name} has not been trained yet: press Train.")
        return show.reverse_transfer(run.curves.known, run.curves.epoch_task, name, references)

    def _filters(self, name: str) -> show.Picture:
        if name not in self.changes:
            raise ValueError(
                f"How far later tasks move the filters of earlier ones is shown when {name} has been learned."
            )
        return show.filter_changes(self.changes[name], name)


def epochs_between(epochs: int) -> int:
    """Epochs between two tests of old tasks: at least ten tests per task, one of them after its last epoch."""
    return next(every for every in range(max(1, epochs // 10), 0, -1) if epochs % every == 0)
