"""Schedules by name, against the numbers that their papers print."""

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import cltutor as cl
from cltutor.losses import Term
from cltutor.memory import ExemplarMemory
from cltutor.networks import ResNet32, ResNet34, SmallCNN, TaskCNN, Torchvision
from cltutor.recipe.optimiser import OPTIMISERS, SGD
from cltutor.streams import CropFlip, PhotometricCropFlip
from cltutor.training.events import EpochDone

ICARL = {"epochs": 70, "learning_rate": 0.02, "drop_at": (49, 63), "drop_by": 5.0, "weight_decay": 0.002}


class Watched(SGD):
    """Records the rate of every update."""

    rates: ClassVar[list[float]] = []

    def update(self, parameters, rate):
        self.rates.append(rate)
        super().update(parameters, rate)


def test_eeils_rate_falls_as_its_paper_says(tiny, monkeypatch):
    """EEIL, section 5: from 0.1, divided by 10 every 10 epochs, for 40; then the same from 0.01 for 30."""
    monkeypatch.setitem(OPTIMISERS, "watched", Watched)
    settings = {**cl.schedules.eeil_paper("eeil_bf"), "backbone": SmallCNN((8, 8, 8), (32, 32)), "learning_rate": 0.01}
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


def test_icarls_rate_falls_five_times_after_epochs_49_and_63_in_every_task(tiny, monkeypatch):
    monkeypatch.setitem(OPTIMISERS, "watched", Watched)
    settings = {**cl.schedules.eeil_paper("lwf_mc"), "backbone": SmallCNN((2, 2, 2), (4, 4)), "optimiser": "watched"}
    found = [[], []]
    for event in cl.train(tiny, cl.methods.lwf_mc(**settings), device="cpu", test_every=99):
        if isinstance(event, EpochDone):
            found[event.task].append(Watched.rates[-1])
            Watched.rates.clear()
    for rates in found:
        assert rates == pytest.approx([0.02] * 49 + [0.004] * 14 + [0.0008] * 7)


@pytest.mark.parametrize("drops", [0, 1])
def test_icarls_settings_take_the_steps_of_its_program(drops):
    """The program: a mean of binary cross-entropies over 100 outputs, plus 1e-5 ||w||^2, at a rate of 2.0."""
    settings = cl.schedules.eeil_paper("icarl")
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(128, 8, generator=draw), torch.eye(100)[torch.randint(100, (128,), generator=draw)]
    theirs = torch.randn(100, 8, generator=draw).requires_grad_()
    ours = nn.Parameter(theirs.detach().clone())
    optimiser = SGD([([ours], settings["learning_rate"])], 0.9, settings["weight_decay"], settings["clip"])
    rate, velocity = 2.0, torch.zeros(100, 8)
    for _ in range(drops):
        rate = rate / 5.0
        optimiser.slow_down(settings["drop_by"])
    for _ in range(5):
        loss = F.binary_cross_entropy(torch.sigmoid(x @ theirs.T), y) + 0.00001 * theirs.square().sum()
        velocity = 0.9 * velocity - rate * torch.autograd.grad(loss, theirs)[0]
        theirs = (theirs + velocity).detach().requires_grad_()
        F.binary_cross_entropy_with_logits(x @ ours.T, y, reduction="none").sum(1).mean().backward()
        optimiser.step()
    torch.testing.assert_close(ours.detach(), theirs.detach(), rtol=1e-5, atol=1e-6)


@dataclass(frozen=True, repr=False)
class Watching(Term):
    """Records what it is shown."""

    shown: ClassVar[list[tuple]] = []

    def __call__(self, batch, state):
        self.shown.append((batch.places, batch.images, batch.labels))
        return batch.zero


