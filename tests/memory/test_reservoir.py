"""The reservoir: every image seen so far has the same chance, and draws are of different images."""

from types import SimpleNamespace

import torch

from cltutor.losses import Batch, Context
from cltutor.memory.reservoir import recall, remember


def batch_of(images, *key):
    """A batch of ``images`` in the step that ``key`` names; no network is asked."""
    places = torch.arange(len(images))
    return Batch(Context(SimpleNamespace(), 0), images, places, places, [0], torch.zeros(1), "class", {}, key)


def filled(count, capacity, seed, size=4):
    state, images = {}, torch.arange(count).view(-1, 1, 1, 1)
    for step, chunk in enumerate(images.split(size)):
        remember(batch_of(chunk, seed, step), state, capacity, images=chunk, labels=10 * chunk.flatten())
    return state


def test_every_image_of_the_stream_stays_with_the_same_probability_wherever_it_came():
    counts, trials = torch.zeros(22), 600
    for seed in range(trials):
        kept = filled(22, 5, seed)["images"].flatten()
        assert len(kept.unique()) == 5
        counts[kept] += 1
    share = 5 / 22
    assert counts.sum() == trials * 5
    assert ((counts - trials * share).abs() < 4 * (trials * share * (1 - share)) ** 0.5).all(), counts


def test_pairs_of_images_stay_together_as_often_as_in_a_random_subset():
    together = sum({0, 21} <= set(filled(22, 5, seed)["images"].flatten().tolist()) for seed in range(2000))
    share = 5 / 22 * 4 / 21
    assert abs(together - 2000 * share) < 4 * (2000 * share * (1 - share)) ** 0.5


def test_until_it_is_full_it_has_every_image_and_rows_stay_together():
    state = filled(7, 10, 0)
    assert sorted(state["images"].flatten().tolist()) == list(range(7))
    assert torch.equal(state["labels"], 10 * state["images"].flatten())


def test_what_is_recalled_are_different_images_with_their_rows_each_as_often_as_any_other():
    state, counts = filled(9, 9, 0), torch.zeros(9)
    for step in range(900):
        batch = batch_of(torch.zeros(3, 1, 1, 1), "draw", step)
        images, labels = recall(batch, state, ("images", "labels"))
        assert len(labels.unique()) == 3
        assert torch.equal(labels, 10 * images.flatten())
        counts[images.flatten()] += 1
    assert ((counts - 300).abs() < 4 * (300 * 2 / 3) ** 0.5).all(), counts


def test_a_memory_smaller_than_a_batch_is_recalled_whole_and_other_purposes_draw_otherwise():
    state, batch = filled(8, 8, 0), batch_of(torch.zeros(20, 1, 1, 1), 1)
    (whole,), (again,), (other,) = (recall(batch, state, ("labels",), name) for name in ("a", "a", "b"))
    assert sorted(whole.tolist()) == [10 * i for i in range(8)]
    assert torch.equal(whole, again)
    assert not torch.equal(whole, other)
