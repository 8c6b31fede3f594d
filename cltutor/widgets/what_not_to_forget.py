"""Choose what you will meet again, and see that it is not forgotten (MAS, section 5.1, adaptation test)."""

from collections.abc import Callable, Sequence

import ipywidgets
import traitlets

from .. import methods, show
from ..checked import checked
from ..describe import Kind, Real, Whole
from ..recipe.recipe import Recipe
from ..runs.per_class import group_accuracy
from ..streams import Stream
from ..training.events import Event, Stepped, TaskDone
from ..training.loop import Seed, train
from .base import example
from .controls import Controls, Values, unusual
from .inputs import Knob
from .learning import Device, LearnsInTurn, Train
from .stage import Draw, draw
from .training import snapshot

ADAPTED = "mas, adapted"


class Classes(ipywidgets.HBox):
    """A toggle button with an example picture for each class of a task; ``value``: the labels of those pressed."""

    value = traitlets.Tuple()

    def __init__(self, stream: Stream, task: int, guarded: Callable[[Callable], Callable]) -> None:
        super().__init__(layout=ipywidgets.Layout(flex_flow="row wrap", width="100%"))
        self.buttons: dict[int, ipywidgets.ToggleButton] = {}
        self._showing = False
        split, boxes = stream[task].test, []
        for label in stream[task].classes:
            name = stream.class_names[label]
            wide = ipywidgets.Layout(width="auto", min_width="64px", margin="2px 0")
            again = f"meet {name} again: Omega on its pictures"
            button = ipywidgets.ToggleButton(description=name, tooltip=again, layout=wide)
            button.observe(guarded(self._pressed), "value")
            self.buttons[label] = button
            image = split.images[(split.labels == label).nonzero()[0, 0]]
            picture = ipywidgets.HTML(example(image.numpy(), f"an example of {name}"))
            layout = ipywidgets.Layout(align_items="center", margin="2px 10px 2px 0")
            boxes.append(ipywidgets.VBox([picture, button], layout=layout))
        self.children = boxes
        self.observe(self._show, "value")

    def _pressed(self, change) -> None:
        if not self._showing:
            self.value = tuple(label for label, button in self.buttons.items() if button.value)

    def _show(self, change) -> None:
        self._showing = True  # a button set here was not pressed
        for label, button in self.buttons.items():
            button.value = label in self.value
        self._showing = False


