"""The effect of balanced fine-tuning and of augmentation (EEIL, sections 4 and 6.3)."""

from dataclasses import dataclass, field
from typing import Any

import ipywidgets
import numpy as np
import torch
from torch import nn

from .. import methods, show
from ..checked import checked
from ..describe import Whole, counted
from ..evaluation.answers import logits
from ..memory import ExemplarMemory
from ..networks import Network
from ..recipe.recipe import Recipe
from ..runs.run import Run
from ..show.balance import confusion
from ..streams import Stream
from ..training.events import EpochDone, Event, TaskDone
from ..training.loop import Seed, train
from .base import example, sentence
from .controls import Controls
from .inputs import Switch, buttons
from .learning import Device, LearnsInTurn, Train
from .stage import Draw, Drawing, draw

METHODS = {  # (augmentation, balanced fine-tuning) -> EEIL's ablation (Table 2b), and its ingredients
    (False, False): ("eeil_base", "neither augmentation nor balanced fine-tuning"),
    (True, False): ("eeil_da", "augmentation only"),
    (False, True): ("eeil_bf", "balanced fine-tuning only"),
    (True, True): ("eeil", "augmentation and balanced fine-tuning"),
}
WORDS = dict(METHODS.values())
VIEWS = {
    "confusion": "which class is taken for which",
    "last layer": "biases and norms of the weights of each class",
    "accuracy": "accuracy over all classes seen, by all four combinations",
}
MOST = 40  # images of a cell, at most
BEFORE, AFTER = "before balanced fine-tuning", "after balanced fine-tuning"
ALONE = "at the end, never balanced"


@dataclass(frozen=True)
class Moment:
    """A network at one moment: what each test image of all tasks is and was ``taken`` for, columns of the logits (N,),
    and for each class the bias (C,) and the norm of the weight vector (C,) in the last layer."""

    labels: np.ndarray
    taken: np.ndarray
    biases: np.ndarray
    norms: np.ndarray

    @property
    def confusion(self) -> np.ndarray:
        """How many test images of each class (rows) were taken for each class (columns): (C, C)."""
        return confusion(self.labels, self.taken, len(self.biases))


@dataclass(frozen=True)
class Result:
    """The result of a method: accuracy (T,) over the classes seen after each task, nan after tasks not learned yet; how
    many tasks were ``learned``; the ``moments`` of the last task, once it is learned."""

    accuracy: np.ndarray
    learned: int
    moments: dict[str, Moment] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return self.learned == len(self.accuracy)


