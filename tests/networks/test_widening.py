"""Network expansion, LwF section 4.2 and Net2Net, against activations computed by hand."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from cltutor.networks import ResNet32, SmallCNN, Widening
from cltutor.networks.widening import WideningNetwork

TINY = SmallCNN(channels=(3,), hidden=(8, 6))
IMAGES = torch.randint(0, 256, (16, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def shake(network: WideningNetwork) -> None:
    """Move every weight, as training would, so that nodes and their copies part."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.2 * torch.randn_like(parameter)


def sources(network: WideningNetwork) -> list[Tensor]:
    """Which nodes the last growth copied, layer by layer from the bottom: those of the same bias."""
    biases = [list(layer.biases) for layer in network.layers]
    return [(new[:, None] == torch.cat(old)).int().argmax(dim=1) for *old, new in biases]


@pytest.fixture
def network() -> WideningNetwork:
    torch.manual_seed(1)
    network = Widening(TINY, share=0.5).build((1, 8, 8))
    network.normalise_like(IMAGES)
    network.grow(2)
    shake(network)
    return network


def activations(network: WideningNetwork) -> list[Tensor]:
    """Activations of each fully connected layer, its nodes summed up by hand from blocks and cross weights."""
    features, result = network.backbone.trunk(network.backbone.normalise(IMAGES)), []
    for layer in network.layers:
        nodes: list[Tensor] = []
        for stage, (block, bias) in enumerate(zip(layer.blocks, layer.biases, strict=True)):
            for row in range(len(block)):
                later = [cross[len(nodes)] for cross in layer.cross[stage:]]  # the weights of inputs that came later
                nodes.append((features @ torch.cat([block[row], *later]) + bias[row]).relu())
        features = torch.stack(nodes, dim=1)
        result.append(features)
    return result


def test_the_network_computes_what_its_blocks_say_node_by_node(network):
    for _ in range(2):
        network.grow(2)
        shake(network)
    top = activations(network)[-1]
    torch.testing.assert_close(network(IMAGES).features, top, atol=1e-4, rtol=1e-4)
    head = network.heads[2]
    torch.testing.assert_close(
        network(IMAGES).head(2), F.linear(top, head.blocks[0], head.biases[0]), atol=1e-4, rtol=1e-4
    )


def test_every_new_node_says_at_first_what_the_node_that_it_copies_says(network):
    for _ in range(3):
        old = activations(network)
        network.grow(2)
        new = activations(network)
        for before, after, source in zip(old, new, sources(network), strict=True):
            width = before.shape[1]
            torch.testing.assert_close(after[:, :width], before, atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(after[:, width:], before[:, source], atol=1e-5, rtol=1e-5)
            assert after[:, width:].std() > 0.01
        shake(network)


def test_an_input_and_its_copies_share_its_weight_as_net2net_divides_it(network):
    for _ in range(3):
        dense = [layer.dense()[0].tolist() for layer in network.layers]
        network.grow(2)
        copied: list[int] = []
        for layer, old, source in zip(network.layers, dense, sources(network), strict=True):
            inputs = [*range(len(old[0])), *copied]
            expected = [[old[i][j] / inputs.count(j) for j in inputs] for i in source.tolist()]
            torch.testing.assert_close(layer.blocks[-1].detach(), torch.tensor(expected))
            copied = source.tolist()
        shake(network)


def test_original_nodes_and_old_heads_read_new_nodes_with_weight_zero(network):
    for _ in range(3):
        network.grow(2)
        for layer in [*network.layers, *network.heads[:-1]]:
            assert (layer.cross[-1] == 0).all()
        first, second = network.layers
        assert first.cross[-1].shape[1] == 0  # the trunk gains nothing
        assert second.cross[-1].shape[1] == 4
        assert [head.cross[-1].shape for head in network.heads[:-1]] == [(2, 3)] * (len(network.heads) - 1)
        shake(network)


def test_every_task_adds_the_same_share_of_the_first_width_which_is_1024_of_alexnets_4096():
    network = Widening(SmallCNN(channels=(1,), hidden=(40, 16))).build((1, 8, 8))
    for tasks in range(4):
        network.grow(2)
        assert [len(layer.dense()[1]) for layer in network.layers] == [40 + 10 * tasks, 16 + 4 * tasks]
        assert network.heads[-1].dense()[0].shape == (2, 16 + 4 * tasks)
    assert Widening().share == 1024 / 4096


def test_under_expansion_the_newest_nodes_and_the_newest_head_learn_and_nothing_else(network):
    network.grow(2)
    network.grow(2)
    network.train_only(["new"])
    network(IMAGES).head(2).square().sum().backward()
    learning = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    newest = {f"backbone.hidden.{layer}.0.{part}.2" for layer in (0, 1) for part in ("blocks", "biases")}
    assert learning == newest | {"heads.2.blocks.0", "heads.2.biases.0"}
    assert all(network.get_parameter(name).grad.abs().sum() > 0 for name in learning)


def test_with_all_nodes_learning_old_heads_learn_to_read_new_nodes(network):
    network.grow(2)
    network.train_only(["shared", "old", "new"])
    network(IMAGES).head(0).square().sum().backward()
    assert network.heads[0].cross[0].grad.abs().sum() > 0
    assert network.layers[1].cross[0].grad is not None


def test_the_nodes_to_copy_and_the_new_head_are_drawn_at_random(network):
    copied = set()
    for _ in range(6):
        network.grow(2)
        old, new = network.heads[0].dense()[0], network.heads[-1].dense()[0]
        assert new.std() > 0.05
        assert not torch.allclose(new[:, :6], old[:, :6])
        copied |= {tuple(source.tolist()) for source in sources(network)}
        shake(network)
    assert len(copied) > 6


def test_a_network_without_hidden_layers_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"^ResNet32\(\) has no fully connected layer .* to widen: [^.]*\.$"):
        Widening(ResNet32()).build((3, 32, 32))
