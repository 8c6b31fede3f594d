"""Choose what you will meet again, and see that it is not forgotten (MAS, section 5.1, adaptation test)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets
import numpy as np
import traitlets
from matplotlib.patches import Rectangle

from .. import methods, show
from ..checked import checked
from ..describe import Kind, Real, Whole
from ..recipe.recipe import Recipe
from ..runs.per_class import class_accuracy, over_groups
from ..show.images import as_rgb
from ..show.picture import FONT, shortened
from ..show.style import BLUE
from ..streams import Stream
from ..training.events import Event, Stepped, TaskDone
from ..training.loop import Seed, train
from .controls import Controls, Values
from .inputs import Guarded, Knob
from .learning import Device, LearnsInTurn, Train
from .stage import Draw, Drawing, Stage, draw

ADAPTED = "mas, adapted"
PER_ROW, WIDE, HIGH = 3, 0.72, 0.92  # examples in a row, and the inches of one with its name


@dataclass(frozen=True)
class Result:
    """The accuracy (T, C) of every class after every task, known at test, and whether all tasks were learned."""

    accuracy: np.ndarray
    complete: bool = True


class Classes(Stage):
    """An example picture of each class of a task, framed if it is chosen; a click, or Enter, chooses it or not.

    ``value``: the labels that are chosen; pressed: what observes that.
    """

    value = traitlets.Tuple()

    def __init__(self, stream: Stream, task: int, guarded: Guarded) -> None:
        self.labels, split = list(stream[task].classes), stream[task].test
        self.names = [stream.class_names[label] for label in self.labels]
        self.images = [as_rgb(split.images[(split.labels == k).nonzero()[0, 0]].numpy()) for k in self.labels]
        super().__init__(self._picture(()), self._touched, guarded)
        self.observe(lambda change: self.show(self._picture(change.new)), "value")

    def _touched(self, spot: dict[str, Any]) -> None:
        self.value = tuple(k for i, k in enumerate(self.labels) if (k in self.value) != (i == int(spot["key"])))

    def _picture(self, chosen: Sequence[int]) -> show.Picture:
        columns = min(PER_ROW, len(self.labels))
        rows = math.ceil(len(self.labels) / columns)
        picture, parts = show.Picture(WIDE * columns, HIGH * rows), []
        for place, (label, name, image) in enumerate(zip(self.labels, self.names, self.images, strict=True)):
            left, low = WIDE * (place % columns), HIGH * (rows - 1 - place // columns)
            picked = label in chosen
            if picked:
                frame = {"color": BLUE, "transform": picture.dpi_scale_trans, "zorder": -1}  # behind the image
                picture.add_artist(Rectangle((left + 0.03, low + 0.21), 0.66, 0.66, **frame))
            picture.pixels(image, left + 0.08, low + 0.26, 0.56, 0.56)
            weight = "bold" if picked else "normal"
            picture.write(left + WIDE / 2, low + 0.19, shortened(name, WIDE, 1.15 * FONT), ha="center", weight=weight)
            parts.append(f"{name}, {'' if picked else 'not '}to be met again")
            picture.spot((left, low, WIDE, HIGH), parts[-1], key=str(place))
        picture.alt = f"Classes of task 1: {'; '.join(parts)}."
        return picture


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
        self._make_controls(usual, self._given(settings))
        self.controls.start(classes=classes, lam=lam, epochs=epochs)
        self.pane = self.stage()
        question = ipywidgets.HTML("Which classes of task 1 will you meet again?")
        self.fill([self.actions, question, self.classes, self.lam, self.epochs], [self.pane])
        recipes = self.recipes if len(self.controls.values["classes"]) else {}
        adapted = {f"{ADAPTED} to {stream.class_names[k]}": self._adapted((k,)) for k in stream[0].classes}
        self._load({name: recipe for name, recipe in recipes.items() if name != ADAPTED} | adapted)
        self._show()

    def _held(self, name: str) -> dict[str, np.ndarray]:
        found = self.results.get(self.restorable[name])
        return {"accuracy": found.accuracy} if found and found.complete else {}

    def _restore(self, name: str, held: dict[str, np.ndarray]) -> None:
        self.results[self.restorable[name]] = Result(held["accuracy"])

    def _adapted(self, classes: tuple[int, ...]) -> Recipe:
        values = self.controls.values
        return methods.mas(lam=values["lam"], classes=classes, **{"epochs": values["epochs"], **self.settings})

    def _start(self, name: str) -> None:
        super()._start(name)
        recipe = self.recipes[name]
        self._replace(*(other for other in self.recorded if self.restorable[other] == recipe))

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
            ADAPTED: self._adapted(self.chosen),
        }

    def _make_controls(self, usual: Values, given: Values) -> None:
        heavier, passes = "the weight of the old beside the new (lam)", "passes over the images of each task (epochs)"
        named = {
            "classes": Classes(self.stream, 0, self.guarded),
            "lam": Knob("weight λ", (0.0, 5.0, 0.1), Real(at_least=0), heavier, self.guarded),
            "epochs": Knob("epochs", (1, 30, 1), Whole(at_least=1), passes, self.guarded),
        }
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
        recipe, recorded = self.recipes[name], [self.restorable[other] for other in self.recorded]
        return recipe not in recorded and recipe in self.results and self.results[recipe].complete

    def _say(self, event: Stepped, more: str = "") -> None:
        super()._say(event, " (adapted)" * (self._part[0] == ADAPTED))

    def _take(self, event: Event) -> None:
        if isinstance(event, TaskDone):
            self._keep(event.run.recipe, Result(class_accuracy(event.run, self.stream), event.run.complete))

    def _pages(self, **values: Any) -> list[Drawing]:
        return [self.draw(self._picture) if self.results else self.empty]

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
        found = {name: over_groups(result.accuracy, self.stream, groups) for name, result in runs.items()}
        note = "" if ADAPTED in runs else "press Train to see MAS adapted to this choice"
        return show.adaptation(found, names, note)

    def _names(self, labels: Sequence[int]) -> str:
        return ", ".join(self.stream.class_names[label] for label in labels)
