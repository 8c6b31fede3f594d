"""Progressive networks in the one loop: nothing is forgotten, and a run cut short goes on as it would have."""

import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.networks import Progressive, SmallCNN, TaskCNN
from cltutor.training.events import TaskDone

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


def test_the_method_is_columns_of_the_task_cnn_of_which_the_newest_learns():
    recipe = cl.methods.progressive(reduction=4)
    assert recipe.network == Progressive(TaskCNN(), 4)
    assert cl.methods.progressive().network == Progressive(TaskCNN(), 2)
    assert [phase.rates for phase in recipe.schedule.later] == [{"new": 1.0}]
    assert recipe.heads == "task"
    assert recipe.memory is None


def test_no_task_ever_changes_after_it_was_learned(run):
    for later in (1, 2):
        for earlier in range(later):
            own = {name: value for name, value in run.states[earlier].items() if name.startswith("columns.")}
            assert own
            assert all(torch.equal(value, run.states[later][name]) for name, value in own.items())
    matrix = run.accuracy()
    assert all(np.array_equal(matrix[task:, task], [matrix[task, task]] * (3 - task)) for task in range(3))


def test_every_column_learned(run):
    for task in range(3):
        drawn, own = run.model_after(task), run.states[task]
        assert any(name.startswith(f"columns.{task}.adapters.") for name in own) == (task > 0)
        torch.manual_seed(0)
        fresh = run.recipe.network.build(run.image_shape)
        for _ in range(task + 1):
            fresh.grow(2)
        assert len(drawn.columns) == task + 1
        biases = [value for name, value in own.items() if name.startswith(f"columns.{task}.layers.0.bias")]
        assert all(bias.abs().sum() > 0 for bias in biases)  # drawn as zeros


def test_the_head_of_every_task_is_asked_alone_while_learning(run):
    assert run.model.separate
    assert not np.isnan(run.curves.known[-1]).any()
    assert np.isnan(run.curves.unknown).all()


def test_a_run_that_was_cut_short_goes_on_bit_for_bit(stream, run, tmp_path):
    for event in cl.train(stream, cl.methods.progressive(**SETTINGS), epochs=2, device="cpu", store=str(tmp_path)):
        if isinstance(event, TaskDone) and event.task == 1:
            break
    resumed = learn(stream, store=str(tmp_path))
    assert resumed.states[-1].keys() == run.states[-1].keys()
    assert all(torch.equal(value, resumed.states[-1][name]) for name, value in run.states[-1].items())


def test_a_saved_run_answers_as_it_did(stream, run, tmp_path):
    run.save(tmp_path / "run")
    loaded = cl.Run.load(tmp_path / "run")
    assert loaded.recipe == run.recipe
    images = stream[0].test.images
    for task in range(3):
        assert torch.equal(loaded.model_after(task)(images).logits, run.model_after(task)(images).logits)
