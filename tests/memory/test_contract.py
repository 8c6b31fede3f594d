"""What every memory must satisfy, a user's own included: the pool of a task, what is kept after it, and its state."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from cltutor.describe import State
from cltutor.losses import Batch, Context
from cltutor.memory import Memory, Pool
from cltutor.networks import MultiHead, Network, SmallCNN
from cltutor.recipe.parser import read
from cltutor.streams import Stream
from tests.losses.variants import restored, variants

CPU = torch.device("cpu")
MEMORIES = [
    *variants(Memory),
    *(replace(memory, capacity=13) for memory in variants(Memory) if hasattr(memory, "capacity")),
]
EVERY = pytest.mark.parametrize("memory", MEMORIES, ids=repr)


class Life:
    """A memory in a run, task by task."""

    def __init__(self, memory: Memory, stream: Stream):
        self.memory, self.stream, self.state = memory, stream, State()
        self.pools: list[Pool] = []
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.network: Network = MultiHead(SmallCNN((4, 4), (8,))).build(stream.image_shape)

    def learn(self, tasks: range) -> "Life":
        for task in tasks:
            data = self.stream[task]
            with torch.random.fork_rng():
                torch.manual_seed(task)
                self.network.grow(len(data.classes))
            context = Context(self.network, task, "class", data)
            self.memory.begin_task(context, self.state)
            pool = self.memory.pool(self.stream, task, CPU, self.state)
            self.pools.append(pool)
            columns = torch.repeat_interleave(torch.arange(task + 1), torch.tensor(self.network.classes))
            for places, present in pool.batches(5, torch.Generator().manual_seed(task)):
                seen = pool.images[places], pool.labels[places], places, present, columns
                batch = Batch(context, *seen, "class", {})
                self.memory.before_update(batch, self.state)
                self.memory.after_update(batch, self.state)
            self.memory.end_task(context, self.state)
        return self


def rows(images: Tensor, labels: Tensor) -> list[tuple]:
    """Each image with its label, in an order of its own."""
    return sorted((label, *image.flatten().tolist()) for image, label in zip(images, labels.tolist(), strict=True))


def known(stream: Stream, tasks: range) -> list[tuple]:
    return [row for t in tasks for row in rows(stream[t].train.images, stream.positions(stream[t].train.labels))]


@EVERY
def test_a_pool_has_each_new_image_once_and_old_ones_with_their_columns_and_tasks(memory, patterns):
    for task, pool in enumerate(Life(memory, patterns).learn(range(3)).pools):
        new = pool.tasks == task
        found, given = rows(pool.images[new], pool.labels[new]), sorted(known(patterns, range(task, task + 1)))
        assert found == given if memory.takes_all else set(found) <= set(given)
        assert len(set(found)) == len(found) > 0
        assert set(rows(pool.images[~new], pool.labels[~new])) <= set(known(patterns, range(task)))
        assert pool.labels.max() < 2 * (task + 1)
        assert pool.tasks.tolist() == (pool.labels // 2).tolist()
        assert (pool.images.dtype, pool.labels.dtype) == (torch.uint8, torch.int64)


@EVERY
def test_after_a_task_it_has_different_images_of_every_class_within_its_capacity(memory, patterns):
    for task in range(3):
        life = Life(memory, patterns).learn(range(task + 1))
        images, labels = memory.exemplars(life.pools[-1], life.state)
        found = rows(images, labels)
        assert len(set(found)) == len(found) <= (getattr(memory, "capacity", None) or len(found))
        assert set(found) <= set(known(patterns, range(task + 1)))
        assert set(labels.tolist()) == set(range(2 * (task + 1)))


@EVERY
def test_with_its_state_from_a_file_it_goes_on_to_the_same_pools_and_images(memory, patterns):
    whole, cut = Life(memory, patterns).learn(range(3)), Life(memory, patterns).learn(range(2))
    cut.memory, cut.state = read(repr(memory)), restored(cut.state)
    assert cut.memory == memory
    cut.learn(range(2, 3))
    assert torch.equal(cut.pools[-1].images, whole.pools[-1].images)
    assert torch.equal(cut.pools[-1].labels, whole.pools[-1].labels)
    assert all(map(torch.equal, *(life.memory.exemplars(life.pools[-1], life.state) for life in (cut, whole))))


@EVERY
def test_it_leaves_the_network_and_the_global_random_state_as_they_were(memory, patterns):
    life, same = (Life(memory, patterns) for _ in range(2))
    for network in (life.network, same.network):
        network.train()
    random = torch.get_rng_state()
    life.learn(range(2))
    assert torch.equal(torch.get_rng_state(), random)
    for task in range(2):
        with torch.random.fork_rng():
            torch.manual_seed(task)
            same.network.grow(2)
    assert all(map(torch.equal, life.network.state_dict().values(), same.network.state_dict().values()))
    assert [m.training for m in life.network.modules()] == [m.training for m in same.network.modules()]


@pytest.mark.parametrize("memory", [memory for memory in MEMORIES if memory.balances], ids=repr)
def test_a_balanced_pool_draws_as_many_images_of_each_class(memory, patterns):
    life = Life(memory, patterns).learn(range(1))
    life.network.grow(2)
    context, pool = Context(life.network, 1, "class", patterns[1]), memory.pool(patterns, 1, CPU, life.state)
    balanced = memory.balanced(pool, context, life.state)
    counts = torch.bincount(pool.labels[balanced.chosen], minlength=4)
    assert counts.min() == counts.max() > 0
    assert len(balanced.chosen.unique()) == len(balanced.chosen)
    assert balanced.images is pool.images
