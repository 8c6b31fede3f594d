"""What single methods promise of the weights, on a tiny stream of tasks; test_contract.py has what all promise."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

import cltutor as cl
from cltutor.losses import Loss
from cltutor.networks import MultiHead, SmallCNN
from cltutor.recipe.recipe import Recipe
from cltutor.runs.run import Run
from cltutor.streams import Split, Stream, Task

TINY = SmallCNN(channels=(4,), hidden=(8, 6))
SETTINGS = {"backbone": TINY, "batch_size": 8, "learning_rate": 0.05}

pytestmark = pytest.mark.filterwarnings("ignore:.*overshoot")


def make(name: str, **settings) -> Recipe:
    return cl.methods.named(name)(**{**SETTINGS, **settings})


def learn(stream: Stream, recipe: Recipe | str, epochs: int = 1, **options) -> Run:
    return cl.learn(stream, recipe, epochs=epochs, device="cpu", progress=False, **options)


@pytest.fixture(scope="module")
def stream(patterns):
    return patterns


@pytest.fixture(scope="module")
def pretrained(stream) -> Stream:
    """Two tasks, the first of which has nothing to train on: weights start as they were drawn."""
    nothing = Split.empty(stream.image_shape)
    first = Task(0, stream[0].classes, nothing, nothing, stream[0].test)
    return Stream([first, stream[1]], stream.class_names, "made", "made()")


def with_prefix(state: dict[str, Tensor], *prefixes: str) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if name.startswith(prefixes)}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether all values of ``one`` are in ``other``, bit for bit."""
    assert one
    return all(torch.equal(value, other[name]) for name, value in one.items())


def weighted(recipe: Recipe, place: int, weight: float) -> Recipe:
    """The recipe with another weight for one term."""
    terms = tuple((weight if i == place else w, term) for i, (w, term) in enumerate(recipe.loss.terms))
    return replace(recipe, loss=Loss(terms))


@pytest.mark.parametrize("name", ["lwf", "expansion_lwf", "l2"])
def test_at_the_first_step_student_and_teacher_are_one_and_nothing_pulls_back(name, pretrained):
    recipe = make(name, batch_size=16, weight_decay=0.0)  # which acts on old heads only if a term does
    ((_, _), (weight, _)) = recipe.loss.terms
    with_it, without = (learn(pretrained, r) for r in (recipe, weighted(recipe, 1, 0.0)))
    assert weight > 0
    assert with_it.updates == 1
    for key, value in with_it.states[1].items():
        torch.testing.assert_close(value, without.states[1][key], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("change", [{"temperature": 5.0}, {"loss": "l1"}, {"loss": "l2"}, {"loss": "cross_entropy"}])
def test_temperature_and_kind_of_distillation_change_the_weights(change, pretrained):
    usual, other = (learn(pretrained, make("lwf", **settings)) for settings in ({}, change))
    assert not same(with_prefix(usual.states[1], "backbone."), other.states[1])


def test_lwf_keeps_old_answers_better_than_fine_tuning_on_the_images_it_sees(stream):
    drifts = {}
    for name in ("lwf", "finetune"):
        run = learn(stream, make(name, batch_size=4), epochs=10)
        images = stream[1].train.images
        before, after = (run.model_after(task)(images).head(0).softmax(1) for task in (0, 1))
        drifts[name] = (before - after).abs().mean().item()
    assert drifts["lwf"] < 0.7 * drifts["finetune"]


def test_the_warm_up_of_lwf_moves_the_new_head_alone(pretrained):
    warm_up = make("lwf").schedule.later[:1]
    recipe = make("lwf")
    recipe = replace(recipe, schedule=replace(recipe.schedule, later=warm_up, weight_decay=0.1))
    run = learn(pretrained, recipe, epochs=3)
    assert same(run.states[0], run.states[1])


def test_slow_fine_tuning_moves_the_shared_weights_by_a_tenth_and_the_new_head_as_far(stream):
    """One step from the same state; the gradient is not clipped, for its norm would be shared by both roles."""
    steps = {}
    for name in ("finetune", "finetune_slow"):
        run = learn(stream, make(name, batch_size=16, clip=1e9))
        steps[name] = {
            key: run.states[1][key] - value for key, value in run.states[0].items() if key.startswith("backbone.")
        }
        steps[name + " head"] = run.states[1]["heads.1.weight"]
    largest = max(step.abs().max() for step in steps["finetune"].values())
    assert largest > 1e-3
    for key, step in steps["finetune"].items():
        torch.testing.assert_close(steps["finetune_slow"][key], 0.1 * step, atol=1e-6, rtol=1e-3)
    torch.testing.assert_close(steps["finetune_slow head"], steps["finetune head"])


def test_feature_extraction_moves_its_head_five_times_as_far(pretrained):
    one = make("feature_extraction", hidden=None, batch_size=16, clip=1e9)
    frozen = replace(one, schedule=replace(one.schedule, later=(replace(one.schedule.later[0], new=1.0),)))
    start = replace(one, schedule=replace(one.schedule, learning_rate=1e-30))
    fast, slow, still = (learn(pretrained, recipe).states[1]["heads.1.weight"] for recipe in (one, frozen, start))
    assert (fast - still).abs().max() > 1e-3
    torch.testing.assert_close(fast - still, 5 * (slow - still), atol=1e-6, rtol=1e-3)


def test_expansion_leaves_every_old_answer_and_expansion_lwf_moves_them(stream):
    images = stream[0].test.images
    for name, kept in (("expansion", True), ("expansion_lwf", False)):
        run = learn(stream, make(name, weight_decay=0.1), epochs=5)
        first, last = (run.model_after(task)(images).head(0) for task in (0, 2))
        assert torch.allclose(first, last, atol=1e-5) == kept


def test_joint_training_takes_as_many_steps_for_each_task_so_far(stream):
    steps = [event.task for event in cl.train(stream, make("joint", epochs=2)) if type(event).__name__ == "Stepped"]
    assert [steps.count(task) for task in range(3)] == [2 * 2, 2 * 4, 2 * 6]


def test_a_batch_of_joint_training_moves_the_head_of_its_own_task_alone(stream):
    recipe = make("joint", batch_size=16, weight_decay=0.0)
    run = learn(stream, recipe)
    recipe = replace(recipe, schedule=replace(recipe.schedule, momentum=0.0))
    network = run.model.train().requires_grad_(True)
    pool = recipe.memory.pool(stream, 2, torch.device("cpu"), {})
    turns = list(pool.batches(16, torch.Generator().manual_seed(0)))
    assert [tasks for _, tasks in turns] == [[0], [1], [2]]
    task_of = torch.tensor([0, 0, 1, 1, 2, 2])
    for places, tasks in turns:
        network.zero_grad()
        context = cl.losses.Context(network, 2)
        batch = cl.losses.Batch(context, pool.images[places], pool.labels[places], places, tasks, task_of, "task", {})
        cl.losses.CrossEntropy()(batch, {}).backward()
        assert [head.weight.grad is not None for head in network.heads] == [[task] == tasks for task in range(3)]


def test_task_specific_layers_are_learned_by_lwf(stream):
    run = learn(stream, make("lwf", task_specific_layers=2))
    assert run.recipe.network == MultiHead(TINY, task_specific_layers=2)
    shapes = [tuple(v.shape) for k, v in run.states[1].items() if k.startswith("heads.1.") and v.ndim == 2]
    assert shapes == [(6, 8), (2, 6)]
