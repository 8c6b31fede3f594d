"""GDumb: the greedy sampler against one written by hand, its balance, and a network trained on nothing else."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from running import learn

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


def test_a_network_is_trained_on_the_memory_alone_from_the_same_start(patterns):
    recipe = cl.methods.gdumb(
        capacity=12, epochs=1, learning_rate=1e-9, weight_decay=0.0, backbone=SmallCNN((4,), (8,))
    )
    run = learn(patterns, recipe)
    assert run.updates == 3  # an epoch of at most twelve images is one step
    for name, value in run.states[0].items():
        torch.testing.assert_close(run.states[2][name], value, atol=1e-6, rtol=0)
    state = run.part_states["memory"]
    assert torch.bincount(state["labels"]).tolist() == [2] * 6
    pool = recipe.memory.pool(patterns, 2, torch.device("cpu"), state)
    assert torch.equal(pool.images, state["images"])


def test_another_seed_keeps_other_images(patterns):
    kept = [
        learn(patterns, cl.methods.gdumb(capacity=12, epochs=1), seed=seed).part_states["memory"] for seed in (0, 1)
    ]
    assert not torch.equal(kept[0]["images"], kept[1]["images"])
