"""What later tasks do to the accuracy and to the filters of earlier ones (DF-CNN, section 2.3 and Figure 4)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import methods as registry
from .. import show
from ..checked import checked
from ..evaluation.metrics import peak_accuracy
from ..recipe.recipe import Recipe
from ..runs.run import Run
from ..show.transfer import filter_distances
from ..streams import Stream
from ..training.events import EpochDone, Event, TaskDone
from ..training.loop import Seed, train
from .controls import Controls
from .inputs import buttons
from .learning import Device, LearnsInTurn, Train, first_network
from .method_toggle import listed, summary_of
from .stage import Draw, Drawing, draw

METHODS = ("dfcnn", "hard_sharing", "single_task")
VIEWS = {"accuracy": "each task's accuracy over the epochs", "filters": "how far later tasks move a task's filters"}
ALONE = "single_task"  # whose peaks are what a task reaches without the others


@dataclass(frozen=True)
class Course:
    """The accuracy (E, T) of every task, known at test, over the epochs, the task (E,) that is learned in each, how far
    its filters were moved (`filter_distances`), where they are rebuilt and all is done, and whether all were learned.
    """

    known: np.ndarray
    epoch_task: np.ndarray
    changes: np.ndarray | None = None
    complete: bool = True


class ReverseTransfer(LearnsInTurn):
    """Test accuracy of every task while the tasks are learned in turn, by one method after another.

    Train learns the stream by each method with one seed, the pressed one first. Of the pressed one are shown the
    accuracy of each task over the epochs and the difference to when it was learned after every later task (a click on
    one moves the curves to that task's end), or, where filters are rebuilt from shared knowledge, how far later tasks
    have moved them. A dotted line is the mean peak of single-task learning, once it has been trained.

    methods: names; epochs: of every task; method: the one pressed at first; view: "accuracy" or "filters"; seed,
    device: as in `learn`; settings: given to every method, such as `learning_rate=0.01`.

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
        view: str = "accuracy",
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
        named = {
            "method": buttons("method", "whose tasks are shown", {name: summary_of(name) for name in self.recipes}),
            "view": buttons("show", "accuracy over time, or how far filters move", VIEWS),
        }
        given = self._given(settings, methods=tuple(self.recipes), epochs=epochs)
        self.controls = Controls(self, named, {"method": next(iter(self.recipes))}, given, self._show)
        self.controls.start(method=method, view=view)
        self.fill([self.actions, *named.values()], [self.stage(), self.stage(self._touched)])
        self._load(self.recipes)
        self._show()

    def _held(self, name: str) -> dict[str, Any]:
        course = self.results.get(name)
        arrays = vars(course) if course and course.complete else {}
        return {part: value for part, value in arrays.items() if isinstance(value, np.ndarray)}

    def _restore(self, name: str, held: dict[str, Any]) -> None:
        self.results[name] = Course(**held)

    @property
    def changes(self) -> dict[str, np.ndarray]:
        """How far later tasks have moved the filters of earlier ones (T, T, layers), by method: `filter_distances`."""
        return {name: course.changes for name, course in self.results.items() if course.changes is not None}

    def _touched(self, spot: dict[str, Any]) -> None:
        """Move the curves to the end of the task whose column of the table was touched: "after 3, on 0"."""
        ends = np.flatnonzero(np.diff(self.results[self.method].epoch_task, append=-1))
        self.panes[0].frame = int(ends[int(spot["key"].split(",")[0].removeprefix("after "))])

    def _tests(self, recipe: Recipe) -> dict[str, int]:
        return {"test_old_every": epochs_between(recipe.schedule.epochs)}

    def _finish(self, name: str) -> None:
        """Measure how far the filters of a run that has ended were moved."""
        if self._run.learned > 1 and name in self.rebuilding:
            self.actions.say(f"{name}: comparing the filters of every task")
            course = replace(self.results[name], changes=filter_distances(self._run))
            self.results = {**self.results, name: course}
        self._show()

    def _take(self, event: Event) -> None:
        name = self._part[0]
        if isinstance(event, EpochDone | TaskDone):
            self._run = run = event.run
            course = Course(run.curves.known, run.curves.epoch_task, complete=run.complete)
            self.results = {**self.results, name: course}
        if isinstance(event, EpochDone) and name == self.method:
            self.pace.draw(self._show)

    def _end(self, run: Run | None, finished: bool) -> None:
        try:
            if not finished and self._part[0] in self.results:
                self._finish(self._part[0])
            for name in self.results:  # what a press of a button would show
                self._pages(name, self.view.value)
        finally:
            super()._end(run, finished)

    def _pages(self, method: str, view: str) -> list[Drawing]:
        """The curves and the table of differences, or how far the filters have moved."""
        if not self.results:
            return [self.empty]
        name, course, alone, page = method, self.results.get(method), self.results.get(ALONE), self.album.page
        if view == "filters":
            key = "filters", name, name in self.changes, name in self.recorded
            return [page(key, lambda: self._filters(name))]
        references = {}
        if alone and alone.complete and name != ALONE:
            peaks = peak_accuracy(alone.known, alone.epoch_task)
            measured = peaks[np.isfinite(peaks)]
            references = {f"{ALONE}, mean peak": float(measured.mean())} if len(measured) else {}
        key = name, len(course.known) if course else 0, bool(references), name in self.recorded
        known = (course.known, course.epoch_task) if course else ()
        return [
            page(("curves", *key), lambda: self._curves(name, course, references)),
            page(("table", *key), lambda: show.transfer_table(*known, name)) if course else {},
        ]

    def _curves(self, name: str, course: Course | None, references: dict[str, float]) -> show.Picture:
        if course is None:
            raise ValueError(f"{name} has not been trained yet: press Train.")
        return show.reverse_transfer(course.known, course.epoch_task, name, references)

    def _filters(self, name: str) -> show.Picture:
        if name not in self.rebuilding:
            raise ValueError(f"{name} rebuilds no filters from shared knowledge, so that no later task moves them.")
        if name not in self.changes:
            raise ValueError(
                f"How far later tasks move the filters of earlier ones is shown when {name} has been learned."
            )
        return show.filter_changes(self.changes[name], name)


def epochs_between(epochs: int) -> int:
    """Epochs between two tests of old tasks: at least ten tests per task, one of them after its last epoch."""
    return next(every for every in range(max(1, epochs // 10), 0, -1) if epochs % every == 0)
