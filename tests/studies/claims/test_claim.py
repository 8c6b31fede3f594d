"""Unfair claims, one planted for each rule: all are refused before anything is trained."""

from dataclasses import replace

import pytest
from claiming import ALSO, FINETUNE, LWF, TASKS, claim, constant, quantity, side

from cltutor.studies.claims.claim import Quantity, Range
from cltutor.studies.claims.measures import STATISTICS


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        ({"right": side("finetune", warm_up=True, learning_rate=0.05)}, "learning rate (0.01 and 0.05)"),
        ({"right": side("finetune")}, "warm-up of the new head (20% of the epochs and 0% of the epochs)"),
        (
            {"right": side("finetune", warm_up=True, augmentation="PhotometricCropFlip()")},
            "augmentation (None and PhotometricCropFlip())",
        ),
        ({"right": side("finetune", warm_up=True, momentum=0.5)}, "schedule ("),
        ({"right": side("finetune", warm_up=True, noise="GradientNoise()")}, "noise of the gradients"),
        ({"right": side("finetune", warm_up=True, backbone="SmallCNN((8, 8))")}, "network ("),
        ({"right": side("joint", warm_up=True)}, "memory (None and Everything"),
        ({"right": side("imm_mean", warm_up=True)}, "step after a task (Unmerged() and MeanMerge())"),
        ({"right": side("finetune", warm_up=True, heads="class")}, "classes that compete (task and class)"),
        ({"right": side("finetune", "four tasks", warm_up=True)}, "stream (scenes: 10+10 classes"),
        ({"differs": ()}, "terms of the loss (CrossEntropy() + Distillation() and CrossEntropy())"),
        ({"also": {}}, "what learns ("),
    ],
)
def test_what_differs_beyond_the_claimed_ingredient_is_refused(planted, words):
    with pytest.raises(ValueError, match="differs in more than the claimed ingredient") as refused:
        claim(**planted)
    assert words in str(refused.value)


def test_recipes_that_train_different_numbers_of_images_are_refused_also_where_only_the_epochs_differ():
    with pytest.raises(ValueError, match=r"training images \(8000 image views and 5200 image views\)"):
        claim(right=side("finetune", "pair, 30 %", warm_up=True))
    with pytest.raises(ValueError, match=r"training images \(8000 image views and 24000 image views\)"):
        claim(right=side("finetune", warm_up=True, epochs=30))


def test_a_declared_difference_is_printed_and_kept():
    declared = claim(right=side("finetune"), also={**ALSO, "warm-up": "it is LwF's own"})
    assert set(declared.differences) == {"terms", "phases", "warm-up"}


@pytest.mark.parametrize("count", [3, 4])
def test_a_best_of_several_is_no_side(count):
    several = tuple(side(name) for name in ("imm_mean", "imm_mode", "si", "mas")[:count])
    with pytest.raises(ValueError, match="not the best of several"):
        Quantity("the best", STATISTICS["old"], several)
    with pytest.raises(ValueError, match="not the best of several"):
        Quantity("the best", STATISTICS["old"], ((LWF, FINETUNE),))


def test_a_claim_outside_the_papers_range_is_refused():
    eight = side("lwf", "eight tasks"), side("finetune", "eight tasks", warm_up=True)
    words = "lwf is outside the paper's range: tasks 2 to 4, and eight tasks has 8"
    with pytest.raises(ValueError, match=words):
        claim(*eight)
    one = side("lwf_mc", "10 a step"), side("lwf_mc", "10 a step", label="C", beta=0.0)
    with pytest.raises(ValueError, match="classes per step, % of all 2 to 20, and 10 a step has 50"):
        claim(*one, range=Range("classes per step, % of all", 2, 20, "2 to 20 of 100"))
    with pytest.raises(ValueError, match="needs the range in which the paper makes the claim"):
        claim(range=None)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"paper": "icarl"}, "paper is one of lwf, mas"),
        ({"place": " "}, "place is text on one line"),
        ({"side": "near"}, "side is one of above, below, equal, not 'near'"),
        ({"margin": 1.0}, "margin belongs to a claim of equality, not to one of 'above'"),
        ({"trials": 2}, "trials is 3 or more, not 2: fewer decide nothing"),
        ({"differs": ("luck",)}, "differs"),
    ],
)
def test_a_claim_that_cannot_be_decided_is_refused(changed, words):
    with pytest.raises(ValueError, match=words):
        replace(claim(), **changed)


def test_a_lead_is_compared_within_itself_and_between_streams():
    few = (side("lwf", "pair, 30 %"), side("finetune", "pair, 30 %", warm_up=True))
    lead = claim(few, (LWF, FINETUNE), differs=("terms", "images"))
    assert set(lead.differences) == {"terms", "phases", "images"}
    with pytest.raises(ValueError, match="training images"):
        claim(few, (LWF, FINETUNE))
    with pytest.raises(ValueError, match="warm-up"):
        claim((LWF, side("finetune")), (LWF, FINETUNE))


def test_a_comparison_says_what_is_compared_and_within_what():
    assert claim().comparison == "lwf > finetune"
    assert claim(right=constant(0.0), side="equal", margin=2.0).comparison == "lwf = 0 ± 2"
    assert TASKS.words((LWF,)) == "tasks: two to four in the paper, 2 here"


def test_numbers_belong_to_a_claim_as_it_was_when_they_were_made():
    same = replace(claim(), sentence="In other words.", place="Table 9")
    other = [
        replace(claim(), side="below"),
        claim(side="equal", margin=1.0),
        claim(side="equal", margin=2.0),
        claim(statistic="new"),
        claim(side("lwf", temperature=1.0, label="lwf")),
    ]
    assert same.code == claim().code
    assert len({claim().code, *(one.code for one in other)}) == 6


def test_a_recipe_that_both_sides_have_is_one():
    twice = claim(LWF, quantity(LWF, statistic="new"), differs=(), also={})
    assert twice.sides == (LWF,)
    assert (
        twice.statistic == "accuracy on old tasks at the end, %; against accuracy on each later task right after it, %"
    )
