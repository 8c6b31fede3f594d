"""The representative memory: how many are kept, which, in what order, and what training draws from them."""

import pytest
import torch

import cltutor as cl
from cltutor.losses import Context
from cltutor.memory import ExemplarMemory, Pool, herding
from cltutor.memory.exemplars import features_of
from cltutor.networks import MultiHead, SmallCNN
from cltutor.streams import PhotometricCropFlip

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def stream():
    """Three tasks of two classes, 8x8 grey noise: 10 images a class."""
    labels = torch.arange(6).repeat_interleave(10)
    images = torch.randint(0, 256, (60, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return cl.streams.tensors(images, labels, images[::2], labels[::2], tasks=3, order=[4, 1, 0, 3, 5, 2])


def after(memory: ExemplarMemory, stream, tasks: int):
    """What the memory keeps after so many tasks, and the network that it looked with."""
    torch.manual_seed(0)
    network, kept = MultiHead(SmallCNN((4, 4, 4), (8, 8))).build(stream.image_shape), {}
    for task in stream[:tasks]:
        network.grow(len(task.classes))
        memory.end_task(Context(network, task.index, "class", task), kept)
    return kept, network


@pytest.mark.parametrize(("tasks", "each"), [(1, 6), (2, 3), (3, 2)])
def test_of_each_class_the_capacity_divided_by_the_classes_is_kept(stream, tasks, each):
    kept, _ = after(ExemplarMemory(13), stream, tasks)
    assert torch.bincount(kept["labels"]).tolist() == [each] * (2 * tasks)
    assert kept["tasks"].tolist() == [label // 2 for label in kept["labels"].tolist()]
    assert kept["images"].dtype == torch.uint8
    assert kept["images"].device == CPU


def test_a_fixed_number_a_class_lets_the_memory_grow(stream):
    for tasks in (1, 2, 3):
        kept, _ = after(ExemplarMemory(per_class=4), stream, tasks)
        assert torch.bincount(kept["labels"]).tolist() == [4] * (2 * tasks)


def test_a_class_with_fewer_images_than_its_share_is_kept_whole(stream):
    kept, _ = after(ExemplarMemory(2000), stream, 2)
    assert torch.bincount(kept["labels"]).tolist() == [10] * 4


def test_removal_drops_the_last_chosen_and_never_reorders(stream):
    memory = ExemplarMemory(18)
    (first, network), (last, _) = after(memory, stream, 1), after(memory, stream, 3)
    for column, label in enumerate(stream[0].classes):
        own = stream[0].train.images[stream[0].train.labels == label]
        chosen = own[herding(features_of(network, own), 9)]
        assert torch.equal(first["images"][first["labels"] == column], chosen)
        assert torch.equal(last["images"][last["labels"] == column], chosen[:3])


def test_the_pool_is_the_exemplars_and_then_the_new_images(stream):
    memory = ExemplarMemory(8)
    kept, _ = after(memory, stream, 1)
    pool = memory.pool(stream, 1, CPU, kept)
    assert torch.equal(pool.images, torch.cat([kept["images"], stream[1].train.images]))
    assert torch.equal(pool.labels, torch.cat([kept["labels"], stream.positions(stream[1].train.labels)]))
    assert pool.tasks.tolist() == [0] * 8 + [1] * 20
    assert torch.equal(memory.pool(stream, 0, CPU, {}).images, stream[0].train.images)


@pytest.mark.parametrize("augmentation", [None, PhotometricCropFlip(once=True)])
def test_the_balanced_set_has_as_many_of_each_class_and_all_variants_of_each_image(stream, augmentation):
    memory = ExemplarMemory(13)
    kept, network = after(memory, stream, 1)
    network.grow(2)
    pool = memory.pool(stream, 1, CPU, kept)
    if augmentation:
        pool = pool.enlarged(augmentation, torch.Generator().manual_seed(0))
    balanced = memory.balanced(pool, Context(network, 1, "class", stream[1]), kept)
    copies = 12 if augmentation else 1
    assert torch.bincount(pool.labels[balanced.chosen]).tolist() == [6 * copies] * 4
    assert len(balanced) == 24 * copies
    first, size = balanced.chosen[:24], len(pool.labels) // copies
    expected = torch.cat([first + k * size for k in range(copies)])
    assert torch.equal(balanced.chosen, expected)
    new = stream[1].train
    for label, column in zip(stream[1].classes, (2, 3), strict=True):
        own = (new.labels == label).nonzero().squeeze(1)
        chosen = own[herding(features_of(network, new.images[own]), 6)] + len(kept["labels"])
        assert first[pool.labels[first] == column].tolist() == chosen.tolist()
    drawn = torch.cat([places for places, _ in balanced.batches(7, torch.Generator().manual_seed(0))])
    assert sorted(drawn.tolist()) == sorted(balanced.chosen.tolist())


def test_selection_looks_without_leaving_a_trace(stream):
    kept, network = after(ExemplarMemory(12), stream, 1)
    network.train()
    before, state = [p.clone() for p in network.parameters()], torch.get_rng_state()
    ExemplarMemory(12, selection="random").end_task(Context(network, 0, "class", stream[0]), kept)
    assert all(module.training for module in network.modules())
    assert all(torch.equal(p, q) for p, q in zip(before, network.parameters(), strict=True))
    assert torch.equal(torch.get_rng_state(), state)


def test_another_seed_draws_other_images(stream):
    memory = ExemplarMemory(6, selection="random")
    _, network = after(memory, stream, 1)
    drawn = []
    for seed in (0, 0, 1):
        memory.end_task(Context(network, 0, "class", stream[0], seed=seed), kept := {})
        drawn.append(kept["images"])
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        (ExemplarMemory(5), "cannot hold one of each of 6 classes: capacity must be at least 6"),
        (ExemplarMemory(per_class=11), "has 10 training images, fewer than the 11 that the memory is to keep"),
    ],
)
def test_a_memory_that_does_not_fit_the_stream_is_refused_before_training(stream, memory, words):
    with pytest.raises(ValueError, match=words):
        cl.learn(stream, cl.methods.eeil_base(memory=memory), progress=False)


@pytest.mark.parametrize("wrong", [{"capacity": 0}, {"per_class": 0}, {"capacity": 2.5}])
def test_a_memory_of_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="a whole number of images from 1 up"):
        ExemplarMemory(**wrong)


