"""The network with a head per task: growing, roles, freezing."""

import pytest
import torch
from torch import nn

from cltutor.networks import ROLES, Copies, MultiHead, ResNet32, SmallCNN, Torchvision, Widening

TINY = SmallCNN(channels=(2,), hidden=(6, 5))
NETWORKS = {
    "MultiHead": MultiHead(TINY),
    "MultiHead with three task-specific layers": MultiHead(TINY, task_specific_layers=3),
    "MultiHead for feature extraction": MultiHead(TINY, hidden=9),
    "MultiHead of ResNet32": MultiHead(ResNet32()),
    "Copies": Copies(TINY),
    "Widening": Widening(TINY),
}


def pictures(size: int = 8, count: int = 4) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8)


def grown(description, *classes: int, size: int = 8):
    torch.manual_seed(0)
    network = description.build((3, size, size))
    for count in classes:
        network.grow(count)
    return network


def state(network) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.mark.parametrize("description", NETWORKS.values(), ids=NETWORKS)
def test_every_parameter_has_exactly_one_role(description):
    network = grown(description)
    for count in (2, 3, 2):
        network.grow(count)
        owned = [id(parameter) for role in ROLES for parameter in network.parameters_of(role)]
        assert len(owned) == len(set(owned))
        assert set(owned) == {id(parameter) for parameter in network.parameters()}


@pytest.mark.parametrize("description", NETWORKS.values(), ids=NETWORKS)
def test_output_has_features_a_head_per_task_and_all_logits_in_order_of_arrival(description):
    network = grown(description, 2, 3, 2).eval()
    output = network(pictures())
    assert output.features.shape[0] == 4
    assert [output.head(task).shape for task in range(3)] == [(4, 2), (4, 3), (4, 2)]
    assert torch.equal(output.logits, torch.cat([output.head(0), output.head(1), output.head(2)], dim=1))
    assert torch.equal(output.over([2, 0]), torch.cat([output.head(2), output.head(0)], dim=1))
    assert network.classes == [2, 3, 2]


@pytest.mark.parametrize("description", [d for n, d in NETWORKS.items() if n != "Widening"])
def test_growing_keeps_all_old_weights_bit_for_bit(description):
    network = grown(description, 2)
    for count in (3, 2):
        before = state(network)
        network.grow(count)
        after = network.state_dict()
        assert len(after) > len(before)
        assert all(torch.equal(after[name], value) for name, value in before.items())


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


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_tasks_own_layers_learn_from_its_own_outputs_alone(count):
    network = grown(MultiHead(TINY, task_specific_layers=count), 2, 3, 2)
    network(pictures()).head(1).square().sum().backward()
    for task, head in enumerate(network.heads):
        assert [p.grad is not None for p in head.parameters()] == [task == 1] * (2 * count)
    assert all(p.grad is not None for p in network.backbone.parameters())


def test_one_network_computes_the_same_function_wherever_its_layers_are_counted():
    images = pictures()
    for count in (1, 2, 3):
        network = grown(MultiHead(TINY, task_specific_layers=count), 2)
        features = network.backbone.trunk(network.backbone.normalise(images))
        weights = [*network.backbone.hidden.parameters(), *network.heads[0].parameters()]
        for i in range(0, 6, 2):
            features = features @ weights[i].T + weights[i + 1]
            features = features.relu() if i < 4 else features
        torch.testing.assert_close(network(images).head(0), features)


@pytest.mark.parametrize("count", [2, 3])
def test_a_network_without_fully_connected_layers_refuses_task_specific_ones_in_one_sentence(count):
    with pytest.raises(
        ValueError, match=rf"^ResNet32\(\) has 0 fully .* too few for task_specific_layers={count}: [^.]*\.$"
    ):
        MultiHead(ResNet32(), task_specific_layers=count).build((3, 32, 32))


@pytest.mark.parametrize("count", [0, 4, 1.5, "2"])
def test_task_specific_layers_are_one_two_or_three(count):
    with pytest.raises(ValueError, match="task_specific_layers is 1, 2 or 3"):
        MultiHead(task_specific_layers=count)


def test_feature_extraction_puts_4096_nodes_into_later_heads_only():
    network = grown(MultiHead(TINY, hidden=4096), 2, 3)
    assert isinstance(network.heads[0], nn.Linear)
    linear = [(m.in_features, m.out_features) for m in network.heads[1].modules() if isinstance(m, nn.Linear)]
    assert linear == [(5, 4096), (4096, 3)]
    assert sum(isinstance(m, nn.ReLU) for m in network.heads[1].modules()) == 1


# Freezing


@pytest.mark.parametrize("roles", [(), ("new",), ("shared", "new"), ("shared", "old", "new")])
@pytest.mark.parametrize("description", NETWORKS.values(), ids=NETWORKS)
def test_only_the_roles_that_train_get_a_gradient(description, roles):
    network = grown(description, 2, 2)
    network.train_only(("shared", "old", "new"))
    network.train_only(roles)
    logits = network(pictures()).logits
    assert logits.requires_grad == bool(roles)
    if roles:
        logits.square().sum().backward()
    for role in ROLES:
        gradients = [p.grad for p in network.parameters_of(role) if p.numel()]
        assert [g is not None for g in gradients] == [role in roles] * len(gradients)


@pytest.mark.parametrize("backbone", [ResNet32(), Torchvision("resnet18")])
def test_batch_norm_statistics_move_only_with_the_shared_weights(backbone):
    network = grown(MultiHead(backbone), 2, 2, size=32)
    before = state(network)
    network.train_only(["old", "new"])
    network(pictures(32))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    network.train_only(["shared"])
    network(pictures(32))
    moved = [name for name, value in network.state_dict().items() if not torch.equal(value, before[name])]
    assert moved
    assert all("running_" in name or "num_batches" in name for name in moved)


def test_a_frozen_network_drops_nothing_out():
    network = grown(MultiHead(Torchvision("squeezenet1_0")), 2, 2, size=64)  # drops features in every head
    images = pictures(64)

    def differs(head: int) -> bool:
        return not torch.equal(network(images).head(head), network(images).head(head))

    network.train_only(["shared"])
    assert (differs(0), differs(1)) == (False, False)
    network.train_only(["new"])
    assert (differs(0), differs(1)) == (False, True)
    network.train_only(["old", "new"])
    assert (differs(0), differs(1)) == (True, True)


@pytest.mark.parametrize(
    ("backbone", "draws"), [(TINY, False), (ResNet32(), False), (Torchvision("squeezenet1_0"), True)]
)
def test_a_network_says_whether_its_steps_draw_random_numbers(backbone, draws):
    network = grown(MultiHead(backbone), 2, 2, size=32)
    assert network.draws_random_numbers == draws
    network.train_only(ROLES)
    before = torch.get_rng_state()
    assert network(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)).logits.shape == (2, 4)
    assert torch.equal(before, torch.get_rng_state()) != draws


def test_stochastic_depth_counts_as_drawing_random_numbers():
    assert grown(MultiHead(Torchvision("efficientnet_b0")), 2, size=32).draws_random_numbers


def test_output_computes_a_head_once_and_only_when_asked():
    network, asked = grown(MultiHead(TINY), 2, 2), []
    for task, head in enumerate(network.heads):
        head.register_forward_hook(lambda module, inputs, output, task=task: asked.append(task))
    output = network(pictures())
    assert asked == []
    assert output.head(1) is output.head(1)
    assert asked == [1]
    output.logits.sum()
    assert asked == [1, 0]
