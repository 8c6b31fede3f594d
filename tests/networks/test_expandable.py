"""Dynamically expandable networks, Algorithms 2 to 4 of Yoon et al. 2018, on networks small enough to look through."""

import copy

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from cltutor.networks import BackboneArchitecture, Expandable, SmallCNN, TaskCNN
from cltutor.networks.expandable import ExpandableNetwork

TINY = SmallCNN(channels=(4, 5), hidden=(8, 6))
WIDTHS = [4, 5, 8, 6]
IMAGES = torch.randint(0, 256, (16, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
TARGETS = torch.arange(16) % 2


def build(tasks: int = 2, backbone: BackboneArchitecture = TINY, **settings) -> ExpandableNetwork:
    torch.manual_seed(1)
    network = Expandable(backbone, **{"expansion": 3, **settings}).build((1, 8, 8))
    network.normalise_like(IMAGES)
    for _ in range(tasks):
        network.grow(2)
    return network


def begin(network: ExpandableNetwork, phase: str, roles: tuple[str, ...] = ("shared", "new")) -> None:
    network.begin_phase(phase, IMAGES, TARGETS)
    network.train_only(roles)


def step(network: ExpandableNetwork, rate: float = 0.5, steps: int = 3) -> None:
    """Train the newest head, with momentum, on what may learn."""
    optimiser = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=rate, momentum=0.9)
    for _ in range(steps):
        optimiser.zero_grad()
        F.cross_entropy(network(IMAGES).head(network.newest), TARGETS).backward()
        optimiser.step()


def shake(network: ExpandableNetwork) -> None:
    """Move all weights of the hidden layers and of the newest head."""
    with torch.no_grad():
        for part in (*network.layers, network.heads[-1]):
            part.weight += 0.2 * torch.randn_like(part.weight)
            part.bias += 0.2 * torch.randn_like(part.bias)


@torch.no_grad()
def dense(network: ExpandableNetwork, task: int) -> Tensor:
    """Logits of ``task`` with every unit there is computed, and those that do not answer for the task set to zero."""
    values = network.normalise(IMAGES)
    for module in network.chain:
        if module in network.layers:
            weight, bias = module.weight, module.bias
            conv = weight.dim() == 4
            values = F.conv2d(values, weight, bias, padding=1) if conv else F.linear(values, weight.flatten(1), bias)
            used = torch.tensor([s <= task < u for s, u in zip(module.since, module.until, strict=True)])
            values = values * used.reshape(1, -1, *[1] * (values.dim() - 2))
        else:
            values = module(values)
    weight = network.heads[task].weight.flatten(1)
    return F.linear(values[:, : weight.shape[1]], weight, network.heads[task].bias)


@torch.no_grad()
def answers(network: ExpandableNetwork) -> list[Tensor]:
    output = network.eval()(IMAGES)
    return [output.head(task) for task in range(len(network.classes))]


def test_a_head_on_maps_reads_every_position_of_a_channel():
    network = build(tasks=1, backbone=SmallCNN(channels=(3,), hidden=()))
    assert network.heads[0].weight.shape == (2, 3, 16)
    torch.testing.assert_close(answers(network)[0], dense(network, 0), atol=1e-5, rtol=1e-5)


def test_retraining_moves_the_selected_sub_network_and_leaves_all_else_bit_for_bit():
    network = build()
    selected = [[0], [0, 2, 3], [1, 2, 4], [0, 1, 5, 7], [2, 3, 4]]  # channels of the image, then units of each layer
    parts = [*network.layers, network.heads[-1]]
    with torch.no_grad():  # what is selected reads only what is selected
        for part, units, below in zip(parts, [*selected[1:], [0, 1]], selected, strict=True):
            others = [i for i in range(part.weight.shape[1]) if i not in below]
            part.weight[torch.tensor(units)[:, None], others] = 0.0
    before = copy.deepcopy(network)
    begin(network, "retrain")
    step(network)
    for part, was, units, below in zip(
        parts, [*before.layers, before.heads[-1]], [*selected[1:], [0, 1]], selected, strict=True
    ):
        moved = (part.weight != was.weight).flatten(2).any(2)
        assert moved.any()
        moved[torch.tensor(units)[:, None], below] = False
        assert not moved.any()
        assert {int(unit) for unit in (part.bias != was.bias).nonzero()} <= set(units)
    assert torch.equal(network.heads[0].weight, before.heads[0].weight)


def test_expansion_adds_units_that_read_everything_and_that_no_older_unit_reads():
    network = build(tasks=3)
    before = answers(network)
    begin(network, "expand")
    assert network.widths(2) == [width + 3 for width in WIDTHS]
    assert network.widths(0) == network.widths(1) == WIDTHS
    after = answers(network)
    assert [torch.equal(a, b) for a, b in zip(before, after, strict=True)] == [True, True, False]
    for layer, width, below in zip(network.layers, WIDTHS, [1, *WIDTHS], strict=False):
        assert layer.links()[width:].all()
        assert not layer.links()[:width, below:].any()
        assert (layer.bias[width:] == 0).all()
        assert layer.since.tolist() == [0] * width + [2] * 3
    assert network.heads[2].links()[:, WIDTHS[-1] :].all()
    assert network.heads[0].weight.shape[1] == WIDTHS[-1]


def test_new_units_are_drawn_with_the_variance_of_a_layer_below_a_relu():
    network = build(expansion=400)
    begin(network, "expand")
    for layer, width in zip(network.layers, WIDTHS, strict=True):
        fan_in = layer.weight[0].numel()
        assert layer.weight[width:].std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.05)


