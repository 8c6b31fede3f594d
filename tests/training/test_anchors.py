"""Warnings of an anchor that overshoots and of one that holds nothing: once per run, in the run too."""

import math
import warnings
from dataclasses import dataclass

import pytest
import torch
from running import learn

import cltutor as cl
from cltutor.importance import Importance
from cltutor.losses import Anchor, CrossEntropy

SMALL = {"backbone": cl.networks.SmallCNN(channels=(2,), hidden=(4,))}


def warned(stream, recipe, **settings) -> tuple[list[str], cl.Run]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = learn(stream, recipe, **settings)
    return [str(one.message) for one in caught], run


@pytest.mark.parametrize(
    ("method", "settings", "word"),
    [
        ("l2", {"lam": 1e-6}, "idle"),
        ("mas", {"lam": 1e-9}, "idle"),
        ("si", {"damping": 1e6}, "idle"),
        ("l2", {"lam": 1e4}, "overshoot"),
        ("l2", {"lam": 1.0, "epochs": 3}, None),
        ("l2", {"lam": 1e-6, "optimiser": "rmsprop", "learning_rate": 1e-4}, None),
    ],
)
def test_an_anchor_that_cannot_work_is_warned_of_once_per_run(patterns, method, settings, word):
    sentences, run = warned(patterns, cl.methods.named(method)(**{"epochs": 2, **SMALL, **settings}))
    assert len(sentences) == (word is not None)
    assert sentences == list(run.warnings.values())
    assert all(word in sentence and sentence.startswith(f"{method}: ") for sentence in sentences)


@dataclass(frozen=True, repr=False)
class Even(Importance):
    """Omega is the same for every parameter but the first half, which does not count."""

    def of_task(self, context, state):
        omega = torch.ones_like(context.flat_shared())
        omega[: len(omega) // 2] = 0
        return omega


def test_idle_is_a_pull_that_undoes_less_than_a_hundredth_of_the_distance_on_average(patterns):
    schedule = cl.methods.finetune(epochs=2, **SMALL).schedule
    updates = 2 * math.ceil(len(patterns[1].train) / schedule.batch_size)
    for share, idle in ((0.009, True), (0.011, False)):
        pace = -math.log1p(-2 * share)  # half of the parameters are not held at all
        weight = pace * (1 - schedule.momentum) / (2 * schedule.learning_rate * updates)
        loss = CrossEntropy() + weight * Anchor(Even())
        sentences, _ = warned(patterns, cl.Recipe("even", loss, cl.networks.MultiHead(**SMALL), schedule=schedule))
        assert [f"undoes {100 * share:.2g} %" in sentence for sentence in sentences] == [True] * idle


@pytest.mark.parametrize(
    ("name", "phase", "enough"), [("bic", "bias", 2), ("packnet", "retrain", 2), ("eeil", "balanced", 2)]
)
def test_a_task_that_ends_without_its_last_phase_is_reported_once_and_the_advice_gives_it_an_epoch(name, phase, enough):
    stream = cl.streams.digits(tasks=3, classes=range(6)).fewer(0.1)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        run = cl.learn(stream, cl.methods.named(name)(**cl.schedules.online()), device="cpu", progress=False)
    words = [str(one.message) for one in warned]
    assert len(words) == 1
    assert words == list(run.warnings.values())
    assert f"{name}: phase '{phase}" in words[0]
    assert words[0].endswith(
        f"gets none of 1 epoch, so that tasks end without it: {enough} epochs or more give it one."
    )
    with warnings.catch_warnings(action="error"):
        next(cl.train(stream, name, epochs=enough, device="cpu"))
        *_, last = run.recipe.with_epochs(enough).schedule.phases(1)
    assert len(last[1]) == 1


def test_a_first_phase_without_an_epoch_leaves_the_method_what_it_is():
    with warnings.catch_warnings(action="error"):
        next(cl.train(cl.streams.digits(tasks=2), "lwf", epochs=1, device="cpu"))
