"""Where classes return: which head is whose, which columns, and what counts as old."""

from types import SimpleNamespace

import pytest
import torch
from running import grown

import cltutor as cl
from cltutor.losses import Batch, Context, CrossEntropy, Distillation, TemporaryDistillation
from cltutor.methods.bic import old_share
from cltutor.networks import MultiHead, SmallCNN

CLASSES = (
    (7, 3),
    (5,),
    (3, 7),
    (3, 5, 9),
)  # the labels of four tasks: two heads and one more, nothing new in the third


def context(task: int, heads: str = "task") -> Context:
    network = grown(MultiHead(SmallCNN((4,), (8,))), *(2, 1, 1)[: (1, 2, 2, 3)[task]])
    data = SimpleNamespace(classes=CLASSES[task])
    return Context(network, task, heads, data, classes=CLASSES[: task + 1])


def test_a_task_has_the_head_that_its_classes_got_first_and_none_where_they_are_in_several():
    assert [context(task).head for task in range(4)] == [0, 1, 0, None]
    assert [context(3).home(task) for task in range(4)] == [0, 1, 0, None]
    assert context(2, "class").head is None
    assert [context(task).old_heads for task in range(4)] == [0, 1, 2, 2]


def test_labels_have_the_columns_of_their_first_arrival():
    labels = torch.tensor([3, 5, 9])
    assert context(3).positions(labels).tolist() == [1, 2, 3]
    assert context(3).columns(labels).tolist() == [1, 2, 3]
    assert context(2).positions(torch.tensor([3, 7])).tolist() == [1, 0]
    assert context(1).positions(torch.tensor([5])).tolist() == [2]
    assert context(1).columns(torch.tensor([5])).tolist() == [0]


def test_a_class_that_returns_counts_every_time_among_the_groups_of_a_memory():
    assert [context(task).groups() for task in range(4)] == [2, 3, 5, 8]
    assert context(3).groups(3) == 5
    assert old_share(SimpleNamespace(context=context(2), task=2)) == pytest.approx(3 / 5)


def test_without_returning_classes_all_is_as_the_task_says():
    network = grown(MultiHead(SmallCNN((4,), (8,))), 2, 1)
    plain = Context(network, 1, "task", SimpleNamespace(classes=(4,)))
    assert (plain.head, plain.old_heads, plain.groups(), plain.groups(1)) == (1, 1, 3, 2)
    assert plain.positions(torch.tensor([4])).tolist() == [2]


def batch_of(task: int, labels: list[int], tasks: list[int], teacher: torch.nn.Module | None = None) -> Batch:
    own = context(task)
    images = torch.randint(
        0, 256, (len(labels), 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    task_of = torch.repeat_interleave(torch.arange(len(own.network.classes)), torch.tensor(own.network.classes))
    teachers = {name: lambda batch: teacher(batch.images) for name in ("task", "phase")} if teacher else {}
    return Batch(own, images, torch.tensor(labels), torch.arange(len(labels)), tasks, task_of, "task", teachers)


@pytest.mark.parametrize(("task", "labels"), [(2, [0, 1, 0]), (3, [1, 2, 3])])
def test_cross_entropy_is_over_the_classes_of_the_head_of_each_image(task, labels):
    batch = batch_of(task, labels, [task])
    logits, by_hand = batch.student.logits, 0.0
    for row, label in zip(logits, labels, strict=True):
        own = row[batch.task_of == batch.task_of[label]]
        by_hand -= (row[label] - own.logsumexp(0)) / len(labels)
    torch.testing.assert_close(CrossEntropy()(batch, {}), by_hand)


def test_distillation_keeps_every_head_of_before_and_the_temporary_one_the_newest():
    before = grown(MultiHead(SmallCNN((4,), (8,))), 2, 1)
    with torch.no_grad():
        before.heads[0].weight += 0.5
    batch = batch_of(2, [0, 1, 0], [2], before)
    soft, now = (one.logits for one in (batch.teacher("task"), batch.student))
    head = slice(0, 2)
    by_hand = -((soft[:, head] / 2).softmax(1) * (now[:, head] / 2).log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(Distillation()(batch, {}), by_hand)  # a softmax over the one class of the other is 0
    assert TemporaryDistillation()(batch, {}) == 0


def test_a_batch_of_domains_is_that_of_one_head():
    stream = cl.streams.domains(cl.streams.digits(tasks=5).fewer(0.1), "permutations", tasks=3)
    network = grown(MultiHead(SmallCNN((4,), (8,))), 10)
    here = Context(network, 2, "task", stream[2], classes=tuple(task.classes for task in stream))
    assert (here.head, here.old_heads) == (0, 1)
    assert torch.equal(here.positions(stream[2].test.labels), stream.positions(stream[2].test.labels))
    assert torch.equal(here.own_columns, stream.positions(stream[2].train.labels))
