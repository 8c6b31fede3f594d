"""The result of learning a stream: accuracies, curves and the network after every task, saved in one file."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from .. import __version__
from ..checked import checked
from ..describe import Choice, State, shown
from ..evaluation import metrics
from ..networks import Network
from ..networks.devices import Device, choose_device
from ..recipe.parser import NotRecipe, UnknownPart, parse
from ..recipe.recipe import Recipe
from ..seeds import apart, own_settings
from ..streams.stream import arrivals
from . import files
from .curves import Curves, curves_of, with_prefix
from .one_class import competitors, informative

TOPS = (1, 5)
RECORDS = ("predictions",)  # what a run may keep besides


@dataclass(repr=False)
class Run:
    """One recipe on one stream with one seed: all measurements, and the network after every task.

    ``accuracies`` are matrices (T, T) of shares from 0 to 1, by what was asked; ``states`` and ``part_states`` hold
    tensors of any shape by name; ``seconds`` is by what the time was spent on.
    """

    recipe: Recipe
    seed: int
    device: str
    stream_code: str
    class_names: tuple[str, ...]
    tasks: tuple[tuple[int, ...], ...]
    test_sizes: tuple[int, ...]
    image_shape: tuple[int, int, int]
    fingerprint: str
    threads: int | None = None  # None and (1, 1) for runs that were saved before these were recorded
    tested: tuple[int, int] = (1, 1)  # the test curves have a point after so many epochs, on the newest task and others
    record: str | None = None  # "predictions": what each test image was taken for, in ``curves``
    accuracies: dict[str, np.ndarray] = field(default_factory=dict)
    curves: Curves = field(default_factory=Curves)
    seconds: dict[str, float] = field(default_factory=lambda: {"train": 0.0, "test": 0.0})
    updates: int = 0
    memory: dict[str, int] = field(default_factory=dict)  # bytes used when the last task began, by purpose
    warnings: dict[str, str] = field(default_factory=dict)  # said while it was learned, by kind; not saved
    states: list[dict[str, Tensor]] = field(default_factory=list)
    part_states: dict[str, State] = field(default_factory=dict)  # what each part remembers

    def __repr__(self) -> str:
        about = f"{self.name} on {self.stream_code}, seed {self.seed}"
        done = f"{self.learned} of {len(self.tasks)} tasks learned"
        asked = {"known": True, "unknown": False} if self.competes else {"known": True}
        means = {words: self.metrics(known)["average_accuracy"] for words, known in asked.items() if self.learned}
        said = [f"{100 * mean:.1f} % with the task {words}" for words, mean in means.items() if not np.isnan(mean)]
        return f"<Run: {about}; {done}{'; average accuracy ' * bool(said)}{', '.join(said)}>"

    @property
    def name(self) -> str:
        """The name of the method."""
        return self.recipe.name

    @property
    def competes(self) -> bool:
        """Whether logits of different tasks were trained to compete; they did where all tasks have one head."""
        one = len(self.tasks) > 1 and not any(arrivals(self.tasks)[1:])
        return self.recipe.heads == "class" or one

    @property
    def learned(self) -> int:
        """How many tasks have been learned."""
        return len(self.states)

    @property
    def complete(self) -> bool:
        """Whether every task of the stream has been learned."""
        return self.learned == len(self.tasks)

    @checked(top=Choice(TOPS))
    def accuracy(self, known_task: bool = True, untrained: bool = False, top: int = 1) -> np.ndarray:
        """The accuracy matrix (T, T) in [0, 1]: row i after task i, column j on task j, nan above the diagonal.

        With the task known, nan also on a task of one class, in which every answer is right.
        ``known_task=False`` lets the classes of all tasks seen compete. ``top=5`` counts an image whose class is among
        the five largest logits.

        Raises:
            ValueError: ``known_task=False`` for a run whose logits were not trained to compete, unless ``untrained``.
        """
        if not known_task and not self.competes and not untrained:
            raise ValueError(
                f"{self.name} was trained with a softmax per task, so its tasks never learned to compete: train with "
                f'heads="class", or pass untrained=True to see the untrained competition.'
            )
        count, regime = len(self.tasks), "known" if known_task else "unknown"
        return self.accuracies.get(f"{regime}_top{top}", np.full((count, count), np.nan)).copy()

    def mean_average_precision(self) -> np.ndarray:
        """The matrix (T, T) of mean average precision over a task's labels, as ``accuracy``, of a stream whose images
        have several; nan elsewhere."""
        return self.accuracies.get("known_map", np.full((len(self.tasks), len(self.tasks)), np.nan)).copy()

    @checked
    def metrics(self, known_task: bool = True, untrained: bool = False) -> dict[str, float]:
        """``metrics.summary`` of the accuracy matrix over the tasks learned."""
        matrix = self.accuracy(known_task, untrained)[: self.learned, : self.learned]
        return metrics.summary(matrix, self.test_sizes[: self.learned])

    @property
    def model(self) -> Network:
        """The network after the last task learned, in evaluation mode."""
        return self.model_after(self.learned - 1)

    @checked
    @own_settings()
    def model_on(self, device: Device = "auto", after: int | None = None) -> Network:
        """``model_after`` the task ``after`` (None: the last one learned) on ``device``, "auto" for the accelerator if
        there is one: made anew at every call.

        What is asked about it (importances, attention, accuracies, features) is computed there, wherever the images
        are, and its tensors are there; ``value.cpu()`` brings one back. Its own ``network(images)`` takes images that
        are there.
        """
        network = self.model_after(self.learned - 1 if after is None else after)
        return network.to(choose_device(device))

    @checked
    @own_settings()
    def model_after(self, task: int) -> Network:
        """The network as it was after ``task`` (0 is the first), in evaluation mode, on the CPU.

        ValueError for a task that was not learned, and for a run without its weights.
        """
        if not 0 <= task < self.learned:
            raise ValueError(f"This run has learned {self.learned} task(s), counted from 0; there is no task {task}.")
        if not self.states[task]:
            again = f"cl.learn(cl.{self.stream_code}, run.recipe, seed={self.seed})"
            raise ValueError(f"This run of {self.name} came without its weights, as the gallery keeps none: {again}.")
        with apart():  # the weights drawn here are replaced
            network = self.recipe.network.build(self.image_shape, pretrained=False)
            for new in filter(None, arrivals(self.tasks[: task + 1])):
                network.grow(len(new), [self.class_names[label] for label in new])
        try:
            network.load_state_dict(self.states[task])
        except RuntimeError as error:
            raise ValueError(f"This run's weights do not fit the network of its recipe, {self.recipe!r}.") from error
        return network.eval().requires_grad_(False)

    def end_task(self, network: Network, part_states: dict[str, State], rows: dict[str, np.ndarray]) -> None:
        """Record a learned task: the network, what the parts remember (``part_states``, tensors of any shape by name),
        and in ``rows`` (T,) of each accuracy matrix.
        """
        count = len(self.tasks)
        for name, row in rows.items():
            self.accuracies.setdefault(name, np.full((count, count), np.nan))[self.learned] = row
        self.part_states = {
            part: {name: value.cpu().clone() for name, value in state.items()} for part, state in part_states.items()
        }
        self.states.append({name: value.cpu().clone() for name, value in network.state_dict().items()})

    def without_weights(self) -> "Run":
        """The same run with all measurements, but without networks and the states of its parts."""
        return replace(self, states=[{} for _ in self.states], part_states={})

    @checked
    def save(self, path: str | os.PathLike) -> None:
        """Write the run to one safetensors file, atomically; ValueError where the disk refuses."""
        facts = {
            **{name: getattr(self, name) for name in (*_PLAIN, *_LATER)},
            "recipe": repr(self.recipe),
            "learned": self.learned,
            "memory": self.memory,
            "terms": list(self.curves.loss),
            "version": __version__,
        }
        files.write(path, dict(self._tensors()), facts)

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        for name, matrix in self.accuracies.items():
            yield f"accuracy/{name}", torch.from_numpy(matrix)
        yield from self.curves.tensors()
        for task, state in enumerate(self.states):
            yield from ((f"state/{task}/{name}", value) for name, value in state.items())
        for part, remembered in self.part_states.items():
            yield from ((f"kept/{part}/{name}", value) for name, value in remembered.items())

    @classmethod
    @checked
    def load(cls, path: str | os.PathLike, recipe: Recipe | None = None) -> "Run":
        """The run in the file ``path``.

        ``recipe``: the expected recipe, for a run with user-defined parts that are not registered.

        Raises:
            UnknownPart: the run has a user-defined part that this process does not know.
            ValueError: the file is damaged or of another format.
        """
        tensors, facts = files.read(path)
        try:
            return _restored(tensors, facts, recipe)
        except UnknownPart as error:
            what = f"{path} has the part {error.name}, which is not known here{_other_version(facts, ' (', ')')}"
            advice = "run its definition with @cl.register first, or give the recipe: Run.load(path, recipe=...)"
            raise UnknownPart(f"{what}: {advice}.", error.name) from None
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            if other := _other_version(facts, ": "):
                raise files.OtherVersion(f"{path} cannot be read{other}: remove it and train again.") from error
            if isinstance(error, NotRecipe):
                advice = "give it: Run.load(path, recipe=...)"
                raise ValueError(f"The recipe of {path} is not one that its code describes; {advice}.") from error
            raise ValueError(f"{path} is not a cltutor run: remove it and train again.") from error


def _restored(tensors: dict[str, Tensor], facts: dict, recipe: Recipe | None) -> Run:
    """The run with the tensors and facts of a file; TypeError and others where these are not of a run."""
    refuse_impossible(facts)
    if any(value.is_complex() for value in tensors.values()):
        raise TypeError("a run has no complex numbers")
    if recipe is None or repr(recipe) != facts["recipe"]:
        recipe = parse(facts["recipe"])
    run = Run(recipe=recipe, **{name: _frozen(facts[name]) for name in (*_PLAIN, *(facts.keys() & _LATER))})
    run.accuracies = {k: matrix_of(v, len(run.tasks)) for k, v in with_prefix(tensors, "accuracy/").items()}
    if facts["learned"]:
        run.accuracies["known_top1"]  # a run that has learned a task has tested it
    run.curves = curves_of(tensors, facts["terms"], len(run.tasks), sum(run.test_sizes))
    # Earlier versions recorded 100 % on a task of one class.
    classes = competitors(run.tasks)
    for name in (name for name in run.accuracies if name.startswith("known")):
        run.accuracies[name] = informative(run.accuracies[name], classes)
    run.curves.known = informative(run.curves.known, classes)
    run.memory, states = facts["memory"], by_group(tensors, "state/")
    run.states = [states.get(str(task), {}) for task in range(facts["learned"])]
    run.part_states = {RENAMED.get(part, part): state for part, state in by_group(tensors, "kept/").items()}
    return run


def _other_version(facts: dict, before: str, after: str = "") -> str:
    """Words for a file that another version of cltutor wrote; "" for this one's."""
    found = facts.get("version", __version__)
    wrote = f"{before}cltutor {shown(found, 20)} wrote it, and this is {__version__!r}{after}"
    return "" if found == __version__ else wrote


