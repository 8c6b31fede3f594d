"""LwF, section 3, eq. 2 and 3 and Table 2c, and LwM's sigmoids, against loops over plain numbers."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from cltutor.losses import Distillation, TemporaryDistillation, distillation, l1, l2


def probabilities(logits: list[float]) -> list[float]:
    powers = [math.exp(z - max(logits)) for z in logits]
    return [power / sum(powers) for power in powers]


def soften(chances: list[float], temperature: float) -> list[float]:
    """Eq. 3 as printed: probabilities to the power of 1/T, normalised."""
    powers = [p ** (1 / temperature) for p in chances]
    return [power / sum(powers) for power in powers]


def by_hand(logits: Tensor, targets: Tensor, temperature: float) -> float:
    """Eq. 2 as printed, image by image, averaged over the batch."""
    total = 0.0
    for current, recorded in zip(logits.tolist(), targets.tolist(), strict=True):
        new, old = soften(probabilities(current), temperature), soften(probabilities(recorded), temperature)
        total -= sum(y * math.log(y_hat) for y, y_hat in zip(old, new, strict=True))
    return total / len(logits)


def distance_by_hand(logits: Tensor, targets: Tensor, power: int) -> float:
    """Table 2c: the distance of probabilities summed over classes, averaged over the batch."""
    total = 0.0
    for current, recorded in zip(logits.tolist(), targets.tolist(), strict=True):
        pairs = zip(probabilities(recorded), probabilities(current), strict=True)
        total += sum(abs(y - y_hat) ** power for y, y_hat in pairs)
    return total / len(logits)


def sigmoids_by_hand(logits: Tensor, targets: Tensor, both: bool) -> float:
    """LwM, eq. 1 as printed, or ``both`` halves of a binary cross-entropy, averaged over the batch."""
    total = 0.0
    for row, recorded in zip(logits.tolist(), targets.tolist(), strict=True):
        for x, t in zip(row, recorded, strict=True):
            p, q = 1 / (1 + math.exp(-x)), 1 / (1 + math.exp(-t))
            total -= q * math.log(p) + both * (1 - q) * math.log(1 - p)
    return total / len(logits)


KINDS = {
    "softmax": lambda z, y: by_hand(z, y, 3.0),
    "cross_entropy": lambda z, y: by_hand(z, y, 1.0),
    "l1": lambda z, y: distance_by_hand(z, y, 1),
    "l2": lambda z, y: distance_by_hand(z, y, 2),
    "sigmoid": lambda z, y: sigmoids_by_hand(z, y, True),
    "sigmoid_as_printed": lambda z, y: sigmoids_by_hand(z, y, False),
}


def draw(seed: int, *shape: int) -> Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@st.composite
def two_outputs(draw_from) -> tuple[Tensor, Tensor]:
    """Logits of student and teacher, (N, C) each."""
    images, classes = draw_from(st.integers(1, 4)), draw_from(st.integers(2, 5))
    row = st.lists(st.floats(-6, 6), min_size=classes, max_size=classes)
    both = [draw_from(st.lists(row, min_size=images, max_size=images)) for _ in range(2)]
    return tuple(torch.tensor(rows, dtype=torch.float64) for rows in both)


temperatures = st.floats(0.5, 10)


@given(two_outputs(), temperatures)
def test_distillation_is_the_cross_entropy_between_probabilities_raised_to_one_over_T(outputs, temperature):
    expected = by_hand(*outputs, temperature)
    assert distillation(*outputs, temperature).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(two_outputs())
def test_l1_and_l2_sum_over_classes_the_distance_of_probabilities(outputs):
    for power, loss in ((1, l1), (2, l2)):
        assert loss(*outputs).item() == pytest.approx(distance_by_hand(*outputs, power), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 3.5])
def test_the_gradient_of_distillation_is_softmax_minus_target_over_T_and_N(temperature, numerical_gradient):
    logits, targets = draw(0, 3, 4).requires_grad_(), draw(1, 3, 4)
    (gradient,) = torch.autograd.grad(distillation(logits, targets, temperature), logits)
    torch.testing.assert_close(gradient, numerical_gradient(lambda z: distillation(z, targets, temperature), logits))
    for row, current, recorded in zip(gradient.tolist(), logits.tolist(), targets.tolist(), strict=True):
        new, old = soften(probabilities(current), temperature), soften(probabilities(recorded), temperature)
        assert row == pytest.approx([(a - b) / (temperature * 3) for a, b in zip(new, old, strict=True)])


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_equal_finite_differences_and_targets_are_constants(kind, numerical_gradient):
    logits, targets = draw(0, 3, 4).requires_grad_(), draw(1, 3, 4).requires_grad_()
    compare = Distillation(temperature=3.0, kind=kind).compare
    gradient, to_teacher = torch.autograd.grad(compare(logits, targets), (logits, targets), allow_unused=True)
    assert to_teacher is None
    numerical = numerical_gradient(lambda z: compare(z, targets), logits)
    torch.testing.assert_close(gradient, numerical, atol=1e-8, rtol=1e-6)


@given(two_outputs(), temperatures)
def test_no_student_is_better_than_the_teacher_itself(outputs, temperature):
    other, teacher = outputs
    assert distillation(other, teacher, temperature) >= distillation(teacher, teacher, temperature) - 1e-9
    equal = teacher.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(distillation(equal, teacher, temperature), equal)
    assert gradient.abs().max() < 1e-9


def test_only_the_full_form_of_sigmoid_distillation_has_its_minimum_at_the_teacher():
    targets, gradients = draw(0, 3, 4), {}
    for kind in ("sigmoid", "sigmoid_as_printed"):
        logits = targets.clone().requires_grad_()
        (gradients[kind],) = torch.autograd.grad(Distillation(kind=kind).compare(logits, targets), logits)
    assert gradients["sigmoid"].abs().max() < 1e-12
    assert (gradients["sigmoid_as_printed"] < -1e-3).all()  # it pulls every logit up


@pytest.mark.parametrize("kind", KINDS)
def test_the_term_sums_over_old_tasks_or_joins_their_classes_and_moves_no_new_head(kind, make_batch):
    logits, recorded, hand = draw(0, 5, 9), draw(1, 5, 5), KINDS[kind]
    apart = hand(logits[:, :2], recorded[:, :2]) + hand(logits[:, 2:5], recorded[:, 2:])
    for joined, expected in ((False, apart), (True, hand(logits[:, :5], recorded))):
        batch = make_batch(logits, [2, 3, 4], recorded=recorded)
        value = Distillation(temperature=3.0, kind=kind, joined=joined)(batch, {})
        assert value.item() == pytest.approx(expected)
        value.backward()
        gradient = batch.context.network.table.grad
        assert (gradient[:, :5].abs() > 0).all()
        assert (gradient[:, 5:] == 0).all()


def test_temporary_distillation_compares_the_newest_head_alone(make_batch):
    logits, recorded = draw(0, 5, 5), draw(1, 5, 5)
    batch = make_batch(logits, [2, 3], recorded=recorded, teacher="phase")
    value = TemporaryDistillation(temperature=3.0)(batch, {})
    assert value.item() == pytest.approx(by_hand(logits[:, 2:], recorded[:, 2:], 3.0))
