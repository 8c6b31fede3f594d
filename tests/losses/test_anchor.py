"""The quadratic pull of LwF, section 4.2 and MAS, eq. 3, against loops over parameters."""

import pytest
import torch
from running import grown

from cltutor.importance import Uniform, flat
from cltutor.losses import Anchor, Context, anchor
from cltutor.networks import MultiHead, Network, SmallCNN

LAM = 0.8


@pytest.fixture
def network() -> Network:
    return grown(MultiHead(SmallCNN(channels=(2,), hidden=(4,))), 2, 3).double()


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


def test_half_lam_times_the_term_pulls_each_shared_weight_by_lam_times_its_distance_and_no_head(network, make_batch):
    batch, state = make_batch(torch.zeros(2, 5), [2, 3]), {}
    batch.context.network = network
    Anchor().end_task(Context(network, 0), state)
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    ((weight, term),) = (LAM / 2 * Anchor()).terms
    assert term(batch, state).item() == 0
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    value = weight * term(batch, state)
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


def test_the_term_is_the_equation_and_its_gradient_for_weights_of_any_layout_and_several_tasks(network, make_batch):
    network = network.to(memory_format=torch.channels_last)
    batch, parameters = make_batch(torch.zeros(2, 5), [2, 3]), network.parameters_of("shared")
    batch.context.network = network
    count = flat(parameters).numel()
    state = {"anchor": torch.randn(2, count).double(), "importance": torch.rand(2, count).double()}
    value, equation = Anchor()(batch, state), anchor(flat(parameters), state["anchor"], state["importance"])
    torch.testing.assert_close(value, equation)
    ours, theirs = torch.autograd.grad(3 * value, parameters), torch.autograd.grad(3 * equation, parameters)
    for own, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own, other)


def test_a_negative_omega_which_would_push_away_is_refused(network):
    class Negative(Uniform):
        def of_task(self, context, state):
            return -super().of_task(context, state)

    with pytest.raises(ValueError, match="Omega weights a squared distance, so that it is 0 or more, not -1"):
        Anchor(Negative()).end_task(Context(network, 0), {})


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
