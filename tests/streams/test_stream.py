import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import cltutor as cl
from cltutor.streams import Split, Stream, Task
from cltutor.streams.stream import sample


def _split(labels: list[int], size: int = 2) -> Split:
    images = torch.arange(len(labels), dtype=torch.uint8).reshape(-1, 1, 1, 1)
    return Split(images.expand(-1, 1, size, size).contiguous(), torch.tensor(labels).long())


def _task(index: int, classes: tuple[int, ...], train: Split | None = None, size: int = 2) -> Task:
    filled = _split(list(classes) * 4, size)
    empty = Split.empty((1, size, size))
    return Task(index, classes, filled if train is None else train, empty, filled)


def _stream(*tasks: Task) -> Stream:
    return Stream(tasks, ("a", "b", "c", "d"), "own", "own()")


def test_a_stream_made_by_hand_may_start_with_a_task_without_training_images():
    stream = _stream(_task(0, (2, 0), Split.empty((1, 2, 2))), _task(1, (3,), size=5))
    assert len(stream[0].train) == 0
    assert stream.classes == (2, 0, 3)
    assert stream.image_shape == (1, 2, 2)
    assert [task.index for task in stream] == [0, 1]


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([], "at least one task"),
        ([_task(1, (0,))], "index 1; use 0"),
        ([_task(0, (0,)), _task(1, (0,))], "'a' is in two tasks"),
        ([_task(0, (0,)), _task(1, (1,), Split.empty((1, 2, 2)))], "'b' has no training image"),
        ([_task(0, (0,), _split([0, 1]))], "label 1, which is not among"),
        ([_task(0, (7,))], "must be labels from 0 to 3"),
    ],
)
def test_a_stream_made_by_hand_is_checked(tasks, words):
    with pytest.raises(ValueError, match=words):
        _stream(*tasks)


@pytest.mark.parametrize(
    ("images", "labels", "masks"),
    [
        (torch.zeros(2, 1, 2, 2), torch.zeros(2).long(), None),
        (torch.zeros(2, 2, 2, dtype=torch.uint8), torch.zeros(2).long(), None),
        (torch.zeros(2, 1, 2, 2, dtype=torch.uint8), torch.zeros(3).long(), None),
        (torch.zeros(2, 1, 2, 2, dtype=torch.uint8), torch.zeros(2), None),
        (torch.zeros(2, 1, 2, 2, dtype=torch.uint8), torch.zeros(2).long(), torch.zeros(2, 2, 2)),
    ],
)
def test_a_split_refuses_parts_that_do_not_fit_together(images, labels, masks):
    with pytest.raises(ValueError, match="must be"):
        Split(images, labels, masks)


def test_tasks_and_splits_are_printed_as_one_line_without_their_pixels():
    stream = _stream(_task(0, (2, 0)), _task(1, (3,)))
    assert repr(stream[0]) == "<Task 0: labels 2, 0; 8 training, 0 validation and 8 test images of (1, 2, 2)>"
    assert repr(stream[0].train) == "<Split: 8 images of (1, 2, 2)>"
    assert repr(stream[0].train.take(torch.tensor([0]))) == "<Split: 1 image of (1, 2, 2)>"
    several = cl.streams.several(tasks=5, per_task=(8, 4))
    assert repr(several[0].test) == "<Split: 4 images of (3, 32, 32), each with one or more of 20 labels>"
    assert repr(_stream(_task(0, (2,)))) == "<own(): 1 task of 1 class, 4 training and 4 test images of (1, 2, 2)>"
    assert repr(_stream(_task(0, (2, 1)), _task(1, (0,)))).startswith("<own(): 2 tasks of [2, 1] classes, ")


def test_positions_are_places_in_the_order_of_arrival():
    stream = _stream(_task(0, (2, 0)), _task(1, (3,)))
    assert stream.positions(torch.tensor([3, 0, 2, 2])).tolist() == [2, 1, 0, 0]
    for foreign in (1, 4, -1):
        with pytest.raises(ValueError, match=f"label {foreign} is not in this stream"):
            stream.positions(torch.tensor([0, foreign]))


def test_the_fingerprint_changes_with_a_pixel_a_label_a_split_or_the_order():
    def fingerprint(x=0, y=1, **settings):
        images = torch.zeros(12, 2, 2, dtype=torch.uint8)
        images[0, 0, 0] = x
        labels = torch.tensor([0, 1] * 6)
        labels[1] = y
        arrays = images, labels, images, labels
        return cl.streams.tensors(*arrays, **{"tasks": 2, "order": None, **settings}).fingerprint

    assert fingerprint() == fingerprint()
    others = [fingerprint(x=1), fingerprint(y=0), fingerprint(validation=1)]
    others += [fingerprint(order=[1, 0]), fingerprint(tasks=1)]
    assert len({fingerprint(), *others}) == 6


def test_fewer_cuts_the_training_images_of_every_task_but_the_first():
    stream = cl.streams.digits(validation=5)
    fewer = stream.fewer(0.1)
    assert torch.equal(fewer[0].train.images, stream[0].train.images)
    for full, cut in zip(stream[1:], fewer[1:], strict=True):
        before, after = (torch.bincount(task.train.labels)[list(task.classes)] for task in (full, cut))
        assert after.tolist() == [round(0.1 * count) for count in before.tolist()]
        assert torch.equal(cut.test.images, full.test.images)
        assert torch.equal(cut.validation.images, full.validation.images)
    assert fewer.fingerprint == stream.fewer(0.1).fingerprint != stream.fewer(0.1, 1).fingerprint
    assert all(len(task.train) == 2 for task in stream.fewer(1e-9)[1:]), "one image per class at least"
    with pytest.raises(ValueError, match="^share is a number above 0 to 1, not"):
        stream.fewer(1.1)


@pytest.mark.parametrize(
    "stream",
    [
        cl.streams.digits(tasks=[4, 6], order=[9, 1, 2, 3, 4, 5, 6, 7, 8, 0], validation=0.2),
        cl.streams.scenes(tasks=2, order=3, per_class=(2, 1), classes=["star", "boat"], size=16),
        cl.streams.digits(order=None).fewer(0.3, seed=4),
    ],
)
def test_the_code_of_a_stream_makes_the_same_stream(stream):
    again = eval(stream.code, {"streams": cl.streams})
    assert again.fingerprint == stream.fingerprint
    assert again.code == stream.code


@settings(max_examples=50, deadline=None)
@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    small=st.integers(0, 12),
    more=st.integers(0, 12),
    seed=st.integers(0, 1000),
)
def test_a_larger_sample_contains_a_smaller_one_and_has_the_given_count_per_class(labels, small, more, seed):
    labels = torch.tensor(labels)
    few, many = (sample(labels, lambda n, k=k: k, seed) for k in (small, small + more))
    assert not bool((few & ~many).any())
    for label in labels.unique():
        assert int(few[labels == label].sum()) == min(small, int((labels == label).sum()))
