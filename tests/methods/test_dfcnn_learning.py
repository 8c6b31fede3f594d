"""DF-CNN and the methods it is compared with, in the training loop: which weights learn, and which stay."""

import pytest
import torch
from running import learn
from torch import Tensor
from torch.overrides import TorchFunctionMode

import cltutor as cl
from cltutor.networks import TaskCNN
from cltutor.training.events import EpochDone

SETTINGS = {"backbone": TaskCNN((3, 4), (6,)), "batch_size": 8, "learning_rate": 0.05}
SIZES = {"knowledge": ((2, 2), (2, 3)), "deconvolution": ((3, 4), (3, 4))}
FACTORIZED = [("tensor_factorization", {"kind": kind}) for kind in ("tucker", "tensor_train")]
OTHERS = [(name, {}) for name in ("single_task", "single_task_large", "hard_sharing", "progressive")]


def make(name: str, **settings) -> cl.Recipe:
    return cl.methods.named(name)(**{**SETTINGS, **settings})


def differing(one: dict[str, Tensor], other: dict[str, Tensor]) -> set[str]:
    return {name for name, value in one.items() if not torch.equal(value, other[name])}


@pytest.mark.parametrize(("name", "own"), [*OTHERS, ("dfcnn", SIZES), ("dfcnn_small", SIZES), *FACTORIZED])
def test_each_learns_what_has_a_pattern_and_all_but_those_that_share_filters_keep_it(name, own, patterns):
    matrix = learn(patterns, make(name, **own, weight_decay=0.0), epochs=15, test_every=15).accuracy()
    assert matrix.diagonal().mean() > 0.8
    if name not in ("hard_sharing", "dfcnn", "dfcnn_small"):
        assert all(matrix[2] >= matrix.diagonal())


@pytest.mark.parametrize("name", ["dfcnn", "dfcnn_small"])
def test_learning_later_tasks_changes_the_knowledge_base_alone_of_what_earlier_tasks_have(name, patterns):
    run = learn(patterns, make(name, **SIZES, weight_decay=0.1), epochs=3)
    moved = differing(run.states[0], run.states[2])
    assert moved == {f"backbone.trunk.{place}.knowledge" for place in (0, 2)}
    assert not {name for name in differing(run.states[1], run.states[2]) if name.startswith("tasks.")}
    images = patterns[0].test.images
    first, last = (run.model_after(task)(images).head(0) for task in (0, 2))
    assert not torch.allclose(first, last, atol=1e-4)  # reverse transfer, positive or negative


def test_the_first_task_of_a_single_task_learner_is_plain_training(patterns):
    alone, plain = (learn(patterns, make(name), epochs=3) for name in ("single_task", "finetune"))
    for name, value in plain.states[0].items():
        torch.testing.assert_close(alone.states[0][f"tasks.0.{name}"], value)


class Deconvolutions(TorchFunctionMode):
    """Counts PyTorch's transposed convolutions: one per layer whose filters are rebuilt."""

    calls = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.calls += function.__name__ == "conv_transpose2d"
        return function(*args, **(kwargs or {}))


def test_filters_are_rebuilt_once_per_step_and_once_per_test(patterns):
    network = make("dfcnn", **SIZES).network.build(patterns.image_shape)
    with Deconvolutions() as drawing:
        for _ in range(3):
            network.grow(2)
    with Deconvolutions() as counted:
        run = learn(patterns, make("dfcnn", **SIZES), epochs=4, test_every=4, test_old_every=8)
    steps, curve_points = run.updates, 3
    computed_in_matrix = 1 + 2 + 3  # the heads of all tasks seen, once for the images of all of them
    assert steps == 3 * 4 * 2
    assert counted.calls == drawing.calls + 2 * (steps + curve_points + computed_in_matrix)


def test_every_column_of_a_progressive_network_learned(patterns):
    run = learn(patterns, make("progressive"), epochs=3)
    for task, state in enumerate(run.states):
        assert len(run.model_after(task).columns) == task + 1
        assert any(name.startswith(f"columns.{task}.adapters.") for name in state) == (task > 0)
        biases = [value for name, value in state.items() if name.startswith(f"columns.{task}.layers.0.bias")]
        assert all(bias.abs().sum() > 0 for bias in biases)  # initialised as zeros


@pytest.mark.parametrize(("name", "own"), FACTORIZED)
def test_filters_are_each_tasks_own_first_and_then_factors_that_all_learn(name, own, patterns):
    phases, states = [], []
    for event in cl.train(patterns, make(name, **own), epochs=4, device="cpu", test_every=9):
        if isinstance(event, EpochDone):
            phases.append((event.task, event.phase, len(event.network.factors)))
            states.append([p.detach().clone() for p in event.network.parameters()])
    assert phases == [
        (task, phase, factors)
        for task in range(3)
        for phase, factors in (("single tasks", 0), ("factorized", 2))
        for _ in range(2)
    ]
    assert not any(torch.equal(*pair) for pair in zip(*states[-2:], strict=True))
