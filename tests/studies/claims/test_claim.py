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


@pytest.mark.parametrize(
    ("claim", "differences", "word"),
    [
        (ABOVE, NARROW, "holds here"),
        (ABOVE, WIDE, "undecided"),
        (ABOVE, [-d for d in NARROW], "does not hold here"),
        (BELOW, NARROW, "does not hold here"),
        (BELOW, WIDE, "undecided"),
        (BELOW, [-d for d in NARROW], "holds here"),
        (ABOVE, [0.0, 0.0, 0.0], "undecided"),
        (BELOW, [0.0, 0.0, 0.0], "undecided"),
    ],
)
def test_a_claim_of_order_is_decided_by_the_side_of_zero_on_which_its_interval_lies(claim, differences, word):
    assert verdict(claim, differences) == word


@pytest.mark.parametrize(
    ("shift", "margin", "word"),
    [
        (-2.0, 2.0, "holds here"),  # -0.248 to 0.248
        (-2.0, 0.25, "holds here"),
        (-2.0, 0.24, "undecided"),
        (0.0, 2.0, "undecided"),  # 1.752 to 2.248
        (0.0, 2.25, "holds here"),
        (0.0, 1.75, "does not hold here"),
        (-4.0, 1.75, "does not hold here"),
        (-4.0, 2.0, "undecided"),
    ],
)
def test_a_claim_of_equality_is_decided_by_its_margin(shift, margin, word):
    assert verdict(replace(EQUAL, margin=margin), [d + shift for d in NARROW]) == word


def test_an_equality_with_no_margin_holds_for_equals_alone():
    exact = replace(EQUAL, margin=0.0)
    assert verdict(exact, [0.0, 0.0, 0.0]) == "holds here"
    assert verdict(exact, [0.1, 0.1, 0.1]) == "does not hold here"


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("claim", [ABOVE, BELOW, EQUAL])
def test_a_trial_without_a_number_leaves_the_claim_undecided(claim, bad):
    assert verdict(claim, [*NARROW, bad]) == "undecided"


def test_one_trial_decides_nothing_unless_it_is_a_count_and_none_is_not_run():
    assert verdict(ABOVE, [5.0]) == "undecided"
    assert verdict(COUNTED, [0.003]) == "holds here"
    assert verdict(COUNTED, [-0.006]) == "does not hold here"
    assert verdict(ABOVE, []) == "not run"


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