def test_an_unknown_strategy_is_refused():
    with pytest.raises(ValueError, match="selection is one of herding, closest, random, histogram, not 'herdin'"):
        ExemplarMemory(selection="herdin")


def test_a_run_is_resumed_with_the_exemplars_that_it_chose(stream, tmp_path):
    recipe = cl.methods.icarl(memory=ExemplarMemory(12), epochs=2)
    whole = cl.learn(stream, recipe, device="cpu", progress=False)
    for event in cl.train(stream, recipe, device="cpu", store=tmp_path):
        if isinstance(event, cl.training.events.TaskDone) and event.task == 1:
            break
    resumed = cl.learn(stream, recipe, device="cpu", store=tmp_path, progress=False)
    assert torch.equal(whole.part_states["memory"]["images"], resumed.part_states["memory"]["images"])
    for name, value in whole.states[-1].items():
        assert torch.equal(value, resumed.states[-1][name])
    known, again = (run.accuracy(known_task=False) for run in (whole, resumed))
    assert (known == again)[~torch.tensor(known).isnan().numpy()].all()


def test_the_bytes_of_exemplars_are_counted(stream):
    second, third = cl.storage.needed(stream, [cl.methods.eeil_base(memory=ExemplarMemory(12))])["eeil_base"]
    assert second["images"] == 12 * (64 + 8)
    assert third["images"] == 12 * (64 + 8)
    assert "memory" not in second


def test_choosing_places_keeps_what_is_recorded_of_the_pool():
    pool = Pool(torch.arange(5).reshape(5, 1, 1, 1).to(torch.uint8), torch.arange(5), torch.zeros(5, dtype=torch.int64))
    chosen = pool.choose(torch.tensor([3, 1]))
    places = torch.cat([places for places, _ in chosen.batches(4, torch.Generator().manual_seed(0))])
    assert sorted(places.tolist()) == [1, 3]
    assert chosen.images is pool.images
    assert len(chosen) == 2