_SETTING = ("seed", "device", "stream_code", "class_names", "tasks", "test_sizes", "image_shape", "fingerprint")
_PLAIN = (*_SETTING, "seconds", "updates")
_LATER = ("threads", "tested", "record")  # which files have since they are part of a run's key
# Parts that were renamed since runs were first saved.
RENAMED = {"merge": "after_task"}


def refuse_impossible(facts: dict) -> None:
    """TypeError where a fact of a file is nothing that a run could have written there."""
    tasks, names, shape, learned = (facts[name] for name in ("tasks", "class_names", "image_shape", "learned"))
    possible = (
        all(isinstance(facts[name], str) for name in ("device", "stream_code", "fingerprint", "recipe")),
        all(type(facts[name]) is int for name in ("seed", "updates", "learned")),
        all(type(value) in (int, float) for name in ("seconds", "memory") for value in facts[name].values()),
        facts["seconds"].keys() == {"train", "test"},
        type(facts.get("threads")) in (int, type(None)) and isinstance(facts["terms"], list),
        [type(count) for count in facts.get("tested", (1, 1))] == [int, int],
        facts.get("record") in (None, *RECORDS),
        all(isinstance(name, str) for name in (*names, *facts["terms"])),
        all(type(label) is int and 0 <= label < len(names) for task in tasks for label in task),
        len(shape) == 3 and all(type(side) is int and side > 0 for side in shape),
        len(facts["test_sizes"]) == len(tasks) and all(type(size) is int for size in facts["test_sizes"]),
    )
    if not all(possible) or not 0 <= learned <= len(tasks):
        raise TypeError("not the facts of a run")


def matrix_of(values: Tensor, tasks: int) -> np.ndarray:
    if values.shape != (tasks, tasks) or not values.is_floating_point():
        raise TypeError(f"an accuracy matrix is {tasks} x {tasks} numbers, not {tuple(values.shape)}")
    return values.numpy()


def by_group(tensors: dict[str, Tensor], prefix: str) -> dict[str, dict[str, Tensor]]:
    """The tensors whose names begin with ``prefix``, by the word that follows it and then by the rest."""
    found: dict[str, dict[str, Tensor]] = {}
    for name, value in with_prefix(tensors, prefix).items():
        group, _, rest = name.partition("/")
        found.setdefault(group, {})[rest] = value
    return found


def _frozen(value):
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
