"""The pool's batches: every image once per epoch, tasks in turn for joint training."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from running import first_known

from cltutor.memory import Everything, InterleavedPool, Pool, pool_of
from cltutor.seeds import generator
from cltutor.streams import Augmentation, Split, Stream, Task

CPU = torch.device("cpu")


def pool(*counts: int, kind: type[Pool] = Pool) -> Pool:
    """``counts`` images of each task; task t's label is t, image i is filled with i."""
    tasks = torch.tensor([task for task, count in enumerate(counts) for _ in range(count)], dtype=torch.int64)
    places = torch.arange(len(tasks))
    return kind(places.to(torch.uint8).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8), tasks.clone(), tasks)


def epoch(pool: Pool, batch_size: int, number: int = 0) -> list[tuple[list[int], list[int]]]:
    return [(places.tolist(), tasks) for places, tasks in pool.batches(batch_size, generator("order", number))]


@given(st.integers(1, 200), st.integers(1, 64), st.integers(0, 9))
def test_an_epoch_covers_the_pool_once_in_nearly_equal_batches(count, batch_size, number):
    batches = epoch(pool(count), batch_size, number)
    assert Counter(place for places, _ in batches for place in places) == Counter(range(count))
    sizes = [len(places) for places, _ in batches]
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) > 1 or count == 1 or batch_size < 3, "a batch was left with a single image"
    assert len(batches) == (count + batch_size - 1) // batch_size == pool(count).steps(batch_size)


def test_the_order_is_drawn_anew_each_epoch_and_the_same_from_the_same_seed():
    whole = pool(40)
    assert epoch(whole, 8, 0) == epoch(whole, 8, 0)
    assert epoch(whole, 8, 0) != epoch(whole, 8, 1)
    assert epoch(whole, 40, 0) != [(list(range(40)), [0])]


def test_batches_of_a_mixed_pool_name_all_of_its_tasks_and_an_empty_pool_has_none():
    assert all(tasks == [0, 1, 2] for _, tasks in epoch(pool(10, 20, 5), 8))
    assert epoch(pool(0), 8) == []
    assert pool(0).steps(8) == 0


# Joint training: LwF, section 3, implementation details


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 16), st.integers(0, 9))
def test_every_epoch_takes_as_many_images_of_each_task_as_the_smallest_has(counts, batch_size, number):
    mixed = pool(*counts, kind=InterleavedPool)
    batches = epoch(mixed, batch_size, number)
    places = [place for own, _ in batches for place in own]
    assert len(places) == len(set(places))
    assert Counter(mixed.tasks[places].tolist()) == dict.fromkeys(range(len(counts)), min(counts))
    assert max(len(own) for own, _ in batches) <= batch_size
    assert len(batches) == mixed.steps(batch_size)


def test_each_batch_has_one_task_and_tasks_take_turns():
    mixed = pool(30, 12, 20, kind=InterleavedPool)
    batches = epoch(mixed, 5)
    assert [tasks for _, tasks in batches] == [[0], [1], [2]] * 3
    for places, (task,) in batches:
        assert mixed.tasks[places].tolist() == [task] * len(places)


def test_the_images_of_a_larger_task_are_resampled_each_epoch():
    mixed = pool(30, 5, kind=InterleavedPool)
    drawn = [{p for places, tasks in epoch(mixed, 5, number) if tasks == [0] for p in places} for number in range(30)]
    assert all(len(places) == 5 for places in drawn)
    assert len({frozenset(places) for places in drawn}) > 1
    assert set.union(*drawn) == set(range(30))


# From a stream


def split(labels: list[int]) -> Split:
    values = torch.tensor(labels, dtype=torch.int64)
    images = values.to(torch.uint8).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8).contiguous()
    return Split(images, values)


@pytest.fixture
def stream() -> Stream:
    """Arrival order of the classes: 3, 0 then 1, 2; the first task may be known already."""
    classes, none = [(3, 0), (1, 2)], Split.empty((1, 8, 8))
    train = [split([3, 0, 3]), split([1, 2, 2, 1])]
    tasks = [Task(t, classes[t], train[t], none, split(list(classes[t]))) for t in range(2)]
    return Stream(tasks, tuple("abcd"), "made", "made()")


def test_labels_become_columns_in_order_of_arrival(stream):
    both = pool_of(stream, [0, 1], CPU)
    assert both.labels.tolist() == [0, 1, 0, 2, 3, 3, 2]
    assert both.tasks.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert both.images[:, 0, 0, 0].tolist() == [3, 0, 3, 1, 2, 2, 1]
    assert len(both) == 7
    one = pool_of(stream, [1], CPU, InterleavedPool)
    assert (one.labels.tolist(), one.tasks.tolist(), type(one)) == ([2, 3, 3, 2], [1] * 4, InterleavedPool)


def test_a_task_without_images_gives_an_empty_pool_or_none_of_a_larger_one(stream):
    stream = first_known(stream)
    assert len(pool_of(stream, [0], CPU)) == 0
    assert pool_of(stream, [0, 1], CPU).tasks.tolist() == [1] * 4
    with pytest.raises(ValueError, match=r"^Joint training needs images of every task, and task 0 has none [^.]*\.$"):
        Everything().check(stream)


@pytest.mark.parametrize(("interleaved", "kind"), [(False, Pool), (True, InterleavedPool)])
def test_joint_training_has_every_image_of_every_task_so_far_once(patterns, interleaved, kind):
    for task in range(3):
        joint = Everything(interleaved).pool(patterns, task, CPU, {})
        assert torch.equal(joint.images, torch.cat([patterns[t].train.images for t in range(task + 1)]))
        assert joint.tasks.bincount().tolist() == [16] * (task + 1)
        assert type(joint) is kind


# What an epoch shows


class PlusOne(Augmentation):
    """Adds one to every pixel, and records how many images it was called with."""

    def __init__(self):
        self.counts = []

    def __call__(self, images, generator):
        self.counts.append(len(images))
        return images + 1


def test_an_epoch_shows_the_images_it_draws_altered_and_the_others_as_they_are():
    whole, plus = pool(6), PlusOne()
    assert whole.shown(None, generator("crops")) is whole.images
    assert (whole.shown(plus, generator("crops")) == whole.images + 1).all()
    some = whole.choose(torch.tensor([4, 1])).shown(plus, generator("crops"))
    assert some[:, 0, 0, 0].tolist() == [0, 2, 2, 3, 5, 5]
    assert plus.counts == [6, 2], "more images were altered than are drawn"
    assert whole.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5], "the pool itself was altered"


def test_a_large_pool_is_altered_in_pieces_and_what_was_made_once_not_again():
    large, plus = pool(9000), PlusOne()
    assert (large.shown(plus, generator("crops")) == large.images + 1).all()
    assert sum(plus.counts) == 9000
    assert max(plus.counts) <= 4096
    plus.once = True
    assert large.shown(plus, generator("crops")) is large.images
