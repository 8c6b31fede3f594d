"""Schedules by name, against the numbers that their papers print."""

from typing import ClassVar

import pytest

import cltutor as cl
from cltutor.memory import ExemplarMemory
from cltutor.networks import ResNet32, SmallCNN, TaskCNN
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


EEIL = {"learning_rate": 0.1, "batch_size": 128, "momentum": 0.9, "weight_decay": 0.0001, "drop_every": 10}
DFCNN = {"epochs": 2000, "batch_size": 10, "weight_decay": 0.0, "optimiser": "rmsprop", "learning_rate": 0.0001}


@pytest.mark.parametrize(
    ("recipe", "settings", "backbone"),
    [
        (cl.methods.eeil(**cl.schedules.eeil_paper()), EEIL, ResNet32()),
        (cl.methods.icarl(**cl.schedules.eeil_paper()), EEIL, ResNet32()),
        (cl.methods.expandable(**cl.schedules.dfcnn_paper()), {**DFCNN, "momentum": 0.0}, TaskCNN()),
        (cl.methods.eeil(**cl.schedules.classroom()), {"epochs": 30}, SmallCNN()),
    ],
)
def test_the_papers_and_the_classroom_have_these_settings(recipe, settings, backbone):
    assert {name: getattr(recipe.schedule, name) for name in settings} == settings
    assert recipe.network.backbone == backbone
