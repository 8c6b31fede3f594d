"""Tensor factorization (Yang and Hospedales 2017): filters against explicit sums, and the two forms of the network."""

import copy
import itertools

import pytest
import running
import torch
from torch import Tensor
from torch.nn import functional as F

from cltutor.networks import SmallCNN, TensorFactorization
from cltutor.networks.factorized import FactorizedNetwork

TINY = SmallCNN(channels=(3, 4), hidden=(6,))
IMAGES = torch.randint(0, 256, (8, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
KINDS = pytest.mark.parametrize("kind", ["tucker", "tensor_train"])


def grown(tasks: int, kind: str = "tucker", threshold: float = 1e-3) -> FactorizedNetwork:
    return running.grown(TensorFactorization(TINY, kind, threshold), *range(2, 2 + tasks), like=IMAGES)


def factorized(tasks: int, kind: str = "tucker", threshold: float = 1e-3) -> FactorizedNetwork:
    network = grown(tasks, kind, threshold)
    network.begin_phase("factorized", IMAGES, torch.zeros(8))
    return network


@torch.no_grad()
def stacked(network: FactorizedNetwork) -> list[Tensor]:
    """The filters of each layer in all tasks, (h, w, c_in, c_out, T)."""
    tasks = range(len(network.classes))
    return [torch.stack([network.filters(layer, task).clone() for task in tasks], -1) for layer in range(2)]


def explicit_filters(network: FactorizedNetwork, layer: int, task: int) -> Tensor:
    """W_t (h, w, c_in, c_out), its sum over all ranks written as one Einstein sum."""
    held = network.factors[layer]
    if network.description.kind == "tucker":
        core = held.core.reshape([factor.shape[1] for factor in held.factors])
        whole = torch.einsum("abcde,ha,wb,ic,od,te->hwiot", core, *held.factors)
    else:
        whole = torch.einsum("xha,awb,bic,cod,dty->hwiot", *held.cores)
    return whole[..., task]


def answers(network: FactorizedNetwork, filters) -> list[Tensor]:
    """Every task's logits, convolved with ``filters(layer, task)`` (h, w, c_in, c_out)."""
    found = []
    for task, chain in enumerate(network.tasks):
        *convolutions, hidden, output = (m for m in chain if isinstance(m, torch.nn.Conv2d | torch.nn.Linear))
        maps = network.normalise(IMAGES)
        for layer, convolution in enumerate(convolutions):
            weight = filters(layer, task).permute(3, 2, 0, 1)
            maps = F.max_pool2d(F.conv2d(maps, weight, convolution.bias, padding=1).clamp(min=0), 2)
        features = (maps.flatten(1) @ hidden.weight.T + hidden.bias).clamp(min=0)
        found.append(features @ output.weight.T + output.bias)
    return found


@KINDS
def test_the_network_convolves_with_its_own_filters_and_then_with_those_that_the_factors_sum_up_to(kind):
    for form in (grown, factorized):
        network = form(3, kind)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += 0.1 * torch.randn_like(parameter)
        if form is factorized:
            for layer, task in itertools.product(range(2), range(3)):
                torch.testing.assert_close(network.filters(layer, task), explicit_filters(network, layer, task))
        for task, expected in enumerate(answers(network, network.filters)):
            torch.testing.assert_close(network(IMAGES).head(task), expected, atol=1e-4, rtol=1e-4)


def test_a_task_or_a_layer_that_is_not_there_is_refused_in_one_sentence():
    network = factorized(2)
    with pytest.raises(ValueError, match=r"^This network has learned 2 task\(s\), [^;]*; there is no task 2\.$"):
        network.filters(0, 2)
    with pytest.raises(ValueError, match=r"^This network has 2 convolution\(s\), [^;]*; there is no layer -1\.$"):
        network.filters(-1, 0)


@KINDS
@pytest.mark.parametrize("threshold", [0.0, 1e-3, 0.3])
def test_decomposing_keeps_every_layers_filters_within_the_threshold(kind, threshold):
    network = grown(3, kind, threshold)
    before = stacked(network)
    network.begin_phase("factorized", IMAGES, torch.zeros(8))
    for old, new in zip(before, stacked(network), strict=True):
        assert (new - old).norm() <= (threshold + 1e-6) * old.norm()


@KINDS
def test_only_a_phase_named_factorized_decomposes_and_it_does_so_once(kind):
    network = grown(2, kind, 0.0)
    before = network(IMAGES).logits
    network.begin_phase("single tasks", IMAGES, torch.zeros(8))
    assert len(network.factors) == 0
    assert torch.equal(network(IMAGES).logits, before)
    network.begin_phase("factorized", IMAGES, torch.zeros(8))
    torch.testing.assert_close(network(IMAGES).logits, before, atol=1e-5, rtol=1e-5)
    parts = list(network.factors.parameters())
    network.begin_phase("factorized", IMAGES, torch.zeros(8))
    assert all(a is b for a, b in zip(parts, network.factors.parameters(), strict=True))


@KINDS
def test_tasks_with_the_same_filters_share_one_rank(kind):
    network = grown(3, kind)
    with torch.no_grad():
        for task in (1, 2):
            for mine, first in zip(network.convolutions(task), network.convolutions(0), strict=True):
                mine.weight.copy_(task * first.weight)
    network.begin_phase("factorized", IMAGES, torch.zeros(8))
    for held in network.factors:
        assert (held.factors[4].shape[1] if kind == "tucker" else held.cores[4].shape[0]) == 1


@KINDS
def test_an_image_of_one_task_teaches_the_filters_of_all_once_they_are_factorized(kind):
    for form, others in ((grown, False), (factorized, True)):
        network = form(3, kind)
        before = stacked(network)
        network.train_only(["shared", "old", "new"])
        optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
        network(IMAGES).head(1).square().mean().backward()
        optimizer.step()
        for old, new in zip(before, stacked(network), strict=True):
            assert (old != new).flatten(0, 3).any(0).tolist() == [others, True, others]


@KINDS
def test_the_factors_are_shared_and_a_task_then_has_no_filters_of_its_own(kind):
    network = factorized(3, kind)
    for role, owners in (("shared", ["factors."]), ("old", ["tasks.0.", "tasks.1."]), ("new", ["tasks.2."])):
        network.train_only([role])
        for name, parameter in network.named_parameters():
            assert parameter.requires_grad == name.startswith(tuple(owners))
    assert all(convolution.weight is None for task in range(3) for convolution in network.convolutions(task))


@KINDS
def test_growing_gives_every_task_its_filters_for_its_own_again(kind):
    network = factorized(2, kind, 0.3)
    before = network(IMAGES).logits
    network.grow(2)
    assert len(network.factors) == 0
    torch.testing.assert_close(network(IMAGES).logits[:, :5], before, atol=1e-5, rtol=1e-5)
    assert all(c.weight.requires_grad and c.weight.is_contiguous() for t in range(3) for c in network.convolutions(t))
    assert not torch.allclose(network.filters(0, 2), network.filters(0, 1))
    places = [value.data_ptr() for value in network.state_dict().values()]
    assert len(places) == len(set(places))


@KINDS
@pytest.mark.parametrize("threshold", [1e-3, 0.5])
def test_a_state_of_either_form_and_of_any_ranks_is_loaded(kind, threshold):
    trained, plain = factorized(3, kind, threshold), grown(3, kind)
    for other in (grown(3, kind), factorized(3, kind)):
        for saved in (trained, plain):
            with torch.no_grad():
                for parameter in other.parameters():
                    parameter.zero_()
            other.load_state_dict(copy.deepcopy(saved.state_dict()))
            assert len(other.factors) == len(saved.factors)
            assert torch.equal(other(IMAGES).logits, saved(IMAGES).logits)
    with pytest.raises(RuntimeError, match="tasks.2"):
        grown(2, kind).load_state_dict(plain.state_dict())


@KINDS
def test_a_networks_factors_can_be_converted_to_channels_last(kind):
    network = factorized(2, kind)
    before = network(IMAGES).logits
    network.to(memory_format=torch.channels_last)
    torch.testing.assert_close(network(IMAGES).logits, before, atol=1e-5, rtol=1e-5)
