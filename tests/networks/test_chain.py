"""Networks that have a way of their own for each task: a plain chain, one sentence, and nothing kept alive."""

import gc
import weakref

import pytest
import torch

import cltutor as cl
from cltutor.networks import ResNet32, SmallCNN
from cltutor.networks.chain import OwnWays, chain_of, check_shape


def test_a_chain_computes_what_the_backbone_does_from_the_normalised_pixels():
    backbone = SmallCNN(channels=(4, 6), hidden=(5,)).build((1, 8, 8))
    images = torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8)
    values = backbone.normalise(images)
    for layer in chain_of(backbone, "it"):
        values = layer(values)
    assert torch.equal(values, backbone(images))


def test_a_backbone_that_branches_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^ResNet32\(\) is no plain chain .*: use TaskCNN\(\) or SmallCNN\(\)\.$"):
        chain_of(ResNet32().build((3, 32, 32)), "ResNet32()")


def test_another_shape_is_told_beside_the_right_one():
    check_shape(torch.zeros(5, 3, 8, 8), (3, 8, 8))
    with pytest.raises(ValueError, match=r"images of 3x8x8 \(channels, height, width\), not 1x8x8\.$"):
        check_shape(torch.zeros(5, 1, 8, 8), (3, 8, 8))


def test_each_way_is_gone_once_and_only_when_it_is_asked_for():
    gone = []

    def way(task):
        gone.append(task)
        return torch.full((2, 1), -task), torch.full((2, 3), task)

    output = OwnWays(way, 3)
    assert gone == []
    assert output.head(1).tolist() == [[1] * 3] * 2
    assert output.logits.tolist() == [[0] * 3 + [1] * 3 + [2] * 3] * 2
    assert output.features.tolist() == [[-2], [-2]]
    assert sorted(gone) == [0, 1, 2]


@pytest.mark.parametrize("name", ["single_task", "hard_sharing", "progressive", "expandable", "dfcnn"])
def test_what_a_batch_was_answered_is_gone_when_nobody_holds_it(name):
    network = cl.methods.get(name).network.build((3, 8, 8))
    for _ in range(3):
        network.grow(2)
    gc.collect()
    gc.disable()
    try:
        answered = network(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))
        held = [weakref.ref(answered.head(2)), weakref.ref(answered.features)]
        del answered
        assert [one() for one in held] == [None, None], "a cycle would keep every batch of a run"
    finally:
        gc.enable()
