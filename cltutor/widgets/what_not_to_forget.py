"""Choose what you will meet again, and see that it is kept (MAS, section 5.1, adaptation test)."""

from collections.abc import Callable, Iterator, Sequence

import ipywidgets
import traitlets

from .. import methods, show
from ..recipe.recipe import Recipe
from ..runs.per_class import group_accuracy
from ..runs.run import Run
from ..streams import Stream
from ..training.events import Event, Stepped, TaskDone
from ..training.loop import train
from .actions import Actions
from .base import Pane, Tool, draw, example, row
from .controls import Controls
from .knob import Knob
from .method_toggle import news
from .training import Trains, snapshot


class Classes(ipywidgets.HBox):
    """A toggle button with an example picture for each class of a task; ``value`` holds the labels pressed."""

    value = traitlets.Tuple()

    def __init__(self, stream: Stream, task: int, guarded: Callable[[Callable], Callable]) -> None:
        super().__init__(layout=ipywidgets.Layout(flex_flow="row wrap", width="100%"))
        self._buttons: dict[int, ipywidgets.ToggleButton] = {}
        self._showing = False
        split, boxes = stream[task].test, []
        for label in stream[task].classes:
            name = stream.class_names[label]
            button = ipywidgets.ToggleButton(description=name, tooltip=f"meet {name} again: Omega on its pictures")
            button.layout = ipywidgets.Layout(width="auto", min_width="64px", margin="2px 0")
            button.observe(guarded(self._pressed), "value")
            self._buttons[label] = button
            image = split.images[(split.labels == label).nonzero()[0, 0]]
            picture = ipywidgets.HTML(example(image.numpy(), f"an example of {name}"))
            layout = ipywidgets.Layout(align_items="center", margin="2px 10px 2px 0")
            boxes.append(ipywidgets.VBox([picture, button], layout=layout))
        self.children = boxes
        self.observe(self._show, "value")

    def _pressed(self, change) -> None:
        if not self._showing:
            self.value = tuple(label for label, button in self._buttons.items() if button.value)

    def _show(self, change) -> None:
        self._showing = True  # a button set here was not pressed
        for label, button in self._buttons.items():
            button.value = label in self.value
        self._showing = False


