"""Networks that compute every task separately from the pixels (DF-CNN, section 4.1)."""

import pytest
import torch

from cltutor.networks import Expandable, MultiHead, Progressive, ResNet32, SingleTask, SmallCNN, TensorFactorization

TINY = SmallCNN(channels=(4, 6), hidden=(5,))
IMAGES = torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
CHAINS = (Progressive, TensorFactorization, Expandable)


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


@pytest.mark.parametrize("kind", CHAINS)
def test_a_backbone_that_branches_is_refused_by_name(kind):
    with pytest.raises(ValueError, match=r"^ResNet32\(\) is no plain chain .*: use TaskCNN\(\) or SmallCNN\(\)\.$"):
        kind(ResNet32()).build((3, 32, 32))
