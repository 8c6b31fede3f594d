"""Verdicts and p-values against numbers made by hand, and against scipy's own tests."""

import math

import numpy as np
import pytest
from claiming import LWF, claim, constant, quantity, side
from scipy import stats

from cltutor.studies.claims import deciding
from cltutor.studies.claims.claim import Range
from cltutor.studies.claims.deciding import Trial, p_value, survivors, verdict

ABOVE, BELOW = claim(trials=3), claim(side="below", trials=3)
EQUAL = claim(side="equal", margin=2.0, trials=3)
# Mean 2, standard deviation 1, three trials: t = 4.303, half width 4.303 / sqrt(3) = 2.484.
WIDE = [1.0, 2.0, 3.0]
# Mean 2, standard deviation 0.1: half width 0.248.
NARROW = [1.9, 2.0, 2.1]
ZEROS = [0.0, 0.0, 0.0]


def trials(differences, left=50.0, latest=0.0, parts=None):
    """Trials with these differences, whose sides are accuracies around ``left``."""
    made = []
    for number, gap in enumerate(differences):
        lefts, rights = ((left,), (left - gap,)) if parts is None else parts
        made.append(Trial(number, left, left - gap, lefts, rights, latest))
    return made


def shifted(by):
    return [difference + by for difference in NARROW]


def within(margin):
    return claim(side="equal", margin=margin, trials=3)


@pytest.mark.parametrize(
    ("claim", "differences", "word"),
    [
        # Order: the side of zero on which the interval lies.
        *((ABOVE, NARROW, "holds here"), (ABOVE, shifted(-4.0), "does not hold here"), (ABOVE, WIDE, "undecided")),
        *((BELOW, NARROW, "does not hold here"), (BELOW, shifted(-4.0), "holds here"), (BELOW, WIDE, "undecided")),
        *((one, ZEROS, "undecided") for one in (ABOVE, BELOW)),
        # Equality: the margin. Shifted by -2 the interval is -0.248 to 0.248, as it is 1.752 to 2.248.
        (within(2.0), shifted(-2.0), "holds here"),
        (within(0.25), shifted(-2.0), "holds here"),
        (within(0.24), shifted(-2.0), "undecided"),
        (within(2.0), NARROW, "undecided"),
        (within(2.25), NARROW, "holds here"),
        (within(1.75), NARROW, "does not hold here"),
        (within(1.75), shifted(-4.0), "does not hold here"),
        *((within(0.0), ZEROS, "holds here"), (within(0.0), [0.1, 0.1, 0.1], "does not hold here")),
        # A trial without a number, and too few.
        *((one, [2.0, 2.1, bad], "undecided") for one in (ABOVE, BELOW, EQUAL) for bad in (math.nan, math.inf)),
        *((ABOVE, NARROW[:2], "not run yet"), (ABOVE, [], "not run yet")),
    ],
)
def test_a_claim_is_decided_by_where_the_interval_of_its_differences_lies(claim, differences, word):
    assert verdict(claim, trials(differences)) == word


@pytest.mark.parametrize("bound", [0.0, 0.5, 99.5, 100.0])
def test_a_saturated_side_decides_nothing(bound):
    """Planted: differences that would hold, where one side is at its bound in two of three trials."""
    at_bound = [Trial(n, 50.0, 48.0 + n / 10, (50.0,), (48.0 if n == 0 else bound,)) for n in range(3)]
    assert verdict(ABOVE, at_bound) == deciding.CEILING
    once = [Trial(n, 50.0, 48.0 + n / 10, (50.0,), (bound if n == 0 else 48.0,)) for n in range(3)]
    assert verdict(ABOVE, once) == "holds here"
    inside = min(max(bound, 0.6), 99.4)
    assert verdict(ABOVE, [Trial(n, 50.0, 48.0 + n / 10, (inside,), (48.0,)) for n in range(3)]) == "holds here"


def test_a_claim_about_the_bound_itself_may_be_decided_there():
    forgets = claim(LWF, constant(0.0), side="equal", margin=2.0, differs=(), also={}, trials=3)
    assert verdict(forgets, [Trial(n, 0.1, 0.0, (0.1,)) for n in range(3)]) == "holds here"


