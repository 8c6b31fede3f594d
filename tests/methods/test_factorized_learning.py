"""Tensor factorization in the one loop: two phases for every task, over the data of all."""

import pytest
import torch

import cltutor as cl
from cltutor.networks import SmallCNN
from cltutor.training.events import EpochDone

TINY = SmallCNN(channels=(4, 4), hidden=(8,))
SETTINGS = {"backbone": TINY, "batch_size": 8, "learning_rate": 0.05}
KINDS = pytest.mark.parametrize("kind", ["tucker", "tensor_train"])


def learn(stream, kind: str, epochs: int = 4, **options):
    recipe = cl.methods.tensor_factorization(kind, **SETTINGS)
    return cl.learn(stream, recipe, epochs=epochs, device="cpu", progress=False, **options)


@pytest.fixture(scope="module")
def stream(patterns):
    return patterns


@KINDS
def test_in_the_first_phase_filters_are_each_tasks_own_and_in_the_second_all_factors_learn(stream, kind):
    phases, moved = [], []
    for event in cl.train(stream, cl.methods.tensor_factorization(kind, **SETTINGS), epochs=2, device="cpu"):
        if isinstance(event, EpochDone):
            network = event.network
            phases.append((event.task, event.phase, len(network.factors)))
            if event.phase == "factorized":
                moved.append([p.detach().clone() for p in network.factors.parameters()])
    assert phases == [
        (task, phase, held) for task in range(3) for phase, held in (("single tasks", 0), ("factorized", 2))
    ]
    assert all(part.isfinite().all() for parts in moved for part in parts)


@KINDS
def test_every_factor_learns(stream, kind):
    recipe = cl.methods.tensor_factorization(kind, **SETTINGS)
    before = None
    for event in cl.train(stream, recipe, epochs=4, device="cpu"):
        if isinstance(event, EpochDone) and event.task == 2 and event.phase == "factorized":
            now = [parameter.detach().clone() for parameter in event.network.parameters()]
            if before is not None:
                assert not any(torch.equal(*pair) for pair in zip(before, now, strict=True))
                return
            before = now
    pytest.fail("The factorized phase had no two epochs.")


@KINDS
def test_all_tasks_are_learned_and_kept(stream, kind):
    run = learn(stream, kind, epochs=12, test_every=12)
    assert run.accuracy()[2].min() == 1.0
