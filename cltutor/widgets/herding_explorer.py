"""How the exemplars of a class are chosen, and which are evicted as classes arrive (EEIL, sections 3.1 and 6.3)."""

from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets
import numpy as np
import torch
from torch.nn import functional as F

from .. import show
from ..checked import checked
from ..describe import Kind, Whole, counted
from ..memory import ExemplarMemory
from ..memory.exemplars import features_of
from ..memory.selection import SELECTIONS
from ..runs.run import Run
from ..seeds import seed_of
from ..show.herding import MOST
from ..streams import Stream
from .base import Tool, sentence
from .behind import Behind, in_thread
from .choosing import MOST_TESTED, Choice, distances_of, judge, pca, tsne
from .controls import Controls, Values
from .inputs import Knob, buttons, dropdown
from .number_field import NumberField, rule_of_numbers, within
from .stage import Draw, draw

FEWEST = 3  # images of a class that can be chosen from, and mapped
VIEWS = {
    "map": "all images of the class, and how near the mean of the chosen is to theirs",
    "exemplars": "those that the strategy chooses, one after another",
    "evictions": "which of them the memory drops as classes arrive",
}
PROJECTIONS = {
    "pca": "the two directions in which the features differ most",
    "tsne": "a map that keeps neighbours together; offered once it has been computed",
}
ABOUT = {  # a strategy
    "herding": "each choice brings the mean of the chosen nearest to the class mean",
    "closest": "the images nearest to the class mean, nearest first",
    "random": "drawn without looking at the features",
    "histogram": "at each distance from the class mean in proportion to the class's images there",
}
T_SNE = "t-SNE, first coordinate (no unit)", "t-SNE, second coordinate (no unit)"
OTHERS = (
    "This run chose other images: with its network as it was before the step after the task, which is not kept. What "
    "is shown would be chosen with the network after that step. "
)
COMPUTED = "The features of class {} are being computed."
OF_PLACES = "t-SNE keeps neighbours, not means: on this map both means are those of places; the curves are of features."


