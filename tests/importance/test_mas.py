"""MAS, eq. 2 and section 4.1's substitution, against a loop over single samples."""

from contextlib import nullcontext

import pytest
import torch
from running import grown
from torch import nn

from cltutor.importance import fisher, mas, mas_local, running_mean
from cltutor.networks import MultiHead, ResNet32, SmallCNN
from tests.importance.measuring import one_by_one, traces


@pytest.mark.parametrize(("output", "numbers"), [("norm", lambda y, _: y.square().sum()), ("vector", lambda y, _: y)])
def test_it_is_the_mean_over_images_of_the_length_of_each_images_own_gradient(case, output, numbers):
    model, images = case
    gradients = one_by_one(model, images, numbers)
    found = mas(model, images, output=output, chunk=4)
    assert found.keys() == gradients.keys()
    for name, gradient in gradients.items():
        expected = gradient.square().sum(1).sqrt().mean(0)
        torch.testing.assert_close(found[name], expected, rtol=1e-10, atol=1e-12)
        assert found[name].max() > 0


@pytest.mark.parametrize("backbone", [SmallCNN(channels=(4, 4), hidden=(8,)), ResNet32()])
def test_in_single_precision_it_is_exact_to_1e_5_on_the_networks_of_the_package(backbone):
    network = grown(MultiHead(backbone), 2, 3, image_shape=(3, 16, 16))
    images = torch.randint(0, 256, (5, 3, 16, 16), dtype=torch.uint8)
    found = mas(network, images, task=1, chunk=2)
    for name, gradient in one_by_one(network, images, lambda output, _: output.head(1).square().sum()).items():
        value = gradient[:, 0].abs().mean(0)
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
    before = traces(model)
    with nullcontext() if tracking else pytest.raises(ValueError, match="BatchNorm1d"):
        measure(model, torch.randn(4, 3, generator=torch.Generator().manual_seed(0)))
    assert all(map(torch.equal, before, traces(model)))


def test_updated_with_new_images_it_is_that_of_all_images_together(case):
    model, images = case
    found = running_mean(mas(model, images[:5]), 5, mas(model, images[5:]), len(images) - 5)
    for name, value in mas(model, images).items():
        torch.testing.assert_close(found[name], value)
