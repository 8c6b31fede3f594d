"""From the trials of a claim to its verdict: intervals, p-values, and where nothing can be decided."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from ...evaluation.metrics import mean_interval
from .claim import Claim, Quantity

HOLDS, FAILS, UNDECIDED = "holds here", "does not hold here", "undecided"
CEILING, UNCONVERGED = "inconclusive (ceiling)", "inconclusive (not converged)"
CONSTRUCTION, NOT_RUN = "by construction", "not run yet"
VERDICTS = (HOLDS, FAILS, UNDECIDED, CEILING, UNCONVERGED, CONSTRUCTION, NOT_RUN)
LEVEL = 0.025  # of a one-sided test: the whole 95 % interval lies on one side
LATEST = 0.75  # a peak in the last quarter of a task's epochs: the runs have not converged


@dataclass(frozen=True)
class Trial:
    """A trial of a claim: both sides, the statistics of the recipes of each, and where in its epochs the latest of
    them peaks."""

    number: int
    left: float
    right: float
    lefts: tuple[float, ...] = ()
    rights: tuple[float, ...] = ()
    latest: float = 0.0

    @property
    def difference(self) -> float:
        """Left minus right."""
        return self.left - self.right


def interval(differences: Sequence[float], counted: bool = False) -> tuple[float, float]:
    """(mean, half width) of the 95 % t-interval of paired differences, one per trial; a count has half width 0.

    (nan, nan) where a trial has no number, such as one in which a method diverged.
    """
    if not len(differences) or not all(map(math.isfinite, differences)):
        return math.nan, math.nan
    mean, half = mean_interval(differences)
    return mean, 0.0 if counted else half


def verdict(claim: Claim, trials: Sequence[Trial]) -> str:
    """What the trials say about the claim: one of ``VERDICTS``.

    A claim of order holds if the whole 95 % interval of the differences lies on its side of zero, and does not hold if
    it lies on the other. One of equality holds if the whole interval lies within the margin, and does not hold if it
    lies outside. Anything else is undecided, including an interval that is not finite.
    """
    if len(trials) < claim.trials:
        return NOT_RUN
    found = _by_interval(claim, [trial.difference for trial in trials])
    if claim.construction and found == HOLDS:
        return CONSTRUCTION
    if claim.counted or not all(math.isfinite(trial.difference) for trial in trials):
        return found
    if no_room(claim, trials):
        return CEILING
    if _most(trial.latest > LATEST for trial in trials):
        return UNCONVERGED
    return found


def _by_interval(claim: Claim, differences: Sequence[float]) -> str:
    mean, half = interval(differences, claim.counted)
    low, high = mean - half, mean + half
    if claim.side == "equal":
        holds, fails = -claim.margin <= low and high <= claim.margin, low > claim.margin or high < -claim.margin
    else:
        holds, fails = (low > 0, high < 0) if claim.side == "above" else (high < 0, low > 0)
    return HOLDS if holds else FAILS if fails else UNDECIDED


def no_room(claim: Claim, trials: Sequence[Trial]) -> bool:
    """Whether, in more than half of the trials, a side is where nothing can be decided.

    An accuracy within half a point of 0 or 100 %, or the first epoch; or a side below which, or above which, the other
    cannot go, as with twice the epochs of a method where the other needs two. A claim that a number is at its bound,
    such as "forgets completely", is not about room.
    """
    about_bound = claim.side == "equal" and not claim.right.sides and _bound(claim.left, claim.right.constant)
    if not about_bound:
        measured = [(claim.left, [trial.lefts for trial in trials]), (claim.right, [trial.rights for trial in trials])]
        for quantity, parts in measured:
            absolute = quantity.statistic is not None and quantity.statistic.absolute
            if absolute and any(_most(_bound(quantity, value) for value in of) for of in zip(*parts, strict=True)):
                return True
    statistic = claim.left.statistic
    if claim.side == "equal" or len(claim.left.sides) != 1 or not claim.right.sides or statistic is None:
        return False
    reached = statistic.at_floor if claim.side == "below" else statistic.at_top
    return _most(reached(trial.right) for trial in trials)


def _bound(quantity: Quantity, value: float) -> bool:
    statistic = quantity.statistic
    return statistic is not None and (statistic.at_floor(value) or statistic.at_top(value))


def _most(found: Iterable[bool]) -> bool:
    every = list(found)
    return sum(every) > len(every) / 2


def p_value(claim: Claim, trials: Sequence[Trial]) -> float | None:
    """Of the claim's order, by a one-sided paired t-test; of its equality, the larger of the two one-sided tests at the
    margin. None for counts, and where there are not all trials or not all numbers."""
    differences = np.array([trial.difference for trial in trials])
    if claim.counted or len(trials) < claim.trials or not np.isfinite(differences).all():
        return None
    if claim.side == "above":
        return above_zero(differences)
    if claim.side == "below":
        return above_zero(-differences)
    if np.ptp(differences) == 0:  # the same in every trial: within the margin, whose ends belong to it, or not
        return float(abs(differences[0]) > claim.margin)
    return max(above_zero(differences + claim.margin), above_zero(claim.margin - differences))


def above_zero(values: np.ndarray) -> float:
    """The p-value of the one-sided t-test that the mean of ``values`` (n,) is above zero."""
    error = values.std(ddof=1) / math.sqrt(len(values))
    if error == 0:
        return float(values.mean() <= 0)
    return float(stdtr(len(values) - 1, -values.mean() / error))


def survivors(values: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Which of several p-values survive Holm's correction at a level for all of them together (Holm 1979): the k-th
    smallest of m, from 0, is compared with level / (m - k), up to the first that does not pass."""
    found = [False] * len(values)
    for rank, place in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        if values[place] > level / (len(values) - rank):
            break
        found[place] = True
    return found