class HerdingExplorer(Tool):
    """Exemplars of a class chosen one at a time, by four strategies or by hand, and their eviction as classes arrive.

    A click on an image, its dot on the map or its picture, puts it into the memory or takes it out; a click on a curve
    chooses that strategy and number. The features, of length one, are those of the network after the class's own task,
    when a memory chooses; what random and histogram draw is drawn as the run draws.

    run: finished; stream: the one that it learned; label: the class, the first one if None; strategy: "herding",
    "closest", "random" or "histogram"; projection: "pca", or "tsne" which is computed behind the page; step: how many
    exemplars are chosen; capacity: K, the images that the memory keeps of all classes, or of each class for a run with
    ``ExemplarMemory(per_class=...)``, the run's own if None (10 per class where it has none, or keeps everything); own:
    numbers of images chosen by hand, counted from 1; view: "map", "exemplars" or "evictions"; draw, behind: used to
    draw, and to work behind the page (tests give others).

    Raises:
        ValueError: a run that is not finished or learned other images, or a setting that there is not.
    """

    @staticmethod
    def check_run(run: Run, stream: Stream) -> None:
        """ValueError where this run has no classes to choose from."""
        check_finished(run, stream)

    @checked
    def __init__(
        self,
        run: Run,
        stream: Stream,
        *,
        label: int | None = None,
        strategy: str = "herding",
        projection: str = "pca",
        step: int | None = None,
        capacity: int | None = None,
        own: tuple[int, ...] = (),
        view: str = "map",
        draw: Draw = draw,
        behind: Behind = in_thread,
    ) -> None:
        super().__init__("cltutor-herding-explorer", draw)
        check_finished(run, stream)
        self.run, self.stream, self.behind = run, stream, behind
        self.sizes = sizes = {k: int((task.train.labels == k).sum()) for task in stream for k in task.classes}
        self.classes = [k for k, size in sizes.items() if size >= FEWEST]
        if not self.classes:
            raise ValueError(f"No class of the stream has {FEWEST} training images or more to choose from.")
        self.most = min(MOST, *(sizes[k] for k in self.classes))
        usual = {"label": self.classes[0], "step": min(5, self.most), "capacity": capacity_of(run)}
        self._choices: dict[int, Choice] = {}
        self._maps: dict[int, np.ndarray] = {}  # t-SNE (N, 2), by class
        self._looked_at: set[int] = set()
        self._make_controls(usual)
        values = {"label": label, "strategy": strategy, "projection": projection, "step": step, "capacity": capacity}
        self.controls.start(**values, own=own, view=view)
        self._choices[self.label.value] = self.choice_of(self.label.value)
        self._show()

    def _make_controls(self, usual: dict) -> None:
        count, most = len(self.stream.classes), self.most
        classes = [(self.stream.class_names[k], k) for k in self.classes]
        words, how = "capacity K", "how many images of all classes the memory keeps"
        if self.counts_each_class:
            words, how, count = "images per class", "how many images of each class the memory keeps", 1
        span = count, max(usual["capacity"], count * most), max(1, count // 2)
        sets = {"reset": ("choose by the strategy again", tuple)}
        maps = "how the features are drawn in two dimensions"
        named = {
            "label": dropdown("class", classes, "the class whose training images are chosen from"),
            "strategy": buttons("strategy", "how exemplars are chosen", {name: ABOUT[name] for name in SELECTIONS}),
            "step": Knob("exemplars", (1, most, 1), Whole(1, most), "how many exemplars are chosen", self.guarded),
            "own": NumberField("own choice", "the numbers of the images that you choose", self.guarded, sets),
            "view": buttons("show", "which picture is shown", VIEWS),
            "projection": buttons("projection", maps, PROJECTIONS, ("PCA", "t-SNE")),
            "capacity": Knob(words, span, Whole(at_least=count), how, self.guarded),
        }
        self.label, self.own = named["label"], named["own"]
        self._offer()
        self.label.observe(self._offer, "value")  # before the controls, which check the numbers against the class
        fits = f"a class of {FEWEST} training images or more, such as {self.classes[0]}"
        rules = {"label": Kind(fits, lambda value: type(value) is int and value in self.classes)}
        rules["own"] = rule_of_numbers("a tuple of numbers of images, such as (3, 7)")
        self.controls = Controls(self, named, usual, {}, self._show, rules, self._checked)
        self.note, self.pane = ipywidgets.HTML(), self.stage(self._touched)
        self.fill(list(named.values()), [self.note, self.pane])

    def _offer(self, change: Any = None) -> None:
        """Offer the images of the class, none chosen by hand."""
        self.own.most = self.sizes[self.label.value]
        self.own.set(())

    def _checked(self, values: Values) -> Values:
        label = values["label"]
        of = f"images of class {self.stream.class_names[label]}"
        return values | {"own": within("own", values["own"], self.sizes[label], of, "(3, 7)")}

    def _touched(self, spot: dict[str, Any]) -> None:
        """An image was touched: into the memory, or out of it; a curve: as many, by its strategy."""
        values, place = self.controls.values, spot["number"]
        if values["label"] not in self._choices:
            raise ValueError(COMPUTED.format(self.stream.class_names[values["label"]]))
        if spot["key"] in SELECTIONS:
            self.controls.set(values | {"strategy": spot["key"], "step": place + 1})
            self._show()
            return
        order = self._orders(**values)[0][values["strategy"]]
        if spot["key"] not in ("dot", "image") or place >= len(order):
            raise ValueError("A click on an image, a dot of the map or its picture, chooses it or leaves it out.")
        image = int(order[place] if spot["key"] == "image" else place) + 1
        chosen = {*(values["own"] or (order[: values["step"]] + 1).tolist())} ^ {image}
        if not chosen:
            raise ValueError("A memory keeps one image of a class at least: choose another one first.")
        self.own.set(chosen)

    def _show(self, name: str | None = None) -> None:
        """Show what the controls say, as far as it has been computed; a thread computes the rest."""
        values = self.controls.values
        label, ready = values["label"], values["label"] in self._maps
        self.projection.disabled = not ready
        known, words = label in self._choices, COMPUTED.format(self.stream.class_names[label])
        if known:
            words = self._words(**values)
            if values["projection"] == "tsne":
                words += OF_PLACES if ready else "t-SNE of this class is being computed: until then the map is PCA."
        self.note.value = sentence(words, "status")  # first: it takes a tenth of the time of the picture
        if known:
            key, make = self._picture(**values)
            self.pane.drawing = self.album.page((label, *key), make)
        if label not in self._looked_at:  # last, as it may fail at once and say so
            self._looked_at.add(label)
            self.behind(lambda: self._work(label))

    def _work(self, label: int) -> None:
        """Compute the features of a class, and its map by t-SNE; for a thread."""
        try:
            if label not in self._choices:
                self._choices[label] = self.choice_of(label)
                if label == self.label.value:
                    self._show()
            self._maps[label] = tsne(self._choices[label].rows)
            if label == self.label.value:
                self._show()
        except Exception as error:  # a thread's exception would be lost
            if not self.closed:
                self.note.value = ""
                self.show_error(error)
                self._looked_at.discard(label)

    def _orders(self, label: int, capacity: int, **_: Any) -> tuple[dict, dict, dict[int, int]]:
        """Orders and distances by strategy, and how many images of the class a memory keeps."""
        choice = self._choices[label]
        kept = self._kept(label, len(choice.images), capacity)
        return *choice.by_strategy(max(kept.values())), kept

    def _picture(self, label: int, strategy: str, step: int, own: tuple, view: str, projection: str, capacity: int):
        """What the picture shows, and what draws it."""
        choice, by = self._choices[label], f"class {self.stream.class_names[label]}"
        orders, distances, kept = self._orders(label, capacity)
        order, first = orders[strategy], max(kept.values())
        chosen = choice.images[order]
        if view == "exemplars":
            make = partial(show.exemplars, chosen[: self.most], step, f"{by}, {strategy}")
            return (view, strategy, step, first), make
        if view == "evictions":
            memory = f"{capacity} per class" if self.counts_each_class else f"K = {capacity}"
            make = partial(show.evictions, chosen[:first], kept, f"{memory}, {by}, {strategy}")
            return (view, strategy, capacity), make
        places, axes = choice.places, choice.axes
        if mapped := projection == "tsne" and label in self._maps:
            places, axes = self._maps[label], T_SNE
        curves = {name: values[: self.most] for name, values in distances.items()}
        hand = np.array(own, dtype=int) - 1
        distance = distances_of(choice.rows, hand)[-1] if own else 0
        given = (places, order, curves, strategy, step, axes, by, choice.images, hand.tolist(), distance)
        return (view, strategy, step, mapped, first, own), partial(show.selection, *given)

    def _words(self, label: int, strategy: str, step: int, own: tuple, capacity: int, **_: Any) -> str:
        """What the pictures do not say of the choice."""
        choice, name = self._choices[label], self.stream.class_names[label]
        orders, _, kept = self._orders(label, capacity)
        words, first = choice.note, max(kept.values())
        if step > first:
            images = counted(first, "image")
            words += f"Such a memory keeps {images} of this class: it would not choose those after them. "
        judged, count = choice.judge, len(choice.judge.means)
        chosen = {f"{strategy}'s first {step}": orders[strategy][:step].tolist()}
        if own:
            chosen = {f"your {len(own)}": [number - 1 for number in own]} | chosen
        right = {who: judged.right(choice.features[places]) for who, places in chosen.items()}
        (whose, (every, mine)), *others = right.items()
        if count == 1:
            return words
        words += f"Nearest mean among the {count} classes seen by then, of {whose} images of class {name} and up to "
        words += f"{MOST_TESTED} training images of each other: {every:.1f} % of {len(judged.labels)} test images are "
        words += f"right, {mine:.1f} % of those of class {name}. "
        return words + "".join(f"With {who}: {one:.1f} % and {other:.1f} %. " for who, (one, other) in others)

    @property
    def counts_each_class(self) -> bool:
        """Whether the run's memory keeps a number of images of each class, so that none is ever evicted."""
        memory = self.run.recipe.memory
        return isinstance(memory, ExemplarMemory) and memory.per_class is not None

    def _kept(self, label: int, size: int, capacity: int) -> dict[int, int]:
        """Number of classes seen, from the class's own task on -> how many of its images a memory keeps."""
        memory = ExemplarMemory(None, capacity) if self.counts_each_class else ExemplarMemory(capacity)
        seen = np.cumsum([len(task.classes) for task in self.stream]).tolist()
        own = next(task.index for task in self.stream if label in task.classes)
        return {classes: min(size, memory.quota(classes)) for classes in seen[own:]}

    def choice_of(self, label: int) -> Choice:
        """The features of a class, computed as for a memory: by the network after the class's own task, which has all
        the task's images at once."""
        (task,) = (task for task in self.stream if label in task.classes)
        network, own = self.run.model_after(task.index), task.train.labels == label
        features = features_of(network.to(memory_format=torch.channels_last), task.train.images)[own]
        images, rows = task.train.images[own], F.normalize(features.double(), dim=1).numpy()
        seed, judged = seed_of(("exemplars", self.run.seed, label)), judge(network, self.stream, task.index, label)
        choice = Choice(images.numpy(), features, rows, seed, *pca(rows), judged)
        return choice if self._as_recorded(label, choice) else replace(choice, note=OTHERS)

    def _as_recorded(self, label: int, choice: Choice) -> bool:
        """Whether the exemplars of the class with which the run ended are those that are shown for its own memory."""
        memory, recorded = self.run.recipe.memory, self.run.part_states.get("memory")
        if not isinstance(memory, ExemplarMemory) or not recorded:
            return True
        kept = recorded["images"][recorded["labels"] == self.stream.classes.index(label)].numpy()
        first = max(self._kept(label, len(choice.images), capacity_of(self.run)).values())
        return np.array_equal(choice.images[choice.by_strategy(first)[0][memory.selection]][: len(kept)], kept)


def check_finished(run: Run, stream: Stream) -> None:
    """ValueError for a run of another stream, or one that is not finished."""
    if run.fingerprint != stream.fingerprint:
        raise ValueError(
            f"This run learned {run.stream_code}, not these images of {stream.code}: give the stream it learned."
        )
    if not run.complete:
        raise ValueError(f"This run has learned {run.learned} of {len(run.tasks)} tasks: let it finish first.")


def capacity_of(run: Run) -> int:
    """K of the run's memory or its number per class, or 10 images per class where it has none."""
    memory, classes = run.recipe.memory, sum(map(len, run.tasks))
    return (memory.per_class or memory.capacity) if isinstance(memory, ExemplarMemory) else 10 * classes
