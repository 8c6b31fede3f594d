"""Where a network looks, and how its attention drifts while it learns later tasks (LwM, Figure 4)."""

import functools
import itertools
from collections.abc import Sequence

import numpy as np
import torch

from .. import attention, show
from .. import methods as registry
from ..checked import checked
from ..describe import Kind, Real, Whole
from ..recipe.recipe import Recipe
from ..runs.run import Run
from ..show.attention import drift_from_first
from ..streams import Stream
from ..training.events import Event, Stepped, TaskDone
from ..training.loop import Seed, train
from .base import dropdown
from .controls import Controls, Values, takes, unusual
from .herding_explorer import check_finished
from .inputs import Knob
from .learning import Device, LearnsInTurn, Train, first_network
from .stage import Draw, Drawing, draw

PER_CLASS = 20  # test images of a base class whose maps are kept
CHUNK = 50  # images whose maps are computed at once
METHODS = ("finetune", "lwf_mc", "lwm")


class AttentionDrift(LearnsInTurn):
    """Grad-CAM of base-class test images after every task, by each method, with its drift from the first model.

    Train learns the stream by each method, with one head for all classes. After every task the maps of every layer
    are kept, of each image's own class, so that a change of layer, class, image or opacity needs no network any more.
    When all methods are trained every layer and class is drawn, so that a pick is answered from memory.

    methods: names; layer: one of `attention.layers` that is not within a block, the last block if None; label: the
    class of task 1 that is shown, its first one if None; image: the first of the test images shown, counted from 1;
    rows: how many are shown; opacity: of the maps, in percent; seed, device: as in `learn`; runs: finished ones of the
    stream, whose maps are shown at once, before those of the methods; settings: given to every method that takes them,
    such as `epochs=5`, or `gamma=3` to `lwm` alone.

    Raises:
        ValueError: an unknown method, layer or class, an image that there is not, or a setting that no method takes.
    """

    @checked
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
        seed: Seed = 0,
        device: Device = "auto",
        runs: Sequence[Run] = (),
        train: Train = train,
        draw: Draw = draw,
        **settings,
    ) -> None:
        super().__init__("cltutor-attention-drift", stream, seed, device, train, draw)
        for run in runs:
            self.check_run(run, stream)
        first = {run.name: run.recipe for run in runs}
        self.recipes = first | {n: r for n, r in recipes_of(methods, settings).items() if n not in first}
        self.columns = [f"M{step}" for step in range(len(stream))]  # as in the paper: M0 has learned the base classes
        labels, classes = stream[0].test.labels, stream[0].classes
        places = torch.cat([(labels == label).nonzero().flatten()[:PER_CLASS] for label in classes])
        self.images, self.labels = stream[0].test.images[places], labels[places]
        network, sample = first_network(next(iter(self.recipes.values())), stream), self.images[:1]
        self.layers = attention.outside_blocks(network, list(attention.layers(network, sample)))
        most = int(np.bincount(self.labels)[list(stream[0].classes)].min())
        self.rows = Whole(1, most).check("rows", rows)
        self.maps: dict[str, list[dict[str, np.ndarray]]] = {}  # method -> after each task -> layer -> (N, h, w)
        usual = {"layer": attention.last_block(network, sample), "label": stream[0].classes[0]}
        given = {"methods": tuple(methods), "rows": rows, "seed": seed, "device": device}
        self._make_controls(usual, unusual(type(self), given) | settings, most - rows + 1)
        self.controls.start(layer=layer, label=label, image=image, opacity=opacity)
        self.pane, self.curve = self.stage(), self.stage()
        self.fill([self.actions, *self.controls.controls.values()], [self.pane, self.curve])
        for run in runs:
            self.results[run.name] = run
            self.maps[run.name] = [self._measure(run, task) for task in range(run.learned)]
        self._show()

    @staticmethod
    def check_run(run: Run, stream: Stream) -> None:
        """ValueError where attention maps of this run's networks cannot be compared: the layers must stay the same."""
        check_finished(run, stream)
        image = stream[0].test.images[:1]
        found = [attention.layers(run.model_after(task), image) for task in (0, run.learned - 1)]
        if found[0] != found[1] or not found[0]:
            raise ValueError(f"{run.name} has other layers after every task: their maps cannot be compared.")

    def drifts(self, layer: str) -> dict[str, np.ndarray]:
        """Drift (N, T) from the first model of every image kept, by method; nan after tasks not learned yet."""
        every, count = slice(None), len(self.stream)
        return {name: drift_from_first(padded(steps, layer, every, count)) for name, steps in self.maps.items()}

    def _make_controls(self, usual: Values, given: Values, most: int) -> None:
        classes = {label: self.stream.class_names[label] for label in self.stream[0].classes}
        which, covers = "which test image of the class is shown first", "how much of the image the map covers"
        explained = "the base class whose test images are shown, and whose score the maps explain"
        named = {
            "layer": dropdown("layer", self.layers, "the layer whose maps are shown, in order of use"),
            "label": dropdown("class", [(name, label) for label, name in classes.items()], explained),
            "image": Knob("first image", (1, max(2, most), 1), Whole(1, most), which, self.guarded),
            "opacity": Knob("opacity (%)", (0, 100, 5), Real(at_least=0, at_most=100), covers, self.guarded),
        }
        words = ", ".join(f"{label} ({name})" for label, name in classes.items())
        rules = {"label": Kind(f"a class of task 1, {words}", lambda value: type(value) is int and value in classes)}
        self.controls = Controls(self, named, usual, given, self._show, rules)

    def _start(self, name: str) -> None:
        super()._start(name)
        self.maps = {method: steps for method, steps in self.maps.items() if method != name}

    def _forget(self) -> None:
        self.maps = {}
        super()._forget()

    def _follow(self, event: Event) -> None:
        """Show an event on the page, and compute the maps after each task; called in the thread that trains."""
        name = self._part[0]
        if isinstance(event, Stepped):
            self._say(event)
        elif isinstance(event, TaskDone):
            found = self._measure(event.run, event.task)
            self.results = {**self.results, name: event.run}
            self.maps = {**self.maps, name: [*self.maps.get(name, []), found]}
            self.album.clear()  # pictures of fewer tasks are not shown again
            self._show()

    def _measure(self, run: Run, task: int) -> dict[str, np.ndarray]:
        network, targets = run.model_after(task), self.stream.positions(self.labels)
        pairs = zip(self.images.split(CHUNK), targets.split(CHUNK), strict=True)
        parts = [attention.grad_cams(network, *pair, self.layers) for pair in pairs]
        # Half precision: the maps of all layers and steps stay in memory.
        return {layer: halved(torch.cat([part[layer] for part in parts]).numpy()) for layer in self.layers}

    def _draw_ahead(self, finished: bool) -> None:
        """Draw every layer and class, as the other controls stand; called in the thread that trained."""
        if not finished:
            return
        picks = list(itertools.product(self.layers, self.stream[0].classes))
        for done, (layer, label) in enumerate(picks):
            if self.training.stopped.is_set():
                return
            self.actions.say(f"drawing every layer and class, {done} of {len(picks)} done", 1.0)
            self._pictures(self.controls.values | {"layer": layer, "label": label})

    def _show(self, name: str | None = None) -> None:
        """Show what was learned as the controls stand; `name`: the control that was moved."""
        self.pane.drawing, self.curve.drawing = self._pictures(self.controls.values) if self.maps else (self.empty, {})

    def _pictures(self, values: Values) -> list[Drawing]:
        """The maps and the curve for these values of the controls, each drawn once."""
        learned = tuple((method, len(steps)) for method, steps in self.maps.items())
        keys = {self._maps: (*values.values(), learned), self._curve: (values["layer"], learned)}
        return [self.album.page(key, functools.partial(make, **values)) for make, key in keys.items()]

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
    builds = {name: registry.named(name) for name in names}
    if not builds:
        raise ValueError("Give one method or more, such as ('finetune', 'lwm').")
    taken = {name: {key for key in settings if takes(build, key, settings[key])} for name, build in builds.items()}
    if unknown := settings.keys() - set().union(*taken.values()):
        build = next(iter(builds.values()))
        build(**{name: settings[name] for name in unknown})  # its message has the nearest setting
    return {
        name: build(**{"heads": "class"} | {key: settings[key] for key in settings if key in taken[name]})
        for name, build in builds.items()
    }


def padded(steps: Sequence[dict], layer: str, images: np.ndarray | slice, count: int) -> np.ndarray:
    """Maps (N, count, h, w) of these images after every task, nan after tasks not learned yet."""
    known = np.stack([step[layer][images] for step in steps], axis=1).astype(np.float32)
    missing = np.full((len(known), count - len(steps), *known.shape[2:]), np.nan, dtype=np.float32)
    return np.concatenate([known, missing], axis=1)


def halved(maps: np.ndarray) -> np.ndarray:
    """Maps (N, h, w) in half precision, each by its own largest value: only the place counts."""
    largest = maps.max((1, 2), keepdims=True)
    return (maps / np.where(largest > 0, largest, 1)).astype(np.float16)
