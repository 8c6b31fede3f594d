"""The grammar of a loss: ``CrossEntropy() + 0.5 * Distillation(temperature=2)``.

A ``Term`` maps a batch to a scalar; numbers and sums of terms make a ``Loss``. Terms are frozen descriptions: what a
term remembers during a run (an anchor, an importance) is its ``state``, a dictionary of tensors saved with the run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from ..attention import look, look_as_tested
from ..describe import Part, Real, State, shown
from ..importance import flat
from ..networks import Network, Output
from ..networks.modes import differs_in_training
from ..seeds import generator, seed_of
from ..streams import Task
from ..streams.stream import arrivals


@dataclass
class Context:
    """Where a run stands: the newest task's index, the network that has grown for it, the task with its images."""

    network: Network
    task: int
    heads: str = "task"
    data: Task = None  # type: ignore[assignment]  # only parts that measure need the images
    watched: str | None = None  # the layer whose maps a term reads
    seed: int = 0
    classes: Sequence[tuple[int, ...]] = ()  # the labels of each task so far; () where no class ever returns
    updates: int = 0  # of the whole task, if every epoch passes over its whole pool; 0 where nothing is trained
    prepared: dict[tuple[int, ...], Any] = field(default_factory=dict, init=False)  # what parts made of their states

    @property
    def head(self) -> int | None:
        """The head that classifies this task's images; None for all logits."""
        return self.home(self.task) if self.heads == "task" else None

    @cached_property
    def new_classes(self) -> list[tuple[int, ...]]:
        """The labels for which each head was made, head by head."""
        return [new for new in arrivals(self.classes) if new]

    def home(self, task: int) -> int | None:
        """The head of a task's classes: its own, or an older one if they return; None where they are in several."""
        if not self.classes:
            return task
        owners = {head for head, new in enumerate(self.new_classes) if not set(new).isdisjoint(self.classes[task])}
        return owners.pop() if len(owners) == 1 else None

    @property
    def old_heads(self) -> int:
        """How many heads there were before this task."""
        return sum(map(bool, arrivals(self.classes[: self.task]))) if self.classes else self.task

    def groups(self, tasks: int | None = None) -> int:
        """How many classes the first ``tasks`` have had, None for all so far; one that returns counts every time."""
        return sum(map(len, self.classes[:tasks])) if self.classes else sum(self.network.classes[:tasks])

    @cached_property
    def shared(self) -> list[Tensor]:
        """The shared parameters theta_s, tensors of any shape."""
        return list(self.network.parameters_of("shared"))

    @property
    def own_columns(self) -> Tensor:
        """The place (N,) of each of this task's training images' class in its own head."""
        return self.positions(self.data.train.labels) - self._before(self.home(self.task))

    def _before(self, head: int | None) -> int:
        """How many columns come before those of a head; 0 for all heads, None."""
        return 0 if head is None else sum(self.network.classes[:head])

    def flat_shared(self) -> Tensor:
        """A copy of the shared parameters as one vector (P,)."""
        return flat(self.shared).detach().clone()

    def positions(self, labels: Tensor) -> Tensor:
        """The columns (N,) of all logits for this task's ``labels`` (N,)."""
        known = [label for new in self.new_classes for label in new] or self.data.classes
        places = (labels.unsqueeze(1) == torch.tensor(known)).nonzero()[:, 1]
        return places if self.classes else places + sum(self.network.classes[: self.task])

    def columns(self, labels: Tensor) -> Tensor:
        """The place (N,) of this task's ``labels`` (N,) among the outputs of ``head``."""
        return self.positions(labels) - self._before(self.head)


class Teacher(Protocol):
    def __call__(self, batch: "Batch") -> Output: ...


class Batch:
    """What a part sees of one training step. The student's and each teacher's outputs are computed at most once.

    ``images`` (B, C, H, W) uint8; ``labels`` (B,) columns of the logits; ``places`` (B,) positions in the pool;
    ``tasks`` the tasks that the images come from; ``task_of`` (classes seen,) each column's task; ``key`` names the
    step, and seeds its random numbers. ``marks`` (B, classes seen) bool where images have several labels, which are
    known for the classes of the image's own task; ``labels`` are then one of each.
    """

    def __init__(
        self,
        context: Context,
        images: Tensor,
        labels: Tensor,
        places: Tensor,
        tasks: Sequence[int],
        task_of: Tensor,
        heads: str,
        teachers: Mapping[str, Teacher],
        key: tuple[int | str, ...] = (),
        marks: Tensor | None = None,
    ):
        self.context, self.images, self.labels, self.places = context, images, labels, places
        self.tasks, self.task_of, self.heads, self.key = tasks, task_of, heads, key
        self._teachers, self._outputs = teachers, dict[str, Output]()
        self.marks = marks
        self.beside: list[Tensor] = []  # before the backward pass: the terms' values but those of the task's own loss

    @property
    def task(self) -> int:
        """The newest task, which is being learned."""
        return self.context.task

    @cached_property
    def student(self) -> Output:
        """The output of the network that learns, for ``images``."""
        network, watched = self.context.network, self.context.watched
        if watched and differs_in_training(network):
            _ = self.as_tested  # first: the pass in training mode moves the running statistics
        return look(network, self.images, watched)

    @cached_property
    def as_tested(self) -> Output:
        """The student's output as a teacher gives its own: running statistics, no dropout. With gradients; old heads
        only. It is ``student`` where nothing in the network depends on the mode."""
        network, watched = self.context.network, self.context.watched
        if not differs_in_training(network):
            return self.student
        return look_as_tested(network, self.images, watched, range(self.context.old_heads))

    def teacher(self, name: str) -> Output:
        """The output of the teacher "task" (the network before this task) or "phase" (before this phase)."""
        if name not in self._outputs:
            self._outputs[name] = self._teachers[name](self)
        return self._outputs[name]

    def logits(self, images: Tensor) -> Tensor:
        """The student's logits (M, classes seen) of other images (M, C, H, W) uint8, such as replayed ones."""
        return self.context.network(images).logits

    @property
    def zero(self) -> Tensor:
        """A scalar 0 on the training device: the value of a term that has nothing to act on."""
        return torch.zeros((), device=self.images.device)

    def generator(self, purpose: str) -> torch.Generator:
        """A CPU generator of random numbers for this step, the same in every repetition of the run."""
        return generator(*self.key, purpose)

    def uniform(self, count: int, purpose: str) -> Tensor:
        """Random numbers (count,) in [0, 1) for this step, drawn where the network learns: a copy from the CPU would
        hold up a GPU."""
        source = torch.Generator(self.images.device).manual_seed(seed_of((*self.key, purpose)))
        return torch.rand(count, generator=source, device=self.images.device)


