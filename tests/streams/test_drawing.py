"""What both rendered streams have in common: their splits, seeds, sizes, settings and code."""

import pytest
import torch

from cltutor import streams
from cltutor.streams import facts, scenes

BOTH = pytest.mark.parametrize(("source", "classes"), [(scenes, 20), (facts, 60)])


@BOTH
def test_every_split_has_rgb_images_labels_and_masks(source, classes):
    stream = source(tasks=5, order=None, per_class=(3, 2))
    assert len(set(stream.class_names)) == classes
    for task in stream:
        for split, count in ((task.train, 3), (task.test, 2)):
            assert split.images.shape == (classes // 5 * count, 3, 32, 32)
            assert split.images.dtype == torch.uint8
            assert split.masks.shape == (classes // 5 * count, 32, 32)
            assert torch.bincount(split.labels)[list(task.classes)].tolist() == [count] * (classes // 5)
        train = {image.numpy().tobytes() for image in task.train.images}
        assert not train & {image.numpy().tobytes() for image in task.test.images}


@BOTH
def test_the_same_seed_gives_the_same_images_and_another_seed_others(source, classes):
    one, same, other = (source(per_class=(2, 1), seed=seed, size=8) for seed in (4, 4, 5))
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert one.image_shape == (3, 8, 8)


@BOTH
def test_an_image_depends_neither_on_how_many_are_drawn_nor_on_how_they_are_batched(source, classes):
    settings = {"tasks": 1, "classes": [3, 7], "order": None, "size": 256}  # four images are drawn at a time
    many, few = (source(per_class=(count, 1), **settings)[0].train for count in (6, 3))
    for label in (3, 7):
        assert torch.equal(many.images[many.labels == label][:3], few.images[few.labels == label])


@BOTH
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"size": 4}, "^size is a whole number from 8 up, not 4"),
        ({"per_class": (10, 0)}, "^per_class is a tuple of 2 in which each is a whole number from 1 up"),
        ({"seed": -1}, "^seed is a whole number from 0 up"),
        ({"tasks": 7}, "classes cannot be divided into 7 equal tasks"),
        ({"validation": 30, "per_class": (30, 1), "classes": [0], "tasks": 1}, "leaves no training image of class"),
        ({"classes": ["starr"]}, "there is no class 'starr'"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_in_one_sentence(source, classes, settings, words):
    with pytest.raises(ValueError, match=words):
        source(**settings)


@BOTH
def test_the_code_makes_the_stream_again(source, classes):
    stream = source(tasks=4, order=3, per_class=(2, 1), seed=1)
    assert stream.code == f"streams.{source.__name__}(tasks=4, order=3, per_class=[2, 1], seed=1)"
    assert eval(stream.code, {"streams": streams}).fingerprint == stream.fingerprint
