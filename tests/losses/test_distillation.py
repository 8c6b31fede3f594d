"""LwF, section 3, eq. 2 and 3 and Table 2c, against loops over plain numbers."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from cltutor.losses import Distillation, distillation, l1, l2


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
    total = 0.0
    for current, recorded in zip(logits.tolist(), targets.tolist(), strict=True):
        pairs = zip(probabilities(recorded), probabilities(current), strict=True)
        total += sum(abs(y - y_hat) ** power for y, y_hat in pairs)
    return total / len(logits)


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
    logits, targets = outputs
    expected = by_hand(logits, targets, temperature)
    assert distillation(logits, targets, temperature).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 3.5])
def test_the_gradient_of_distillation_is_softmax_minus_target_over_T_and_N(temperature, numerical_gradient):
    logits, targets = draw(0, 3, 4).requires_grad_(), draw(1, 3, 4)
    (gradient,) = torch.autograd.grad(distillation(logits, targets, temperature), logits)
    torch.testing.assert_close(gradient, numerical_gradient(lambda z: distillation(z, targets, temperature), logits))
    for row, current, recorded in zip(gradient.tolist(), logits.tolist(), targets.tolist(), strict=True):
        new, old = soften(probabilities(current), temperature), soften(probabilities(recorded), temperature)
        assert row == pytest.approx([(a - b) / (temperature * 3) for a, b in zip(new, old, strict=True)])


@pytest.mark.parametrize("loss", [l1, l2])
def test_the_gradients_of_l1_and_l2_equal_finite_differences(loss, numerical_gradient):
    logits, targets = draw(0, 3, 4).requires_grad_(), draw(1, 3, 4)
    (gradient,) = torch.autograd.grad(loss(logits, targets), logits)
    torch.testing.assert_close(gradient, numerical_gradient(lambda z: loss(z, targets), logits), atol=1e-8, rtol=1e-6)


@given(two_outputs(), temperatures)
def test_no_student_is_better_than_the_teacher_itself(outputs, temperature):
    other, teacher = outputs
    assert distillation(other, teacher, temperature) >= distillation(teacher, teacher, temperature) - 1e-9
    equal = teacher.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(distillation(equal, teacher, temperature), equal)
    assert gradient.abs().max() < 1e-9


@given(two_outputs())
def test_l1_and_l2_sum_over_classes_the_distance_of_probabilities(outputs):
    logits, targets = outputs
    assert l1(logits, targets).item() == pytest.approx(distance_by_hand(logits, targets, 1), rel=1e-9, abs=1e-12)
    assert l2(logits, targets).item() == pytest.approx(distance_by_hand(logits, targets, 2), rel=1e-9, abs=1e-12)


# The term


def test_the_term_sums_over_old_tasks_with_a_softmax_for_each(make_batch):
    logits, recorded = draw(0, 5, 9), draw(1, 5, 5)
    batch = make_batch(logits, [2, 3, 4], recorded=recorded)
    expected = by_hand(logits[:, :2], recorded[:, :2], 2.0) + by_hand(logits[:, 2:5], recorded[:, 2:], 2.0)
    value = Distillation(temperature=2.0)(batch, {}).item()
    assert value == pytest.approx(expected)
    assert value != pytest.approx(by_hand(logits[:, :5], recorded, 2.0), rel=1e-2)  # one softmax over all old classes


@pytest.mark.parametrize(
    ("kind", "function"),
    [
        ("softmax", lambda z, y: by_hand(z, y, 3.0)),
        ("cross_entropy", lambda z, y: by_hand(z, y, 1.0)),
        ("l1", lambda z, y: distance_by_hand(z, y, 1)),
        ("l2", lambda z, y: distance_by_hand(z, y, 2)),
    ],
)
def test_every_kind_of_table_2c_is_what_its_name_says(kind, function, make_batch):
    logits, recorded = draw(0, 4, 5), draw(1, 4, 3)
    value = Distillation(temperature=3.0, kind=kind)(make_batch(logits, [3, 2], recorded=recorded), {})
    assert value.item() == pytest.approx(function(logits[:, :3], recorded))


def test_the_term_pulls_on_the_old_heads_and_not_on_the_new(make_batch):
    batch = make_batch(draw(0, 4, 5), [3, 2], recorded=draw(1, 4, 3))
    Distillation()(batch, {}).backward()
    gradient = batch.context.network.table.grad
    assert (gradient[:, :3].abs() > 0).all()
    assert (gradient[:, 3:] == 0).all()


def test_sigmoid_distillation_is_a_binary_cross_entropy_summed_over_classes_and_averaged_over_the_batch():
    logits, targets = torch.randn(3, 4, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    expected = printed = 0.0
    for row, taught in zip(logits.tolist(), targets.tolist(), strict=True):
        for x, t in zip(row, taught, strict=True):
            p, q = 1 / (1 + math.exp(-x)), 1 / (1 + math.exp(-t))
            expected -= (q * math.log(p) + (1 - q) * math.log(1 - p)) / 3
            printed -= q * math.log(p) / 3
    assert Distillation(kind="sigmoid").compare(logits, targets).item() == pytest.approx(expected)
    assert Distillation(kind="sigmoid_as_printed").compare(logits, targets).item() == pytest.approx(printed)


def test_only_the_full_form_of_sigmoid_distillation_has_its_minimum_at_the_teacher():
    taught = torch.randn(3, 4, dtype=torch.float64)
    sizes = {}
    for kind in ("sigmoid", "sigmoid_as_printed"):
        logits = taught.clone().requires_grad_()
        Distillation(kind=kind).compare(logits, taught).backward()
        sizes[kind] = logits.grad
    assert sizes["sigmoid"].abs().max() < 1e-12
    assert (sizes["sigmoid_as_printed"] < -1e-3).all()  # every logit shall grow


def test_joined_distillation_takes_one_softmax_over_all_old_classes(make_batch):
    logits, recorded = torch.randn(3, 6, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    batch = make_batch(logits, (2, 2, 2), recorded=recorded)
    expected = distillation(logits[:, :4], recorded, 2.0).item()
    assert Distillation(joined=True)(batch, {}).item() == pytest.approx(expected)
    assert Distillation()(batch, {}).item() != pytest.approx(expected)
