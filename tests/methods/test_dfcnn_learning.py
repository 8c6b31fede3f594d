"""DF-CNN and the methods it is compared with, in the training loop: which weights learn, and which stay."""

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

import cltutor as cl
from cltutor.networks import TaskCNN
from cltutor.runs.run import Run
from cltutor.streams import Stream

TINY = TaskCNN((3, 4), (6,))
SETTINGS = {"backbone": TINY, "batch_size": 8, "learning_rate": 0.05, "weight_decay": 0.1}
SIZES = {"knowledge": ((2, 2), (2, 3)), "deconvolution": ((3, 4), (3, 4))}
NAMES = ("single_task", "single_task_large", "hard_sharing", "dfcnn", "dfcnn_small")


def make(name: str, **settings) -> cl.Recipe:
    extra = SIZES if name.startswith("dfcnn") else {}
    return getattr(cl.methods, name)(**{**SETTINGS, **extra, **settings})


@pytest.fixture(scope="module")
def stream(patterns):
    return patterns


def learn(stream: Stream, recipe: cl.Recipe | str, epochs: int = 3, **options) -> Run:
    return cl.learn(stream, recipe, epochs=epochs, device="cpu", progress=False, **options)


def differing(one: dict[str, Tensor], other: dict[str, Tensor]) -> set[str]:
    return {name for name, value in one.items() if not torch.equal(value, other[name])}


@pytest.mark.parametrize("name", ["dfcnn", "dfcnn_small"])
def test_learning_later_tasks_changes_the_knowledge_base_alone_of_what_earlier_tasks_have(name, stream):
    run = learn(stream, make(name))
    moved = differing(run.states[0], run.states[2])
    assert moved == {f"backbone.trunk.{place}.knowledge" for place in (0, 2)}
    assert not {name for name in differing(run.states[1], run.states[2]) if name.startswith("tasks.")}
    images = stream[0].test.images
    first, last = (run.model_after(task)(images).head(0) for task in (0, 2))
    assert not torch.allclose(first, last, atol=1e-4)  # reverse transfer, positive or negative


def test_the_first_task_of_a_single_task_learner_is_plain_training(stream):
    alone = learn(stream, make("single_task"))
    plain = learn(stream, cl.methods.finetune(**SETTINGS))
    for name, value in plain.states[0].items():
        torch.testing.assert_close(alone.states[0][f"tasks.0.{name}"], value)


@pytest.mark.parametrize("name", NAMES)
def test_each_learns_better_than_chance_what_has_a_pattern(name, stream):
    run = learn(stream, make(name, weight_decay=0.0), epochs=15, test_every=15)
    assert torch.from_numpy(run.accuracy()).diagonal().mean() > 0.8


class Deconvolutions(TorchFunctionMode):
    """Counts PyTorch's transposed convolutions: one per layer whose filters are rebuilt."""

    calls = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.calls += function.__name__ == "conv_transpose2d"
        return function(*args, **(kwargs or {}))


def test_filters_are_rebuilt_once_per_step_and_once_per_test(stream):
    network = make("dfcnn").network.build(stream.image_shape)
    with Deconvolutions() as drawing:
        for _ in range(3):
            network.grow(2)
    with Deconvolutions() as counted:
        run = learn(stream, make("dfcnn"), epochs=4, test_every=4, test_old_every=8)
    steps, curve_points = run.updates, 3
    computed_in_matrix = 1 + 2 * 2 + 3 * 3  # all heads classify the images of every task seen
    assert steps == 3 * 4 * 2
    assert counted.calls == drawing.calls + 2 * (steps + curve_points + computed_in_matrix)


def test_a_curve_point_of_old_tasks_uses_their_own_filters(stream):
    run = learn(stream, make("dfcnn"), epochs=2)
    known = run.curves.known
    assert known.shape == (6, 3)
    final = run.accuracy()
    assert known[-1].tolist() == final[2].tolist()
    assert known[1][0] == final[0][0]


def test_a_network_that_cannot_be_built_is_refused_before_anything_is_learned(stream):
    recipe = cl.methods.dfcnn(backbone=TINY)
    with pytest.raises(ValueError, match=r"has 2 convolution\(s\)"):
        next(cl.train(stream, recipe, device="cpu"))
    recipe = cl.methods.dfcnn(backbone=TINY, **{**SIZES, "knowledge": ((3, 2), (3, 2))})
    with pytest.raises(ValueError, match="= 5 up to"):
        next(cl.train(stream, recipe, device="cpu"))
