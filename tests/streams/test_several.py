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


def rows_of(*splits):
    return sorted(tuple(image.flatten().tolist()) for split in splits for image in split.images)


@pytest.mark.parametrize("share", [0.01, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_of_fewer_images_and_across_blurred_boundaries_some_image_shows_every_class(share, seed):
    """Also a class that is the first label of none, which sampling by that label would lose."""
    stream = several(tasks=4, size=8, per_task=(12, 10), seed=seed)
    fewer = stream.fewer(share)
    assert all(set(task.train.shown.tolist()) == set(task.classes) for task in fewer)
    assert sum(len(task.train) for task in fewer[1:]) < 36
    assert rows_of(fewer[2].train) == sorted(set(rows_of(fewer[2].train)) & set(rows_of(stream.fewer(0.5)[2].train)))
    blurred = cl.streams.blurred(stream, share + 0.4)
    for task, own in zip(blurred, stream, strict=True):
        assert set(own.classes) <= set(task.train.shown.tolist()) <= set(task.classes)
        assert torch.equal(task.test.marks, own.test.marks)
    assert rows_of(*(task.train for task in blurred)) == rows_of(*(task.train for task in stream))
    assert len(blurred[3].train) > len(stream[3].train)


@pytest.mark.parametrize("seed", range(4))
def test_where_tasks_return_each_visit_has_images_of_every_class(seed):
    stream = several(tasks=4, size=8, per_task=(30, 10), seed=seed)
    again = cl.streams.returning(stream, (0, 1, 0, 0), "same")
    visits = [again[place].train for place in (0, 2, 3)]
    assert rows_of(*visits) == rows_of(stream[0].train)
    for visit in visits:
        assert set(visit.shown.tolist()) == set(stream[0].classes)
    shows = torch.stack([visit.marks.sum(dim=0) for visit in visits]).double()
    assert (shows.max(dim=0).values - shows.min(dim=0).values).max() <= 6
    with pytest.raises(ValueError, match=r"^class '\w+' has \d+ training images, too few for 40 visits\.$"):
        cl.streams.returning(stream, (0,) * 40, "same")


@pytest.mark.parametrize("change", ["rotations", "grounds", "colours", "permutations"])
def test_every_change_makes_domains_of_it(change):
    stream = cl.streams.domains(several(tasks=2, classes=range(4), size=8, per_task=(6, 4)), change, tasks=2)
    recipe = cl.methods.for_several_labels(cl.methods.lwf(epochs=1))
    run = cl.learn(stream, recipe, device="cpu", progress=False)
    assert ((run.mean_average_precision() >= 0).sum(), run.model.classes) == (3, [4])
    assert not torch.equal(stream[1].train.images, stream[0].train.images)


def test_a_blurred_stream_of_several_labels_is_learned_and_measured():
    stream = cl.streams.blurred(several(tasks=4, size=8, per_task=(12, 10)), 0.4)
    run = cl.learn(stream, cl.methods.for_several_labels(cl.methods.lwf(epochs=1)), device="cpu", progress=False)
    assert run.model.classes == [5] * 4
    assert (run.mean_average_precision() >= 0).sum() == 10
