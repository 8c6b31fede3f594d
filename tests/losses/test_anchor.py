"""The L2 soft constraint of LwF, section 4.2, against loops over parameters."""

import pytest
import torch

import cltutor as cl
from cltutor.importance import Uniform
from cltutor.losses import Anchor, Context, CrossEntropy, anchor
from cltutor.networks import MultiHead, Network, SmallCNN

LAM = 0.8


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    built = MultiHead(SmallCNN(channels=(2,), hidden=(4,))).build((1, 8, 8)).double()
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


def value_of(term: Anchor, network: Network, kept: dict, make_batch) -> torch.Tensor:
    batch = make_batch(torch.zeros(2, 5), [2, 3])
    batch.context.network = network
    return term(batch, kept)


def test_anchor_is_the_weighted_sum_of_squared_distances():
    now, then, importance = (torch.randn(7, dtype=torch.float64) for _ in range(3))
    expected = 0.0
    for theta, star, omega in zip(now.tolist(), then.tolist(), importance.abs().tolist(), strict=True):
        expected += omega * (theta - star) ** 2
    assert anchor(now, then, importance.abs()).item() == pytest.approx(expected)


def test_the_term_sums_over_the_shared_weights_and_leaves_out_every_head(network, make_batch):
    kept = {}
    Anchor().end_task(Context(network, 0), kept)
    before = move(network)
    expected = 0.0
    for name, value in network.named_parameters():
        if name.startswith("backbone."):
            pairs = zip(value.flatten().tolist(), before[name].flatten().tolist(), strict=True)
            expected += sum((w - w0) ** 2 for w, w0 in pairs)
    assert expected > 0.01
    assert value_of(Anchor(), network, kept, make_batch).item() == pytest.approx(expected)


def test_the_gradient_of_half_lam_times_the_anchor_is_lam_times_the_distance(network, make_batch):
    kept = {}
    Anchor().end_task(Context(network, 0), kept)
    before = move(network)
    ((weight, term),) = (LAM / 2 * Anchor()).terms
    (weight * value_of(term, network, kept, make_batch)).backward()
    for name, value in network.named_parameters():
        if name.startswith("backbone."):
            torch.testing.assert_close(value.grad, LAM * (value.detach() - before[name]))
        else:
            assert value.grad is None


def test_the_gradient_of_the_anchor_equals_finite_differences(numerical_gradient):
    now, then, importance = (torch.randn(5, dtype=torch.float64) for _ in range(3))
    now.requires_grad_()
    (gradient,) = torch.autograd.grad(anchor(now, then, importance.abs()), now)
    torch.testing.assert_close(gradient, numerical_gradient(lambda w: anchor(w, then, importance.abs()), now))


def test_at_the_anchor_the_term_is_zero_and_pulls_nowhere(network, make_batch):
    kept = {}
    Anchor().end_task(Context(network, 0), kept)
    value = value_of(Anchor(), network, kept, make_batch)
    value.backward()
    assert value.item() == 0
    assert all((parameter.grad == 0).all() for parameter in network.parameters_of("shared"))


def test_the_anchor_is_a_constant_copy_that_training_does_not_move(network):
    kept = {}
    Anchor().end_task(Context(network, 0), kept)
    held = kept["anchor"].clone()
    move(network)
    assert torch.equal(kept["anchor"], held)
    assert not kept["anchor"].requires_grad


def test_every_task_drops_the_anchor_where_the_last_one_ended(network, make_batch):
    kept = {}
    Anchor().end_task(Context(network, 0), kept)
    move(network)
    assert value_of(Anchor(), network, kept, make_batch).item() > 0
    Anchor().end_task(Context(network, 0), kept)
    assert value_of(Anchor(), network, kept, make_batch).item() == 0


def test_the_anchor_does_not_act_in_the_first_task():
    loss = CrossEntropy() + Anchor()
    assert list(loss.active(0)) == ["CrossEntropy"]
    assert list(loss.active(1)) == ["CrossEntropy", "Anchor"]


def test_with_a_row_for_each_task_the_penalties_of_the_tasks_add_up():
    now = torch.randn(4, dtype=torch.float64)
    stars, omegas = torch.randn(3, 4, dtype=torch.float64), torch.rand(3, 4, dtype=torch.float64)
    expected = sum(anchor(now, star, omega).item() for star, omega in zip(stars, omegas, strict=True))
    assert anchor(now, stars, omegas).item() == pytest.approx(expected)


def test_an_omega_of_the_wrong_shape_is_refused(network):
    class Short(Uniform):
        def of_task(self, context, kept):
            return torch.ones(3)

    kept = {}
    with pytest.raises(ValueError, match=r"Omega has the shape \(3,\)"):
        Anchor(Short()).end_task(Context(network, 0), kept)
    assert kept == {}


def test_a_network_whose_shared_parameters_change_in_number_is_refused(network):
    kept = {"anchor": torch.zeros(1, 3), "importance": torch.zeros(1, 3)}
    with pytest.raises(ValueError, match="keeps its shared parameters"):
        Anchor().begin_task(Context(network, 1), kept)


def test_a_negative_lambda_is_refused():
    with pytest.raises(ValueError, match="from 0 up"):
        cl.methods.mas(lam=-1)