def test_after_an_expansion_only_what_is_new_learns():
    network = build()
    old = copy.deepcopy(network)
    begin(network, "expand")
    start = copy.deepcopy(network)
    step(network)
    for part, was, new in zip(*([*one.layers, one.heads[1]] for one in (network, old, start)), strict=True):
        units, inputs = was.weight.shape[:2]
        assert torch.equal(part.weight[:units, :inputs], was.weight)
        assert torch.equal(part.bias, new.bias)
        assert not torch.equal(part.weight, new.weight)
        if part is not network.heads[1]:
            assert (part.weight[:units, inputs:] == 0).all()
    assert torch.equal(answers(old)[0], answers(network)[0])


def test_a_network_expands_only_if_its_loss_is_above_the_threshold_and_else_its_head_goes_on():
    network = build()
    with torch.no_grad():
        by_hand = -torch.stack([network(IMAGES).head(1)[i].log_softmax(0)[t] for i, t in enumerate(TARGETS)]).mean()
    assert network.loss(IMAGES, TARGETS) == pytest.approx(by_hand.item(), rel=1e-5)
    for threshold, added in ((by_hand.item() + 0.01, 0), (by_hand.item() - 0.01, 3)):
        network = build(loss_threshold=threshold)
        before = copy.deepcopy(network)
        begin(network, "expand")
        assert network.widths(1) == [width + added for width in WIDTHS]
        step(network)
        if not added:
            assert all(torch.equal(a.weight, b.weight) for a, b in zip(network.layers, before.layers, strict=True))
            assert not torch.equal(network.heads[1].weight, before.heads[1].weight)


def test_useless_units_are_removed_and_no_answer_changes():
    network = build()
    begin(network, "expand")
    with torch.no_grad():
        network.layers[0].weight[5] = 0.0  # a new unit that reads nothing
        network.layers[1].weight[6] = 0.0  # another one, which has an output all the same: it stays
        network.layers[1].bias[6] = 0.5
        network.layers[2].weight[9] = 0.0
        network.layers[2].weight[0] = 0.0  # an old one: it stays
        network.layers[3].weight[7] = 0.0  # reads only what is useless itself
        network.layers[3].weight[7, 9] = 1.0
    before = answers(network)
    network.remove_useless()
    assert network.widths(1) == [6, 8, 10, 8]
    assert network.widths(0) == WIDTHS
    after = answers(network)
    assert torch.equal(before[0], after[0])
    for expected in (before[1], dense(network, 1)):
        torch.testing.assert_close(after[1], expected, atol=1e-5, rtol=1e-5)


def test_measuring_the_loss_leaves_modes_and_random_numbers():
    network = build(backbone=TaskCNN((4,), (6,))).train()
    state = torch.get_rng_state()
    assert network.loss(IMAGES, TARGETS) == network.loss(IMAGES, TARGETS)
    assert network.training
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("expanded", [False, True])
def test_splitting_every_drifted_unit_restores_old_answers_and_keeps_the_new_ones(expanded):
    network = build(tasks=3, expansion=100, drift_threshold=0.0)
    before = answers(network)[:2]
    if expanded:
        begin(network, "expand")
    shake(network)
    drifted = answers(network)
    assert not torch.allclose(before[0], drifted[0], atol=1e-2)
    network.begin_phase("split", IMAGES, TARGETS)
    after = answers(network)
    assert torch.equal(after[0], before[0])
    assert torch.equal(after[1], before[1])
    torch.testing.assert_close(after[2], drifted[2], atol=1e-4, rtol=1e-4)
    for task in range(3):
        torch.testing.assert_close(after[task], dense(network, task), atol=1e-4, rtol=1e-4)
    assert network.widths(0) == WIDTHS
    if not expanded:
        assert [len(layer.bias) for layer in network.layers] == [2 * width for width in WIDTHS]


