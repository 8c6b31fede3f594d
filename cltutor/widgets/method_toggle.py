"""Methods to toggle: train them on one stream, one after another, and watch what each keeps and forgets."""

from collections.abc import Sequence

import ipywidgets

from ..describe import Real, Whole
from ..recipe.recipe import Recipe
from ..runs.run import Run
from ..streams import Stream
from ..training.loop import train
from .base import Draw, buttons, draw, row
from .knob import Knob
from .learning import CollectsRuns, Train, outcome
from .method_controls import KNOBS, METHODS, MethodControls


class MethodToggle(CollectsRuns):
    """Buttons for methods, sliders for their settings, Train and Stop, and the accuracy of every task as it grows.

    Runs are collected in `runs` and drawn over each other. A recipe that is trained again takes the next seed, so that
    its spread is seen; a run that was stopped is kept as far as it came, and replaced when its recipe is trained again.

    methods: names of methods; method: the one pressed at first; temperature, lam (the papers' lambda) and epochs: the
    method's own if None; heads: "task" or "class", as in every method; known_task: whether the task is given at test;
    runs: runs of the same stream to begin with; device: as in `learn`; train, draw: used to learn and to draw (tests
    give others); settings: given to every method, such as `learning_rate=0.01` or `backbone=cl.networks.ResNet32()`.

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
        train: Train = train,
        draw: Draw = draw,
        **settings,
    ) -> None:
        super().__init__("cltutor-method-toggle", stream, seed, device, train, draw)
        if any(run.tasks != tuple(task.classes for task in stream) for run in runs):
            raise ValueError("runs must have learned the tasks of this stream, in its order.")
        self.runs = list(runs)
        self._make_controls()
        named = {name: getattr(self, name) for name in ("method", "known_task", "heads", *KNOBS, "epochs")}
        self.controls = MethodControls(self, named, self._changed)
        values = {"method": method, "known_task": known_task, "heads": heads}
        numbers = {"temperature": temperature, "lam": lam, "epochs": epochs}
        values |= {name: value for name, value in numbers.items() if value is not None}
        self.controls.set_all(values, {"methods": methods, "seed": seed, "device": device, **settings})
        formula = ipywidgets.VBox(self.controls.formula, layout=ipywidgets.Layout(margin="6px 0"))
        formula.add_class("cltutor-formula")
        knobs = row(self.temperature, self.lam, self.epochs)
        choices = (row(self.method), knobs, row(self.heads, self.known_task))
        self.fill(*choices, formula, self.actions, self.message, self.pane, self.line)
        self._show()
        self.album.picture(self.shown, not known_task)  # ready for the switch

    @property
    def recipe(self) -> Recipe:
        """The recipe that the controls make."""
        return self.controls.recipe

    def _make_controls(self) -> None:
        self.method = buttons("method", "how the network learns a new task", [], [])
        competing = ["the classes of the image's own task compete", "the classes of all tasks seen compete"]
        regimes = [("per task", "task"), ("across tasks", "class")]
        self.heads = buttons("training", "which classes compete in the loss (heads)", regimes, competing)
        regimes = [("task known", True), ("task unknown", False)]
        self.known_task = buttons("at test", "which classes compete at test (known_task)", regimes, competing)
        softer = "how far the teacher's answers are softened (temperature)"
        self.temperature = Knob("temperature T", (1.0, 10.0, 0.5), Real(above=0), softer, self.guarded)
        heavier = "the weight of the old beside the new (lam)"
        self.lam = Knob("weight λ", (0.0, 5.0, 0.1), Real(at_least=0), heavier, self.guarded)
        passes = "passes over the images of each task (epochs)"
        self.epochs = Knob("epochs", (1, 30, 1), Whole(at_least=1), passes, self.guarded)

    def _changed(self, name: str | None) -> None:
        if name in ("known_task", None):
            self._show()

    def _train(self) -> None:
        recipe, given = self.recipe, self.controls.given
        seed = self._next_seed(recipe, given.get("seed", 0))
        events = self.train(self.stream, recipe, seed, device=given.get("device", "auto"))
        self._begin(events, f"{recipe.name}, seed {seed}: getting ready")

    def _clear(self) -> None:
        self.runs = []
        self._show()
        if not self.actions.busy:
            self.actions.say("", 0)

    def _end(self, run: Run | None, finished: bool) -> None:
        """Keep what was learned, show it and make ready for the next; called in the thread that trains."""
        self._live = None
        if run is not None and len(run.curves.epoch_task):
            self.runs = [*self.runs, run]
        self.actions.say(outcome(run, finished), 1.0 if finished else None)
        try:
            self._show()
        finally:
            self.actions.busy = False
        self.album.picture(self.shown, not self.known_task.value)  # ready for the switch
