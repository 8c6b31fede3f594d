"""The network with a head per task: its layers, and what freezing stops."""

import functools

import pytest
import running
import torch
from torch import nn

from cltutor.networks import MultiHead, ResNet32, SmallCNN, Torchvision

TINY = SmallCNN(channels=(2,), hidden=(6, 5))


def pictures(size: int = 8, count: int = 4) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8)


grown = functools.partial(running.grown, image_shape=(3, 8, 8))


def test_new_heads_are_drawn_anew():
    network = grown(MultiHead(TINY, task_specific_layers=3), 2, 2)
    for old, new in zip(network.heads[0].parameters(), network.heads[1].parameters(), strict=True):
        assert old.shape == new.shape
        assert old.abs().max() == 0 == new.abs().max() or not torch.equal(old, new)


def test_fully_connected_layers_of_a_task_are_drawn_as_those_of_a_backbone_are():
    wide = SmallCNN(hidden=(256, 256))
    own = [m for m in grown(MultiHead(wide, task_specific_layers=3), 2).heads[0].modules() if isinstance(m, nn.Linear)]
    for layer in own[:-1]:
        torch.testing.assert_close(layer.weight.var().item(), 2 / layer.in_features, rtol=0.05, atol=0)
        assert layer.bias.abs().max() == 0
    assert own[-1].weight.abs().max() <= own[-1].in_features ** -0.5, "the output is drawn as every head is"


@pytest.mark.parametrize(
    ("count", "features", "shapes"),
    [(1, 5, [(2, 5)]), (2, 6, [(5, 6), (2, 5)]), (3, 2 * 4 * 4, [(6, 32), (5, 6), (2, 5)])],
)
def test_task_specific_layers_belong_to_each_task(count, features, shapes):
    network = grown(MultiHead(TINY, task_specific_layers=count), 2, 2)
    assert network(pictures()).features.shape == (4, features)
    for head in network.heads:
        assert [tuple(p.shape) for p in head.parameters() if p.ndim == 2] == shapes
    assert len(network.backbone.hidden) == 3 - count


def test_each_task_computes_the_same_function_of_its_own_layers_wherever_they_are_counted():
    images = pictures()
    for count in (1, 2, 3):
        network = grown(MultiHead(TINY, task_specific_layers=count), 2, 3)
        for task, head in enumerate(network.heads):
            features = network.backbone.trunk(network.backbone.normalise(images))
            weights = [*network.backbone.hidden.parameters(), *head.parameters()]
            for i in range(0, 6, 2):
                features = features @ weights[i].T + weights[i + 1]
                features = features.relu() if i < 4 else features
            torch.testing.assert_close(network(images).head(task), features)


def test_a_network_without_fully_connected_layers_refuses_task_specific_ones_in_one_sentence():
    with pytest.raises(ValueError, match=r"^ResNet32\(\) has 0 fully .* too few for task_specific_layers=2: [^.]*\.$"):
        MultiHead(ResNet32(), task_specific_layers=2).build((3, 32, 32))


def test_feature_extraction_puts_4096_nodes_into_later_heads_only():
    network = grown(MultiHead(TINY, hidden=4096), 2, 3)
    assert isinstance(network.heads[0], nn.Linear)
    linear = [(m.in_features, m.out_features) for m in network.heads[1].modules() if isinstance(m, nn.Linear)]
    assert linear == [(5, 4096), (4096, 3)]
    assert sum(isinstance(m, nn.ReLU) for m in network.heads[1].modules()) == 1


# Freezing


def test_stochastic_depth_counts_as_drawing_random_numbers():
    assert grown(MultiHead(Torchvision("efficientnet_b0")), 2, image_shape=(3, 32, 32)).draws_random_numbers


def test_output_computes_a_head_once_and_only_when_it_is_used():
    network, computed = grown(MultiHead(TINY), 2, 2), []
    for task, head in enumerate(network.heads):
        head.register_forward_hook(lambda module, inputs, output, task=task: computed.append(task))
    output = network(pictures())
    assert computed == []
    assert output.head(1) is output.head(1)
    assert computed == [1]
    output.logits.sum()
    assert computed == [1, 0]


@pytest.mark.parametrize("order", [("logits", "head"), ("head", "logits")])
def test_heads_computed_side_by_side_are_the_heads_one_by_one_and_so_are_their_gradients(order):
    network = grown(MultiHead(SmallCNN()), 2, 3, 1, 2).double().train()
    images = pictures(count=5)
    with torch.no_grad():
        features = network.backbone(images)
    expected = [head(features) for head in network.heads]
    output = network.read(features)
    for asked in order:
        if asked == "logits":
            torch.testing.assert_close(output.logits, torch.cat(expected, dim=1))
        for task in range(4) if asked == "head" else ():
            torch.testing.assert_close(output.head(task), expected[task])
    for tasks in (range(1, 3), [3, 0], range(2, 3), range(4)):
        torch.testing.assert_close(output.over(tasks), torch.cat([expected[t] for t in tasks], dim=1))
        torch.testing.assert_close(
            network.read(features).over(tasks), torch.cat([expected[t] for t in tasks], dim=1), msg=f"{tasks} first"
        )
    ours = torch.autograd.grad(output.logits.square().sum(), list(network.heads.parameters()))
    theirs = torch.autograd.grad(torch.cat(expected, dim=1).square().sum(), list(network.heads.parameters()))
    for own, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own, other)


def test_a_head_that_something_listens_to_or_that_is_more_than_a_product_is_called_itself():
    network, called = grown(MultiHead(SmallCNN()), 2, 3), []
    images = pictures(count=1)
    network(images).logits  # noqa: B018 (computes the heads)
    network.heads[0].register_forward_hook(lambda *_: called.append(0))
    network(images).logits  # noqa: B018
    assert called == [0]
    nn.utils.parametrizations.weight_norm(network.heads[1])
    with torch.no_grad():
        network.heads[1].parametrizations.weight.original0.mul_(2)
        output = network(images)
        torch.testing.assert_close(output.logits[:, 2:], network.heads[1](output.features))
