"""A recipe: a method written as its equation, with what is kept, what learns and how it is trained."""

import ast
import functools
from dataclasses import dataclass, replace

from .. import importance, losses, memory, networks, streams
from ..describe import Described
from ..evaluation.predicting import PREDICTIONS
from ..losses.terms import Loss, Part, Term, as_loss
from ..networks import MultiHead
from . import merging
from .noise import GradientNoise
from .optimiser import OPTIMISERS


@dataclass(frozen=True, repr=False)
class Phase(Described):
    """A part of a task's epochs, in which each role of parameter has its own multiple of the learning rate.

    ``share`` is the part of the epochs, relative to the task's other phases. A multiple of 0 freezes the role, also
    from weight decay, momentum, dropout and batch-norm statistics. ``loss`` replaces the recipe's own in this phase;
    ``balanced`` takes as many images of each class as the memory holds of an old one (EEIL, section 4).
    """

    name: str = "train"
    share: float = 1.0
    shared: float = 0.0
    old: float = 0.0
    new: float = 0.0
    code: float = 0.0
    loss: Loss | None = None
    balanced: bool = False

    def __post_init__(self):
        if self.loss is not None:
            object.__setattr__(self, "loss", as_loss(self.loss))
        for name in ("share", *networks.ROLES):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"A phase's {name} is a finite number from 0 up, not {getattr(self, name)!r}.")
        if self.share == 0 or not self.rates:
            raise ValueError("A phase needs a share of the epochs above 0 and a role that learns: Phase(new=1.0).")

    @property
    def rates(self) -> dict[str, float]:
        """The roles that learn, with their multiples of the learning rate."""
        rates = {role: getattr(self, role) for role in networks.ROLES}
        return {role: rate for role, rate in rates.items() if rate > 0}