def test_an_epoch_of_eeils_paper_shows_every_image_in_its_twelve_kinds(tiny):
    """EEIL, section 6: each sample, and 11 new ones: another brightness and contrast, their crops, mirrors of all."""
    settings = {**cl.schedules.eeil_paper("eeil_da"), "backbone": SmallCNN((2, 2, 2), (4, 4)), "epochs": 1}
    recipe = cl.methods.eeil_da(memory=ExemplarMemory(24), **settings)
    Watching.shown.clear()
    first = next(e for e in cl.train(tiny, replace(recipe, loss=recipe.loss + Watching()), device="cpu") if ended(e))
    places, images, labels = (torch.cat(found) for found in zip(*Watching.shown, strict=True))
    assert len(places) == 12 * 24
    assert first.run.updates == len(Watching.shown) == -(-12 * 24 // 128)
    kinds = images[places.argsort()].reshape(12, 24, 1, 8, 8).int()
    assert torch.equal(labels[places.argsort()].reshape(12, 24), tiny[0].train.labels.repeat(12, 1))
    assert torch.equal(kinds[0], tiny[0].train.images.int())
    assert torch.equal(kinds[6:], kinds[:6].flip(4))
    for original, brighter in zip(kinds[0], kinds[1], strict=True):
        inside = (brighter > 0) & (brighter < 255)
        (shift,) = set((brighter - original)[inside].tolist())
        assert abs(shift) <= 63
        assert torch.equal(brighter, (original + shift).clamp(0, 255))
    assert (kinds[3:6] != kinds[:3]).flatten(2).any(2).float().mean() > 0.9  # crops at the centre are rare


def ended(event) -> bool:
    return isinstance(event, EpochDone)


@pytest.mark.parametrize(
    ("settings", "values"),
    [
        (cl.schedules.eeil_paper(), {"augmentation": PhotometricCropFlip(once=True)}),
        (cl.schedules.eeil_paper("eeil_bf"), {"backbone": ResNet32(), "epochs": 70, "momentum": 0.9}),
        (cl.schedules.eeil_paper("icarl"), {"predict": "nearest_mean_mirrored", "augmentation": CropFlip(), **ICARL}),
        (cl.schedules.eeil_paper("hybrid1"), {"augmentation": CropFlip(4), **ICARL}),
        (cl.schedules.eeil_paper("lwf_mc"), {"augmentation": CropFlip(4, flip=True), "batch_size": 128, **ICARL}),
        (cl.schedules.lwf_paper("w.pth"), {"backbone": Torchvision("alexnet", "w.pth"), "patience": 5}),
        (cl.schedules.lwf_paper(), {"learning_rate": 0.0008, "batch_size": 192, "epochs": 144, "weight_decay": 0.0005}),
        (cl.schedules.lwm_paper(), {"backbone": ResNet34(), "epochs": 10, "learning_rate": 0.01}),
    ],
)
def test_every_methods_own_settings_are_those_of_its_paper_or_program(settings, values):
    assert {name: settings[name] for name in values} == values
    assert settings["clip"] == cl.schedules.UNCLIPPED
    assert cl.schedules.eeil_paper() == cl.schedules.eeil_paper("eeil")


def test_the_settings_are_taken_by_their_methods():
    names = ("eeil", "eeil_base", "eeil_da", "eeil_bf", "icarl", "hybrid1", "lwf_mc")
    recipes = [getattr(cl.methods, name)(**cl.schedules.eeil_paper(name)) for name in names]
    assert [recipe.network.backbone for recipe in recipes] == [ResNet32()] * 7
    assert cl.methods.lwf(**cl.schedules.lwf_paper()).schedule.augmentation == CropFlip(padding=14)
    assert cl.methods.lwm(**cl.schedules.lwm_paper()).network.backbone == ResNet34()


@pytest.mark.parametrize("name", ["eeil_base", "eeil_bf"])
def test_an_ablation_without_augmentation_has_none(name):
    assert getattr(cl.methods, name)(**cl.schedules.eeil_paper(name)).schedule.augmentation is None


def test_a_decaying_rate_goes_on_through_all_tasks_and_phases(tiny, monkeypatch):
    """1 / (1 + epoch / 2), with epochs counted from the first of the first task (the DF-CNN authors' program)."""
    monkeypatch.setitem(OPTIMISERS, "watched", Watched)
    rates: list[float] = []
    for event in cl.train(tiny, cl.methods.lwf(optimiser="watched", rate_decay=0.5, learning_rate=0.01, epochs=5)):
        if isinstance(event, EpochDone):
            assert len(set(Watched.rates)) == 1
            rates.append(Watched.rates[0])
            Watched.rates.clear()
    assert rates == pytest.approx([0.01 / (1 + epoch / 2) for epoch in range(10)])


EEIL = {"learning_rate": 0.1, "batch_size": 128, "momentum": 0.9, "weight_decay": 0.0001, "drop_every": 10}
DFCNN = {"epochs": 2000, "batch_size": 10, "weight_decay": 0.0, "optimiser": "rmsprop", "learning_rate": 0.0001}


@pytest.mark.parametrize(
    ("recipe", "settings", "backbone"),
    [
        (cl.methods.eeil(**cl.schedules.eeil_paper()), EEIL, ResNet32()),
        (cl.methods.expandable(**cl.schedules.dfcnn_paper()), {**DFCNN, "momentum": 0.0}, TaskCNN()),
        (cl.methods.eeil(**cl.schedules.classroom()), {"epochs": 30}, SmallCNN()),
    ],
)
def test_the_papers_and_the_classroom_have_these_settings(recipe, settings, backbone):
    assert {name: getattr(recipe.schedule, name) for name in settings} == settings
    assert recipe.network.backbone == backbone
