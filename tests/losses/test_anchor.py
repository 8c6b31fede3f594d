"""The quadratic pull of LwF, section 4.2 and MAS, eq. 3, against loops over parameters."""

import pytest
import torch

from cltutor.importance import Uniform
from cltutor.losses import Anchor, Context, anchor
from cltutor.networks import MultiHead, Network, SmallCNN

LAM = 0.8


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    built = MultiHead(SmallCNN(channels=(2,), hidden=(4,))).build((1, 8, 8))
    for classes in (2, 3):
        built.grow(classes)
    return built.double()


def move(network: Network) -> dict[str, torch.Tensor]:
    """Move every parameter, as training would; returns where they all were."""
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    with torch.no_grad():
        for value in network.parameters():
            value += 0.1 * torch.randn_like(value)
    return before


@pytest.fixture
def value_of(network, make_batch):
    """The anchor's value for the network and a state."""

    def value(state: dict) -> torch.Tensor:
        batch = make_batch(torch.zeros(2, 5), [2, 3])
        batch.context.network = network
        return Anchor()(batch, state)

    return value


def test_anchor_is_the_weighted_sum_of_squared_distances_over_parameters_and_tasks():
    now = torch.randn(7, dtype=torch.float64, requires_grad=True)
    stars, omegas = torch.randn(3, 7, dtype=torch.float64), torch.rand(3, 7, dtype=torch.float64)
    expected = 0.0
    for star, omega in zip(stars, omegas, strict=True):
        for k in range(7):
            expected += omega[k].item() * (now[k].item() - star[k].item()) ** 2
    value = anchor(now, stars, omegas)
    assert value.item() == pytest.approx(expected)
    (gradient,) = torch.autograd.grad(value, now)
    torch.testing.assert_close(gradient, sum(2 * o * (now.detach() - s) for s, o in zip(stars, omegas, strict=True)))


def test_half_lam_times_the_term_pulls_each_shared_weight_by_lam_times_its_distance_and_no_head(network, value_of):
    state = {}
    Anchor().end_task(Context(network, 0), state)
    assert value_of(state).item() == 0
    before = move(network)
    ((weight, _),) = (LAM / 2 * Anchor()).terms
    value = weight * value_of(state)
    value.backward()
    expected = 0.0
    for name, now in network.named_parameters():
        if name.startswith("backbone."):
            pairs = zip(now.flatten().tolist(), before[name].flatten().tolist(), strict=True)
            expected += LAM / 2 * sum((w - w0) ** 2 for w, w0 in pairs)
            torch.testing.assert_close(now.grad, LAM * (now.detach() - before[name]))
        else:
            assert now.grad is None
    assert value.item() == pytest.approx(expected)
    assert expected > 0.01


def test_the_anchor_is_a_constant_copy_that_the_end_of_the_next_task_replaces(network, value_of):
    state = {}
    Anchor().end_task(Context(network, 0), state)
    first = state["anchor"].clone()
    move(network)
    assert torch.equal(state["anchor"], first)
    assert not state["anchor"].requires_grad
    Anchor().end_task(Context(network, 0), state)
    assert value_of(state).item() == 0


def test_an_omega_of_the_wrong_shape_is_refused(network):
    class Short(Uniform):
        def of_task(self, context, state):
            return torch.ones(3)

    state = {}
    with pytest.raises(ValueError, match=r"Omega has the shape \(3,\)"):
        Anchor(Short()).end_task(Context(network, 0), state)
    assert state == {}


def test_a_network_whose_shared_parameters_change_in_number_is_refused(network):
    state = {"anchor": torch.zeros(1, 3), "importance": torch.zeros(1, 3)}
    with pytest.raises(ValueError, match="keeps its shared parameters"):
        Anchor().begin_task(Context(network, 1), state)