def test_units_whose_incoming_weights_moved_most_are_split_and_replaced_by_duplicates_for_later_tasks():
    network = build(drift_threshold=0.5)
    with torch.no_grad():
        network.layers[0].weight[1, 0, 0, 0] += 0.51
        network.layers[0].weight[2, 0, 0, 0] += 0.49
        network.layers[2].weight[3, 1, :2] -= torch.tensor([0.4, 0.4])  # 0.566 in length
        network.layers[2].bias[5] += 9.0  # no incoming weight
        for unit, moved in enumerate((0.6, 0.9, 0.7, 0.8, 1.1)):  # more than the three that an expansion adds
            network.layers[1].weight[unit, 0, 1, 1] += moved
    split = [[1], [1, 3, 4], [3], []]
    network.begin_phase("split", IMAGES, TARGETS)
    assert [(layer.until == 1).nonzero()[:, 0].tolist() for layer in network.layers] == split
    assert [len(layer.bias) for layer in network.layers] == [5, 8, 9, 6]
    network.grow(2)
    with torch.no_grad():  # drift is measured from the end of the task before, and not of units of old tasks alone
        network.layers[0].weight[2, 0, 0, 0] += 0.49
        network.layers[0].weight[1] += 9.0
    begin(network, "split")
    assert [(layer.until < 3).nonzero()[:, 0].tolist() for layer in network.layers] == split
    # A new task reads duplicates, and none of the units that they replaced.
    begin(network, "expand")
    assert network.widths(2) == [width + 3 for width in WIDTHS]
    readers = [*(layer.links()[-3:] for layer in network.layers[1:]), network.heads[2].links()]
    for links, replaced in zip(readers, split, strict=True):
        assert (~links.all(0)).nonzero()[:, 0].tolist() == (~links.any(0)).nonzero()[:, 0].tolist() == replaced


def test_after_a_split_everything_that_answers_for_the_task_learns_and_no_duplicated_unit():
    network = build(drift_threshold=0.3)
    with torch.no_grad():
        network.layers[1].weight[:2] += 1.0
        network.layers[3].weight[4] += 1.0
    begin(network, "split")
    before = copy.deepcopy(network)
    step(network)
    for layer, was, ended in zip(network.layers, before.layers, [[], [0, 1], [], [4]], strict=True):
        assert (layer.until == 1).nonzero()[:, 0].tolist() == ended
        moved = {u for u in range(len(layer.bias)) if not torch.equal(layer.weight[u], was.weight[u])}
        assert not moved & set(ended)
        assert len(moved) > len(layer.bias) / 2  # dead units have no gradient
        assert layer.learns[1].tolist() == [unit not in ended for unit in range(len(layer.bias))]
    first = network.layers[2]  # what it reads of units that answer for old tasks alone stays
    assert torch.equal(first.weight[:, :2], before.layers[2].weight[:, :2])


def test_later_tasks_answer_by_duplicates_and_old_ones_by_the_units_of_their_time():
    network = build(drift_threshold=0.01, loss_threshold=0.0)
    for _ in range(3):
        for phase in ("retrain", "expand", "split"):
            begin(network, phase)
            step(network, rate=0.1)
        for task, logits in enumerate(answers(network)):
            torch.testing.assert_close(logits, dense(network, task), atol=1e-3, rtol=1e-3)
        network.grow(2)
    assert [len(layer.bias) for layer in network.layers] > network.widths(3) > network.widths(2) > network.widths(1)


def test_a_state_with_more_units_than_a_fresh_network_loads_and_answers_alike():
    network = build(tasks=2, drift_threshold=0.01)
    begin(network, "expand")
    shake(network)
    begin(network, "split")
    network.grow(2)
    begin(network, "expand")
    fresh = build(tasks=3)
    fresh.load_state_dict(network.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(answers(network), answers(fresh), strict=True))
    assert [fresh.widths(task) for task in range(3)] == [network.widths(task) for task in range(3)]
    with pytest.raises(ValueError, match=r"^This network has learned 3 task\(s\), [^;]*; there is no task 3\.$"):
        fresh.widths(3)


def test_what_an_expansion_draws_follows_from_the_seed_of_the_task_alone():
    draws = []
    for seed, noise in ((7, 0), (7, 1), (8, 0)):
        network = build(tasks=1)
        torch.manual_seed(seed)
        network.grow(2)
        torch.manual_seed(100 + noise)
        state = torch.get_rng_state()
        begin(network, "expand")
        assert torch.equal(torch.get_rng_state(), state)
        draws.append(network.layers[1].weight[5:].detach())
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_the_first_task_is_learned_as_any_network_learns_it():
    network = build(tasks=1)
    for phase in ("train", "retrain", "expand", "split"):
        begin(network, phase)
        assert network.widths(0) == WIDTHS
        assert network.masks == {}
