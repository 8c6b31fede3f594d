"""The algebra of losses, and what a batch computes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cltutor.losses import Anchor, Batch, CrossEntropy, Distillation
from cltutor.losses.terms import as_loss

weights = st.floats(0, 1e6, allow_nan=False)


def test_a_sum_of_terms_keeps_their_order_and_gives_each_the_weight_one():
    loss = CrossEntropy() + Distillation() + Anchor()
    assert loss.terms == ((1.0, CrossEntropy()), (1.0, Distillation()), (1.0, Anchor()))
    assert CrossEntropy() + (Distillation() + Anchor()) == loss
    assert (CrossEntropy() + Distillation()) + (1 * Anchor()) == loss


@given(weights, weights, weights)
def test_weights_multiply_through_sums(a, b, c):
    loss = a * (b * CrossEntropy() + c * Distillation())
    assert [term for _, term in loss.terms] == [CrossEntropy(), Distillation()]
    assert [weight for weight, _ in loss.terms] == pytest.approx([a * b, a * c])


@given(weights)
def test_the_printed_loss_names_its_weights_exactly(weight):
    ((again, _),) = eval(repr(weight * Anchor()), {"Anchor": lambda: 1 * Anchor()}).terms
    assert again == weight


def test_a_loss_prints_as_the_sum_that_makes_it():
    loss = CrossEntropy() + 0.5 * Distillation(temperature=3.0) + 1 / 3 * Anchor()
    assert repr(loss) == "CrossEntropy() + 0.5 * Distillation(temperature=3.0) + 0.3333333333333333 * Anchor()"
    assert repr(np.float64(0.25) * CrossEntropy()) == "0.25 * CrossEntropy()"


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        *((lambda w=w: w * CrossEntropy(), ValueError, "a finite number from 0 up") for w in (-1, -1e-9)),
        *((lambda w=w: w * (1 * CrossEntropy()), ValueError, "a finite number") for w in (float("nan"), float("inf"))),
        (lambda: "2" * CrossEntropy(), TypeError, None),
        (lambda: CrossEntropy() + 1, TypeError, None),
        (lambda: 1 + CrossEntropy(), TypeError, None),
        *(
            (lambda v=v: as_loss(v), ValueError, "A loss is a term or a weighted sum")
            for v in (5, None, "CrossEntropy()")
        ),
    ],
)
def test_what_is_no_loss_is_refused(make, error, sentence):
    with pytest.raises(error, match=sentence):
        make()


def test_terms_of_the_same_class_are_numbered_and_others_bear_the_name_of_their_class():
    loss = CrossEntropy() + 2 * Distillation() + 3 * Distillation(kind="l1")
    assert loss.named() == {
        "CrossEntropy": (1.0, CrossEntropy()),
        "Distillation1": (2.0, Distillation()),
        "Distillation2": (3.0, Distillation(kind="l1")),
    }


def test_the_equation_shows_each_weight_and_powers_of_ten_as_powers():
    loss = CrossEntropy() + 0.5 * Distillation() + 1e-7 * Anchor()
    equation = loss.latex("task")
    assert r"+ 0.5\,\Big(" in equation
    assert r"1 \cdot 10^{-7}\,\sum_k" in equation
    assert "e-" not in equation


def test_a_batch_computes_student_and_teacher_once_for_all_terms(make_batch):
    one, seen = make_batch(torch.zeros(2, 4), [2, 2], recorded=torch.zeros(2, 2)), []
    teachers = {"task": lambda batch: seen.append(batch) or one.teacher("task")}
    batch = Batch(one.context, one.images, one.labels, one.places, one.tasks, one.task_of, "task", teachers)
    for term in (CrossEntropy(), Distillation(), Distillation(kind="l1"), Distillation(kind="l2")):
        term(batch, {})
    assert one.context.network.calls == 1
    assert seen == [batch]
