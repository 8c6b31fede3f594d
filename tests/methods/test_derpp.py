"""DER++: its two terms by hand, with what came later left out, and what is stored."""

import pytest
import torch

from cltutor.memory.reservoir import recall
from cltutor.methods import DarkExperience
from tests.methods.replaying import batch_of, remembered


def test_the_first_term_is_the_squared_distance_of_logits_without_classes_that_came_later():
    batch, state = batch_of("class"), remembered()
    images, stored = recall(batch, state, ("images", "logits"), "logits")
    now = batch.context.network(images).logits
    by_hand = sum((now[i, c] - stored[i, c]) ** 2 for i in range(4) for c in range(2)) / 4
    torch.testing.assert_close(DarkExperience(alpha=3.0, beta=0.0)(batch, state), 3.0 * by_hand)


@pytest.mark.parametrize(("heads", "competing"), [("class", 3), ("task", 2)])
def test_the_second_term_is_the_cross_entropy_of_other_images_of_the_memory(heads, competing):
    batch, state = batch_of(heads), remembered()
    images, labels = recall(batch, state, ("images", "labels"), "labels")
    first = recall(batch, state, ("images",), "logits")[0]
    assert not torch.equal(images, first), "eq. 6 draws twice"
    chances = batch.context.network(images).logits[:, :competing].double().softmax(dim=1)
    by_hand = -chances[range(4), labels].log().mean()
    torch.testing.assert_close(DarkExperience(alpha=0.0, beta=0.25)(batch, state).double(), 0.25 * by_hand)


def test_the_gradient_of_the_first_term_is_twice_the_distance_by_finite_differences():
    batch, state, term = batch_of("class"), remembered(), DarkExperience(alpha=1.0, beta=0.0)
    bias = batch.context.network.heads[0].bias
    term(batch, state).backward()
    slopes = []
    for column in range(2):
        values = []
        for step in (1e-2, -1e-2):
            with torch.no_grad():
                bias[column] += step
                values.append(term(batch, state).item())
                bias[column] -= step
        slopes.append((values[0] - values[1]) / 2e-2)
    torch.testing.assert_close(bias.grad, torch.tensor(slopes), rtol=1e-3, atol=1e-3)


def test_an_image_is_stored_with_the_logits_of_the_step_before_the_update_and_never_moves_them():
    batch, state = batch_of("class"), remembered()
    before = batch.student.logits.detach().clone()
    with torch.no_grad():
        for parameter in batch.context.network.parameters():
            parameter += 1
    DarkExperience(capacity=12).after_update(batch, state)
    new = state["labels"] == 2
    assert not state["logits"].requires_grad
    for image, logits in zip(state["images"][new], state["logits"][new], strict=True):
        place = next(i for i in range(4) if torch.equal(batch.images[i], image))
        torch.testing.assert_close(logits, before[place])


def test_columns_that_are_new_to_the_memory_are_unknown_there():
    batch, state = batch_of("class"), remembered()
    state["logits"] = state["logits"][:, :2]
    DarkExperience(capacity=12).after_update(batch, state)
    old = state["labels"] < 2
    assert state["logits"].shape == (12, 3)
    assert state["logits"][old, 2].isnan().all()
    assert state["logits"][~old].isfinite().all()
