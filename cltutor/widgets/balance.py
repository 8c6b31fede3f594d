"""What balanced fine-tuning and augmentation are worth, and what fine-tuning changes (EEIL, sections 4 and 6.3)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import ipywidgets
import numpy as np
import torch
from torch import nn

from .. import methods, show
from ..evaluation.answers import logits
from ..memory import ExemplarMemory
from ..networks import Network
from ..recipe.recipe import Recipe
from ..runs.run import Run
from ..show.balance import confusion
from ..streams import Stream
from ..training.events import EpochDone, Event, Stepped, TaskDone
from ..training.loop import train
from .actions import Actions
from .base import Pane, Tool, draw, row
from .controls import Controls
from .method_toggle import news
from .training import Trains

METHODS = {  # (augmentation, balanced fine-tuning) -> EEIL's ablation (Table 2b), and what it is made of
    (False, False): ("eeil_base", "neither augmentation nor balanced fine-tuning"),
    (True, False): ("eeil_da", "augmentation only"),
    (False, True): ("eeil_bf", "balanced fine-tuning only"),
    (True, True): ("eeil", "augmentation and balanced fine-tuning"),
}
WORDS = dict(METHODS.values())
BEFORE, AFTER = "before balanced fine-tuning", "after balanced fine-tuning"
ALONE = "at the end, never balanced"


@dataclass(frozen=True)
class Moment:
    """What a network does at one moment: the confusion matrix (C, C) of the test images of all tasks, and the
    last layer's bias of each class (C,) and length of its row of weights (C,)."""

    confusion: np.ndarray
    biases: np.ndarray
    norms: np.ndarray


@dataclass(frozen=True)
class Result:
    """What a method has come to: accuracy (T,) over the classes seen after each task, nan after tasks not learned yet,
    how many were ``learned``, and the ``moments`` of the stream's last one, once it is."""

    accuracy: np.ndarray
    learned: int
    moments: dict[str, Moment] = field(default_factory=dict)