def test_epochs_at_the_first_and_drops_at_none_leave_no_room():
    networks = side("dfcnn", "few images"), side("single_task", "few images")
    own = {"statistic": "epochs", "side": "below", "differs": ("network",), "also": {}, "trials": 3}
    images = Range("training images per class", 17, 42, "17 and 42")
    first = claim(*networks, range=images, **own)
    assert verdict(first, [Trial(n, 1.0, 3.0 + n / 10, (1.0,), (3.0,)) for n in range(3)]) == deciding.CEILING
    # Twice an epoch is two at least: a side that needs two cannot be undercut.
    twice = claim(
        quantity(networks[0], statistic="twice the epochs"),
        quantity(networks[1], statistic="epochs"),
        range=images,
        **own,
    )
    assert verdict(twice, [Trial(n, 4.0, 2.0, (4.0,), (2.0,)) for n in range(3)]) == deciding.CEILING
    assert verdict(twice, [Trial(n, 4.0 + n / 10, 2.1, (4.0,), (2.1,)) for n in range(3)]) == "does not hold here"
    forgets = claim(statistic="drop", side="below", trials=3)
    assert verdict(forgets, [Trial(n, -1.0 - n / 10, 0.4, (-1.0,), (0.4,)) for n in range(3)]) == deciding.CEILING


def test_runs_whose_peak_comes_late_have_not_converged():
    assert verdict(ABOVE, trials(NARROW, latest=0.76)) == deciding.UNCONVERGED
    assert verdict(ABOVE, trials(NARROW, latest=0.75)) == "holds here"


def test_what_cannot_fail_is_not_counted_as_holding_and_may_still_be_contradicted():
    built = claim(construction="it is so", trials=3)
    assert verdict(built, trials(NARROW)) == deciding.CONSTRUCTION
    assert verdict(built, trials(shifted(-4.0))) == "does not hold here"


GENERATOR = np.random.default_rng(0)
SAMPLES = [GENERATOR.normal(mean, 1.0, 10) for mean in (-1.0, 0.0, 0.3, 2.0)]


@pytest.mark.parametrize("differences", SAMPLES, ids=["below", "none", "little", "above"])
def test_p_values_are_those_of_scipys_t_tests(differences):
    right = GENERATOR.normal(50.0, 3.0, 10)
    left = right + differences
    made = [Trial(n, a, b) for n, (a, b) in enumerate(zip(left, right, strict=True))]
    for direction, word in (("greater", "above"), ("less", "below")):
        expected = stats.ttest_rel(left, right, alternative=direction).pvalue
        assert p_value(claim(side=word), made) == pytest.approx(expected, rel=1e-9)
    lower = stats.ttest_1samp(left - right, -2.0, alternative="greater").pvalue
    upper = stats.ttest_1samp(left - right, 2.0, alternative="less").pvalue
    assert p_value(claim(side="equal", margin=2.0), made) == pytest.approx(max(lower, upper), rel=1e-9)


def test_a_claim_holds_exactly_where_its_p_value_is_below_the_level():
    for gap in np.linspace(-3, 3, 61):
        for one in (ABOVE, BELOW, EQUAL):
            made = trials([gap - 0.5, gap, gap + 0.6])
            assert (p_value(one, made) < deciding.LEVEL) == (verdict(one, made) == "holds here")


def test_there_is_no_p_value_of_too_few_trials_or_of_one_that_diverged():
    assert p_value(ABOVE, trials(NARROW[:2])) is None
    assert p_value(ABOVE, trials([*NARROW[:2], math.nan])) is None
    assert p_value(ABOVE, trials([1.0, 1.0, 1.0])) == 0
    assert p_value(ABOVE, trials(ZEROS)) == 1
    assert p_value(within(0.0), trials(ZEROS)) == 0
    assert p_value(within(2.0), trials([2.5, 2.5, 2.5])) == 1


def test_holm_compares_the_smallest_with_the_level_over_all_and_stops_at_the_first_that_fails():
    # Level 0.025 over four: 0.00625, 0.00833, 0.0125, 0.025.
    assert survivors([0.02, 0.001, 0.008, 0.013]) == [False, True, True, False]
    assert survivors([0.02, 0.001, 0.009, 0.001]) == [True, True, True, True]
    assert survivors([0.007, 0.5, 0.5, 0.5]) == [False] * 4
    assert survivors([]) == []
