"""A recipe: a method written as its equation, with what is kept, what learns and how it is trained."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape

from ..checked import Table
from ..describe import (
    HOOKS,
    Described,
    Kind,
    Name,
    Part,
    Real,
    Several,
    Whole,
    choice,
    flag,
    real,
    ruled,
    several,
    whole,
)
from ..evaluation.predicting import PREDICTIONS, Prediction
from ..losses.terms import Loss, Term, as_loss
from ..memory import Everything, Memory
from ..networks import ROLES, Architecture, MultiHead
from ..streams import Augmentation
from .merging import AfterTask, Unmerged
from .noise import GradientNoise
from .optimiser import OPTIMISERS

RATE = Real(at_least=0)
OWN = ("name", "share", "rates", "loss", "balanced")  # of a phase; no names of roles
ROLE = Kind(
    'a name such as "shared"', lambda value: isinstance(value, str) and value.isidentifier() and value not in OWN
)
Terms = dict[str, tuple[float, Term]]  # each with its weight, by its name


@dataclass(frozen=True, repr=False, init=False)
class Phase(Described):
    """A part of a task's epochs, in which each role of parameter has its own multiple of the learning rate.

    ``Phase("joint", shared=1.0, old=1.0, new=1.0)``: any role that the network has may be named, the papers' three
    (shared theta_s, old theta_o, new theta_n) or another, such as the autoencoders' ``code`` (EBLL); ``rates`` takes
    them as a mapping. A role that is not named is frozen, also for weight decay, momentum, dropout and batch-norm
    statistics. ``share`` is the part of the epochs, relative to the task's other phases. ``loss`` replaces the recipe's
    own in this phase; ``balanced`` takes the memory's balanced set instead of all images (EEIL, section 4). ValueError
    for a phase in which nothing learns.
    """

    name: str = ruled(Name())
    share: float = real(1.0, above=0)
    rates: Mapping[str, float] = field(default_factory=dict, hash=False)
    loss: Loss | None = None
    balanced: bool = flag(False)

    def __init__(
        self,
        name: str = "train",
        share: float = 1.0,
        rates: Mapping[str, float] | None = None,
        loss: Loss | Term | None = None,
        balanced: bool = False,
        **roles: float,
    ):
        named = {**Table().check("rates", {} if rates is None else rates), **roles}
        multiples = {ROLE.check("a role", role): RATE.check(role, rate) for role, rate in named.items()}
        ordered = [*ROLES, *sorted(multiples.keys() - set(ROLES))]
        values = {
            "name": name,
            "share": share,
            "rates": {role: multiples[role] for role in ordered if multiples.get(role, 0) > 0},
            "loss": None if loss is None else as_loss(loss),
            "balanced": balanced,
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)
        self.__post_init__()
        if not self.rates:
            raise ValueError("A phase needs a role that learns, such as Phase(new=1.0).")

    def __repr__(self) -> str:
        shown = {"name": self.name, "share": self.share, **self.rates, "loss": self.loss, "balanced": self.balanced}
        usual = {"name": "train", "share": 1.0, "loss": None, "balanced": False}
        own = (f"{name}={value!r}" for name, value in shown.items() if name not in usual or value != usual[name])
        return f"Phase({', '.join(own)})"


PHASES = Several(Kind("a Phase(...)", lambda value: isinstance(value, Phase)))


@dataclass(frozen=True, repr=False)
class Schedule(Described):
    """How a recipe is trained: the optimiser, and the phases of the first task and of all later ones.

    ``epochs`` are passes over a task's pool, all phases together. Gradients longer than ``clip`` are shortened to it.
    The rate is divided by ``drop_by``: with ``patience`` once per phase, when the validation accuracy has not risen for
    that many epochs (LwF, section 3, implementation details); with ``drop_every`` after every so many epochs of a phase
    (EEIL, section 5); with ``drop_at=(49, 63)`` after those epochs of a phase (iCaRL's program). ``noise`` is added to
    clipped gradients.
    ``optimiser`` is "sgd", "rmsprop", or "rmsprop_tf1", TensorFlow's, which the DF-CNN authors ran. ``rate_decay`` a
    divides the rate by 1 + a n in the n-th epoch of the run, counted from 0 through all tasks (the DF-CNN authors':
    1/4000). ``augment_first=False`` leaves the first task without
    ``augmentation``, as EEIL's authors' program does; the paper is silent, and augments all tasks here.

    Raises:
        ValueError: ``drop_by`` where the rate never drops, or ``augment_first`` without an augmentation.
    """

    later: tuple[Phase, ...] = ruled(PHASES, (Phase(shared=1.0, new=1.0),))
    first: tuple[Phase, ...] = ruled(PHASES, (Phase(shared=1.0, new=1.0),))
    epochs: int = whole(10, at_least=1)
    batch_size: int = whole(32, at_least=1)
    learning_rate: float = real(0.02, above=0)
    momentum: float = real(0.9, at_least=0, below=1)
    weight_decay: float = real(0.0005, at_least=0)
    clip: float = real(1.0, above=0)
    patience: int | None = whole(None, at_least=1, or_none=True)
    drop_every: int | None = whole(None, at_least=1, or_none=True)
    drop_at: tuple[int, ...] | None = several(None, Whole(at_least=1), or_none=True)
    drop_by: float = real(10.0, above=1)
    augmentation: Augmentation | None = ruled(
        Kind("an augmentation, such as CropFlip()", lambda value: isinstance(value, Augmentation), or_none=True), None
    )
    noise: GradientNoise | None = ruled(
        Kind("GradientNoise()", lambda value: isinstance(value, GradientNoise), or_none=True), None
    )
    optimiser: str = choice("sgd", OPTIMISERS)
    augment_first: bool = flag(True)
    rate_decay: float = real(0.0, at_least=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        drops = (self.patience, self.drop_every, self.drop_at)
        if self.drop_by != Schedule.drop_by and drops == (None, None, None):
            raise ValueError("drop_by needs to know when the rate drops: give patience, drop_every or drop_at.")
        if not self.augment_first and self.augmentation is None:
            raise ValueError("augment_first=False leaves out an augmentation, and there is none: give augmentation.")

    def augmentation_of(self, task: int) -> Augmentation | None:
        """The augmentation of a task's images."""
        return self.augmentation if task or self.augment_first else None

    def slowness(self, epoch: int) -> float:
        """What ``rate_decay`` divides the rate by in an epoch of the run, counted from 0 through all tasks."""
        return 1 + self.rate_decay * epoch

    @property
    def changes_images(self) -> bool:
        """Whether an image of the pool looks different in every epoch."""
        return self.augmentation is not None and not self.augmentation.once

    def phases(self, task: int) -> list[tuple[Phase, range]]:
        """The phases of a task, each with its epochs (from 0 to ``epochs`` - 1), which may be none of few."""
        phases = self.first if task == 0 else self.later
        shares = [phase.share for phase in phases]
        ends = [round(self.epochs * sum(shares[: i + 1]) / sum(shares)) for i in range(len(phases))]
        return [(phase, range(start, end)) for phase, start, end in zip(phases, [0, *ends], ends, strict=False)]


@dataclass(frozen=True, repr=False)
class Recipe(Described):
    """A loss, a network, a memory, a schedule, a step after each task and a prediction rule, in a training regime.

    ``heads="task"``: cross-entropy over the classes of the image's own task; ``heads="class"``: over all classes
    seen, so that logits of different tasks learn to compete. ``after_task`` makes the network to test from the one that
    was trained (merging models, aligning weights). ``predict`` is "logits", or "nearest_mean" of the classes'
    images in memory (iCaRL; Rebuffi et al. 2017, Algorithm 1), or "nearest_mean_mirrored" of these and their mirrors
    (iCaRL's program). ``cl.methods.sources(recipe)`` shows where the details of a paper's method come from.

    ValueError for parts that do not fit together, such as a balanced phase without a memory.
    """

    name: str = ruled(Name())
    loss: Loss = ruled(Kind("a sum of terms, such as CrossEntropy()", lambda value: isinstance(value, Loss)))
    network: Architecture = ruled(
        Kind("a network, such as MultiHead()", lambda value: isinstance(value, Architecture)), MultiHead()
    )
    memory: Memory | None = ruled(
        Kind("a memory, such as ExemplarMemory()", lambda value: isinstance(value, Memory), or_none=True), None
    )
    schedule: Schedule = ruled(Kind("a Schedule(...)", lambda value: isinstance(value, Schedule)), Schedule())
    heads: str = choice("task", ("task", "class"))
    after_task: AfterTask = ruled(
        Kind("a step after training, such as MeanMerge()", lambda value: isinstance(value, AfterTask)), Unmerged()
    )
    predict: str = choice("logits", PREDICTIONS)

    def __post_init__(self) -> None:
        object.__setattr__(self, "loss", as_loss(self.loss))
        super().__post_init__()
        first, later = self.schedule.first, self.schedule.later
        losses = [self.loss, *(phase.loss for phase in (*first, *later) if phase.loss)]
        terms = [term for loss in losses for weight, term in loss.terms if weight]
        for part in filter(None, (*terms, self.network, self.memory, self.after_task)):
            if reason := part.refuses(self.heads):
                raise ValueError(f"{self.name} takes no heads={self.heads!r}: {reason}")
        if any(phase.balanced for phase in first):
            raise ValueError("The first task has no old classes to balance its own with: take balanced out of first.")
        balanced = any(phase.balanced for phase in later)
        keeps = self.memory is not None
        if balanced and not (self.memory and self.memory.balances) or self.prediction.needs_exemplars and not keeps:
            raise ValueError(f"{self.name} needs exemplars of old classes and keeps none: give it ExemplarMemory().")
        roles = self.network.roles
        if unknown := {role for phase in (*first, *later) for role in phase.rates if role not in roles}:
            raise ValueError(
                f"A phase of {self.name} trains {', '.join(sorted(unknown))}, and its network has the roles "
                f"{', '.join(roles)}."
            )

    @property
    def prediction(self) -> Prediction:
        """The rule that ``predict`` names."""
        return PREDICTIONS[self.predict]

    @cached_property
    def parts(self) -> dict[str, Part]:
        """Everything that has a life in a run, by name; ValueError for two terms of one name that differ."""
        losses = [self.loss, *(phase.loss for phase in (*self.schedule.first, *self.schedule.later) if phase.loss)]
        named = [(name, term) for loss in losses for name, (_, term) in loss.named().items()]
        terms: dict[str, Part] = dict(named)
        if clash := [name for name, term in named if terms[name] != term]:
            raise ValueError(f"Two phases of {self.name} have different terms {clash[0]}: they would share one state.")
        kept = {"memory": self.memory} if self.memory else {}
        return {**terms, **kept, "after_task": self.after_task}

    @cached_property
    def hooks(self) -> dict[str, dict[str, Part]]:
        """The parts that act at each moment of a run, by name."""
        return {hook: {name: part for name, part in self.parts.items() if part.acts(hook)} for hook in HOOKS}

    def plan(self, task: int) -> list[tuple[Phase, range, Terms]]:
        """The phases of a task, each with its epochs and its terms."""
        return [(phase, epochs, self.terms(phase, task)) for phase, epochs in self.schedule.phases(task)]

    def terms(self, phase: Phase, task: int) -> Terms:
        """The terms that act in a phase of a task."""
        return (phase.loss or self.loss).active(task)

    def with_epochs(self, epochs: int | None) -> "Recipe":
        """The same method with so many epochs per task; None leaves its own."""
        return self if epochs is None else replace(self, schedule=replace(self.schedule, epochs=epochs))

    @property
    def equations(self) -> list[str]:
        """The loss in LaTeX, and that of each phase of later tasks that has its own."""
        own = [(rf"_{{\text{{{phase.name}}}}}", phase.loss) for phase in self.schedule.later if phase.loss is not None]
        return [rf"\mathcal{{L}}{of} = {loss.latex(self.heads)}" for of, loss in [("", self.loss), *own]]

    @property
    def images(self) -> str:
        """What the loss is summed over, in words: joint training has the equation of fine-tuning, on other images."""
        if isinstance(self.memory, Everything):
            return "on the training images of all tasks so far"
        kept = f" and the old ones in {self.memory!r}" if self.memory else ""
        return f"on the training images of the task at hand{kept}"

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.equations[0]}$"

    def _repr_html_(self) -> str:
        """The equations as MathML, which a page shows without any script."""
        from latex2mathml.converter import convert  # a headless job, which shows none, need not wait for it

        lines = (convert(line, display="block") for line in self.equations)  # with what is below a sum below it
        left = ("<div>" + line.replace('display="block"', 'displaystyle="true"', 1) + "</div>" for line in lines)
        return f'<div style="overflow-x:auto">{"".join(left)}<small>{escape(self.images)}</small></div>'
