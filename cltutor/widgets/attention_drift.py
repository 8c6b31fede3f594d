"""Where a network looks, and how that place wanders while it learns on (LwM, Figure 4)."""

import functools
import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from .. import attention, methods, show
from ..recipe.recipe import Recipe
from ..runs.run import Run
from ..seeds import seeded
from ..show.attention import drift_from_first
from ..streams import Stream, Task
from ..training.events import Event, Stepped, TaskDone
from ..training.loop import train
from .actions import Actions
from .base import Pane, Tool, draw, dropdown, row
from .controls import Controls
from .herding_explorer import check
from .knob import Knob
from .method_toggle import news
from .training import Trains

PER_CLASS = 20  # test images of a base class whose maps are kept
CHUNK = 50  # images whose maps are computed at once
METHODS = ("finetune", "lwf_mc", "lwm")


class AttentionDrift(Trains, Tool):
    """Grad-CAM of base-class test images after every task, by each method, with its drift from the first model.

    Train learns the stream by each method, with one head for all classes. After every task the maps of every layer
    are kept, of each image's own class, so that a change of layer, class, image or opacity needs no network any more.
    When all is learned every layer and class is drawn, so that a pick is answered from memory.

    methods: names; layer: one of `attention.layers` that is not within a block, the last block if None; label: the
    class of task 1 that is shown, its first one if None; image: the first of the test images shown, counted from 1;
    rows: how many are shown; opacity: of the maps, in percent; seed, device: as in `learn`; settings: given to every
    method that takes them, such as `epochs=5`, or `gamma=3` to `lwm` alone; runs: finished ones of the stream, whose
    maps are shown at once, before those of the methods.

    Raises:
        ValueError: an unknown method, layer or class, an image that there is not, or a setting that no method takes.
    """

    def __init__(
        self,
        stream: Stream,
        methods: Sequence[str] = METHODS,
        *,
        layer: str | None = None,
        label: int | None = None,
        image: int = 1,
        rows: int = 2,
        opacity: float = 60,
        seed: int = 0,
        device: str = "auto",
        runs: Sequence[Run] = (),
        **settings,
    ) -> None:
        super().__init__("cltutor-attention-drift")
        self.stream, self.seed, self.device = stream, seed, device
        for run in runs:
            self.suits(run, stream)
        first = {run.name: run.recipe for run in runs}
        self.recipes = first | {n: r for n, r in recipes_of(tuple(methods), settings).items() if n not in first}
        self.images, self.labels = base_images(stream[0])
        self.layers, usual_layer = layers_of(stream, next(iter(self.recipes.values())))
        self.rows = self._checked_rows(rows)
        self.runs: dict[str, Run] = {}
        self.maps: dict[str, list[dict[str, np.ndarray]]] = {}  # method -> after each task -> layer -> (N, h, w)
        self._album: dict[tuple, str] = {}
        self._empty = draw(lambda: show.tasks(stream))
        usual = {"layer": usual_layer, "label": stream[0].classes[0], "image": 1, "opacity": 60}
        own = {"methods": METHODS, "rows": 2, "seed": 0, "device": "auto"}
        given = {"methods": tuple(methods), "rows": rows, "seed": seed, "device": device}
        given = {name: value for name, value in given.items() if value != own[name]} | settings
        self._make_controls()
        self.controls = Controls(self, "AttentionDrift", self._named, usual, given, self._checked, self._show)
        asked = {"layer": layer, "label": label, "image": image, "opacity": opacity}
        self.controls.set(usual | {name: value for name, value in asked.items() if value is not None})
        self.actions = Actions(self._train, self._stop, self._clear, self.guarded)
        self.pane, self.curve = Pane(), Pane()
        named = row(*self._named.values())
        self.fill(self.actions, named, self.message, self.pane, self.curve, self.controls.line)
        for run in runs:
            self.runs[run.name] = run
            self.maps[run.name] = [self._look(run, task) for task in range(run.learned)]
        self._show()

    @staticmethod
    def suits(run: Run, stream: Stream) -> None:
        """ValueError where this run's networks cannot be looked through, the same layers after every task."""
        check(run, stream)
        image = stream[0].test.images[:1]
        found = [attention.layers(run.model_after(task), image) for task in (0, run.learned - 1)]
        if found[0] != found[1] or not found[0]:
            raise ValueError(f"{run.name} has other layers after every task: there is none to look through twice.")

    @property
    def code(self) -> str:
        """The line of code that makes this widget again as it is set."""
        return self.controls.code

    @property
    def columns(self) -> list[str]:
        """The models, named as in the paper: M0 has learned the base classes."""
        return [f"M{step}" for step in range(len(self.stream))]

    def drifts(self, layer: str) -> dict[str, np.ndarray]:
        """Drift (N, T) from the first model of every image kept, by method; nan after tasks not learned yet."""
        every, count = slice(None), len(self.stream)
        return {name: drift_from_first(padded(steps, layer, every, count)) for name, steps in self.maps.items()}

    def _checked_rows(self, rows: int) -> int:
        most = int(np.bincount(self.labels)[list(self.stream[0].classes)].min())
        if isinstance(rows, bool) or not isinstance(rows, int) or not 1 <= rows <= most:
            raise ValueError(f"rows is a whole number from 1 to {most}, not {rows!r}.")
        self.most = most - rows + 1
        return rows

    def _make_controls(self) -> None:
        names = [(self.stream.class_names[label], label) for label in self.stream[0].classes]
        numbers, whole = range(1, self.most + 1), f"a whole number from 1 to {self.most}"
        which, covers = "which test image of the class is shown first", "how much of the image the map covers"
        self._named = {
            "layer": dropdown("layer", self.layers),
            "label": dropdown("class", names),
            "image": Knob(
                "first image", 1, (1, max(2, self.most), 1), lambda v: v in numbers, whole, which, self.guarded
            ),
            "opacity": Knob(
                "opacity (%)", 60, (0, 100, 5), lambda v: 0 <= v <= 100, "a number from 0 to 100", covers, self.guarded
            ),
        }
        self._named["layer"].tooltip = "the layer whose maps are shown, in order of use"
        self._named["label"].tooltip = "the base class whose test images are shown, and whose score the maps explain"

    def _checked(self, values: dict) -> dict:
        if values["layer"] not in self.layers:
            raise ValueError(f"layer is one of {', '.join(self.layers)}, not {values['layer']!r}.")
        if values["label"] not in self.stream[0].classes:
            names = ", ".join(f"{label} ({self.stream.class_names[label]})" for label in self.stream[0].classes)
            raise ValueError(f"label is a class of task 1, {names}, not {values['label']!r}.")
        for name, low, high in (("image", 1, self.most), ("opacity", 0, 100)):
            value = values[name]
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise ValueError(f"{name} is a number from {low} to {high}, not {value!r}.")
        if values["image"] != int(values["image"]):
            raise ValueError(f"image is a whole number, not {values['image']!r}.")
        return values

    def _train(self) -> None:
        todo = [name for name in self.recipes if name not in self.runs or not self.runs[name].complete]
        if not todo:
            self.actions.say("all methods have been trained; Clear to train them anew", 1)
            return
        self._begin(self._events(todo))

    def _events(self, todo: list[str]) -> Iterator[Event]:
        """Learn by one method after another, each begun anew."""
        for done, name in enumerate(todo):
            self._part = name, done / len(todo), 1 / len(todo)
            self.maps = {method: steps for method, steps in self.maps.items() if method != name}
            yield from train(self.stream, self.recipes[name], self.seed, device=self.device)

    def _clear(self) -> None:
        if self.actions.busy:
            raise ValueError("Something is being learned: press Stop first.")
        self.runs, self.maps, self._album = {}, {}, {}
        self._show()

    def _follow(self, event: Event) -> None:
        """Tell the page of an event, and look after each task; called in the thread that trains."""
        name, start, share = self._part
        if isinstance(event, Stepped):
            self.actions.say(news(event), start + share * event.progress)
        elif isinstance(event, TaskDone):
            found = self._look(event.run, event.task)
            self.runs = {**self.runs, name: event.run}
            self.maps = {**self.maps, name: [*self.maps.get(name, []), found]}
            self._album = {}  # what was drawn of fewer tasks comes no more
            self._show()

    def _look(self, run: Run, task: int) -> dict[str, np.ndarray]:
        network, targets = run.model_after(task), self.stream.positions(self.labels)
        pairs = zip(self.images.split(CHUNK), targets.split(CHUNK), strict=True)
        parts = [attention.grad_cams(network, *pair, self.layers) for pair in pairs]
        # Half precision: the maps of all layers and steps stay in memory, to be looked at.
        return {layer: halved(torch.cat([part[layer] for part in parts]).numpy()) for layer in self.layers}

    def _end(self, run: Run | None, finished: bool) -> None:
        words = "done" if finished else "stopped; Train begins the method that was not finished anew"
        try:
            self._show()
            if finished:
                self._draw_ahead()
        finally:
            self.actions.say(words, 1.0 if finished else None)
            self.actions.busy = False

    def _draw_ahead(self) -> None:
        """Draw every layer and class, as the other controls stand; called in the thread that trained."""
        picks = list(itertools.product(self.layers, self.stream[0].classes))
        for done, (layer, label) in enumerate(picks):
            if self.training.stopped.is_set():
                return
            self.actions.say(f"drawing every layer and class, {done} of {len(picks)} done", 1.0)
            self._pictures(self.controls.values | {"layer": layer, "label": label})

    def _show(self, name: str | None = None) -> None:
        """Show what was learned as the controls stand; `name`: the control that was moved."""
        self.pane.value, self.curve.value = self._pictures(self.controls.values) if self.maps else (self._empty, "")

    def _pictures(self, values: dict) -> list[str]:
        """The maps and the curve for these values of the controls, each drawn once."""
        learned, found = tuple((method, len(steps)) for method, steps in self.maps.items()), []
        for make, key in ((self._maps, (*values.values(), learned)), (self._curve, (values["layer"], learned))):
            made = self._album[key] = self._album.get(key) or draw(functools.partial(make, **values))
            found.append(made)
        return found

    def _maps(self, layer: str, label: int, image: int, opacity: float) -> show.Picture:
        own = np.flatnonzero(self.labels.numpy() == label)[int(image) - 1 :][: self.rows]
        shown = {name: padded(steps, layer, own, len(self.stream)) for name, steps in self.maps.items()}
        names = [f"{self.stream.class_names[label]}, test image {int(image) + n}" for n in range(len(own))]
        images = self.images[own].numpy()
        return show.attention_maps(images, shown, names, self.columns, opacity / 100, f"layer {layer}")

    def _curve(self, layer: str, **_) -> show.Picture:
        over = f"{len(self.images)} base-class test images"
        return show.attention_drift(self.drifts(layer), self.columns, f"layer {layer}, mean and spread over {over}")


