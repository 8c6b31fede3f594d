"""Methods to toggle: train them on one stream, one after another, and watch what each keeps and forgets."""

from collections.abc import Sequence

from .. import show
from ..evaluation.metrics import average_accuracy, forgetting
from ..recipe.recipe import Recipe
from ..runs.run import Run
from ..streams import Stream
from ..training.events import EpochDone, Event, Stepped
from ..training.loop import train
from .actions import Actions
from .base import Pane, Tool, draw
from .code import METHODS, State
from .settings import Settings
from .training import Trains, snapshot


class MethodToggle(Trains, Tool):
    """Buttons for methods, sliders for their settings, Train and Stop, and the accuracy of every task as it grows.

    Runs pile up in `runs` and are drawn over each other. A recipe that is trained again takes the next seed, so that
    its spread is seen; a run that was stopped is kept as far as it came, and replaced when its recipe is trained again.

    methods: names of methods; method: the one pressed at first; temperature, lam (the papers' lambda) and epochs: the
    method's own if None; heads: "task" or "class", as in every method; known_task: what is asked at test; runs: runs
    of the same stream to begin with; device: as in `learn`; settings: given to every method, such as
    `learning_rate=0.01` or `backbone=cl.networks.ResNet32()`.

    Raises:
        ValueError: an unknown method, a setting that the method does not take, or runs of other tasks.
    """

    def __init__(
        self,
        stream: Stream,
        methods: Sequence[str] = METHODS,
        seed: int = 0,
        *,
        method: str | None = None,
        known_task: bool = True,
        heads: str = "task",
        temperature: float | None = None,
        lam: float | None = None,
        epochs: int | None = None,
        runs: Sequence[Run] = (),
        device: str = "auto",
        **settings,
    ) -> None:
        super().__init__("cltutor-method-toggle")
        listed = methods if isinstance(methods, str) else tuple(methods)
        numbers = {"temperature": temperature, "lam": lam, "epochs": epochs}
        state = State(listed, seed, method, known_task, heads, **numbers, device=device, settings=settings)
        if any(run.tasks != tuple(task.classes for task in stream) for run in runs):
            raise ValueError("runs must have learned the tasks of this stream, in its order.")
        self.stream, self.runs, self.training = stream, list(runs), None
        self._live: Run | None = None
        self._drawn: dict[bool, tuple[list[Run], str]] = {}
        self._empty = draw(lambda: show.tasks(stream))
        self.settings = Settings(state, self.guarded, self._changed)
        self.actions = Actions(self._train, self._stop, self._clear, self.guarded)
        self.pane = Pane()
        self.fill(self.settings, self.actions, self.message, self.pane, self.settings.line)
        self._draw()
        self._picture(not known_task)  # ready for the switch

    @property
    def recipe(self) -> Recipe:
        """The recipe that the controls make."""
        return self.settings.state.recipe

    @property
    def code(self) -> str:
        """The line of code that makes this widget again as it is set."""
        return self.settings.state.code

    def _changed(self, before: State) -> None:
        if self.settings.state.known_task != before.known_task:
            self._draw()

    def _train(self) -> None:
        recipe, state = self.recipe, self.settings.state
        self.runs = [run for run in self.runs if run.complete or run.recipe != recipe]
        taken = {run.seed for run in self.runs if run.recipe == recipe}
        seed = min(set(range(state.seed, state.seed + len(taken) + 1)) - taken)
        events = train(self.stream, recipe, seed, device=state.device)
        self._begin(events, f"{recipe.name}, seed {seed}: getting ready")

    def _clear(self) -> None:
        self.runs = []
        self._draw()
        if not self.actions.busy:
            self.actions.say("", 0)

    def _follow(self, event: Event) -> None:
        """Tell the page of an event, but not of every one; called in the thread that trains."""
        if isinstance(event, Stepped) and self.pace.news():
            self.actions.say(news(event), event.progress)
        if isinstance(event, EpochDone):
            self._live = snapshot(event.run)
            self.pace.draw(self._draw)

    def _end(self, run: Run | None, finished: bool) -> None:
        """Keep what was learned, show it and make ready for the next; called in the thread that trains."""
        self._live = None
        if run is not None and len(run.curves.epoch_task):
            self.runs = [*self.runs, run]
        self.actions.say(summary(run, finished), 1.0 if finished else None)
        try:
            self._draw()
        finally:
            self.actions.busy = False
        self._picture(not self.settings.state.known_task)  # ready for the switch

    def _draw(self) -> None:
        """Show the picture of all runs."""
        known = None
        while known != self.settings.state.known_task:  # the switch may be pressed while a thread draws
            known = self.settings.state.known_task
            self.pane.value = self._picture(known)

    def _picture(self, known: bool) -> str:
        live = self._live
        runs = [*self.runs, live] if live else self.runs
        if not runs:
            return self._empty
        drawn, picture = self._drawn.get(known, ([], ""))
        if [id(run) for run in drawn] != [id(run) for run in runs]:
            picture = draw(lambda: show.accuracy_over_time(runs, known_task=known))
            self._drawn[known] = list(runs), picture
        return picture


def news(event: Stepped) -> str:
    """Where a run stands, in one line."""
    run, epochs = event.run, event.run.recipe.schedule.epochs
    where = f"task {event.task + 1} of {len(run.tasks)}, epoch {event.epoch + 1} of {epochs}"
    return f"{run.name}, seed {run.seed}: {where} ({event.phase})"


def summary(run: Run | None, finished: bool) -> str:
    """What came out of a run, in one line."""
    if run is None or not len(run.curves.epoch_task):
        return "stopped before the first epoch was over: there is nothing to show"
    words = f"{run.name}, seed {run.seed}: "
    if not finished:
        return f"{words}stopped in task {run.curves.epoch_task[-1] + 1} of {len(run.tasks)}; what it learned is kept"
    average, lost = 100 * average_accuracy(run.accuracy()), 100 * forgetting(run.accuracy())
    cost = f"{sum(run.seconds.values()):.0f} s on the {'GPU' if run.device.startswith('cuda') else 'CPU'}"
    numbers = f"{average:.1f} % on average" + (f", {lost:.1f} points forgotten" if len(run.tasks) > 1 else "")
    return f"{words}{numbers} (task known); {cost}"
