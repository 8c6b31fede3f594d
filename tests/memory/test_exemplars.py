"""The representative memory: how many are kept, which, in what order, and what training draws from them."""

from dataclasses import replace

import pytest
import torch
from running import first_known, grown

import cltutor as cl
from cltutor.losses import Context
from cltutor.memory import SELECTIONS, ExemplarMemory, herding
from cltutor.memory.exemplars import features_of
from cltutor.networks import MultiHead, SmallCNN
from cltutor.streams import PhotometricCropFlip

CPU = torch.device("cpu")


def of_sizes(*sizes: int) -> cl.streams.Stream:
    """Noise in tasks of two classes with so many training images each."""
    labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    images = torch.randint(1, 256, (len(labels), 1, 8, 8), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    return cl.streams.tensors(images, labels, images, labels, tasks=len(sizes) // 2, order=None)


def balanced_sets(memory: ExemplarMemory, stream) -> list[dict[int, int]]:
    """How many images of each class the balanced set of every later task has."""
    network, state, found = grown(MultiHead(SmallCNN((4, 4, 4), (8, 8)))), {}, []
    for task in stream:
        network.grow(len(task.classes))
        context, pool = Context(network, task.index, "class", task), memory.pool(stream, task.index, CPU, state)
        if state:
            chosen = pool.labels[memory.balanced(pool, context, state).chosen]
            found.append(dict(enumerate(torch.bincount(chosen).tolist())))
        memory.end_task(context, state)
    return found


def after(memory: ExemplarMemory, stream, tasks: int):
    """What the memory keeps after so many tasks, and the network whose features it selected by."""
    network, state = grown(MultiHead(SmallCNN((4, 4, 4), (8, 8)))), {}
    for task in stream[:tasks]:
        network.grow(len(task.classes))
        memory.end_task(Context(network, task.index, "class", task), state)
    return state, network


@pytest.mark.parametrize(
    ("memory", "counts"),
    [
        (ExemplarMemory(13), (6, 3, 2)),
        (ExemplarMemory(per_class=4), (4, 4, 4)),
        (ExemplarMemory(2000), (8, 8, 8)),  # a class with fewer images than its share is kept whole
    ],
)
def test_of_each_class_its_share_of_the_capacity_or_a_fixed_number_is_kept(patterns, memory, counts):
    for tasks, each in enumerate(counts, start=1):
        state, _ = after(memory, patterns, tasks)
        assert torch.bincount(state["labels"]).tolist() == [each] * (2 * tasks)
        assert state["tasks"].tolist() == [label // 2 for label in state["labels"].tolist()]
        assert state["images"].dtype == torch.uint8


def test_removal_drops_the_last_chosen_and_never_reorders(patterns):
    memory = ExemplarMemory(12)
    (first, network), (last, _) = after(memory, patterns, 1), after(memory, patterns, 3)
    for column, label in enumerate(patterns[0].classes):
        own = patterns[0].train.images[patterns[0].train.labels == label]
        chosen = own[herding(features_of(network, own), 6)]
        assert torch.equal(first["images"][first["labels"] == column], chosen)
        assert torch.equal(last["images"][last["labels"] == column], chosen[:2])


def test_the_pool_is_the_exemplars_and_then_the_new_images(patterns):
    memory = ExemplarMemory(8)
    state, _ = after(memory, patterns, 1)
    pool = memory.pool(patterns, 1, CPU, state)
    assert torch.equal(pool.images, torch.cat([state["images"], patterns[1].train.images]))
    assert torch.equal(pool.labels, torch.cat([state["labels"], patterns.positions(patterns[1].train.labels)]))
    assert pool.tasks.tolist() == [0] * 8 + [1] * 16
    assert torch.equal(memory.pool(patterns, 0, CPU, {}).images, patterns[0].train.images)


@pytest.mark.parametrize("augmentation", [None, PhotometricCropFlip(once=True)])
def test_the_balanced_set_has_as_many_of_each_class_and_all_variants_of_each_image(patterns, augmentation):
    memory = ExemplarMemory(13)
    state, network = after(memory, patterns, 1)
    network.grow(2)
    pool = memory.pool(patterns, 1, CPU, state)
    if augmentation:
        pool = pool.enlarged(augmentation, torch.Generator().manual_seed(0))
    balanced = memory.balanced(pool, Context(network, 1, "class", patterns[1]), state)
    copies = 12 if augmentation else 1
    assert torch.bincount(pool.labels[balanced.chosen]).tolist() == [6 * copies] * 4
    assert len(balanced) == 24 * copies
    first, size = balanced.chosen[:24], len(pool.labels) // copies
    expected = torch.cat([first + k * size for k in range(copies)])
    assert torch.equal(balanced.chosen, expected)
    new = patterns[1].train
    for label, column in zip(patterns[1].classes, (2, 3), strict=True):
        own = (new.labels == label).nonzero().squeeze(1)
        chosen = own[herding(features_of(network, new.images[own]), 6)] + len(state["labels"])
        assert first[pool.labels[first] == column].tolist() == chosen.tolist()
    drawn = torch.cat([places for places, _ in balanced.batches(7, torch.Generator().manual_seed(0))])
    assert sorted(drawn.tolist()) == sorted(balanced.chosen.tolist())


@pytest.mark.parametrize(
    ("balancing", "second", "third"),
    [
        ("strict", (5, 5, 5, 5), (5, 5, 5, 5, 5, 5)),  # EEIL, section 4: the same number of samples per class
        ("loose", (30, 30, 30, 5), (5, 5, 5, 5, 5, 5)),  # the fewest of an old class
        ("program", (30, 30, 30, 5), (15, 15, 15, 5, 15, 15)),  # the first class's, and what there is
    ],
)
def test_with_classes_of_unequal_size_the_balanced_set_is_as_its_source_says(balancing, second, third):
    stream, memory = of_sizes(50, 40, 60, 5, 60, 60), ExemplarMemory(60, balancing=balancing)
    assert balanced_sets(memory, stream) == [dict(enumerate(second)), dict(enumerate(third))]


@pytest.mark.parametrize("memory", [ExemplarMemory(13), ExemplarMemory(per_class=4)])
def test_with_classes_of_equal_size_all_balanced_sets_are_one(patterns, memory):
    state, network = after(memory, patterns, 1)
    network.grow(2)
    context, pool = Context(network, 1, "class", patterns[1]), memory.pool(patterns, 1, CPU, state)
    sets = [replace(memory, balancing=one).balanced(pool, context, state) for one in ("strict", "loose", "program")]
    assert all(torch.equal(one.chosen, sets[0].chosen) for one in sets)


@pytest.mark.parametrize("selection", SELECTIONS)
def test_of_a_class_with_fewer_images_than_are_kept_of_each_all_are_kept(selection):
    recipe = cl.methods.eeil_bf(memory=ExemplarMemory(per_class=6, selection=selection), epochs=2)
    run = cl.learn(of_sizes(9, 5, 6, 7), recipe, device="cpu", progress=False)
    assert torch.bincount(run.part_states["memory"]["labels"]).tolist() == [6, 5, 6, 6]


def test_another_seed_draws_other_images(patterns):
    memory = ExemplarMemory(6, selection="random")
    _, network = after(memory, patterns, 1)
    drawn = []
    for seed in (0, 0, 1):
        memory.end_task(Context(network, 0, "class", patterns[0], seed=seed), state := {})
        drawn.append(state["images"])
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        (ExemplarMemory(5), "cannot hold one of each of 6 classes: capacity must be at least 6"),
        (ExemplarMemory(1), "cannot hold one of each of 6 classes: capacity must be at least 6"),
    ],
)
def test_a_memory_that_does_not_fit_the_stream_is_refused_before_training(patterns, memory, words):
    with pytest.raises(ValueError, match=words):
        cl.learn(patterns, cl.methods.eeil_base(memory=memory), progress=False)


@pytest.mark.parametrize("memory", [ExemplarMemory(60), ExemplarMemory(per_class=3)])
def test_a_class_without_training_images_is_refused_before_training(memory):
    with pytest.raises(ValueError, match="^Class '0' has no training images, and the memory is to keep some of each"):
        cl.learn(first_known(of_sizes(4, 4, 4, 4)), cl.methods.eeil_base(memory=memory), progress=False)


def test_a_memory_without_any_size_is_refused():
    with pytest.raises(ValueError, match="A memory needs a capacity in all or per_class"):
        ExemplarMemory(capacity=None)
