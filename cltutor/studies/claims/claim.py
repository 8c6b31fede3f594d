"""A claim of a paper in a form that can be decided: two numbers per trial, which one should be larger, a verdict."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...checked import a
from ...describe import Choice, Described, Name, flag, real, ruled, whole
from ...evaluation.metrics import mean_interval

PAPERS = {
    "lwf": "Learning without Forgetting (Li and Hoiem 2016)",
    "mas": "Memory Aware Synapses (Aljundi et al. 2018)",
    "lwm": "Learning without Memorizing (Dhar et al. 2019)",
    "eeil": "End-to-End Incremental Learning (Castro et al. 2018)",
    "dfcnn": "Deconvolutional Factorized CNN (Lee et al. 2019)",
}
SIGNS = {"above": ">", "below": "<", "equal": "="}
HOLDS, FAILS, UNDECIDED, NOT_RUN = "holds here", "does not hold here", "undecided", "not run"
VERDICTS = (HOLDS, FAILS, UNDECIDED, NOT_RUN)


@dataclass(frozen=True)
class Trained:
    """A run that a claim needs in every trial: a method, trained by the gallery's recipe for a stream.

    ``stream`` is one of ``training.STREAMS``; ``heads`` as in ``gallery.recipe``. ``changed`` are settings of the
    method that differ from the gallery's, as (name, value); a function as value is called with the trial's stream.
    """

    method: str
    stream: str = "digits"
    heads: str | None = None
    changed: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Quantity:
    """One side of a comparison: ``measure(stream, *runs)`` of a trial's runs ``of``, under the name ``label``.

    ``stream`` is that of the first run, or the trial's digits where no run is needed.
    """

    label: str
    measure: Callable[..., float]
    of: tuple[Trained, ...] = ()


@dataclass(frozen=True, repr=False)
class Claim(Described):
    """What a paper says, and how it is decided: is ``left`` ``side`` (above, below, equal to) ``right``?

    ``place`` is where the paper says it, ``sentence`` the statement in our words, ``statistic`` what is compared, with
    its unit. "equal" means: no further apart than ``margin``. A number that is ``counted`` is the same in every trial
    and needs one; all others are estimated over ``trials``. A trial's number is its class order and its seed.
    """

    paper: str = ruled(Choice(PAPERS))
    place: str = ruled(Name(1000))
    sentence: str = ruled(Name(1000))
    statistic: str = ruled(Name(1000))
    left: Quantity = ruled(a(Quantity))
    side: str = ruled(Choice(SIGNS))
    right: Quantity = ruled(a(Quantity))
    margin: float = real(0.0, at_least=0)
    trials: int = whole(10, at_least=1)
    counted: bool = flag(False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.margin and self.side != "equal":
            raise ValueError(f"margin belongs to a claim of equality, not to one of {self.side!r}.")
        if self.trials == 1 and not self.counted:
            raise ValueError("trials is 2 or more, not 1: one trial has no interval.")

    @property
    def comparison(self) -> str:
        """Such as "lwf > finetune" or "lwf = joint ± 2"."""
        allowed = f" ± {self.margin:g}" if self.side == "equal" else ""
        return f"{self.left.label} {SIGNS[self.side]} {self.right.label}{allowed}"

    @property
    def code(self) -> str:
        """What its numbers depend on: a claim in which any of this changes has not been run."""
        return f"{self.paper}: {self.statistic}: {self.comparison}, {self.trials} trials"

    @property
    def runs(self) -> tuple[Trained, ...]:
        """The runs that it needs in every trial, without repetition."""
        return tuple(dict.fromkeys((*self.left.of, *self.right.of)))


def interval(differences: Sequence[float], counted: bool = False) -> tuple[float, float]:
    """(mean, half width) of the 95 % t-interval of paired differences, one per trial; a count has half width 0.

    (nan, nan) where a trial has no number, such as one in which a method diverged.
    """
    if not all(map(math.isfinite, differences)):
        return math.nan, math.nan
    mean, half = mean_interval(differences)
    return mean, 0.0 if counted else half


def verdict(claim: Claim, differences: Sequence[float]) -> str:
    """What the differences left - right, one per trial, say about the claim: one of ``VERDICTS``.

    A claim of order holds if the whole interval lies on its side of zero, and does not hold if it lies on the other.
    One of equality holds if the whole interval lies within the margin, and does not hold if it lies outside. Anything
    else is undecided, including an interval that is not finite.
    """
    if not len(differences):
        return NOT_RUN
    mean, half = interval(differences, claim.counted)
    low, high = mean - half, mean + half
    if claim.side == "equal":
        holds, fails = -claim.margin <= low and high <= claim.margin, low > claim.margin or high < -claim.margin
    else:
        holds, fails = (low > 0, high < 0) if claim.side == "above" else (high < 0, low > 0)
    return HOLDS if holds else FAILS if fails else UNDECIDED


def trained(method: str, stream: str = "digits", heads: str | None = None, **changed: Any) -> Trained:
    return Trained(method, stream, heads, tuple(changed.items()))


@dataclass(frozen=True)
class Measure:
    """A statistic by name, with its unit, and ``of(stream, run)`` that takes it from a run.

    One that is ``counted`` depends on the method alone: ``of(stream, method)``, and needs no run.
    """

    name: str
    of: Callable[..., float]
    counted: bool = False

    def on(self, run: Trained | str, label: str | None = None) -> Quantity:
        """This statistic of a run, or of the gallery's run of a method on digits."""
        run = Trained(run) if isinstance(run, str) else run
        if self.counted:
            return Quantity(label or run.method, partial(self.of, method=run.method))
        changed = ", ".join(f"{name}={value}" for name, value in run.changed)
        return Quantity(label or run.method + (f" ({changed})" if changed else ""), self.of, (run,))


@dataclass(frozen=True)
class Constant:
    """A number that a paper gives, or zero, as a measure."""

    value: float

    def __call__(self, *_: Any) -> float:
        return self.value


@dataclass(frozen=True)
class Vocabulary:
    """What the words in a paper's rows of ``claims.toml`` mean.

    ``statistics``: by name. ``sides``: by the name of a statistic, those sides of its comparisons that are more than a
    method's name or a number. ``run``: from a method's name to its run.
    """

    statistics: Mapping[str, Measure]
    sides: Mapping[str, Sequence[Trained | Quantity]]
    run: Callable[[str], Trained] = trained

    def side(self, statistic: str, label: str) -> Quantity:
        """What ``label`` means as one side of a comparison."""
        measure = self.statistics[statistic]
        own = (side if isinstance(side, Quantity) else measure.on(side) for side in self.sides.get(statistic, ()))
        if found := {side.label: side for side in own}.get(label):
            return found
        if label.replace(".", "").isdecimal():
            return Quantity(label, Constant(float(label)))
        return measure.on(self.run(label), label)