class Term(Part):
    """A summand of the loss. ``teacher`` names the model that it reads, ``first_task`` the task from which it acts."""

    teacher: ClassVar[str | None] = None  # "task": the model before this task; "phase": before this phase
    reads_features: ClassVar[bool] = False  # whether it reads the teacher's features, not its logits alone
    reads_maps: ClassVar[bool] = False  # whether it reads the maps of the last block, of student and teacher
    first_task: ClassVar[int] = 0
    learns_labels: ClassVar[bool] = False  # the task's own loss, whose gradient Synaptic Intelligence follows

    def __call__(self, batch: Batch, state: State) -> Tensor:
        """The term's value, a scalar averaged over the batch."""
        raise NotImplementedError

    def undone(self, state: State, pace: float) -> float:
        """The share (0 to 1) of a parameter's distance from where the term pulls it that the pull undoes in a task, on
        average; ``pace`` sums weight x rate / (1 - momentum) over its updates. 1 for a term without such a pull."""
        return 1.0

    def curvature(self, state: State) -> float:
        """The largest second derivative of the term, where it is a constant: it limits the length of a step."""
        return 0.0

    def constant(self, classes: Sequence[int]) -> bool:
        """Whether nothing can change the term's value in the last of tasks of so many ``classes``."""
        return False

    def latex(self, heads: str) -> str:
        """The term in the papers' symbols, for the training regime ``heads``; by default its class name."""
        return rf"\mathrm{{{type(self).__name__}}}"

    def __add__(self, other: "Term | Loss") -> "Loss":
        return Loss(((1.0, self),)) + other

    def __rmul__(self, weight: float) -> "Loss":
        return weight * Loss(((1.0, self),))


@dataclass(frozen=True, repr=False)
class Loss:
    """A weighted sum of terms."""

    terms: tuple[tuple[float, Term], ...]

    def __add__(self, other: "Term | Loss") -> "Loss":
        if isinstance(other, Term):
            other = Loss(((1.0, other),))
        if not isinstance(other, Loss):
            return NotImplemented
        return Loss(self.terms + other.terms)

    def __rmul__(self, weight: float) -> "Loss":
        rule, name = Real(at_least=0), "the weight of a term"
        return Loss(tuple((rule.check(name, rule.check(name, weight) * own), term) for own, term in self.terms))

    def named(self) -> dict[str, tuple[float, Term]]:
        """Each term by its own name: its class, numbered where a class occurs twice."""
        kinds = [type(term).__name__ for _, term in self.terms]
        names = [k if kinds.count(k) == 1 else f"{k}{kinds[:i].count(k) + 1}" for i, k in enumerate(kinds)]
        return dict(zip(names, self.terms, strict=True))

    def active(self, task: int) -> dict[str, tuple[float, Term]]:
        """The terms that act while ``task`` is learned."""
        return {name: (w, term) for name, (w, term) in self.named().items() if w and task >= term.first_task}

    def __repr__(self) -> str:
        return " + ".join(repr(t) if w == 1 else f"{w!r} * {t!r}" for w, t in self.terms)

    def latex(self, heads: str) -> str:
        """The weighted sum in the papers' symbols, for the training regime ``heads``."""
        weighted = [(w, term.latex(heads)) for w, term in self.terms]
        return " + ".join(text if w == 1 else rf"{_latex_number(w)}\,{text}" for w, text in weighted)


def _latex_number(value: float) -> str:
    digits, e, exponent = f"{value:g}".partition("e")
    return rf"{digits} \cdot 10^{{{int(exponent)}}}" if e else digits


def as_loss(loss: Term | Loss) -> Loss:
    if isinstance(loss, Term):
        return Loss(((1.0, loss),))
    if not isinstance(loss, Loss):
        raise ValueError(f"A loss is a term or a weighted sum of terms, such as CrossEntropy(), not {shown(loss)}.")
    return loss
