"""A claim of a paper as something that can be decided: two numbers a trial, which one should be larger, a verdict."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...evaluation.metrics import mean_interval

PAPERS = {
    "lwf": "Learning without Forgetting (Li and Hoiem 2016)",
    "mas": "Memory Aware Synapses (Aljundi et al. 2018)",
    "lwm": "Learning without Memorizing (Dhar et al. 2019)",
    "eeil": "End-to-End Incremental Learning (Castro et al. 2018)",
    "dfcnn": "Deconvolutional Factorized CNN (Lee et al. 2019)",
}
SIDES = {"above": ">", "below": "<", "equal": "="}
HOLDS, FAILS, UNDECIDED, NOT_RUN = "holds here", "does not hold here", "undecided", "not run"
VERDICTS = (HOLDS, FAILS, UNDECIDED, NOT_RUN)
SIMILAR = 2.0  # points: "similar", "no advantage" and the like, wherever a paper gives no number; set before any run


@dataclass(frozen=True)
class Trained:
    """A run that a claim needs, one a trial: a method by the gallery's recipe for a stream.

    ``stream`` is one of ``training.STREAMS``; ``heads`` as in ``gallery.recipe``. ``changed`` are settings of the
    method that are not the gallery's, as (name, value); a value that is a function is asked with the trial's stream.
    """

    method: str
    stream: str = "digits"
    heads: str | None = None
    changed: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class Quantity:
    """One side of a comparison: ``measure(stream, *runs)`` of a trial's runs ``of``, under the name ``label``.

    ``stream`` is that of the first run, or the trial's digits where no run is needed.
    """

    label: str
    measure: Callable[..., float]
    of: tuple[Trained, ...] = ()


@dataclass(frozen=True)
class Claim:
    """What a paper says, and how it is decided: is ``left`` ``side`` (above, below, equal to) ``right``?

    ``place`` is where the paper says it, ``sentence`` what, in our words, ``statistic`` what is compared, with its
    unit. "equal" means: no further apart than ``margin``. A number that is ``counted`` is the same in every trial and
    needs one; all others are estimated over ``trials``, whose number is the class order and the seed.
    """

    paper: str
    place: str
    sentence: str
    statistic: str
    left: Quantity
    side: str
    right: Quantity
    margin: float = 0.0
    trials: int = 10
    counted: bool = False

    def __post_init__(self):
        if self.paper not in PAPERS:
            raise ValueError(f"paper is one of {', '.join(PAPERS)}, not {self.paper!r}.")
        if self.side not in SIDES:
            raise ValueError(f"side is one of {', '.join(SIDES)}, not {self.side!r}.")
        if not 0 <= self.margin < math.inf or (self.margin and self.side != "equal"):
            raise ValueError(f"margin is a number from 0 up, and belongs to a claim of equality, not {self.margin!r}.")
        fewest = 1 if self.counted else 2
        if self.trials < fewest:
            raise ValueError(f"trials is {fewest} or more, not {self.trials!r}: one trial has no interval.")

    @property
    def comparison(self) -> str:
        """Such as "lwf > finetune" or "lwf = joint ± 2"."""
        allowed = f" ± {self.margin:g}" if self.side == "equal" else ""
        return f"{self.left.label} {SIDES[self.side]} {self.right.label}{allowed}"

    @property
    def code(self) -> str:
        """What its numbers depend on; a claim that was changed in any of this has not been run."""
        return f"{self.paper}: {self.statistic}: {self.comparison}, {self.trials} trials"

    @property
    def runs(self) -> tuple[Trained, ...]:
        """The runs that it needs in every trial, each once."""
        return tuple(dict.fromkeys((*self.left.of, *self.right.of)))


def interval(differences: Sequence[float], counted: bool = False) -> tuple[float, float]:
    """(mean, half width) of the 95 % t-interval of paired differences, one a trial; of a count, which has none, 0.

    (nan, nan) where a trial has no number, such as one in which a method diverged.
    """
    if not all(map(math.isfinite, differences)):
        return math.nan, math.nan
    mean, half = mean_interval(differences)
    return mean, 0.0 if counted else half


def verdict(claim: Claim, differences: Sequence[float]) -> str:
    """What left - right, one a trial, says of the claim: one of ``VERDICTS``.

    A claim of order holds if the whole interval lies on its side of zero, and does not hold if it lies on the other.
    One of equality holds if the whole interval lies within the margin, and does not hold if it lies outside. Anything
    else, such as an interval that is no number, decides nothing.
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


def trained(method: str, stream: str = "digits", heads: str | None = None, **changed: object) -> Trained:
    return Trained(method, stream, heads, tuple(changed.items()))


@dataclass(frozen=True)
class Measure:
    """A statistic by name, with its unit, and ``of(stream, run)`` that takes it from a run."""

    name: str
    of: Callable[..., float]

    def on(self, run: Trained | str, label: str | None = None) -> Quantity:
        """This statistic of a run, or of the gallery's run of a method on digits."""
        run = Trained(run) if isinstance(run, str) else run
        return Quantity(label or named(run), self.of, (run,))


def named(run: Trained) -> str:
    """A run in a comparison: its method, and what is not the gallery's."""
    words = ", ".join(f"{name}={value}" for name, value in run.changed)
    return f"{run.method} ({words})" if words else run.method


def compared(
    paper: str,
    place: str,
    sentence: str,
    measure: Measure,
    left: Trained | str | Quantity,
    side: str,
    right: Trained | str | Quantity,
    margin: float = 0.0,
) -> Claim:
    """A claim on one statistic of two runs, or of a run and a quantity."""
    left, right = (q if isinstance(q, Quantity) else measure.on(q) for q in (left, right))
    return Claim(paper, place, sentence, measure.name, left, side, right, margin)


def constant(value: float, label: str | None = None) -> Quantity:
    """A number that a paper gives, or zero."""
    return Quantity(label or f"{value:g}", Constant(value))


@dataclass(frozen=True)
class Constant:
    value: float

    def __call__(self, *_) -> float:
        return self.value