def recipes_of(names: Sequence[str], settings: dict) -> dict[str, Recipe]:
    """Each method with those of the settings that it takes; ValueError for one that none takes."""
    if not names:
        raise ValueError("Give one method or more, such as ('finetune', 'lwm').")
    found, refused = {}, []
    for name in names:
        methods.get(name)  # an unknown name is told here
        build, taken = getattr(methods, name), {"heads": "class"}
        for key, value in settings.items():
            try:
                build(**{key: value})
                taken[key] = value
            except ValueError as error:
                if "has no setting" not in str(error):
                    raise
                refused.append((key, error))
        found[name] = build(**taken)
    for key, error in refused:
        if sum(key == other for other, _ in refused) == len(names):
            raise error
    return found


def base_images(task: Task) -> tuple[Tensor, Tensor]:
    """The first test images of each class of the task, and their labels."""
    labels = task.test.labels
    places = torch.cat([(labels == label).nonzero().flatten()[:PER_CLASS] for label in task.classes])
    return task.test.images[places], labels[places]


def layers_of(stream: Stream, recipe: Recipe) -> tuple[list[str], str]:
    """The layers of the recipe's network that have maps, none of those inside a block, and the last block."""
    image = stream[0].test.images[:1]
    with seeded(("layers",)):
        network = recipe.network.build(stream.image_shape, pretrained=False)
        network.grow(len(stream[0].classes))
    found = attention.layers(network, image)
    return attention.outside_blocks(network, found), attention.last_block(network, image)


def padded(steps: Sequence[dict], layer: str, images: np.ndarray | slice, count: int) -> np.ndarray:
    """Maps (N, count, h, w) of these images after every task, nan after tasks not learned yet."""
    known = np.stack([step[layer][images] for step in steps], axis=1).astype(np.float32)
    missing = np.full((len(known), count - len(steps), *known.shape[2:]), np.nan, dtype=np.float32)
    return np.concatenate([known, missing], axis=1)


def halved(maps: np.ndarray) -> np.ndarray:
    """Maps (N, h, w) in half precision, each by its own largest value: only the place counts."""
    largest = maps.max((1, 2), keepdims=True)
    return (maps / np.where(largest > 0, largest, 1)).astype(np.float16)
