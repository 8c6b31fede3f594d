"""Schedules by name, against the numbers that their papers print."""

from typing import ClassVar

import pytest

import cltutor as cl
from cltutor.memory import ExemplarMemory
from cltutor.networks import ResNet32, SmallCNN
from cltutor.recipe.optimiser import OPTIMISERS, SGD
from cltutor.training.events import EpochDone


class Watched(SGD):
    """Records the rate of every update."""

    rates: ClassVar[list[float]] = []

    def update(self, parameters, rate):
        self.rates.append(rate)
        super().update(parameters, rate)


def test_eeils_rate_falls_as_its_paper_says(tiny, monkeypatch):
    """EEIL, section 5: from 0.1, divided by 10 every 10 epochs, for 40; then the same from 0.01 for 30."""
    monkeypatch.setitem(OPTIMISERS, "watched", Watched)
    settings = {**cl.schedules.eeil_paper(), "backbone": SmallCNN((8, 8, 8), (32, 32)), "learning_rate": 0.01}
    recipe, second = cl.methods.eeil_bf(memory=ExemplarMemory(24), optimiser="watched", **settings), []
    for event in cl.train(tiny, recipe, device="cpu", test_every=99):
        if isinstance(event, EpochDone):
            if event.task == 1:
                assert len(set(Watched.rates)) == 1
                second.append((event.phase, Watched.rates[0]))
            Watched.rates.clear()
    rates = [0.01] * 10 + [0.001] * 10 + [1e-4] * 10 + [1e-5] * 10
    assert [phase for phase, _ in second] == ["train"] * 40 + ["balanced fine-tuning"] * 30
    assert [rate for _, rate in second] == pytest.approx(rates + rates[10:])


def test_eeils_paper_prints_these_settings():
    schedule = cl.methods.eeil(**cl.schedules.eeil_paper()).schedule
    assert (schedule.learning_rate, schedule.batch_size, schedule.momentum) == (0.1, 128, 0.9)
    assert (schedule.weight_decay, schedule.drop_every) == (0.0001, 10)
    assert cl.methods.icarl(**cl.schedules.eeil_paper()).network.backbone == ResNet32()


def test_dfcnns_paper_is_2000_epochs_of_rmsprop_in_batches_of_10():
    schedule = cl.methods.expandable(**cl.schedules.dfcnn_paper()).schedule
    assert (schedule.epochs, schedule.batch_size, schedule.weight_decay) == (2000, 10, 0.0)
    assert (schedule.optimiser, schedule.learning_rate, schedule.momentum) == ("rmsprop", 0.0001, 0.0)


def test_the_classroom_is_a_small_network():
    recipe = cl.methods.eeil(**cl.schedules.classroom())
    assert recipe.network.backbone == SmallCNN()
    assert recipe.schedule.epochs == 30
