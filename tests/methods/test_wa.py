"""Weight aligning: lengths of class weights by hand, in a run too."""

import pytest
import torch
from running import grown, learn

import cltutor as cl
from cltutor.methods import WeightAligning
from cltutor.networks import MultiHead, SmallCNN

SMALL = SmallCNN((4, 4), (8,))


def test_new_class_weights_get_the_mean_length_of_old_ones_and_keep_their_direction():
    network = grown(MultiHead(SMALL), 2, 3, 2)
    with torch.no_grad():
        network.heads[2].weight *= 7
    before = [head.weight.detach().double().clone() for head in network.heads]
    biases = [head.bias.detach().clone() for head in network.heads]
    assert WeightAligning().tested(network, {}) is network
    lengths = [row.square().sum().sqrt() for head in before[:2] for row in head]
    gamma = sum(lengths) / 5 / (sum(row.square().sum().sqrt() for row in before[2]) / 2)
    torch.testing.assert_close(network.heads[2].weight.double(), gamma * before[2], rtol=1e-5, atol=1e-7)
    assert gamma < 0.5
    for head, weight, bias in zip(network.heads, before, biases, strict=True):
        assert torch.equal(head.bias, bias)
        if head is not network.heads[2]:
            assert torch.equal(head.weight.double(), weight)


def test_the_first_task_is_left_as_it_is():
    network = grown(MultiHead(SMALL), 3)
    before = network.heads[0].weight.detach().clone()
    WeightAligning().tested(network, {})
    assert torch.equal(network.heads[0].weight, before)


def test_a_task_whose_classes_have_all_returned_aligns_nothing(patterns):
    stream = cl.streams.returning(patterns, (0, 1, 0), "same")
    run = learn(stream, cl.methods.wa(capacity=30, epochs=3, learning_rate=0.05, backbone=SMALL))
    means = [[run.states[task][f"heads.{head}.weight"].norm(dim=1).mean().item() for head in (0, 1)] for task in (1, 2)]
    assert means[0][0] == pytest.approx(means[0][1], rel=1e-5)
    assert means[1][0] != pytest.approx(means[1][1], rel=1e-5)


def test_in_a_run_the_tested_network_is_aligned_after_every_task(patterns):
    run = learn(patterns, cl.methods.wa(capacity=30, epochs=3, backbone=SMALL))
    for task in (1, 2):
        lengths = [run.states[task][f"heads.{t}.weight"].norm(dim=1) for t in range(task + 1)]
        assert lengths[-1].mean().item() == pytest.approx(torch.cat(lengths[:-1]).mean().item(), rel=1e-5)