class Balance(LearnsInTurn):
    """EEIL with and without augmentation and balanced fine-tuning: what the last task's fine-tuning changes.

    Train learns the stream by the four combinations with one seed, the one toggled first. Shown is the confusion matrix
    of the toggled one, before and after fine-tuning (a click on a cell shows its images), its last layer, or the
    accuracy of all (EEIL, Figure 4; a click on a curve toggles its combination). All is measured during training, and
    drawn when a combination is finished, so that a toggle is answered from memory.

    capacity: images that the memory keeps; epochs: per task, fine-tuning included; augmentation, fine_tuning: the
    toggles at first; view: "confusion", "last layer" or "accuracy"; seed, device: as in `learn`; settings: given to all
    four, such as `learning_rate=0.01`.

    Raises:
        ValueError: a stream of one task, a memory that does not fit it, or a setting that EEIL does not take.
    """

    all_done = "all four combinations have been trained; Clear to train them again"
    unfinished = "stopped; Train starts the unfinished combination again"

    @checked
    def __init__(
        self,
        stream: Stream,
        capacity: int = 100,
        epochs: int = 10,
        seed: Seed = 0,
        *,
        augmentation: bool = True,
        fine_tuning: bool = True,
        view: str = "confusion",
        device: Device = "auto",
        train: Train = train,
        draw: Draw = draw,
        **settings,
    ) -> None:
        super().__init__("cltutor-balance", stream, seed, device, train, draw)
        self.recipes = recipes_of(stream, capacity, epochs, settings)
        named = {
            "augmentation": Switch("augmentation", "train on images with other light, crops and mirrors too"),
            "fine_tuning": Switch("balanced fine-tuning", "then train a little with as many images of each class"),
            "view": buttons("show", "what is shown of the training", VIEWS),
        }
        given = self._given(settings, capacity=capacity, epochs=epochs)
        self.controls = Controls(self, named, {}, given, self._show)
        self.controls.set({"augmentation": augmentation, "fine_tuning": fine_tuning, "view": view})
        self.examples = ipywidgets.HTML()
        self.fill([self.actions, *named.values()], [self.stage(self._touched), self.examples])
        self._load(self.recipes)
        self._show()

    @property
    def method(self) -> str:
        """The name of the combination that is toggled."""
        return METHODS[self.augmentation.value, self.fine_tuning.value][0]

    def _touched(self, spot: dict[str, Any]) -> None:
        """Show the test images of a cell, or toggle the combination of a curve."""
        toggles = {name: toggled for toggled, (name, _) in METHODS.items()}
        if spot["key"] in toggles:  # its key says what was touched; the view may have changed since
            light, tuned = toggles[spot["key"]]
            self.controls.set(self.controls.values | {"augmentation": light, "fine_tuning": tuned})
            self._show()
        elif moment := self._moments_of(self.method, self.results.get(self.method)).get(spot["key"]):
            self.examples.value = self._cell(moment, spot["row"], spot["column"])

    def _cell(self, moment: Moment, true: int, taken: int) -> str:
        """The HTML of the test images of one class that were taken for another."""
        names = [self.stream.class_names[label] for label in self.stream.classes]
        places = np.flatnonzero((moment.labels == true) & (moment.taken == taken))
        images = torch.cat([task.test.images for task in self.stream])[places[:MOST]].numpy()
        words = f"{counted(len(places), 'test image')} of {names[true]} taken for {names[taken]}"
        more = f"; the first {MOST}" if len(places) > MOST else ""
        tiles = "".join(example(image, f"{names[true]} taken for {names[taken]}", 40) for image in images)
        return sentence(f"{words}{more}", "status") + tiles

    def _start(self, name: str) -> None:
        self._moments = {}
        super()._start(name)

    def _held(self, name: str) -> dict[str, Any]:
        result = self.results.get(name)
        if result is None or not result.complete:
            return {}
        return {"accuracy": result.accuracy, "moments": {words: vars(one) for words, one in result.moments.items()}}

    def _restore(self, name: str, held: dict[str, Any]) -> None:
        found = held["moments"]
        moments = {words: Moment(**found[words]) for words in (BEFORE, AFTER, ALONE) if words in found}
        self.results[name] = Result(held["accuracy"], len(held["accuracy"]), moments)

    def _tests(self, recipe: Recipe) -> dict[str, int]:
        return {"test_every": recipe.schedule.epochs}

    def _take(self, event: Event) -> None:
        """Measure the network where a phase ends."""
        if isinstance(event, EpochDone):
            words = moments_of(event.run.recipe).get(event.epoch)
            if words and event.task == len(self.stream) - 1:
                self._moments = {**self._moments, words: look_at(event.network, self.stream)}
        elif isinstance(event, TaskDone):
            self._keep(self._part[0], Result(accuracy_over_seen(event.run), event.run.learned, self._moments))

    def _show(self, name: str | None = None) -> None:
        self.examples.value = ""
        super()._show(name)

    def _pages(self, augmentation: bool, fine_tuning: bool, view: str) -> list[Drawing]:
        """The matrices, the last layer or the curves with the combination that is toggled."""
        if not self.results:
            return [self.empty]
        name, results = METHODS[augmentation, fine_tuning][0], self.results
        learned = tuple((other, result.learned) for other, result in results.items())
        key = view, name, learned, name in self.recorded
        return [self.album.page(key, lambda: self._picture(view, name, results))]

    def _picture(self, view: str, name: str, results: dict[str, Result]) -> show.Picture:
        sizes, classes = [len(task.classes) for task in self.stream], self.stream.classes
        if view == "accuracy":
            shown = {other: results[other].accuracy for other in WORDS if other in results}
            return show.ablation(shown, sizes, name * (name in shown))
        moments = self._moments_of(name, results.get(name))
        named = sizes, [self.stream.class_names[label] for label in classes], f"{name} ({WORDS[name]}), last task"
        if view == "confusion":
            matrices = {words: moment.confusion for words, moment in moments.items()}
            missing = f"{name} has no balanced fine-tuning, and so no matrix after it: switch it on to see one."
            return show.confusions(matrices, *named, missing)
        biases = {words: moment.biases for words, moment in moments.items()}
        norms = {words: moment.norms for words, moment in moments.items()}
        return show.last_layer(biases, norms, *named)

    def _moments_of(self, name: str, result: Result | None) -> dict[str, Moment]:
        """The moments of a method; ValueError where there are none yet."""
        if result is None:
            raise ValueError(f"{name} ({WORDS[name]}) has not been trained yet: press Train.")
        if not result.moments:
            learned = f"{name} has learned {result.learned} of {len(self.stream)} tasks"
            raise ValueError(f"{learned}: what the fine-tuning of the last one changes is shown when it is done.")
        return result.moments


