"""What the expandable network promises of a run: what each phase moves, and how it grows."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from running import learn

import cltutor as cl
from cltutor.losses import CrossEntropy, L1Penalty
from cltutor.networks import Expandable, SmallCNN
from cltutor.recipe import Phase, Recipe, Schedule
from cltutor.runs.run import Run
from cltutor.training.events import EpochDone

TINY = SmallCNN(channels=(6, 8), hidden=(16,))


@pytest.fixture(scope="module")
def stream() -> "cl.streams.Stream":
    return cl.streams.digits(tasks=[2, 2, 2], classes=range(6))


def make(**settings) -> Recipe:
    return cl.methods.expandable(**{"backbone": TINY, "expansion": 4, "learning_rate": 0.05, **settings})


def learned(stream, recipe: Recipe, epochs: int = 10) -> Run:
    return learn(stream, recipe, epochs=epochs, test_every=99)


@pytest.fixture(scope="module")
def two() -> "cl.streams.Stream":
    return cl.streams.digits(tasks=[2, 2], classes=range(4))


def test_three_tasks_of_digits_are_learned(stream):
    run = learned(stream, make())
    assert run.complete
    assert not any(run.part_states.values())  # between tasks, only the network is kept
    assert np.diag(run.accuracy()).min() > 0.85
    assert run.accuracy()[2, 0] > 0.7
    for task in range(3):
        widths = [run.model_after(after).widths(task) for after in range(task, 3)]
        assert all(each == widths[0] for each in widths)
    assert run.model.widths(0) == [6, 8, 16]


def test_a_network_grows_with_the_tasks_whose_loss_stays_above_the_threshold(stream):
    grown = learned(stream, make(loss_threshold=0.0, drift_threshold=1e9, group_lasso=0.0), epochs=4).model
    assert [grown.widths(task) for task in range(3)] == [[6, 8, 16], [10, 12, 20], [14, 16, 24]]
    same = learned(stream, make(loss_threshold=1e9, drift_threshold=1e9), epochs=4).model
    assert [same.widths(task) for task in range(3)] == [[6, 8, 16]] * 3


def test_without_expansion_and_with_every_drifted_unit_split_old_outputs_never_change(stream):
    run = learned(stream, make(loss_threshold=1e9, drift_threshold=0.0, expansion=1000), epochs=10)
    images = stream[0].test.images
    first, *later = (run.model_after(task)(images).head(0) for task in range(3))
    assert all(torch.equal(first, outputs) for outputs in later)
    assert [len(layer.bias) for layer in run.model.layers] == [18, 24, 48]


def test_what_moves_in_each_phase_is_what_the_phase_is_for(two):
    before, moved, recipe = None, {}, make(loss_threshold=0.0, drift_threshold=0.02)
    for event in cl.train(two, recipe, epochs=20, device="cpu", test_every=99):
        if not isinstance(event, EpochDone) or event.task == 0 and event.epoch < 19:
            continue
        now = {name: value.clone() for name, value in event.network.state_dict().items()}
        if before and event.phase != "train":
            same = [name for name in before if torch.equal(*cut(before[name], now[name]))]
            moved.setdefault(event.phase, set()).update(set(before) - set(same))
        before = now
    hidden = {f"chain.{place}.weight" for place in (0, 3, 7)}
    assert moved["select"] == {"heads.1.weight", "heads.1.bias"}
    assert hidden <= moved["retrain"]
    assert moved["expand"] >= hidden | {"heads.1.weight"}
    assert not any(name.startswith("heads.0") for names in moved.values() for name in names)


def cut(before: torch.Tensor, now: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both without what only one of them has; where sizes differ they are not the same."""
    return (before, now) if before.shape == now.shape else (before, before + 1)


@pytest.mark.parametrize(("name", "stronger"), [("l1", 0.02), ("l2", 1.0), ("group_lasso", 0.1), ("drift", 10.0)])
def test_every_term_changes_the_weights(name, stronger, two):
    without, with_it = (
        learned(two, make(**{"loss_threshold": 0.0, name: value}), epochs=4) for value in (0.0, stronger)
    )
    pairs = zip(without.model.layers, with_it.model.layers, strict=True)
    assert any(not torch.equal(*cut(a.weight, b.weight)) for a, b in pairs)


@pytest.mark.parametrize(("epochs", "batch_size"), [(1, 32), (5, 32), (2, 7)])
def test_a_task_subtracts_as_much_in_all_whatever_the_number_of_its_updates(epochs, batch_size, stream):
    """With a rate too small to move anything, 1e-4 at 300 updates takes 0.03 off every weight of the first task."""
    one = cl.streams.digits(tasks=[2], classes=range(2))
    alone = (Phase(shared=1.0, new=1.0),)
    fixed = {"first": alone, "later": alone, "epochs": epochs, "batch_size": batch_size, "learning_rate": 1e-12}
    with_it, without = (
        learn(one, Recipe("sparse", loss, Expandable(TINY), schedule=Schedule(**fixed, weight_decay=0.0))).model
        for loss in (CrossEntropy() + 1e-4 * L1Penalty(updates=300), CrossEntropy())
    )
    for now, start in zip(with_it.layers, without.layers, strict=True):
        expected = start.weight.sign() * (start.weight.abs() - 0.03).clamp(min=0)
        torch.testing.assert_close(now.weight, expected, atol=1e-5, rtol=0)


def test_a_strong_l1_selects_few_units_and_a_strong_group_lasso_removes_all_new_ones(two):
    sparse = learned(two, make(l1=0.004, loss_threshold=1e9), epochs=10).model
    head = sparse.heads[1].weight
    assert 0 < (head != 0).sum() < head.numel()
    none = learned(two, make(group_lasso=1.0, loss_threshold=0.0, drift_threshold=1e9), epochs=10).model
    assert none.widths(1) == none.widths(0) == [6, 8, 16]


def test_phases_without_an_epoch_are_gone_through(two):
    recipe = make(loss_threshold=0.0)
    assert learned(two, recipe, epochs=1).complete
    first = replace(recipe, schedule=replace(recipe.schedule, later=recipe.schedule.later[:1]))
    states = learned(two, first, epochs=2).states
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
