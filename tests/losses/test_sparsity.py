"""The regularisers of expandable networks, Yoon et al. 2018, eq. 2 to 6, against brute force and loops over weights."""

import copy

import pytest
import torch
from running import grown

from cltutor.losses import (
    Batch,
    Context,
    CrossEntropy,
    Drift,
    GroupLasso,
    L1Penalty,
    L2Penalty,
    group_soft_threshold,
    soft_threshold,
)
from cltutor.networks import Expandable, MultiHead, Network, SmallCNN

TINY = SmallCNN(channels=(3,), hidden=(5,))
IMAGES = torch.randint(0, 256, (8, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def network() -> Network:
    """An expandable network in its second task, of which everything may learn."""
    network = grown(Expandable(TINY, expansion=2), 2, 2)
    network.train_only(["shared", "new"])
    return network


def batch_of(network: Network) -> Batch:
    labels = torch.tensor([2, 3] * 4)
    context = Context(network, len(network.classes) - 1)
    return Batch(context, IMAGES, labels, torch.arange(8), [1], torch.tensor([0, 0, 1, 1]), "task", {})


def shrink(term, weight: float, network: Network, updates: int = 0) -> None:
    """What the term does to the weights in a step of so many in which its weight in the loss is ``weight``."""
    batch, state = batch_of(network), {}
    batch.context.updates = updates
    (weight * term(batch, state)).backward()
    term.after_update(batch, state)
    assert state == {}


def mask_some(network: Network) -> None:
    """Let two units learn of what two of three channels below give, as selective retraining might."""
    network.layers[0].learn_between(torch.tensor([True, False, True]), torch.tensor([True]))
    network.layers[1].learn_between(
        torch.tensor([True, True, False, False, False]), torch.tensor([True, False, True]), bias=False
    )


def weights(network: Network) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.named_parameters()}


NORMS = {soft_threshold: lambda x, y: x.abs() + y.abs(), group_soft_threshold: lambda x, y: (x**2 + y**2).sqrt()}


@pytest.mark.parametrize("threshold", NORMS)
@pytest.mark.parametrize("group", [(0.6, -0.8), (0.1, 0.05), (-1.2, 0.3), (0.0, 0.0)])
@pytest.mark.parametrize("amount", [0.2, 1.1])
def test_thresholding_minimises_half_the_squared_distance_plus_the_norm(threshold, group, amount):
    line = torch.linspace(-1.5, 1.5, 601, dtype=torch.float64)
    x, y = torch.meshgrid(line, line, indexing="ij")
    place = (0.5 * ((x - group[0]) ** 2 + (y - group[1]) ** 2) + amount * NORMS[threshold](x, y)).argmin()
    found = threshold(torch.tensor([group], dtype=torch.float64), amount)[0]
    torch.testing.assert_close(found, torch.stack([x.flatten()[place], y.flatten()[place]]), atol=4e-3, rtol=0)


def test_the_values_are_norms_of_the_weights_that_learn_without_biases(network):
    mask_some(network)
    learning = [
        network.layers[0].weight.detach()[[0, 2]],
        network.layers[1].weight.detach()[:2][:, [0, 2]],
        network.heads[1].weight.detach(),
    ]
    flat = [w for tensor in learning for w in tensor.flatten().tolist()]
    rows = [row.flatten().tolist() for tensor in learning[:2] for row in tensor]
    assert L1Penalty()(batch_of(network), {}).item() == pytest.approx(sum(abs(w) for w in flat), rel=1e-5)
    assert L2Penalty()(batch_of(network), {}).item() == pytest.approx(sum(w * w for w in flat), rel=1e-5)
    lengths = sum(sum(w * w for w in row) ** 0.5 for row in rows)
    assert GroupLasso()(batch_of(network), {}).item() == pytest.approx(lengths, rel=1e-5)
    network.train_only(["new"])
    assert GroupLasso()(batch_of(network), {}).item() == 0.0


@pytest.mark.parametrize("roles", [("shared", "new"), ("new",)])
def test_l1_takes_its_weight_off_every_weight_that_learns_and_stops_at_zero(roles, network):
    mask_some(network)
    network.train_only(roles)
    before = weights(network)
    masks = {name: network.masks.get(p, torch.tensor(True)) for name, p in network.named_parameters()}
    shrink(L1Penalty(), 0.05, network)
    zeros = set()
    for name, value in network.named_parameters():
        learns = masks[name].expand_as(value) & value.requires_grad & (value.dim() > 1)
        pairs = zip(before[name].flatten().tolist(), value.flatten().tolist(), learns.flatten().tolist(), strict=True)
        for was, now, learned in pairs:
            nearer = max(0.0, abs(was) - 0.05) * (1 if was > 0 else -1)
            assert now == (pytest.approx(nearer, abs=1e-7) if learned else was)
            zeros |= {name} if learned and now == 0 else set()
    assert zeros == {name for name, value in network.named_parameters() if value.requires_grad and value.dim() > 1}


def test_the_group_lasso_shortens_what_comes_into_a_hidden_unit_and_no_head(network):
    mask_some(network)
    with torch.no_grad():
        network.layers[1].weight[1] *= 0.001  # a unit of no use
    before, names = weights(network), {p: name for name, p in network.named_parameters()}
    shrink(GroupLasso(), 0.3, network)
    assert (network.layers[1].weight[1, [0, 2]] == 0).all()
    after = weights(network)
    for layer, rows, inputs in ((network.layers[0], [0, 2], [0]), (network.layers[1], [0, 1], [0, 2])):
        was, now = before[names[layer.weight]], after[names[layer.weight]]
        for row in range(len(was)):
            expected = was[row].clone()
            if row in rows:
                length = sum(w * w for w in was[row][inputs].flatten().tolist()) ** 0.5
                expected[inputs] = was[row][inputs] * max(0.0, 1 - 0.3 / length)
                assert not torch.equal(expected, was[row])
            torch.testing.assert_close(now[row], expected)
    for name in before:
        if name.startswith("heads") or name.endswith("bias"):
            assert torch.equal(before[name], after[name])


@pytest.mark.parametrize("term", [L1Penalty(), GroupLasso()])
@pytest.mark.parametrize("weight", [0.1, 1.0])
def test_sparse_terms_act_after_the_step_and_not_after_steps_that_they_are_no_part_of(term, weight, network):
    batch, state, before = batch_of(network), {}, weights(network)
    loss = 0.5 * CrossEntropy()(batch, {})
    (loss + (term(batch, state) if weight == 1 else weight * term(batch, state))).backward()
    assert state["amount"].item() == pytest.approx(weight)
    term.after_update(batch, state)
    moved = weights(network)
    assert not all(torch.equal(before[name], moved[name]) for name in before)
    term.after_update(batch, state)
    assert all(torch.equal(value, moved[name]) for name, value in weights(network).items())


def test_drift_is_the_squared_distance_from_the_weights_before_the_task_where_they_learn(network):
    assert Drift()(batch_of(network), {}).item() == 0.0
    before = weights(network)
    network.expand(2)
    network.layers[0].learn_between(torch.tensor([True, True, False, True, True]), torch.tensor([True]))
    network.layers[1].learn_all()
    with torch.no_grad():
        for p in network.parameters():
            p += 0.1 * torch.randn_like(p)
    expected, names = 0.0, {p: name for name, p in network.named_parameters()}
    for layer, rows in zip(network.layers, ([0, 1], range(5)), strict=True):
        for parameter in (layer.weight, layer.bias):
            was = before[names[parameter]]
            for row in rows:
                now = parameter[row][:3] if parameter is network.layers[1].weight else parameter[row]
                pairs = zip(now.flatten().tolist(), was[row].flatten().tolist(), strict=True)
                expected += sum((w - w0) ** 2 for w, w0 in pairs)
    assert Drift()(batch_of(network), {}).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("term", [L1Penalty, GroupLasso])
def test_a_weight_published_for_more_updates_subtracts_as_much_more_at_each_and_is_reported_so(term, network):
    """50 of 200 updates at 0.01 subtract what one of 50 at 0.04 does: 2 in all."""
    plain, batch = copy.deepcopy(network), batch_of(network)
    shrink(term(updates=200), 0.01, network, updates=50)
    shrink(term(), 0.04, plain, updates=50)
    assert weights(network).keys() == weights(plain).keys()
    assert all(torch.equal(value, weights(plain)[name]) for name, value in weights(network).items())
    batch.context.updates = 50
    assert term(updates=200)(batch, {}).item() == pytest.approx(4 * term()(batch, {}).item())
    assert repr(term()) == f"{term.__name__}()"


@pytest.mark.parametrize("term", [Drift(), L2Penalty()])
def test_the_gradients_equal_finite_differences(term, network, numerical_gradient):
    network.double()
    with torch.no_grad():
        network.layers[1].weight += 0.1 * torch.randn_like(network.layers[1].weight)
    mask_some(network)
    layer = network.layers[1]
    term(batch_of(network), {}).backward()
    start = layer.weight.detach().clone()

    def value(point: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            layer.weight.copy_(point)
            return term(batch_of(network), {})

    numerical = numerical_gradient(value, start)
    torch.testing.assert_close(layer.weight.grad, numerical, atol=1e-6, rtol=1e-6)
    assert layer.weight.grad[:2, 0].abs().min() > 0
    assert (layer.weight.grad[2:] == 0).all()
    assert (layer.weight.grad[:, 1] == 0).all()


def test_drift_without_a_network_of_units_is_refused():
    plain = MultiHead(TINY).build((1, 8, 8))
    with pytest.raises(ValueError, match=r"^Drift needs a network that grows by units: use networks.Expandable\(\), "):
        Drift().begin_task(Context(plain, 0), {})
