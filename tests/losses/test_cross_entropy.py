"""LwF, eq. 1, over the classes that compete, against loops over plain numbers."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from cltutor.losses import BinaryCrossEntropy, CrossEntropy, compete

CLASSES = [2, 3, 2]
TASK_OF = [0, 0, 1, 1, 1, 2, 2]
MIXED = [0, 1, 2, 4, 5, 6, 3, 6]
HEADS = pytest.mark.parametrize("heads", ["task", "class"])


def by_hand(logits: Tensor, labels: list[int], heads: str) -> float:
    """-y . log yhat of each image, the softmax over the classes that compete, averaged over the batch."""
    total = 0.0
    for row, label in zip(logits.tolist(), labels, strict=True):
        rivals = [c for c in range(len(row)) if heads == "class" or TASK_OF[c] == TASK_OF[label]]
        total -= math.log(math.exp(row[label]) / sum(math.exp(row[c]) for c in rivals))
    return total / len(labels)


def draw(seed: int, *shape: int) -> Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@HEADS
@pytest.mark.parametrize("labels", [[5, 6, 6, 5], MIXED])
def test_a_sum_is_as_many_times_the_mean_as_there_are_images(heads, labels, make_batch):
    batch = make_batch(
        draw(0, len(labels), 7), CLASSES, labels, heads=heads, tasks=sorted({TASK_OF[n] for n in labels})
    )
    summed, mean = (CrossEntropy(reduction)(batch, {}).item() for reduction in ("sum", "mean"))
    assert summed == pytest.approx(len(labels) * mean)
    assert CrossEntropy("sum").latex(heads) == rf"\sum_n {CrossEntropy().latex(heads)}"


@HEADS
@pytest.mark.parametrize("labels", [[5, 6, 6, 5, 5, 6, 6, 6], MIXED])  # of one task, for which there is a short cut
def test_it_is_minus_the_log_of_the_right_probability_among_its_rivals_and_moves_no_other_logit(
    heads, labels, make_batch, numerical_gradient
):
    logits, tasks = draw(0, 8, 7), sorted({TASK_OF[label] for label in labels})

    def value(z: Tensor) -> Tensor:
        return CrossEntropy()(make_batch(z, CLASSES, labels, heads=heads, tasks=tasks), {})

    batch = make_batch(logits, CLASSES, labels, heads=heads, tasks=tasks)
    loss = CrossEntropy()(batch, {})
    assert loss.item() == pytest.approx(by_hand(logits, labels, heads))
    assert loss.item() != pytest.approx(by_hand(logits, labels, "task" if heads == "class" else "class"), rel=0.01)
    loss.backward()
    gradient = batch.context.network.table.grad
    torch.testing.assert_close(gradient, numerical_gradient(value, logits))
    own = torch.tensor(TASK_OF)[torch.tensor(labels)].unsqueeze(1) == torch.tensor(TASK_OF)
    assert torch.equal(gradient != 0, own | (heads == "class"))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=6), st.sampled_from(["task", "class"]), st.integers(0, 99))
def test_compete_leaves_each_image_its_rivals_and_nothing_else(labels, over, seed):
    logits = draw(seed, len(labels), 7)
    left = compete(logits, torch.tensor(labels), torch.tensor(TASK_OF), over)
    for i, label in enumerate(labels):
        for c in range(7):
            takes_part = over == "class" or TASK_OF[c] == TASK_OF[label]
            assert left[i, c] == (logits[i, c] if takes_part else float("-inf"))


@pytest.mark.parametrize(("over", "columns"), [("new", [2, 3, 4]), ("all", [0, 1, 2, 3, 4])])
def test_binary_cross_entropy_sums_over_its_classes_and_averages_over_the_batch(make_batch, over, columns):
    logits = torch.randn(3, 5, dtype=torch.float64)
    labels = [2, 4, 3]
    expected = 0.0
    for row, label in zip(logits.tolist(), labels, strict=True):
        for c in columns:
            p = 1 / (1 + math.exp(-row[c]))
            expected -= math.log(p if c == label else 1 - p) / 3
    batch = make_batch(logits, (2, 3), labels, heads="class")
    assert BinaryCrossEntropy(over)(batch, {}).item() == pytest.approx(expected)
