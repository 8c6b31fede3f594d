"""Verdicts against numbers made by hand, and claims that make no sense."""

import math
from dataclasses import replace

import pytest

from cltutor.studies.claims.claim import Claim, Constant, Measure, Quantity, trained, verdict

ACCURACY = Measure("accuracy, %", lambda stream, run: 0.0)
LWF, FINETUNE = ACCURACY.on("lwf"), ACCURACY.on("finetune")
ABOVE = Claim("lwf", "section 1", "One is better.", "accuracy, %", LWF, "above", FINETUNE)
BELOW = replace(ABOVE, side="below")
EQUAL = replace(ABOVE, side="equal", margin=2.0)
COUNTED = replace(EQUAL, margin=0.005, trials=1, counted=True)

# Mean 2, standard deviation 1, three trials: t = 4.303, half width 4.303 / sqrt(3) = 2.484.
WIDE = [1.0, 2.0, 3.0]
# Mean 2, standard deviation 0.1: half width 0.248.
NARROW = [1.9, 2.0, 2.1]
ZEROS = [0.0, 0.0, 0.0]


def shifted(by):
    return [difference + by for difference in NARROW]


def within(margin):
    return replace(EQUAL, margin=margin)


@pytest.mark.parametrize(
    ("claim", "differences", "word"),
    [
        # Order: the side of zero on which the interval lies.
        *((ABOVE, NARROW, "holds here"), (ABOVE, shifted(-4.0), "does not hold here"), (ABOVE, WIDE, "undecided")),
        *((BELOW, NARROW, "does not hold here"), (BELOW, shifted(-4.0), "holds here"), (BELOW, WIDE, "undecided")),
        *((claim, ZEROS, "undecided") for claim in (ABOVE, BELOW)),
        # Equality: the margin. Shifted by -2 the interval is -0.248 to 0.248, as it is 1.752 to 2.248.
        (within(2.0), shifted(-2.0), "holds here"),
        (within(0.25), shifted(-2.0), "holds here"),
        (within(0.24), shifted(-2.0), "undecided"),
        (within(2.0), NARROW, "undecided"),
        (within(2.25), NARROW, "holds here"),
        (within(1.75), NARROW, "does not hold here"),
        (within(1.75), shifted(-4.0), "does not hold here"),
        (within(2.0), shifted(-4.0), "undecided"),
        *((within(0.0), ZEROS, "holds here"), (within(0.0), [0.1, 0.1, 0.1], "does not hold here")),
        # A trial without a number, a single one, and a count, which needs no more.
        *((claim, [*NARROW, bad], "undecided") for claim in (ABOVE, BELOW, EQUAL) for bad in (math.nan, math.inf)),
        *((ABOVE, [5.0], "undecided"), (ABOVE, [], "not run")),
        *((COUNTED, [0.003], "holds here"), (COUNTED, [-0.006], "does not hold here")),
    ],
)
def test_a_claim_is_decided_by_where_the_interval_of_its_differences_lies(claim, differences, word):
    assert verdict(claim, differences) == word


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"paper": "icarl"}, "paper is one of lwf, mas"),
        ({"side": "near"}, "side is one of above, below, equal, not 'near'"),
        ({"margin": 1.0}, "margin belongs to a claim of equality, not to one of 'above'"),
        ({"trials": 1}, "trials is 2 or more, not 1: one trial has no interval"),
    ],
)
def test_a_claim_that_cannot_be_decided_is_refused(changed, words):
    with pytest.raises(ValueError, match=words):
        replace(ABOVE, **changed)


def test_a_comparison_says_what_is_compared_and_within_what():
    assert ABOVE.comparison == "lwf > finetune"
    changed = replace(EQUAL, left=ACCURACY.on(trained("lwf", loss="l1")), right=Quantity("0", Constant(0)))
    assert changed.comparison == "lwf (loss=l1) = 0 ± 2"


def test_numbers_belong_to_a_claim_as_it_was_when_they_were_made():
    same = replace(ABOVE, sentence="In other words.", place="Table 9")
    other = [
        *(BELOW, EQUAL, replace(EQUAL, margin=1.0), replace(ABOVE, trials=6)),
        replace(ABOVE, statistic="top-5 accuracy, %"),
    ]
    assert same.code == ABOVE.code
    assert len({ABOVE.code, *(claim.code for claim in other)}) == 6


def test_a_run_that_both_sides_need_is_needed_once():
    assert replace(ABOVE, right=ACCURACY.on(trained("lwf"), "the same")).runs == (trained("lwf"),)
