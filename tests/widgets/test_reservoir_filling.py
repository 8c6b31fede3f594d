"""The memory that fills, against the rules of its methods written out."""

import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.show.filling import slots_of
from cltutor.widgets.reservoir_filling import arriving, balanced, moments, reservoir

SEEN = np.array([6, 10, 25, 40])


@pytest.fixture
def tool(stream, watched):
    return watched(cl.widgets.Reservoir, stream, capacity=6)


def touch(tool, key, number, frame):
    spot = {"key": key, "number": number, "row": 0, "column": number, "words": "slot words", "frame": frame}
    tool.pane.touched = spot | {"count": tool.pane.touched.get("count", 0) + 1}


def test_the_images_arrive_task_by_task(stream):
    images, labels, tasks = arriving(stream)
    assert tasks.tolist() == [0] * 16 + [1] * 16
    assert torch.equal(images[16:], stream[1].train.images)
    assert labels[:16].tolist() == stream[0].train.labels.tolist()


def test_the_reservoir_keeps_the_smallest_keys_that_were_drawn():
    keys = torch.rand(40, generator=torch.Generator().manual_seed(3))
    for seen, own in zip(SEEN, reservoir(SEEN, 6, 3), strict=True):
        ranked = sorted(range(seen), key=lambda place: float(keys[place]))
        assert sorted(own.tolist()) == sorted(ranked[:6])


def test_over_many_seeds_every_image_is_there_equally_often():
    counts = np.zeros(40)
    for seed in range(600):
        counts[reservoir(SEEN, 6, seed)[-1]] += 1
    assert counts.sum() == 3600
    assert abs(counts[:20].sum() / 3600 - 0.5) < 0.03  # the first half is no more likely to stay than the second


def test_the_balanced_memory_has_as_many_images_of_each_class_seen():
    labels = np.repeat([0, 1, 2, 3], 10)
    for seen, own in zip(SEEN, balanced(SEEN, 6, 0, labels), strict=True):
        counts = np.bincount(labels[own], minlength=4)[: labels[seen - 1] + 1]
        assert len(own) == 6
        assert counts.max() - counts.min() <= 1


def test_the_memory_is_looked_at_when_it_is_full_and_at_the_end():
    found = moments(100, 7)
    assert 7 in found
    assert found[-1] == 100
    assert (np.diff(found) > 0).all()
    assert moments(5, 7).tolist() == [1, 2, 3, 4, 5]


def test_another_rule_and_another_seed_change_what_is_kept(tool):
    first = tool.pane.words
    tool.rule.value = "balanced"
    assert "balanced memory" in tool.pane.words
    assert "as many images of each class" in tool.note.value
    tool.rule.value = "reservoir"
    assert tool.pane.words == first
    drawn = tool.draw.count
    tool.seed.value = 5
    assert tool.draw.count == drawn + 1


def test_a_touched_slot_shows_its_image_in_that_frame(tool, stream):
    images, labels, _ = arriving(stream)
    touch(tool, "slots until 3", 2, 4)
    place = slots_of(tool._held()[0])[4, 2]
    assert place >= 0
    assert "slot words" in tool.note.value
    assert "<img" in tool.note.value
    tool.note.value = ""
    touch(tool, "slots until 3", 3, 4)
    assert "<img" in tool.note.value


def test_a_touched_curve_says_what_can_be_touched(tool, errors):
    touch(tool, "spots 9", 0, 0)
    errors.expect(tool, "A click on a slot shows its image and when it came")