def recipes_of(stream: Stream, capacity: int, epochs: int, settings: dict) -> dict[str, Recipe]:
    """The four combinations by name, with a memory of this capacity that has been checked."""
    if len(stream) < 2:
        raise ValueError("Give a stream of two tasks or more: the first one has no old classes to balance.")
    Whole(at_least=2).check("epochs", epochs)  # one of them to fine-tune
    if taken := settings.keys() & {"memory", "heads", "predict"}:
        raise ValueError(f"{', '.join(sorted(taken))} cannot be set here: Balance compares EEIL as it is.")
    memory = ExemplarMemory(capacity)
    memory.check(stream)
    return {name: getattr(methods, name)(memory=memory, epochs=epochs, **settings) for name in sorted(WORDS)}


def moments_of(recipe: Recipe) -> dict[int, str]:
    """The epochs of a later task after which to look at the network, and the name of that moment."""
    phases = [(phase, epochs) for phase, epochs in recipe.schedule.phases(1) if epochs]
    before = BEFORE if any(phase.balanced for phase, _ in phases) else ALONE
    return {epochs[-1]: AFTER if phase.balanced else before for phase, epochs in phases}


def look_at(network: Network, stream: Stream) -> Moment:
    """What a network that has seen all tasks takes their test images for, and its last layer."""
    images = torch.cat([task.test.images for task in stream])
    labels = torch.cat([stream.positions(task.test.labels) for task in stream])
    answers = logits(network, images).argmax(1).cpu()
    return Moment(labels.numpy().astype(np.int16), answers.numpy().astype(np.int16), *last_layer_of(network))


def last_layer_of(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """For each class seen, in that order: its bias (C,) and the norm of its weight vector (C,) in the last layer."""
    heads = [*network.parts()["old"], *network.parts()["new"]]
    layers = [[m for m in head.modules() if isinstance(m, nn.Linear | nn.Conv2d)][-1] for head in heads]
    norms = [layer.weight.detach().flatten(1).norm(dim=1) for layer in layers]
    return torch.cat([layer.bias.detach() for layer in layers]).cpu().numpy(), torch.cat(norms).cpu().numpy()


def accuracy_over_seen(run: Run) -> np.ndarray:
    """Accuracy (T,) over the test images of all tasks seen, after each task; nan after tasks not learned yet."""
    matrix, sizes = run.accuracy(known_task=False), np.array(run.test_sizes)
    seen = np.tri(len(matrix)) * sizes
    return np.where(seen > 0, matrix * sizes, 0).sum(1) / seen.sum(1)
