"""Grad-CAM against captum, loops and finite differences; the measures of drift against loops by hand."""

from collections import namedtuple

import pytest
import torch
from captum import attr
from scipy import stats
from torch import nn

import cltutor as cl
from cltutor import attention
from cltutor.networks import MultiHead, Network, ResNet32, SmallCNN


def plain() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Conv2d(2, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64, 3))


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(6, 2, 4, 4, generator=torch.Generator().manual_seed(1))


def network(backbone) -> Network:
    torch.manual_seed(0)
    built = MultiHead(backbone).build((3, 16, 16))
    for classes in (3, 2):
        built.grow(classes)
    return built.eval()


PICTURES = torch.randint(0, 256, (5, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
TARGETS = [0, 4, 2, 3, 1]
TALL = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Flatten(), nn.Linear(8 * 3, 2))


@pytest.mark.parametrize("layer", ["0", "2", "3"])
def test_it_equals_captums_layer_grad_cam(images, layer):
    model, targets = plain().eval(), torch.tensor([0, 1, 2, 0, 1, 2])
    theirs = attr.LayerGradCam(model, model.get_submodule(layer)).attribute(images, targets, relu_attributions=True)
    ours = attention.grad_cam(model, images, targets, layer)
    torch.testing.assert_close(ours, theirs.detach().squeeze(1), rtol=1e-5, atol=1e-5)
    assert ours.max() > 0


@pytest.mark.parametrize("backbone", [SmallCNN(), ResNet32()])
def test_it_equals_captum_on_the_networks_of_the_package(backbone):
    built = network(backbone)
    layer = built.get_submodule(attention.last_block(built, PICTURES[:1]))
    gradcam = attr.LayerGradCam(lambda images: built(images).logits, layer)
    theirs = gradcam.attribute(PICTURES.float(), torch.tensor(TARGETS), relu_attributions=True)
    ours = attention.grad_cam(built, PICTURES, TARGETS)
    torch.testing.assert_close(ours, theirs.detach().squeeze(1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("backbone", [SmallCNN(), ResNet32()])
def test_a_batch_gives_what_its_images_give_one_by_one(backbone):
    built = network(backbone)
    together = attention.grad_cam(built, PICTURES, TARGETS)
    for n, target in enumerate(TARGETS):
        alone = attention.grad_cam(built, PICTURES[n : n + 1], target)
        torch.testing.assert_close(together[n : n + 1], alone, rtol=1e-4, atol=1e-5)


def test_its_gradient_goes_through_the_maps_and_through_their_weights():
    """Second-order: the weights of the last layer reach the map only through the gradient that weights it."""
    torch.manual_seed(3)
    head = nn.Linear(18, 4), nn.Tanh(), nn.Linear(4, 3)
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Tanh(), nn.Flatten(), *head).double()
    images, teacher = torch.randn(2, 1, 3, 3, dtype=torch.float64), torch.rand(2, 3, 3, dtype=torch.float64)

    def loss() -> torch.Tensor:
        found = attention.grad_cam(model, images, [0, 2], "1", create_graph=True)
        return cl.losses.attention_distillation(found, teacher)

    grads = torch.autograd.grad(loss(), list(model.parameters()), allow_unused=True)
    reached = 0
    for parameter, found in zip(model.parameters(), grads, strict=True):
        gradient = torch.zeros_like(parameter) if found is None else found
        expected = torch.zeros_like(parameter).view(-1)
        for k in range(parameter.numel()):
            values = []
            for move in (1e-6, -2e-6):
                parameter.data.view(-1)[k] += move
                values.append(loss().item())
            parameter.data.view(-1)[k] += 1e-6
            expected[k] = (values[0] - values[1]) / 2e-6
        torch.testing.assert_close(gradient.reshape(-1), expected, rtol=1e-4, atol=1e-6)
        reached += int(gradient.abs().max() > 1e-6)
    assert reached == 5  # all but the last bias, which no gradient of a score contains


def test_without_a_graph_the_map_is_a_constant_and_the_model_stays_as_it_was(images):
    model = nn.Sequential(nn.BatchNorm2d(2), *plain(), nn.Dropout(0.5)).train()
    torch.manual_seed(5)
    random = torch.get_rng_state()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    found = attention.grad_cam(model, images, 1)
    assert not found.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(module.training for module in model.modules())
    torch.testing.assert_close(found, attention.grad_cam(model.eval(), images, 1))
    torch.testing.assert_close(attention.grad_cam(model.requires_grad_(False), images, 1), found)


def test_the_last_block_is_the_last_residual_block_or_the_relu_after_the_last_convolution():
    assert attention.last_block(network(ResNet32()), PICTURES[:1]) == "backbone.trunk.17"
    small = network(SmallCNN())
    assert isinstance(small.get_submodule(attention.last_block(small, PICTURES[:1])), nn.ReLU)
    assert attention.last_block(plain(), torch.zeros(1, 2, 4, 4)) == "3"


def test_an_all_zero_map_has_a_finite_distance_and_a_finite_gradient():
    maps = torch.zeros(2, 3, 3, requires_grad=True)
    value = cl.losses.attention_distillation(maps, torch.rand(2, 3, 3))
    value.backward()
    assert value.isfinite()
    assert maps.grad.isfinite().all()


def test_drift_is_the_l1_distance_of_maps_of_length_one():
    before, now = torch.rand(3, 2, 4, dtype=torch.float64), torch.rand(3, 2, 4, dtype=torch.float64)
    found = attention.drift(before, now)
    for n in range(3):
        a, b = before[n].flatten().tolist(), now[n].flatten().tolist()
        la, lb = sum(v * v for v in a) ** 0.5, sum(v * v for v in b) ** 0.5
        assert found[n].item() == pytest.approx(sum(abs(p / la - q / lb) for p, q in zip(a, b, strict=True)))
    assert attention.drift(before, 7 * before).abs().max() < 1e-9


def test_rank_correlation_is_spearmans_with_ties():
    before, now = torch.randint(0, 5, (4, 3, 3)).double(), torch.randint(0, 5, (4, 3, 3)).double()
    for n, found in enumerate(attention.rank_correlation(before, now)):
        assert found.item() == pytest.approx(stats.spearmanr(before[n].flatten(), now[n].flatten()).statistic)


def test_overlap_is_the_intersection_over_union_of_the_most_attended_fifth():
    before = torch.arange(10.0).view(1, 2, 5)
    now = torch.tensor([[0.0, 1, 2, 3, 4], [5, 6, 7, 9, 0]]).view(1, 2, 5)
    assert attention.most_attended(before).nonzero()[:, 1].tolist() == [8, 9]
    assert attention.most_attended(now).nonzero()[:, 1].tolist() == [7, 8]
    assert attention.overlap(before, now).item() == pytest.approx(1 / 3)
    assert attention.overlap(before, before).item() == 1


def test_inside_is_the_share_of_attention_within_the_mask():
    found, mask = torch.zeros(1, 2, 2), torch.zeros(1, 2, 2, dtype=torch.bool)
    found[0, 0, 0], found[0, 1, 1], mask[0, 0, 0] = 3.0, 1.0, True
    assert attention.inside(found, mask).item() == pytest.approx(0.75)
    large = torch.ones(1, 8, 8, dtype=torch.bool)
    assert attention.inside(found, large).item() == pytest.approx(1.0)


def test_the_maps_of_several_layers_come_from_one_pass():
    built = network(ResNet32())
    names = attention.outside_blocks(built, attention.layers(built, PICTURES[:1]))
    passes = []
    built.register_forward_hook(lambda _, inputs, output: passes.append(len(inputs[0])))
    together = attention.grad_cams(built, PICTURES, TARGETS, names)
    assert passes == [1, len(PICTURES)]  # the first checks the names, with one image
    assert list(together) == names
    for name in names:
        torch.testing.assert_close(together[name], attention.grad_cam(built, PICTURES, TARGETS, name))


def test_the_layers_of_a_network_leave_out_its_normalised_input_and_mark_residual_blocks():
    built = network(ResNet32())
    every = attention.layers(built, PICTURES[:1])
    assert next(iter(every)) == "backbone.trunk.0"
    assert "backbone.trunk.3.first.0" in every
    assert attention.outside_blocks(built, every) == [f"backbone.trunk.{place}" for place in range(18)]
    with pytest.raises(ValueError, match="'backbone.normalise' has no map of features"):
        attention.grad_cam(built, PICTURES, TARGETS, "backbone.normalise")


@pytest.mark.parametrize(
    ("targets", "layer", "words"),
    [
        (0, "9", "'9' is no layer of this model; those with one are 0, 1, 2, 3"),
        (0, "5", "'5' has no map of features"),
        (3, None, "0 to 2"),
        ([0, 1], None, "one class for each of the 6 images, or one for all, not 2"),
        (-1, None, "0 to 2"),
        (torch.zeros(6), None, r"shape \(6,\) and torch.float32"),
        (torch.zeros(6, 1, dtype=torch.int64), None, r"shape \(6, 1\) and torch.int64"),
    ],
)
def test_an_unknown_layer_or_class_is_refused(images, targets, layer, words):
    with pytest.raises(ValueError, match=words):
        attention.grad_cam(plain(), images, targets, layer)


@pytest.mark.parametrize("model", [nn.Sequential(nn.Flatten(), nn.Linear(32, 3)), nn.Sequential(nn.Flatten())])
def test_a_model_without_convolutions_is_refused(images, model):
    for layer in (None, "1"):
        with pytest.raises(ValueError, match="attention needs convolutions"):
            attention.grad_cam(model, images, 0, layer)


@pytest.mark.parametrize(
    ("model", "shape", "words"),
    [
        (network(SmallCNN()), (3, 24, 20), r"of 3x16x16 \(channels, height, width\), not 3x24x20\.$"),
        (network(SmallCNN()), (2, 24, 24), "of 3x16x16 .*, not 2x24x24"),
        (plain(), (2, 5, 5), "and 4x4 pixels, not 2 and 5x5"),
        (plain(), (3, 4, 4), r"takes images of 2 channel\(s\), not 3"),
        (TALL, (1, 4, 4), r"does not take images of 1 channel\(s\) and 4x4 pixels: .*mat1 and mat2"),
    ],
)
def test_images_that_the_model_cannot_take_are_refused_with_the_right_size(model, shape, words):
    with pytest.raises(ValueError, match=words):
        attention.grad_cam(model, torch.zeros(1, *shape), 0)


def test_a_network_with_global_pooling_takes_images_of_any_size():
    larger = torch.zeros(2, 3, 24, 20, dtype=torch.uint8)
    assert attention.grad_cam(network(ResNet32()), larger, 0).shape == (2, 6, 5)


@pytest.mark.parametrize("shape", [(0, 3, 16, 16), (3, 16, 16)])
def test_an_empty_batch_or_an_image_that_is_in_no_batch_is_refused(shape):
    with pytest.raises(ValueError, match=r"one image or more, of shape \(N, C, H, W\), not \(\d+, "):
        attention.grad_cam(network(SmallCNN()), torch.zeros(shape, dtype=torch.uint8), [])


def test_a_batch_of_one_works_for_the_map_and_for_the_loss():
    built = network(ResNet32())
    one = attention.grad_cam(built, PICTURES[:1], 0, create_graph=True)
    cl.losses.attention_distillation(one, torch.rand(one.shape)).backward()
    assert all(p.grad.isfinite().all() for p in built.parameters() if p.grad is not None)
    assert attention.grad_cam(built.train(), PICTURES[:1], 0).shape == one.shape


def test_one_image_is_enough_for_batch_norm_over_a_single_position():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(2), nn.Flatten()).train()
    assert attention.grad_cam(model, torch.rand(1, 1, 5, 5), 0).shape == (1, 3, 3)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_callers_gradient_mode_does_not_matter(images, mode):
    model, expected = plain(), attention.grad_cam(plain(), images, 1)
    with mode():
        copy = images.clone()
        assert torch.equal(attention.grad_cam(model, copy, torch.ones(6, dtype=torch.int64)), expected)
        assert torch.equal(attention.grad_cams(model, copy, 1, ["3"])["3"], expected)


def test_autocast_and_the_default_type_of_numbers_do_not_matter(images):
    model, expected = plain(), attention.grad_cam(plain(), images, 1)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.autocast("cpu"):
            assert torch.equal(attention.grad_cam(model, images, 1), expected)
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_model_made_of_inference_tensors_is_refused(images):
    with torch.inference_mode():
        model = plain()
    with pytest.raises(ValueError, match=r"made in torch.inference_mode\(\), .*: make it outside"):
        attention.grad_cam(model, images, 0)


class Returning(nn.Module):
    """What a function makes of the logits of the plain model."""

    def __init__(self, function):
        super().__init__()
        self.inner, self.function = plain(), function

    def forward(self, images):
        return self.function(self.inner(images))


Named = namedtuple("Named", ["logits", "auxiliary"])


@pytest.mark.parametrize("function", [lambda logits: Named(logits, 2 * logits), lambda logits: {"logits": logits}])
def test_an_output_with_logits_among_others_is_used(images, function):
    found = attention.grad_cam(Returning(function), images, 1, "inner.3")
    assert torch.equal(found, attention.grad_cam(plain(), images, 1, "3"))


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda logits: (logits, logits), r"needs logits \(6, classes\), .* returns tuple"),
        (lambda logits: {"out": logits}, "returns dict"),
        (lambda logits: None, "returns NoneType"),
        (lambda logits: logits[:, 0], r"returns a tensor \(6,\)"),
        (lambda logits: logits.sum(), r"returns a tensor \(\)"),
        (lambda logits: logits[:, :, None, None], r"returns a tensor \(6, 3, 1, 1\)"),
        (lambda logits: logits.repeat(2, 1), r"returns a tensor \(12, 3\)"),
        (lambda logits: logits.detach(), "have no gradient: its forward pass detaches them"),
        (lambda logits: torch.ones(6, 3, requires_grad=True), "'inner.3' does not lead to the model's logits"),
    ],
)
def test_a_model_without_logits_is_refused_in_a_sentence(images, function, words):
    with pytest.raises(ValueError, match=words):
        attention.grad_cam(Returning(function), images, 1, "inner.3")


@pytest.mark.parametrize("names", [["3", "9"], ["5"]])
def test_each_of_several_layers_is_checked(images, names):
    with pytest.raises(ValueError, match="those with one are 0, 1, 2, 3"):
        attention.grad_cams(plain(), images, 0, names)
    with pytest.raises(ValueError, match="'nine' is no layer of this model"), attention.watching(plain(), "nine"):
        pass