@dataclass(frozen=True, repr=False)
class Schedule(Described):
    """How a recipe is trained: the optimiser, and the phases of the first task and of all later ones.

    ``epochs`` are passes over a task's pool, all phases together. Gradients longer than ``clip`` are shortened to it.
    With ``patience``, the rate drops ten times, once a phase, when the validation accuracy has not risen for that
    many epochs (LwF, section 3, implementation details); with ``drop_every`` it drops ten times after every so many
    epochs of a phase (EEIL, section 5). ``noise`` is added to clipped gradients.
    ``optimiser`` is "sgd", or "rmsprop" (the DF-CNN authors').
    """

    later: tuple[Phase, ...] = (Phase(shared=1.0, new=1.0),)
    first: tuple[Phase, ...] = (Phase(shared=1.0, new=1.0),)
    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 0.02
    momentum: float = 0.9
    weight_decay: float = 0.0005
    clip: float = 1.0
    patience: int | None = None
    drop_every: int | None = None
    augmentation: streams.Augmentation | None = None
    noise: GradientNoise | None = None
    optimiser: str = "sgd"

    def __post_init__(self):
        for name in ("epochs", "batch_size"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise ValueError(f"{name} is a whole number from 1 up, not {getattr(self, name)!r}.")
        for name in ("learning_rate", "clip"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} is a finite number above 0, not {getattr(self, name)!r}.")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum is at least 0 and below 1, not {self.momentum!r}.")
        if not 0 <= self.weight_decay < float("inf"):
            raise ValueError(f"weight_decay is a finite number from 0 up, not {self.weight_decay!r}.")
        if self.optimiser not in OPTIMISERS:
            raise ValueError(f"optimiser is one of {', '.join(OPTIMISERS)}, not {self.optimiser!r}.")
        for name in ("patience", "drop_every"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ValueError(f"{name} is a whole number of epochs from 1 up, or None, not {value!r}.")

    @property
    def changes_images(self) -> bool:
        """Whether an image of the pool looks different in every batch."""
        return self.augmentation is not None and not self.augmentation.once

    def phases(self, task: int) -> list[tuple[Phase, range]]:
        """The phases of a task, each with its epochs (from 0 to ``epochs`` - 1), which may be none of few."""
        phases = self.first if task == 0 else self.later
        shares = [phase.share for phase in phases]
        ends = [round(self.epochs * sum(shares[: i + 1]) / sum(shares)) for i in range(len(phases))]
        return [(phase, range(start, end)) for phase, start, end in zip(phases, [0, *ends], ends, strict=False)]


@dataclass(frozen=True, repr=False)
class Recipe(Described):
    """A loss, a network, a memory, a schedule, a merge and a way to answer, under one of two regimes of training.

    ``heads="task"``: cross-entropy over the classes of the image's own task; ``heads="class"``: over all classes
    seen, so that logits of different tasks learn to compete. ``predict`` is "logits", or "nearest_mean" of the classes'
    images in memory (iCaRL; Rebuffi et al. 2017, Algorithm 1).
    """

    name: str
    loss: Loss
    network: object = MultiHead()
    memory: Part | None = None
    schedule: Schedule = Schedule()
    heads: str = "task"
    merge: merging.Unmerged = merging.Unmerged()
    predict: str = "logits"

    def __post_init__(self):
        object.__setattr__(self, "loss", as_loss(self.loss))
        if self.heads not in ("task", "class"):
            raise ValueError(f'heads is "task" or "class", not {self.heads!r}.')
        if self.predict not in PREDICTIONS:
            raise ValueError(f"predict is one of {', '.join(PREDICTIONS)}, not {self.predict!r}.")
        if any(phase.balanced for phase in self.schedule.first):
            raise ValueError("The first task has no old classes to balance its own with: take balanced out of first.")
        balanced = any(phase.balanced for phase in self.schedule.later)
        keeps = isinstance(self.memory, memory.ExemplarMemory)
        if balanced and not keeps or self.predict != "logits" and not self.memory:
            raise ValueError(f"{self.name} asks for exemplars of old classes and keeps none: give it ExemplarMemory().")

    @property
    def parts(self) -> dict[str, Part]:
        """Everything that has a life in a run, by name."""
        losses = [self.loss, *(phase.loss for phase in (*self.schedule.first, *self.schedule.later) if phase.loss)]
        named = [(name, term) for loss in losses for name, (_, term) in loss.named().items()]
        terms = dict(named)
        if clash := [name for name, term in named if terms[name] != term]:
            raise ValueError(f"Two phases of {self.name} have different terms {clash[0]}: they would share one memory.")
        kept = {"memory": self.memory} if self.memory else {}
        return {**terms, **kept, "merge": self.merge}

    def asking(self, task: int) -> list[Term]:
        """All terms that act in some phase of a task."""
        return [t for phase, _ in self.schedule.phases(task) for _, t in self.terms(phase, task).values()]

    def terms(self, phase: Phase, task: int) -> dict[str, tuple[float, Term]]:
        """The terms that act in a phase of a task, with their weights."""
        return (phase.loss or self.loss).active(task)

    def with_epochs(self, epochs: int | None) -> "Recipe":
        return self if epochs is None else replace(self, schedule=replace(self.schedule, epochs=epochs))

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle \mathcal{{L}} = {self.loss.latex(self.heads)}$"


def parse(code: str) -> Recipe:
    """The recipe whose ``repr`` is ``code``; nothing is evaluated but calls of cltutor's own descriptions."""
    try:
        recipe = described(ast.parse(code, mode="eval").body)
    except (SyntaxError, TypeError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"This is not the code of a recipe: {error}") from error
    if not isinstance(recipe, Recipe):
        raise ValueError("This is not the code of a recipe: it does not begin with Recipe(...).")
    return recipe


def described(node: ast.expr) -> object:
    """What literals, calls of cltutor's own descriptions, and their sums and multiples mean; TypeError or ValueError
    for anything else."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=[], keywords=keywords) if name in descriptions():
            return descriptions()[name](**{keyword.arg: described(keyword.value) for keyword in keywords})
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return described(left) + described(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return described(left) * described(right)
        case ast.Tuple(elts=elements):
            return tuple(described(element) for element in elements)
    return ast.literal_eval(node)


@functools.cache
def descriptions() -> dict[str, type]:
    """The classes that the code of a recipe may call, by name."""
    rooms = (losses, memory, networks, importance, streams, merging)
    listed = {name: getattr(room, name) for room in rooms for name in room.__all__}
    known = {name: kind for name, kind in listed.items() if isinstance(kind, type)}
    return known | {"Recipe": Recipe, "Phase": Phase, "Schedule": Schedule, "GradientNoise": GradientNoise}