class WhatNotToForget(LearnsInTurn):
    """Choose the classes of task 1 that you will meet again; MAS computes Omega on their pictures only.

    Train learns the stream three times: by fine-tuning, by MAS, and by MAS adapted to the chosen classes; runs are
    kept, so that another choice trains the third again only. The picture shows the accuracy on the chosen classes, on
    the others of task 1, and on later tasks.

    classes: labels of task 1, its first class if None; lam and epochs: the methods' own if None; seed, device: as in
    `learn`; settings: given to every method, such as
    `learning_rate=0.01`.

    Raises:
        ValueError: a first task of a single class, labels of other tasks, or a setting that a method does not take.
    """

    all_done = "all three have been trained with these settings"
    unfinished = "stopped; Train starts the unfinished run again"

    @checked
    def __init__(
        self,
        stream: Stream,
        classes: Sequence[int] | None = None,
        *,
        lam: float | None = None,
        epochs: int | None = None,
        seed: Seed = 0,
        device: Device = "auto",
        train: Train = train,
        draw: Draw = draw,
        **settings,
    ) -> None:
        super().__init__("cltutor-what-not-to-forget", stream, seed, device, train, draw)
        if len(stream[0].classes) < 2:
            raise ValueError("The first task needs two classes or more, some to be met again and some not.")
        self.settings = settings
        usual = {"classes": stream[0].classes[:1], "lam": 1, "epochs": methods.finetune(**settings).schedule.epochs}
        self._make_controls(usual, unusual(type(self), {"seed": seed, "device": device}) | settings)
        self.controls.start(classes=classes, lam=lam, epochs=epochs)
        self.pane = self.stage()
        question = ipywidgets.HTML("Which classes of task 1 will you meet again?")
        self.fill([self.actions, question, self.classes, self.lam, self.epochs], [self.pane])
        self._show()

    @property
    def chosen(self) -> tuple[int, ...]:
        """The labels that will be met again; ValueError if they are none or all of task 1."""
        classes = self.controls.values["classes"]
        if not 0 < len(classes) < len(self.stream[0].classes):
            raise ValueError("Choose one class of task 1 or more, and leave one out or more: they are compared.")
        return classes

    @property
    def recipes(self) -> dict[str, Recipe]:
        """The three recipes, by their names in the picture."""
        values = self.controls.values
        lam, own = values["lam"], {"epochs": values["epochs"], **self.settings}
        return {
            "finetune": methods.finetune(**own),
            "mas": methods.mas(lam=lam, **own),
            ADAPTED: methods.mas(lam=lam, classes=self.chosen, **own),
        }

    def _make_controls(self, usual: Values, given: Values) -> None:
        self.classes = Classes(self.stream, 0, self.guarded)
        heavier, passes = "the weight of the old beside the new (lam)", "passes over the images of each task (epochs)"
        self.lam = Knob("weight λ", (0.0, 5.0, 0.1), Real(at_least=0), heavier, self.guarded)
        self.epochs = Knob("epochs", (1, 30, 1), Whole(at_least=1), passes, self.guarded)
        named = {"classes": self.classes, "lam": self.lam, "epochs": self.epochs}
        known = self.stream[0].classes
        names = ", ".join(f"{label} ({self.stream.class_names[label]})" for label in known)
        fits = Kind(
            f"a tuple of labels of task 1, such as ({known[0]},), which has {names}",
            lambda value: isinstance(value, tuple | list) and set(value) <= set(known),
        )

        def in_order(values: Values) -> Values:
            return values | {"classes": tuple(label for label in known if label in values["classes"])}

        self.controls = Controls(self, named, usual, given, self._show, {"classes": fits}, in_order)

    def _done(self, name: str) -> bool:
        """Whether it is finished as it is set now: results are kept by recipe, for every choice of classes."""
        recipe = self.recipes[name]
        return recipe in self.results and self.results[recipe].complete

    def _draw_ahead(self, finished: bool) -> None:
        """There are too many choices of classes to draw them all."""

    def _follow(self, event: Event) -> None:
        """Show an event on the page; called in the thread that trains."""
        if isinstance(event, Stepped):
            self._say(event, " (adapted)" if self._part[0] == ADAPTED else "")
        elif isinstance(event, TaskDone):
            self.results = {**self.results, event.run.recipe: snapshot(event.run)}
            self._show()

    def _show(self, name: str | None = None) -> None:
        """Show what was trained with the settings as they are; `name`: the control that was moved."""
        self.pane.drawing = self.draw(self._picture) if self.results else self.empty

    def _picture(self) -> show.Picture:
        first, chosen = self.stream[0].classes, self.chosen
        others = tuple(label for label in first if label not in chosen)
        later = tuple(label for label in self.stream.classes if label not in first)
        groups, names = [chosen, others], [f"chosen: {self._names(chosen)}", f"others of task 1: {self._names(others)}"]
        if later:
            groups, names = [*groups, later], [*names, "later tasks"]
        runs = {name: self.results[recipe] for name, recipe in self.recipes.items() if recipe in self.results}
        if not runs:
            raise ValueError("Nothing has been trained with these settings yet: press Train.")
        found = {name: group_accuracy(run, self.stream, groups) for name, run in runs.items()}
        note = "" if ADAPTED in runs else "press Train to see MAS adapted to this choice"
        return show.adaptation(found, names, note)

    def _names(self, labels: Sequence[int]) -> str:
        return ", ".join(self.stream.class_names[label] for label in labels)