class Balance(Trains, Tool):
    """EEIL with and without augmentation and balanced fine-tuning: what the last task's fine-tuning changes.

    Train learns the stream by the four combinations with one seed, the one toggled first. Shown are the confusion
    matrix and the last layer of the toggled one, before and after fine-tuning, and the accuracy of all (EEIL, Figure
    4). All is measured while it is learned, and drawn when a combination has been, so that a toggle is answered from
    memory.

    capacity: images that the memory holds; epochs: a task, fine-tuning included; augmentation, fine_tuning: the toggles
    at first; seed, device: as in `learn`; settings: given to all four, such as `learning_rate=0.01`.

    Raises:
        ValueError: a stream of one task, a memory that does not fit it, or a setting that EEIL does not take.
    """

    def __init__(
        self,
        stream: Stream,
        capacity: int = 100,
        epochs: int = 10,
        seed: int = 0,
        *,
        augmentation: bool = True,
        fine_tuning: bool = True,
        device: str = "auto",
        **settings,
    ) -> None:
        super().__init__("cltutor-balance")
        self.stream, self.seed, self.device = stream, seed, device
        self.recipes = recipes_of(stream, capacity, epochs, settings)
        self.results: dict[str, Result] = {}
        self._album: dict[tuple, str] = {}
        self._empty = draw(lambda: show.tasks(stream))
        given = {"capacity": capacity, "epochs": epochs, "seed": seed, "device": device}
        own = {"capacity": 100, "epochs": 10, "seed": 0, "device": "auto"}
        given = {name: value for name, value in given.items() if value != own[name]} | settings
        self._toggles = {
            "augmentation": toggle("augmentation", "train on images with other light, crops and mirrors too"),
            "fine_tuning": toggle("balanced fine-tuning", "then train a little with as many images of each class"),
        }
        usual = dict.fromkeys(self._toggles, True)
        self.controls = Controls(self, "Balance", self._toggles, usual, given, checked, self._show)
        self.controls.set({"augmentation": augmentation, "fine_tuning": fine_tuning})
        self.actions = Actions(self._train, self._stop, self._clear, self.guarded)
        self.panes = [Pane(), Pane(), Pane()]
        self.fill(row(*self._toggles.values()), self.actions, self.message, *self.panes, self.controls.line)
        self._show()

    @property
    def method(self) -> str:
        """The name of the combination that is toggled."""
        return METHODS[tuple(self.controls.values.values())][0]

    @property
    def code(self) -> str:
        """The line of code that makes this widget again as it is set."""
        return self.controls.code

    def _train(self) -> None:
        done = [name for name, result in self.results.items() if result.learned == len(self.stream)]
        todo = sorted(self.recipes.keys() - done, key=lambda name: (name != self.method, name))
        if not todo:
            self.actions.say("all four combinations have been trained; Clear to train them anew", 1)
            return
        self._begin(self._events(todo))

    def _events(self, todo: list[str]) -> Iterator[Event]:
        """Learn by one method after another, each begun anew."""
        epochs = self.recipes["eeil"].schedule.epochs
        for done, name in enumerate(todo):
            self._part, self._moments = (name, done / len(todo), 1 / len(todo)), {}
            self.results = {other: result for other, result in self.results.items() if other != name}
            yield from train(self.stream, self.recipes[name], self.seed, device=self.device, test_every=epochs)

    def _clear(self) -> None:
        if self.actions.busy:
            raise ValueError("Something is being learned: press Stop first.")
        self.results, self._album = {}, {}
        self._show()

    def _follow(self, event: Event) -> None:
        """Tell the page of an event, and look at the network where a phase ends; called in the thread that trains."""
        name, start, share = self._part
        if isinstance(event, Stepped):
            self.actions.say(news(event), start + share * event.progress)
        elif isinstance(event, EpochDone):
            words = moments_of(event.run.recipe).get(event.epoch)
            if words and event.task == len(self.stream) - 1:
                self._moments = {**self._moments, words: look_at(event.network, self.stream)}
        elif isinstance(event, TaskDone):
            result = Result(accuracy_over_seen(event.run), event.run.learned, self._moments)
            self.results = {**self.results, name: result}
            self._show()
            if event.run.complete:
                self._pictures(name)  # ready for the toggles

    def _end(self, run: Run | None, finished: bool) -> None:
        words = "done" if finished else "stopped; Train begins the combination that was not finished anew"
        self.actions.say(words, 1.0 if finished else None)
        try:
            self._show()
        finally:
            self.actions.busy = False
        for name in self.results:
            self._pictures(name)  # ready for the toggles

    def _show(self, name: str | None = None) -> None:
        """Show the toggled combination; `name`: the control that was moved."""
        method = None
        while method != self.method:  # it may be toggled while a thread draws
            method = self.method
            made = self._pictures(method) if self.results else [self._empty, "", ""]
            for pane, picture in zip(self.panes, made, strict=True):
                pane.value = picture

    def _pictures(self, name: str) -> list[str]:
        """The matrices, the last layer and the curves with this method chosen."""
        results, own = self.results, self.results.get(name)
        learned = tuple((other, result.learned) for other, result in results.items())
        moments = own.moments if own else {}
        sizes = [len(task.classes) for task in self.stream]
        shown = {other: results[other].accuracy for other in WORDS if other in results}
        return [
            self._once(("matrices", name, own and own.learned), lambda: self._matrices(name, own, sizes)),
            self._once(("last layer", name), lambda: self._layer(name, moments, sizes)) if moments else "",
            self._once(("curves", name, learned), lambda: show.ablation(shown, sizes, name)),
        ]

    def _once(self, key: tuple, make: Callable[[], show.Picture]) -> str:
        made = self._album[key] = self._album.get(key) or draw(make)
        return made

    def _matrices(self, name: str, result: Result | None, sizes: list[int]) -> show.Picture:
        if result is None:
            raise ValueError(f"{name} ({WORDS[name]}) has not been trained yet: press Train.")
        if not result.moments:
            learned = f"{name} has learned {result.learned} of {len(sizes)} tasks"
            raise ValueError(f"{learned}: what the fine-tuning of the last one changes is shown when it is done.")
        matrices = {words: moment.confusion for words, moment in result.moments.items()}
        missing = f"{name} has no balanced fine-tuning, and so no matrix after it: switch it on to see one."
        return show.confusions(matrices, sizes, self._names(), self._words(name), missing)

    def _layer(self, name: str, moments: dict[str, Moment], sizes: list[int]) -> show.Picture:
        biases = {words: moment.biases for words, moment in moments.items()}
        norms = {words: moment.norms for words, moment in moments.items()}
        return show.last_layer(biases, norms, sizes, self._names(), self._words(name))

    def _names(self) -> list[str]:
        return [self.stream.class_names[label] for label in self.stream.classes]

    def _words(self, name: str) -> str:
        return f"{name} ({WORDS[name]}), last task"


