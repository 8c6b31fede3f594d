"""Experience replay: cross-entropy on remembered images by hand, in both regimes."""

import pytest
import torch

from cltutor.memory.reservoir import recall
from cltutor.methods import Replay
from tests.methods.replaying import batch_of, remembered


@pytest.mark.parametrize(("heads", "competing"), [("class", slice(0, 3)), ("task", slice(0, 2))])
def test_its_value_is_the_cross_entropy_of_remembered_images_among_the_classes_that_compete(heads, competing):
    batch, state = batch_of(heads), remembered()
    images, labels = recall(batch, state, ("images", "labels"))
    logits = batch.context.network(images).logits[:, competing]
    by_hand = sum(-(row[label] - row.exp().sum().log()) for row, label in zip(logits, labels, strict=True)) / 4
    torch.testing.assert_close(Replay()(batch, state), by_hand)


def test_its_value_is_zero_before_anything_is_remembered_and_its_gradient_is_not_after():
    batch = batch_of("class")
    assert Replay()(batch, {}) == 0
    Replay()(batch, remembered()).backward()
    assert all(p.grad.abs().sum() > 0 for p in batch.context.network.parameters_of("shared"))


def test_the_images_of_a_step_are_remembered_after_it_as_they_were_shown():
    batch, state = batch_of("class"), {}
    Replay(capacity=10).after_update(batch, state)
    assert len(state["images"]) == 4
    assert state["labels"].tolist() == [2] * 4
    assert {tuple(image.flatten().tolist()) for image in state["images"]} == {
        tuple(image.flatten().tolist()) for image in batch.images
    }
