"""GDumb: the greedy sampler against one written by hand, its balance, and a network trained on nothing else."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from running import learn
from torch.nn import functional as F

import cltutor as cl
from cltutor.methods.gdumb import greedy
from cltutor.networks import SmallCNN

STREAMS = st.lists(st.integers(0, 5), min_size=1, max_size=80)


def by_hand(labels: list[int], capacity: int) -> dict[int, int]:
    """How many images of each class Algorithm 1 keeps; which ones is chance."""
    counts: dict[int, int] = {}
    for label in labels:
        classes = len(counts.keys() | {label})
        if label not in counts or counts[label] < capacity / classes:
            if sum(counts.values()) >= capacity:
                largest = max(counts, key=counts.get)
                counts[largest] -= 1
            counts[label] = counts.get(label, 0) + 1
    return counts


@given(STREAMS, st.integers(6, 20))
def test_it_keeps_as_many_of_each_class_as_the_algorithm_and_no_image_twice(labels, capacity):
    given_labels = torch.tensor(labels)
    places = greedy(given_labels[:0], given_labels, capacity, torch.Generator().manual_seed(0))
    assert len(places.unique()) == len(places) <= capacity
    found = {label: int((given_labels[places] == label).sum()) for label in set(labels)}
    assert sorted(found.values()) == sorted(by_hand(labels, capacity).values())
    assert all(found[label] > 0 for label in found)


@given(STREAMS, st.integers(6, 20), st.integers(0, 79))
def test_in_two_parts_it_keeps_as_many_of_each_class_as_at_once(labels, capacity, cut):
    source, whole = torch.Generator().manual_seed(1), torch.tensor(labels)
    first, rest = whole[:cut], whole[cut:]
    kept = first[greedy(first[:0], first, capacity, source)] if cut and len(first) else first[:0]
    both = torch.cat([kept, rest])
    found = both[greedy(kept, rest, capacity, source)]
    assert sorted(torch.bincount(found, minlength=6).tolist()) == sorted(
        by_hand(labels, capacity).get(label, 0) for label in range(6)
    )


def test_a_full_memory_is_balanced_and_every_image_of_a_class_is_kept_as_often():
    labels, counts = torch.tensor([0] * 30 + [1] * 30), torch.zeros(60)
    for seed in range(400):
        places = greedy(labels[:0], labels, 10, torch.Generator().manual_seed(seed))
        assert torch.bincount(labels[places]).tolist() == [5, 5]
        counts[places] += 1
    first = counts[:10]  # those that filled the memory; half of them gave way, whichever
    assert ((first - 200).abs() < 4 * (400 / 4) ** 0.5).all(), first


def test_after_every_task_a_network_has_learned_the_memory_alone_from_the_same_start(patterns):
    def learned(rate):
        own = {"clip": 1e9, "weight_decay": 0.0, "backbone": SmallCNN((4,), (8,))}
        return learn(patterns, cl.methods.gdumb(capacity=12, epochs=1, learning_rate=rate, **own))

    start, run = learned(1e-9), learned(0.01)
    assert run.updates == 3  # an epoch of at most twelve images is one step
    state = run.part_states["memory"]
    pool = run.recipe.memory.pool(patterns, 2, torch.device("cpu"), state)
    assert torch.equal(pool.images, state["images"])
    network = start.model_after(2).train().requires_grad_(True)
    F.cross_entropy(network(pool.images).logits, pool.labels).backward()
    for name, value in network.named_parameters():
        torch.testing.assert_close(run.states[2][name] - value, -0.01 * value.grad, atol=1e-6, rtol=1e-3)


def test_the_memory_is_balanced_and_knows_the_task_of_each_image(patterns):
    state = learn(patterns, cl.methods.gdumb(capacity=12, epochs=1)).part_states["memory"]
    assert torch.bincount(state["labels"]).tolist() == [2] * 6
    assert torch.equal(state["tasks"], state["labels"] // 2)


def test_images_arrive_in_an_order_that_the_seed_draws(tiny):
    """In the stream's order, class by class, a memory of twelve would keep the first six images of the second class."""
    alone = cl.streams.Stream([tiny[0]], tiny.class_names, "one", "one")
    first = tiny[0].train.images[tiny[0].train.labels == tiny[0].classes[1]][:6]
    for seed in range(3):
        state = learn(alone, cl.methods.gdumb(capacity=12, epochs=1), seed=seed).part_states["memory"]
        assert not torch.equal(state["images"][state["labels"] == 1], first)


def test_another_seed_keeps_other_images(patterns):
    kept = [
        learn(patterns, cl.methods.gdumb(capacity=12, epochs=1), seed=seed).part_states["memory"] for seed in (0, 1)
    ]
    assert not torch.equal(kept[0]["images"], kept[1]["images"])
