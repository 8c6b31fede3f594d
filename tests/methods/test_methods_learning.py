"""What single methods promise of the weights, on a tiny stream of tasks; test_contract.py has what all promise."""

import pytest
import torch
from running import first_known, learn, weighted
from torch import Tensor

import cltutor as cl
from cltutor.networks import SmallCNN
from cltutor.recipe.recipe import Recipe
from cltutor.runs.run import Run
from cltutor.streams import Stream

TINY = SmallCNN(channels=(4,), hidden=(8, 6))
SETTINGS = {"backbone": TINY, "batch_size": 8, "learning_rate": 0.05}

pytestmark = pytest.mark.filterwarnings("ignore:.*overshoot")


def make(name: str, **settings) -> Recipe:
    return cl.methods.named(name)(**{**SETTINGS, **settings})


def learned(stream: Stream, recipe: Recipe, epochs: int = 1) -> Run:
    return learn(stream, recipe, epochs=epochs, test_every=99)


@pytest.mark.parametrize("name", ["lwf", "expansion_lwf", "l2"])
def test_at_the_first_step_student_and_teacher_are_one_and_nothing_pulls_back(name, tiny):
    recipe = make(name, batch_size=24, weight_decay=0.0)  # which acts on old heads only if a term does
    ((_, _), (weight, _)) = recipe.loss.terms
    with_it, without = (learned(first_known(tiny), r) for r in (recipe, weighted(recipe, 1, 0.0)))
    assert weight > 0
    assert with_it.updates == 1
    for key, value in with_it.states[1].items():
        torch.testing.assert_close(value, without.states[1][key], atol=1e-6, rtol=1e-5)


def outputs(run: Run, images: Tensor) -> list[Tensor]:
    return [run.model_after(task)(images).head(0).softmax(1) for task in (0, 1)]


def attention(run: Run, images: Tensor) -> list[Tensor]:
    targets = run.model_after(1)(images).head(0).argmax(1)
    maps = (cl.attention.grad_cam(run.model_after(task), images, targets).flatten(1) for task in (0, 1))
    return [each / each.norm(dim=1, keepdim=True).clamp(min=1e-9) for each in maps]


@pytest.mark.parametrize(
    ("keeps", "forgets", "kept"),
    [(make("lwf"), make("finetune"), outputs), (make("lwm", gamma=5.0), make("lwm", gamma=0.0), attention)],
)
def test_what_a_term_protects_drifts_less_with_it_on_the_images_that_it_sees(keeps, forgets, kept, patterns):
    pairs = (kept(learned(patterns, recipe, epochs=10), patterns[1].train.images) for recipe in (keeps, forgets))
    with_it, without = ((before - after).abs().mean().item() for before, after in pairs)
    assert with_it < 0.7 * without


def test_slow_fine_tuning_moves_the_shared_weights_by_a_tenth_and_the_new_head_as_far(patterns):
    """One step from the same state; the gradient is not clipped, for its norm would be shared by both roles."""
    steps = {}
    for name in ("finetune", "finetune_slow"):
        run = learned(patterns, make(name, batch_size=16, clip=1e9))
        steps[name] = {
            key: run.states[1][key] - value for key, value in run.states[0].items() if key.startswith("backbone.")
        }
        steps[name + " head"] = run.states[1]["heads.1.weight"]
    largest = max(step.abs().max() for step in steps["finetune"].values())
    assert largest > 1e-3
    for key, step in steps["finetune"].items():
        torch.testing.assert_close(steps["finetune_slow"][key], 0.1 * step, atol=1e-6, rtol=1e-3)
    torch.testing.assert_close(steps["finetune_slow head"], steps["finetune head"])


def test_expansion_leaves_every_old_output_and_expansion_lwf_moves_them(patterns):
    images = patterns[0].test.images
    for name, kept in (("expansion", True), ("expansion_lwf", False)):
        run = learned(patterns, make(name, weight_decay=0.1), epochs=5)
        first, last = (run.model_after(task)(images).head(0) for task in (0, 2))
        assert torch.allclose(first, last, atol=1e-5) == kept