def recipes_of(stream: Stream, capacity: int, epochs: int, settings: dict) -> dict[str, Recipe]:
    """The four combinations by name, with a memory of this capacity that has been checked."""
    if len(stream) < 2:
        raise ValueError("Give a stream of two tasks or more: the first one has no old classes to balance.")
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 2:
        raise ValueError(f"epochs is a whole number from 2 up, one of them to fine-tune, not {epochs!r}.")
    if taken := settings.keys() & {"memory", "heads", "predict"}:
        raise ValueError(f"{', '.join(sorted(taken))} cannot be set here: Balance compares EEIL as it is.")
    memory = ExemplarMemory(capacity)
    memory.check(stream)
    return {name: getattr(methods, name)(memory=memory, epochs=epochs, **settings) for name in WORDS}


def toggle(words: str, tooltip: str) -> ipywidgets.ToggleButton:
    layout = ipywidgets.Layout(width="auto", margin="2px 8px 2px 0")
    return ipywidgets.ToggleButton(description=words, tooltip=tooltip, layout=layout)


def checked(values: dict) -> dict:
    for name, value in values.items():
        if not isinstance(value, bool):
            raise ValueError(f"{name} is True or False, not {value!r}.")
    return values


def moments_of(recipe: Recipe) -> dict[int, str]:
    """The epochs of a later task after which to look at the network, and what that moment is called."""
    phases = [(phase, epochs) for phase, epochs in recipe.schedule.phases(1) if epochs]
    before = BEFORE if any(phase.balanced for phase, _ in phases) else ALONE
    return {epochs[-1]: AFTER if phase.balanced else before for phase, epochs in phases}


def look_at(network: Network, stream: Stream) -> Moment:
    """How a network that has seen all tasks answers their test images, and its last layer."""
    images = torch.cat([task.test.images for task in stream])
    labels = torch.cat([stream.positions(task.test.labels) for task in stream])
    answers = logits(network, images).argmax(1).cpu()
    return Moment(confusion(labels, answers, sum(network.classes)), *last_layer_of(network))


def last_layer_of(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """The bias (C,) and the length of the row of weights (C,) of each class seen, in order of arrival."""
    heads = [*network.parts()["old"], *network.parts()["new"]]
    layers = [[m for m in head.modules() if isinstance(m, nn.Linear | nn.Conv2d)][-1] for head in heads]
    norms = [layer.weight.detach().flatten(1).norm(dim=1) for layer in layers]
    return torch.cat([layer.bias.detach() for layer in layers]).cpu().numpy(), torch.cat(norms).cpu().numpy()


def accuracy_over_seen(run: Run) -> np.ndarray:
    """Accuracy (T,) over the test images of all tasks seen, after each task; nan after tasks not learned yet."""
    matrix, sizes = run.accuracy(known_task=False), np.array(run.test_sizes)
    seen = np.tri(len(matrix)) * sizes
    return np.where(seen > 0, matrix * sizes, 0).sum(1) / seen.sum(1)
