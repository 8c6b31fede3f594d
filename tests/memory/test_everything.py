"""The memory of everything: joint training."""

import pytest
import torch

from cltutor.memory import Everything, InterleavedPool, Pool
from cltutor.streams import Split, Stream, Task, tensors

CPU = torch.device("cpu")


@pytest.fixture
def stream() -> Stream:
    images = torch.arange(24, dtype=torch.uint8).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8).contiguous()
    labels = torch.arange(24) % 6
    return tensors(images, labels, images, labels, tasks=3, order=1)


@pytest.mark.parametrize("interleaved", [False, True])
def test_every_image_of_every_task_so_far_is_in_the_pool_once(stream, interleaved):
    for task in range(3):
        pool = Everything(interleaved).pool(stream, task, CPU, {})
        expected = torch.cat([stream[t].train.images for t in range(task + 1)])
        assert sorted(pool.images[:, 0, 0, 0].tolist()) == sorted(expected[:, 0, 0, 0].tolist())
        assert len(set(pool.images[:, 0, 0, 0].tolist())) == 8 * (task + 1)
        assert pool.tasks.bincount().tolist() == [8] * (task + 1)
        assert type(pool) is (InterleavedPool if interleaved else Pool)


def test_a_task_without_training_images_is_refused_in_one_sentence(stream):
    known = Task(0, stream[0].classes, Split.empty((1, 8, 8)), Split.empty((1, 8, 8)), stream[0].test)
    pretrained = Stream([known, stream[1]], stream.class_names, "made", "made()")
    with pytest.raises(ValueError, match=r"^Joint training needs images of every task, and task 0 has none [^.]*\.$"):
        Everything().check(pretrained)