class WhatNotToForget(Trains, Tool):
    """Choose the classes of task 1 that you will meet again; MAS computes Omega on their pictures only.

    Train learns the stream three times: by fine-tuning, by MAS, and by MAS adapted to the chosen classes; runs are
    kept, so that another choice trains the third anew only. The picture shows what each remembers of the chosen
    classes, of the others of task 1, and of later tasks.

    classes: labels of task 1, its first class if None; lam and epochs: the methods' own if None; seed, device: as in
    `learn`; settings: given to every method, such as `learning_rate=0.01`.

    Raises:
        ValueError: a first task of a single class, labels of other tasks, or a setting that a method does not take.
    """

    def __init__(
        self,
        stream: Stream,
        classes: Sequence[int] | None = None,
        *,
        lam: float | None = None,
        epochs: int | None = None,
        seed: int = 0,
        device: str = "auto",
        **settings,
    ) -> None:
        super().__init__("cltutor-what-not-to-forget")
        if len(stream[0].classes) < 2:
            raise ValueError("The first task needs two classes or more, some to be met again and some not.")
        self.stream, self.seed, self.device, self.settings = stream, seed, device, settings
        self.runs: dict[Recipe, Run] = {}
        self._empty = draw(lambda: show.tasks(stream))
        usual = {"classes": stream[0].classes[:1], "lam": 1, "epochs": methods.finetune(**settings).schedule.epochs}
        given = {name: value for name, value, own in (("seed", seed, 0), ("device", device, "auto")) if value != own}
        self._make_controls()
        named = {"classes": self.classes, "lam": self.lam, "epochs": self.epochs}
        self.controls = Controls(self, "WhatNotToForget", named, usual, given | settings, self._checked, self._show)
        asked = {"classes": classes, "lam": lam, "epochs": epochs}
        self.controls.set(usual | {name: value for name, value in asked.items() if value is not None})
        self.actions = Actions(self._train, self._stop, self._clear, self.guarded)
        self.pane = Pane()
        question = ipywidgets.HTML("Which classes of task 1 will you meet again?")
        rows = (question, self.classes, row(self.lam, self.epochs), self.actions)
        self.fill(*rows, self.message, self.pane, self.controls.line)
        self._show()

    @property
    def code(self) -> str:
        """The line of code that makes this widget again as it is set."""
        return self.controls.code

    @property
    def chosen(self) -> tuple[int, ...]:
        """The labels that will be met again; ValueError if they are none or all of task 1."""
        classes = self.controls.values["classes"]
        if not 0 < len(classes) < len(self.stream[0].classes):
            raise ValueError("Choose one class of task 1 or more, and leave one out or more: they are compared.")
        return classes

    @property
    def recipes(self) -> dict[str, Recipe]:
        """What Train learns with, by the names in the picture."""
        values = self.controls.values
        lam, own = values["lam"], {"epochs": values["epochs"], **self.settings}
        return {
            "finetune": methods.finetune(**own),
            "mas": methods.mas(lam=lam, **own),
            "mas, adapted": methods.mas(lam=lam, classes=self.chosen, **own),
        }

    def _make_controls(self) -> None:
        self.classes = Classes(self.stream, 0, self.guarded)
        heavier, passes = "the weight of the old beside the new (lam)", "passes over the images of each task (epochs)"
        self.lam = Knob("weight λ", 1, (0.0, 5.0, 0.1), lambda v: v >= 0, "a number from 0 up", heavier, self.guarded)
        whole = "a whole number from 1 up"
        self.epochs = Knob("epochs", 1, (1, 30, 1), lambda v: v >= 1, whole, passes, self.guarded)

    def _checked(self, values: dict) -> dict:
        known, classes = self.stream[0].classes, values["classes"]
        if not isinstance(classes, tuple | list) or not set(classes) <= set(known):
            names = ", ".join(f"{label} ({self.stream.class_names[label]})" for label in known)
            raise ValueError(f"classes are labels of task 1, such as ({known[0]},); it has {names}.")
        for name, low in (("lam", 0), ("epochs", 1)):
            value = values[name]
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value < float("inf"):
                raise ValueError(f"{name} is a number from {low} up, not {value!r}.")
        return values | {"classes": tuple(label for label in known if label in classes)}

    def _train(self) -> None:
        todo = [r for r in self.recipes.values() if r not in self.runs or not self.runs[r].complete]
        if not todo:
            self.actions.say("all three have been trained with these settings", 1)
            return
        self._begin(self._events(todo))

    def _events(self, todo: list[Recipe]) -> Iterator[Event]:
        """Learn with one recipe after another."""
        for done, recipe in enumerate(todo):
            self._part = done / len(todo), 1 / len(todo)
            yield from train(self.stream, recipe, self.seed, device=self.device)

    def _clear(self) -> None:
        self.runs = {}
        self._show()

    def _follow(self, event: Event) -> None:
        """Tell the page of an event; called in the thread that trains."""
        start, share = self._part
        if isinstance(event, Stepped):
            adapted = " (adapted)" if "classes=" in repr(event.run.recipe) else ""
            self.actions.say(news(event) + adapted, start + share * event.progress)
        elif isinstance(event, TaskDone):
            self.runs = {**self.runs, event.run.recipe: snapshot(event.run)}
            self._show()

    def _end(self, run: Run | None, finished: bool) -> None:
        words = "done" if finished else "stopped; Train begins the run that was not finished anew"
        self.actions.say(words, 1.0 if finished else None)
        try:
            self._show()
        finally:
            self.actions.busy = False

    def _show(self, name: str | None = None) -> None:
        """Show what was trained with the settings as they are."""
        self.pane.value = draw(self._picture) if self.runs else self._empty

    def _picture(self) -> show.Picture:
        first, chosen = self.stream[0].classes, self.chosen
        others = tuple(label for label in first if label not in chosen)
        later = tuple(label for label in self.stream.classes if label not in first)
        groups, names = [chosen, others], [f"chosen: {self._names(chosen)}", f"others of task 1: {self._names(others)}"]
        if later:
            groups, names = [*groups, later], [*names, "later tasks"]
        runs = {name: self.runs[recipe] for name, recipe in self.recipes.items() if recipe in self.runs}
        if not runs:
            raise ValueError("Nothing has been trained with these settings yet: press Train.")
        found = {name: group_accuracy(run, self.stream, groups) for name, run in runs.items()}
        note = "" if "mas, adapted" in runs else "press Train to see MAS adapted to this choice"
        return show.adaptation(found, names, note)

    def _names(self, labels: Sequence[int]) -> str:
        return ", ".join(self.stream.class_names[label] for label in labels)
