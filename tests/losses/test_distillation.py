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


def softened(logits: list[float], temperature: float) -> list[float]:
    """Eq. 3 as printed: probabilities to the power of 1/T, normalised."""
    powers = [p ** (1 / temperature) for p in probabilities(logits)]
    return [power / sum(powers) for power in powers]


def cross_entropy(logits: list[float], targets: list[float], temperature: float = 1.0) -> float:
    """Eq. 2 as printed."""
    pairs = zip(softened(targets, temperature), softened(logits, temperature), strict=True)
    return -sum(y * math.log(y_hat) for y, y_hat in pairs)


def distance(logits: list[float], targets: list[float], power: int) -> float:
    """Table 2c: the distance of probabilities, summed over classes."""
    return sum(abs(y - p) ** power for y, p in zip(probabilities(targets), probabilities(logits), strict=True))


def sigmoids(logits: list[float], targets: list[float], both: bool) -> float:
    """LwM, eq. 1 as printed, or ``both`` halves of a binary cross-entropy."""
    total = 0.0
    for x, t in zip(logits, targets, strict=True):
        p, q = 1 / (1 + math.exp(-x)), 1 / (1 + math.exp(-t))
        total -= q * math.log(p) + both * (1 - q) * math.log(1 - p)
    return total


KINDS = {
    "softmax": cross_entropy,
    "cross_entropy": lambda z, y, _: cross_entropy(z, y),
    "l1": lambda z, y, _: distance(z, y, 1),
    "l2": lambda z, y, _: distance(z, y, 2),
    "sigmoid": lambda z, y, _: sigmoids(z, y, True),
    "sigmoid_as_printed": lambda z, y, _: sigmoids(z, y, False),
}
EVERY = pytest.mark.parametrize("kind", KINDS)


def of_kind(kind: str, temperature: float = 3.0, joined: bool = False) -> Distillation:
    """The term, at this temperature if it has one."""
    return Distillation(temperature if kind == "softmax" else 2.0, kind, joined)


def by_hand(kind: str, logits: Tensor, targets: Tensor, temperature: float = 3.0) -> float:
    """Image by image, averaged over the batch."""
    rows = zip(logits.tolist(), targets.tolist(), strict=True)
    return sum(KINDS[kind](z, y, temperature) for z, y in rows) / len(logits)


def draw(seed: int, *shape: int) -> Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@st.composite
def two_outputs(draw_from) -> tuple[Tensor, Tensor]:
    """Logits of student and teacher, (N, C) each."""
    images, classes = draw_from(st.integers(1, 4)), draw_from(st.integers(2, 5))
    row = st.lists(st.floats(-6, 6), min_size=classes, max_size=classes)
    both = [draw_from(st.lists(row, min_size=images, max_size=images)) for _ in range(2)]
    return tuple(torch.tensor(rows, dtype=torch.float64) for rows in both)


@EVERY
@given(two_outputs(), st.floats(0.5, 10))
def test_every_kind_is_its_equation_summed_over_classes_and_averaged_over_the_batch(kind, outputs, temperature):
    expected = pytest.approx(by_hand(kind, *outputs, temperature), rel=1e-9, abs=1e-12)
    assert of_kind(kind, temperature).compare(*outputs).item() == expected
    functions = {"softmax": lambda *pair: distillation(*pair, temperature), "l1": l1, "l2": l2}
    if kind in functions:
        assert functions[kind](*outputs).item() == expected


@EVERY
def test_gradients_equal_finite_differences_and_targets_are_constants(kind, numerical_gradient):
    logits, targets = draw(0, 3, 4).requires_grad_(), draw(1, 3, 4).requires_grad_()
    compare = of_kind(kind).compare
    gradient, to_teacher = torch.autograd.grad(compare(logits, targets), (logits, targets), allow_unused=True)
    assert to_teacher is None
    numerical = numerical_gradient(lambda z: compare(z, targets), logits)
    torch.testing.assert_close(gradient, numerical, atol=1e-8, rtol=1e-6)


@EVERY
def test_the_term_sums_over_old_tasks_or_joins_their_classes_and_moves_no_new_head(kind, make_batch):
    logits, recorded = draw(0, 5, 9), draw(1, 5, 5)
    apart = by_hand(kind, logits[:, :2], recorded[:, :2]) + by_hand(kind, logits[:, 2:5], recorded[:, 2:])
    for joined, expected in ((False, apart), (True, by_hand(kind, logits[:, :5], recorded))):
        batch = make_batch(logits, [2, 3, 4], recorded=recorded)
        value = of_kind(kind, joined=joined)(batch, {})
        assert value.item() == pytest.approx(expected)
        value.backward()
        gradient = batch.context.network.table.grad
        assert (gradient[:, :5].abs() > 0).all()
        assert (gradient[:, 5:] == 0).all()


def test_temporary_distillation_compares_the_newest_head_alone(make_batch):
    logits, recorded = draw(0, 5, 5), draw(1, 5, 5)
    batch = make_batch(logits, [2, 3], recorded=recorded, teacher="phase")
    value = TemporaryDistillation(temperature=3.0)(batch, {})
    assert value.item() == pytest.approx(by_hand("softmax", logits[:, 2:], recorded[:, 2:]))


@EVERY
@pytest.mark.parametrize("joined", [False, True])
def test_over_all_it_compares_every_head_old_and_new(kind, joined, make_batch):
    logits, recorded = draw(0, 5, 9), draw(1, 5, 9)
    heads = [slice(0, 9)] if joined else [slice(0, 2), slice(2, 5), slice(5, 9)]
    batch = make_batch(logits, [2, 3, 4], recorded=recorded, teacher="phase")
    value = TemporaryDistillation(of_kind(kind).temperature, kind, joined, over="all")(batch, {})
    assert value.item() == pytest.approx(sum(by_hand(kind, logits[:, own], recorded[:, own]) for own in heads))
    value.backward()
    assert (batch.context.network.table.grad.abs() > 0).all()


@pytest.mark.parametrize("kind", ["softmax", "l2", "sigmoid"])
@pytest.mark.parametrize("classes", [(2, 2, 2, 3), (3, 2, 3, 2), (1, 1, 1, 1), (4, 1, 2, 2)])
def test_old_tasks_of_any_sizes_count_alike_whether_compared_at_once_or_one_by_one(classes, kind, make_batch):
    old = sum(classes[:-1])
    logits, recorded = torch.randn(5, sum(classes)), torch.randn(5, old)
    term = Distillation(kind=kind)
    pairs = zip(logits[:, :old].split(classes[:-1], 1), recorded.split(classes[:-1], 1), strict=True)
    expected = sum(term.compare(one, other) for one, other in pairs)
    torch.testing.assert_close(term(make_batch(logits, classes, recorded=recorded), {}), expected)
