"""Pictures with several objects: their labels, and the objects where the masks say."""

import pytest
import torch

import cltutor as cl
from cltutor.streams.several import several
from cltutor.streams.shapes import SHAPES

STREAM = several(tasks=4, size=24, per_task=(60, 20), objects=3)


def test_an_image_has_one_to_three_labels_of_its_task_each_number_as_often():
    for task in STREAM:
        for split, count in ((task.train, 60), (task.test, 20)):
            assert len(split) == count
            assert split.marks.shape == (count, len(SHAPES))
            assert set(split.shown.tolist()) == set(task.classes)
            assert torch.equal(split.labels, split.marks.int().argmax(dim=1))
    numbers = torch.cat([task.train.marks.sum(dim=1) for task in STREAM]).bincount(minlength=4)
    assert numbers[0] == 0
    assert (numbers[1:] - 80).abs().max() < 4 * (240 * 2 / 9) ** 0.5


def test_more_objects_cover_more_of_the_image():
    split = STREAM[0].train
    covered = split.masks.flatten(1).double().mean(dim=1)
    means = [covered[split.marks.sum(dim=1) == number].mean() for number in (1, 2, 3)]
    assert 0 < means[0] < means[1] < means[2] < 0.6


def test_with_one_object_each_image_has_one_label():
    stream = several(tasks=2, size=8, per_task=(10, 10), objects=1)
    assert stream.multilabel
    assert all((task.train.marks.sum(dim=1) == 1).all() for task in stream)


def test_the_code_of_the_stream_makes_it_again_and_another_seed_another_one():
    again = eval(f"cl.{STREAM.code}", {"cl": cl})
    assert again.fingerprint == STREAM.fingerprint
    assert several(tasks=4, size=24, per_task=(60, 20), seed=1).fingerprint != STREAM.fingerprint


def test_too_few_images_for_the_classes_of_a_task_are_refused_in_one_sentence():
    with pytest.raises(
        ValueError, match=r"per_task has an image for each of the 5 classes of a task, or more: \(4, 9\)"
    ):
        several(tasks=4, per_task=(4, 9))
