"""PackNet: what belongs to old tasks stays bit for bit, masks are those of the smallest weights, biases stay."""

import pytest
import torch
from running import grown, learn

import cltutor as cl
from cltutor.methods import Packed
from cltutor.methods.packnet import FREE
from cltutor.networks import SmallCNN

SMALL = SmallCNN((4, 4), (12,))


@pytest.fixture(scope="module")
def run(patterns):
    """Three tasks, with weight decay and momentum, which must not move what is kept."""
    settings = {"epochs": 3, "weight_decay": 0.1, "learning_rate": 0.1, "backbone": SMALL, "batch_size": 4}
    return learn(patterns, cl.methods.packnet(pruned=0.5, **settings))


def networks(run):
    return [run.model_after(task) for task in range(3)]


def test_the_weights_and_logits_of_old_tasks_are_the_same_bits_after_every_later_one(run, patterns):
    images = patterns[0].test.images
    for old in range(3):
        first = run.model_after(old)
        for later in networks(run)[old:]:
            assert all(torch.equal(first.effective(old)[name], later.effective(old)[name]) for name in first.names)
            assert torch.equal(first(images).head(old), later(images).head(old))


def test_later_tasks_use_old_weights_and_learn_others(run):
    *_, last = networks(run)
    for name in last.names:
        one, two = last.effective(0)[name], last.effective(1)[name]
        used = one != 0
        assert torch.equal(one[used], two[used])
    assert any((last.effective(0)[name] != last.effective(1)[name]).any() for name in last.names)


def test_each_task_has_half_of_the_weights_that_it_found_and_the_rest_is_zero(run):
    for task, network in enumerate(networks(run)):
        for name in network.names:
            parameter, _, owner = network.of(name)
            if parameter.dim() > 1:
                left = parameter.numel()
                for earlier in range(task + 1):
                    free = left // 2
                    assert int((owner == earlier).sum()) == left - free
                    left = free
                assert int((owner == FREE).sum()) == left
                assert not network.effective(task)[name][owner == FREE].any()


def test_biases_belong_to_the_first_task(run):
    first, *_, last = networks(run)
    for name in (name for name in last.names if name.endswith("bias")):
        assert int((last.of(name)[2] != 0).sum()) == 0
        assert torch.equal(last.effective(2)[name], first.effective(0)[name])


def test_the_smallest_weights_of_each_layer_are_set_free():
    network = grown(Packed(SMALL, 0.75), 2)
    before = {name: value.clone() for name, value in network.effective(0).items()}
    network.begin_phase("train", torch.zeros(0), torch.zeros(0))
    assert all(torch.equal(value, before[name]) for name, value in network.effective(0).items())
    network.begin_phase("retrain", torch.zeros(0), torch.zeros(0))
    for name, value in network.effective(0).items():
        if value.dim() > 1:
            sizes = before[name].abs().flatten().sort().values
            cut = sizes[int(0.75 * len(sizes)) - 1]
            expected = before[name].where(before[name].abs() > cut, 0.0)
            assert torch.equal(value, expected)
            assert torch.equal(network.of(name)[0], expected)  # the next task begins with zeros, not with what was here


def test_a_gradient_reaches_what_the_newest_task_has_and_nothing_else():
    network = grown(Packed(SMALL, 0.5), 2)
    network.begin_phase("retrain", torch.zeros(0), torch.zeros(0))
    network.grow(2)
    network(torch.randint(0, 256, (8, 1, 8, 8), dtype=torch.uint8)).head(1).square().sum().backward()
    for name in network.names:
        parameter, _, owner = network.of(name)
        assert not parameter.grad[owner == 0].any()
        assert parameter.dim() == 1 or parameter.grad[owner == 1].any()
