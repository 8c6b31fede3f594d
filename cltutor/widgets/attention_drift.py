"""Where a network looks, and how its attention drifts while it learns later tasks (LwM, Figure 4)."""

from collections.abc import Sequence
from typing import Any

import ipywidgets
import numpy as np
import torch

from .. import attention, show
from .. import methods as registry
from ..checked import checked
from ..describe import Kind, Real, Rule, Whole
from ..networks.maps import readable
from ..recipe.recipe import Recipe
from ..runs.run import Run
from ..show.attention import DRIFT, beside, drift_from_first, large
from ..streams import Stream
from ..training.events import Event, TaskDone
from ..training.loop import Seed, train
from .base import sentence
from .controls import Controls, LayerName, Values, takes
from .herding_explorer import check_finished
from .inputs import Knob, Switch, buttons, dropdown
from .learning import Device, LearnsInTurn, Train, first_network
from .stage import Draw, Drawing, draw

PER_CLASS = 4  # test images of a base class whose maps are kept
CHUNK = 50  # images whose maps are computed at once
METHODS = ("finetune", "lwf_mc", "lwm")
VIEWS = {"maps": "where each method looks in an image, step by step", "drift": "how far the maps move, on average"}


class AttentionDrift(LearnsInTurn):
    """Grad-CAM of a base-class test image after every task, by each method, with its drift from the first model.

    Train learns the stream by each method, with one head for all classes. After every task the maps of every layer
    are kept, of each image's own class, so that a change of layer, class, image or opacity needs no network any more.
    A click on an image shows its maps, a click on a map enlarges them; the outline of the object can be switched.

    methods: names; view: "maps" or "drift"; layer: such as "conv 2", or a name of `attention.layers` that is not within
    a block, the last block if None; label: the class of task 1 that is shown, its first one if None; image: which of
    its test images, counted from 1; enlarged: one step at a time, large; opacity: of the maps, in percent; seed,
    device: as in `learn`; runs: finished ones of the stream, whose maps are shown at once, before those of the methods;
    settings: given to every method that takes them, such as `epochs=5`, or `gamma=3` to `lwm` alone.

    Raises:
        ValueError: an unknown method, layer or class, an image that there is not, or a setting that no method takes.
    """

    @checked
    def __init__(
        self,
        stream: Stream,
        methods: Sequence[str] = METHODS,
        *,
        view: str = "maps",
        layer: str | None = None,
        label: int | None = None,
        image: int = 1,
        enlarged: bool = False,
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
        own = {name: recipe for name, recipe in recipes_of(methods, settings).items() if name not in first}
        self.recipes = first | own
        self.columns = [f"M{step}" for step in range(len(stream))]  # as in the paper: M0 has learned the base classes
        test, classes = stream[0].test, stream[0].classes
        self.places = torch.cat([(test.labels == label).nonzero().flatten()[:PER_CLASS] for label in classes])
        self.images, self.labels = test.images[self.places], test.labels[self.places]
        network, sample = first_network(next(iter(self.recipes.values())), stream), self.images[:1]
        named = readable(network, attention.outside_blocks(network, list(attention.layers(network, sample))))
        self.layers = {words: name for name, words in named.items()}
        self.maps: dict[str, list[dict[str, np.ndarray]]] = {}  # method -> after each task -> layer -> (N, h, w)
        usual = {"layer": named[attention.last_block(network, sample)], "label": classes[0]}
        self._make_controls(usual, self._given(settings, methods=tuple(methods)))
        self.controls.start(view=view, layer=layer, label=label, image=image, enlarged=enlarged, opacity=opacity)
        self.note, self.pane = ipywidgets.HTML(), self.stage(self._touched)
        self.fill([self.actions, *self.controls.controls.values()], [self.pane, self.note])
        self._load(own)
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

    def _make_controls(self, usual: Values, given: Values) -> None:
        classes = {label: self.stream.class_names[label] for label in self.stream[0].classes}
        most = int(np.bincount(self.labels)[list(classes)].min())
        explained = "the base class whose test images are shown, and whose score the maps explain"
        covers = "how much of the image the map covers"
        named = {
            "view": buttons("show", "maps, or how far they move", VIEWS),
            "layer": dropdown("layer", list(self.layers), "the layer whose maps are shown, in order of use"),
            "label": dropdown("class", [(name, label) for label, name in classes.items()], explained),
            "image": Knob("image", (1, max(2, most), 1), Whole(1, most), "which test image of the class", self.guarded),
            "enlarged": Switch("enlarge the maps", "the maps of the image, one step at a time"),
            "opacity": Knob("opacity (%)", (0, 100, 5), Real(at_least=0, at_most=100), covers, self.guarded),
        }
        words = ", ".join(f"{label} ({name})" for label, name in classes.items())
        rules: dict[str, Rule] = {"layer": LayerName(self.layers)}
        rules["label"] = Kind(f"a class of task 1, {words}", lambda value: type(value) is int and value in classes)
        self.controls = Controls(self, named, usual, given, self._show, rules)

    def _touched(self, spot: dict[str, Any]) -> None:
        """Show the maps of an image, enlarge them, or go back."""
        values = self.controls.values
        if not self.maps:
            self.note.value = sentence("These are sample pictures of the tasks: press Train.")
        elif not spot["key"].startswith(("image", "map")):  # a curve
            self.note.value = sentence(f"{spot['words']}. A point is a mean over images: see each one in the maps.")
        else:
            if spot["key"].startswith("image ") and not values["enlarged"]:
                values["image"] = int(spot["key"].split()[1]) + 1
            else:
                values["enlarged"] = not values["enlarged"]
            self.controls.set(values)
            self._show()

    def _held(self, name: str) -> dict[str, Any]:
        """The maps after every task in 255 steps, as they are scaled to their largest value."""
        held: dict[str, Any] = {}
        steps = self.maps.get(name, [])
        for step, found in enumerate(steps if len(steps) == len(self.stream) else []):
            fine = {layer: 255 * maps.astype(np.float32) for layer, maps in found.items()}
            held[str(step)] = {layer: maps.round().astype(np.uint8) for layer, maps in fine.items()}
        return held

    def _restore(self, name: str, held: dict[str, Any]) -> None:
        steps = [held[str(step)] for step in range(len(self.stream))]
        layers = self.layers.values()
        if any(len(step[layer]) != len(self.images) for step in steps for layer in layers):
            raise ValueError(f"The recorded maps of {name} are not of the {len(self.images)} images here.")
        self.maps[name] = [{layer: (step[layer] / 255).astype(np.float16) for layer in layers} for step in steps]

    def _start(self, name: str) -> None:
        super()._start(name)
        self.maps = {method: steps for method, steps in self.maps.items() if method != name}

    def _forget(self) -> None:
        self.maps = {}
        super()._forget()

    def _take(self, event: Event) -> None:
        """Compute the maps after each task."""
        if isinstance(event, TaskDone):
            name = self._part[0]
            found = self._measure(event.run, event.task)
            self.maps = {**self.maps, name: [*self.maps.get(name, []), found]}
            self.album.clear()  # pictures of fewer tasks are not shown again
            self._keep(name, event.run)

    def _measure(self, run: Run, task: int) -> dict[str, np.ndarray]:
        network, targets = run.model_after(task), self.stream.positions(self.labels)
        pairs = zip(self.images.split(CHUNK), targets.split(CHUNK), strict=True)
        parts = [attention.grad_cams(network, *pair, list(self.layers.values())) for pair in pairs]
        # Half precision: the maps of all layers and steps stay in memory.
        return {layer: halved(torch.cat([part[layer] for part in parts]).numpy()) for layer in self.layers.values()}

    def _show(self, name: str | None = None) -> None:
        drift = self.controls.values["view"] == "drift"
        for control in ("label", "image", "enlarged", "opacity"):
            self.controls[control].layout.display = "none" if drift else None
        self.note.value = sentence(DRIFT) if self.maps and drift else ""
        super()._show(name)

    def _pages(self, view: str, layer: str, **values: Any) -> list[Drawing]:
        """The maps or the curve, drawn once."""
        if not self.maps:
            return [self.empty]
        learned = tuple((method, len(steps)) for method, steps in self.maps.items())
        if view == "maps":
            return [self.album.page((layer, *values.values(), learned), lambda: self._maps(layer, **values))]
        return [self.album.page((layer, learned), lambda: self._curve(layer))]

    def _curve(self, layer: str) -> show.Picture:
        what = f"layer {layer}, mean ± spread over {len(self.images)} base-class images"
        return show.attention_drift(self.drifts(self.layers[layer]), self.columns, what)

    def _maps(self, layer: str, label: int, image: int, enlarged: bool, opacity: float) -> show.Picture:
        own = np.flatnonzero(self.labels.numpy() == label)
        place, masks = own[image - 1], self.stream[0].test.masks
        inside = self.layers[layer]
        maps = {name: padded(steps, inside, [place], len(self.stream))[0] for name, steps in self.maps.items()}
        mask = None if masks is None else masks[self.places[place]].numpy()
        how = maps, self.columns, opacity / 100, mask, f"{self.stream.class_names[label]}, test image {image}, {layer}"
        if enlarged:
            return large(self.images[place].numpy(), *how)
        return beside(self.images[own].numpy(), image - 1, *how)


def recipes_of(names: Sequence[str], settings: dict) -> dict[str, Recipe]:
    """Each method with those of the settings that it takes; ValueError for one that none takes."""
    builds = {name: registry.named(name) for name in names}
    if not builds:
        raise ValueError("Give one method or more, such as ('finetune', 'lwm').")
    taken = {
        name: {key: value for key, value in settings.items() if takes(build, key, value)}
        for name, build in builds.items()
    }
    if unknown := settings.keys() - set().union(*taken.values()):
        build = next(iter(builds.values()))
        build(**{name: settings[name] for name in unknown})  # its message has the nearest setting
    return {name: build(**{"heads": "class"} | taken[name]) for name, build in builds.items()}


def padded(steps: Sequence[dict], layer: str, images: Sequence[int] | slice, count: int) -> np.ndarray:
    """Maps (N, count, h, w) of these images after every task, nan after tasks not learned yet."""
    known = np.stack([step[layer][images] for step in steps], axis=1).astype(np.float32)
    missing = np.full((len(known), count - len(steps), *known.shape[2:]), np.nan, dtype=np.float32)
    return np.concatenate([known, missing], axis=1)


def halved(maps: np.ndarray) -> np.ndarray:
    """Maps (N, h, w) in half precision, each by its own largest value: only the place counts."""
    largest = maps.max((1, 2), keepdims=True)
    return (maps / np.where(largest > 0, largest, 1)).astype(np.float16)
