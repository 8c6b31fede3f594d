"""Networks that compute every task separately from the pixels (DF-CNN, section 4.1)."""

import pytest
import torch

from cltutor.networks import Expandable, MultiHead, Progressive, ResNet32, SingleTask, SmallCNN, TensorFactorization
from cltutor.networks.separate import SeparateNetwork, chain_of

TINY = SmallCNN(channels=(4, 6), hidden=(5,))
IMAGES = torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
CHAINS = (Progressive, TensorFactorization, Expandable)


class Constant(SeparateNetwork):
    """Task t has the feature -t and three logits t; notes which tasks are computed."""

    def __init__(self, tasks: int):
        super().__init__((1, 8, 8))
        self.classes, self.computed = [3] * tasks, []

    def compute_task(self, images, task):
        self.computed.append(task)
        return torch.full((len(images), 1), -task), torch.full((len(images), 3), task)


def test_each_task_is_computed_once_and_only_when_it_is_used():
    network = Constant(3)
    output = network(IMAGES)
    assert network.computed == []
    assert output.head(1).tolist() == [[1] * 3] * 3
    assert network.computed == [1]
    assert output.logits.tolist() == [[0] * 3 + [1] * 3 + [2] * 3] * 3
    assert output.features.tolist() == [[-2]] * 3
    assert network.computed == [1, 0, 2]


@pytest.mark.parametrize("kind", [SingleTask, *CHAINS])
def test_the_first_task_starts_as_in_the_plain_network(kind):
    outputs = []
    for description in (kind(TINY), MultiHead(TINY)):
        torch.manual_seed(0)
        network = description.build((1, 8, 8))
        network.normalise_like(IMAGES)
        network.grow(2)
        outputs.append(network(IMAGES))
    torch.testing.assert_close(outputs[0].features, outputs[1].features)
    if kind is not Expandable:  # whose head is drawn for units, not for a backbone's features
        assert torch.equal(outputs[0].logits, outputs[1].logits)


def test_single_tasks_share_the_input_normalisation_and_no_weight():
    network = SingleTask(TINY).build((1, 8, 8))
    network.normalise_like(IMAGES)
    for classes in (2, 3, 4):
        network.grow(classes)
    normalise = network.tasks[0].backbone.normalise
    assert normalise.std.item() > 1
    assert all(own.backbone.normalise is normalise for own in network.tasks)
    first, second, third = (own.backbone.trunk[0].weight for own in network.tasks)
    assert not torch.allclose(first, second)
    assert not torch.allclose(second, third)


def test_a_chain_computes_the_same_as_the_backbone_from_the_normalised_pixels():
    backbone = TINY.build((1, 8, 8))
    values = backbone.normalise(IMAGES)
    for layer in chain_of(backbone, "it"):
        values = layer(values)
    assert torch.equal(values, backbone(IMAGES))


@pytest.mark.parametrize("kind", CHAINS)
def test_a_backbone_that_branches_is_refused_by_name(kind):
    with pytest.raises(ValueError, match=r"^ResNet32\(\) is no plain chain .*: use TaskCNN\(\) or SmallCNN\(\)\.$"):
        kind(ResNet32()).build((3, 32, 32))
