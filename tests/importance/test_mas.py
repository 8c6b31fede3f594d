"""MAS, eq. 2 and section 4.1's substitution, against a loop over single samples."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn

import cltutor as cl
from cltutor.importance import fisher, mas, mas_local, running_mean
from cltutor.networks import MultiHead, ResNet32, SmallCNN

BACKBONE = SmallCNN(channels=(4, 4), hidden=(8,))

pytestmark = pytest.mark.filterwarnings("ignore:.*overshoot")


def test_it_is_the_mean_over_images_of_each_images_own_absolute_gradient(case, loop):
    model, images = case
    gradients = loop(model, images, lambda output, _: output.square().sum())
    found = mas(model, images, chunk=4)
    assert found.keys() == gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(found[name], gradient[:, 0].abs().mean(0), rtol=1e-10, atol=1e-12)
        assert found[name].max() > 0


def test_for_a_vector_output_it_is_the_mean_over_images_of_the_norm_over_outputs(case, loop):
    model, images = case
    gradients = loop(model, images, lambda output, _: output)
    found = mas(model, images, output="vector", chunk=4)
    for name, gradient in gradients.items():
        expected = gradient.square().sum(1).sqrt().mean(0)
        torch.testing.assert_close(found[name], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("backbone", [BACKBONE, ResNet32()])
def test_in_single_precision_it_is_exact_to_1e_5_on_the_networks_of_the_package(backbone):
    torch.manual_seed(0)
    network = MultiHead(backbone).build((3, 16, 16))
    for classes in (2, 3):
        network.grow(classes)
    images = torch.randint(0, 256, (5, 3, 16, 16), dtype=torch.uint8)
    found = mas(network, images, task=1, chunk=2)
    network.eval()
    expected = {name: torch.zeros_like(p) for name, p in network.named_parameters()}
    for image in images:
        value = network(image.unsqueeze(0)).head(1).square().sum()
        grads = torch.autograd.grad(value, list(network.parameters()), allow_unused=True)
        for (name, _), grad in zip(network.named_parameters(), grads, strict=True):
            expected[name] += (grad.abs() if grad is not None else 0) / len(images)
    for name, value in expected.items():
        assert (found[name] - value).norm() <= 1e-5 * max(value.norm().item(), 1e-3), name
    assert found["heads.0.weight"].abs().sum() == 0
    everywhere = mas(network, images)  # without a task all logits count
    assert all(everywhere[f"heads.{task}.weight"].abs().sum() > 0 for task in range(2))


@pytest.mark.parametrize("measure", [mas, mas_local, fisher])
def test_no_more_than_a_chunk_of_images_goes_through_the_model_at_once(measure):
    model, seen = nn.Sequential(nn.Linear(3, 2)), []
    model.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    measure(model, torch.randn(10, 3), chunk=4)
    assert max(seen) == 4


@pytest.mark.parametrize(
    ("model", "images", "sentence"),
    [
        (nn.Flatten(), torch.ones(4, 3), "no parameter"),
        (nn.Linear(3, 2), torch.ones(0, 3), "no image"),
        (nn.Linear(3, 2), torch.full((4, 3), torch.nan), "NaN"),
        (nn.Sequential(nn.BatchNorm1d(3, track_running_stats=False)), torch.ones(4, 3), r"0 \(BatchNorm1d\)"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_sentence(model, images, sentence):
    with pytest.raises(ValueError, match=sentence):
        mas(model, images)


@pytest.mark.parametrize("measure", [mas, mas_local, fisher])
@pytest.mark.parametrize("tracking", [True, False])  # without statistics, batch norm mixes images
def test_neither_measuring_nor_a_refusal_leaves_a_trace(measure, tracking):
    norm = nn.BatchNorm1d(3, track_running_stats=tracking)
    model = nn.Sequential(nn.Linear(3, 3), norm, nn.ReLU(), nn.Dropout(), nn.Linear(3, 2)).train()
    model[0].requires_grad_(False)
    state, random = {name: value.clone() for name, value in model.state_dict().items()}, torch.random.get_rng_state()
    with nullcontext() if tracking else pytest.raises(ValueError, match="BatchNorm1d"):
        measure(model, torch.randn(4, 3, generator=torch.Generator().manual_seed(0)))
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert [p.requires_grad for p in model.parameters()] == [False] * 2 + [True] * 4
    assert all(module.training for module in model.modules())
    assert torch.equal(torch.random.get_rng_state(), random)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def shared_omega(run: cl.Run, task: int, images: torch.Tensor) -> torch.Tensor:
    network = run.model_after(task)
    omega = mas(network, images, task=task)
    return torch.cat([omega[name].flatten() for name, _ in network.named_parameters() if name.startswith("backbone.")])


def images_of(task, on: str) -> torch.Tensor:
    return torch.cat([getattr(task, name).images for name in (["train", "test"] if on == "both" else [on])])


@pytest.mark.parametrize(("on", "average"), [("train", False), ("test", False), ("both", False), ("train", True)])
def test_over_tasks_it_is_the_sum_or_the_mean_of_the_importance_of_each_on_its_own_images(patterns, on, average):
    recipe = cl.methods.mas(on=on, average=average, backbone=BACKBONE)
    run = cl.learn(patterns, recipe, epochs=1, progress=False)
    expected = sum(shared_omega(run, t, images_of(task, on)) for t, task in enumerate(patterns))
    torch.testing.assert_close(run.part_states["Anchor"]["importance"][0], expected / (3 if average else 1))


def test_with_classes_only_their_images_count_and_a_task_without_them_adds_nothing(patterns):
    first, wanted = patterns[0].train, patterns[0].classes[:1]
    run = cl.learn(patterns, cl.methods.mas(classes=wanted, backbone=BACKBONE), epochs=1, progress=False)
    expected = shared_omega(run, 0, first.images[first.labels == wanted[0]])
    torch.testing.assert_close(run.part_states["Anchor"]["importance"][0], expected)


def test_updated_with_new_images_it_is_that_of_all_images_together(case):
    model, images = case
    found = running_mean(mas(model, images[:5]), 5, mas(model, images[5:]), len(images) - 5)
    for name, value in mas(model, images).items():
        torch.testing.assert_close(found[name], value)


def test_an_update_of_other_parameters_or_with_no_image_is_refused():
    omega = {"weight": torch.ones(2)}
    with pytest.raises(ValueError, match="differ in parameters: bias"):
        running_mean(omega, 1, {**omega, "bias": torch.ones(1)}, 1)
    with pytest.raises(ValueError, match="not from 1 over 0"):
        running_mean(omega, 1, omega, 0)
