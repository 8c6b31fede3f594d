"""The algebra of losses, and what a batch computes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cltutor.losses import Anchor, Batch, CrossEntropy, Distillation
from cltutor.losses.terms import as_loss

weights = st.floats(0, 1e6, allow_nan=False)


@given(weights, weights, weights)
def test_sums_keep_the_order_of_their_terms_and_weights_multiply_through_them(a, b, c):
    loss = a * (b * CrossEntropy() + c * Distillation()) + Anchor()
    assert [term for _, term in loss.terms] == [CrossEntropy(), Distillation(), Anchor()]
    assert [weight for weight, _ in loss.terms] == pytest.approx([a * b, a * c, 1])
    assert CrossEntropy() + (Distillation() + Anchor()) == (CrossEntropy() + Distillation()) + (1 * Anchor())


@given(weights)
def test_the_printed_loss_names_its_weights_exactly(weight):
    ((again, _),) = eval(repr(weight * Anchor()), {"Anchor": lambda: 1 * Anchor()}).terms
    assert again == weight


def test_a_loss_prints_as_the_sum_that_makes_it():
    loss = CrossEntropy() + 0.5 * Distillation(temperature=3.0) + 1 / 3 * Anchor()
    assert repr(loss) == "CrossEntropy() + 0.5 * Distillation(temperature=3.0) + 0.3333333333333333 * Anchor()"
    assert repr(np.float64(0.25) * CrossEntropy()) == "0.25 * CrossEntropy()"


@pytest.mark.parametrize("weight", [-1, -1e-9, float("nan"), float("inf")])
@pytest.mark.parametrize("weighed", [CrossEntropy(), 1 * CrossEntropy()])
def test_a_weight_is_a_finite_number_from_zero_up(weight, weighed):
    with pytest.raises(ValueError, match="a finite number from 0 up"):
        weight * weighed


@pytest.mark.parametrize("value", [1, None, "CrossEntropy()"])
def test_what_is_no_loss_is_refused(value):
    for make in (lambda: CrossEntropy() + value, lambda: value + CrossEntropy()):
        with pytest.raises(TypeError):
            make()
    with pytest.raises(ValueError, match="A loss is a term or a weighted sum"):
        as_loss(value)


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
