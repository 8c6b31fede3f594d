"""Layers whose units come and go: selection against all paths tried one by one, answers against dense layers."""

import copy
import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cltutor.networks.units import UnitLayer, relevant

VALUES = torch.randn(5, 4, 6, 6, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def layer() -> UnitLayer:
    torch.manual_seed(1)
    return UnitLayer(nn.Conv2d(4, 3, 3, padding=1), 4)


def by_paths(head: list[bool], links: list[list[list[bool]]], active: list[list[bool]]) -> list[list[bool]]:
    """Every path of units from a layer to the head is tried; a unit is relevant if one of its paths is unbroken."""
    found = [[False] * len(units) for units in active]
    for bottom in range(len(active)):
        for path in itertools.product(*(range(len(units)) for units in active[bottom:])):
            alive = all(units[unit] for units, unit in zip(active[bottom:], path, strict=True))
            linked = all(
                rows[unit][below] for rows, unit, below in zip(links[bottom + 1 :], path[1:], path, strict=False)
            )
            found[bottom][path[0]] |= alive and linked and head[path[-1]]
    return found


@pytest.mark.parametrize("seed", range(12))
def test_the_relevant_units_are_those_with_an_unbroken_path_to_the_head(seed):
    draw = torch.Generator().manual_seed(seed)
    sizes = [3, 4, 3, 5]  # the first: the image's channels
    links = [torch.rand(above, below, generator=draw) < 0.3 for below, above in itertools.pairwise(sizes)]
    active = [torch.rand(size, generator=draw) < 0.8 for size in sizes[1:]]
    head = torch.rand(sizes[-1], generator=draw) < 0.5
    found = relevant(head, links, active)
    expected = by_paths(head.tolist(), [x.tolist() for x in links], [x.tolist() for x in active])
    assert [units.tolist() for units in found] == expected


@pytest.mark.parametrize(("stride", "padding"), [(1, 1), (2, 0)])
def test_a_layer_answers_as_the_convolution_that_it_was_made_of(stride, padding):
    plain = nn.Conv2d(4, 3, 3, stride, padding)
    torch.testing.assert_close(UnitLayer(plain, 4)(VALUES), plain(VALUES))


def test_a_fully_connected_layer_reads_the_flattened_maps_of_the_channels_below():
    plain = nn.Linear(4 * 36, 5)
    layer = UnitLayer(plain, 4)
    assert layer.weight.shape == (5, 4, 36)
    torch.testing.assert_close(layer(VALUES.flatten(1)), plain(VALUES.flatten(1)))
    some = torch.tensor([1, 3])
    without = VALUES.clone()
    without[:, [0, 2]] = 0
    torch.testing.assert_close(layer(VALUES[:, some].flatten(1), None, some), plain(without.flatten(1)))


def test_some_units_of_some_inputs_are_rows_and_columns_of_the_whole(layer):
    units, inputs = torch.tensor([0, 2]), torch.tensor([1, 2, 3])
    expected = F.conv2d(VALUES[:, 1:], layer.weight[units][:, 1:], layer.bias[units], padding=1)
    torch.testing.assert_close(layer(VALUES[:, 1:], units, inputs), expected)


def test_masked_weights_have_no_gradient_and_the_others_have_all_of_theirs(layer):
    answer = layer(VALUES)
    answer.square().sum().backward()
    whole = layer.weight.grad.clone(), layer.bias.grad.clone()
    rows, columns = torch.tensor([True, False, True]), torch.tensor([True, True, False, False])
    for units, inputs, bias in ((rows, columns, True), (rows | True, columns | True, False)):
        layer.learn_between(units, inputs, bias=bias)
        assert torch.equal(layer(VALUES), answer)
        layer.zero_grad()
        layer(VALUES).square().sum().backward()
        between = (units[:, None] & inputs)[:, :, None, None]
        torch.testing.assert_close(layer.weight.grad, whole[0] * between)
        torch.testing.assert_close(layer.bias.grad, whole[1] * (units & bias))


def test_a_unit_answers_from_its_time_stamp_until_its_duplicate_does(layer):
    layer.add_units(torch.zeros(2, 4, 3, 3), torch.zeros(2), task=2)
    layer.remember()
    layer.split(torch.tensor([1]), 3)
    table = [layer.active(task).tolist() for task in range(5)]
    old = [True, True, True, False, False, False]
    later = [True, False, True, True, True, True]
    assert table == [old, old, [True] * 5 + [False], later, later]


def test_a_link_is_a_weight_at_any_position_that_is_not_zero(layer):
    weight = torch.zeros(3, 4, 3, 3)
    weight[1, 2, 0, 2] = -1e-20
    layer.become(weight)
    expected = torch.zeros(3, 4, dtype=torch.bool)
    expected[1, 2] = True
    assert torch.equal(layer.links(), expected)


def test_a_state_says_how_many_units_and_inputs_there_are(layer):
    small = copy.deepcopy(layer.state_dict())
    layer.add_inputs(torch.randn(3, 2, 3, 3))
    layer.add_units(torch.randn(2, 6, 3, 3), torch.randn(2), task=1)
    for state in (small, layer.state_dict()):
        fresh = UnitLayer(nn.Conv2d(4, 3, 3, padding=1), 4)
        fresh.load_state_dict(state)
        assert all(torch.equal(value, state[name]) for name, value in fresh.state_dict().items())
        assert isinstance(fresh.weight, nn.Parameter)
    with pytest.raises(RuntimeError, match="size mismatch"):
        layer.load_state_dict(UnitLayer(nn.Conv2d(4, 3, 5), 4).state_dict())


def test_what_is_remembered_goes_with_the_layer_and_is_no_part_of_its_state(layer):
    before = layer.weight.detach().clone()
    layer.become(before + 1)
    assert torch.equal(layer.double().weight_before, before.double())
    assert set(layer.state_dict()) == {"weight", "bias", "since", "until"}
    layer.remember()
    assert torch.equal(layer.weight_before, layer.weight)


def test_a_convolution_in_groups_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"^Units are added one by one, and a convolution in groups [^.]*\.$"):
        UnitLayer(nn.Conv2d(4, 4, 3, groups=2), 4)


def test_the_places_of_a_tasks_units_are_found_once_and_anew_when_units_come_or_end(layer):
    assert layer.places(0) is None
    layer.add_units(torch.zeros(2, 4, 3, 3), torch.zeros(2), 1)
    before = layer.places(0)
    assert before.tolist() == [0, 1, 2]
    assert layer.places(0) is before
    assert layer.places(1) is None
    layer.remember()
    layer.split(torch.tensor([1]), 2)
    assert [layer.places(task).tolist() for task in range(3)] == [[0, 1, 2], [0, 1, 2, 3, 4], [0, 2, 3, 4, 5]]
    other = copy.deepcopy(layer)
    other.load_state_dict({**layer.state_dict(), "until": torch.tensor([1, *[9] * 5])}, assign=True)
    assert other.places(2).tolist() == [1, 2, 3, 4, 5]
