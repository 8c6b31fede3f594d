"""Progressive networks in the training loop: nothing is forgotten."""

import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.networks import SmallCNN

TINY = SmallCNN(channels=(4, 4), hidden=(8,))
SETTINGS = {"backbone": TINY, "batch_size": 8, "learning_rate": 0.05}


def learn(stream, epochs: int = 2, **options):
    recipe = cl.methods.progressive(**SETTINGS)
    return cl.learn(stream, recipe, epochs=epochs, device="cpu", progress=False, **options)


@pytest.fixture(scope="module")
def stream(patterns):
    return patterns


@pytest.fixture(scope="module")
def run(stream):
    return learn(stream)


def test_no_task_ever_changes_after_it_was_learned(run):
    for later in (1, 2):
        for earlier in range(later):
            own = {name: value for name, value in run.states[earlier].items() if name.startswith("columns.")}
            assert own
            assert all(torch.equal(value, run.states[later][name]) for name, value in own.items())
    matrix = run.accuracy()
    assert all(np.array_equal(matrix[task:, task], [matrix[task, task]] * (3 - task)) for task in range(3))


def test_every_column_learned(run):
    for task, state in enumerate(run.states):
        assert len(run.model_after(task).columns) == task + 1
        assert any(name.startswith(f"columns.{task}.adapters.") for name in state) == (task > 0)
        biases = [value for name, value in state.items() if name.startswith(f"columns.{task}.layers.0.bias")]
        assert all(bias.abs().sum() > 0 for bias in biases)  # initialised as zeros


def test_while_learning_only_the_head_of_an_images_own_task_is_tested(run):
    assert run.model.separate
    assert not np.isnan(run.curves.known[-1]).any()
    assert np.isnan(run.curves.unknown).all()
