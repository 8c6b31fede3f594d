"""Backbones: sizes, parameters, and shapes by an independent count."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cltutor.networks import MultiHead, OfficeHomeCNN, ResNet32, SmallCNN, TaskCNN
from cltutor.networks.backbone import Normalise, NormaliseEach
from cltutor.networks.resnet import ResidualBlock


def pictures(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=60)
@given(st.data())
def test_a_small_cnn_takes_images_of_every_size_and_leaves_four_positions_or_more(data):
    backbone, smallest, pools = data.draw(
        st.sampled_from([(SmallCNN((2, 3, 4), (6, 5)), 8, 3), (TaskCNN((2, 2, 3, 4), (5,)), 4, 2)])
    )
    height, width = (data.draw(st.integers(smallest, 33)) for _ in range(2))
    channels = data.draw(st.integers(1, 4))
    module, sides = backbone.build((channels, height, width)), [height, width]
    for _ in range(pools):
        if min(sides) >= 4:
            sides = [side // 2 for side in sides]
    assert min(sides) >= 2
    assert module.trunk(torch.zeros(2, channels, height, width)).shape == (2, 4 * sides[0] * sides[1])
    assert module(pictures(2, channels, height, width)).shape == (2, 5)


def test_the_small_cnn_has_three_convolutions_and_two_fully_connected_layers_below_its_heads():
    shapes = [tuple(p.shape) for p in SmallCNN().build((3, 32, 32)).parameters() if p.ndim > 1]
    assert shapes == [(32, 3, 3, 3), (32, 32, 3, 3), (64, 32, 3, 3), (128, 64 * 4 * 4), (128, 128)]


@pytest.mark.parametrize(
    ("backbone", "shape", "words"),
    [
        (SmallCNN(), (1, 7, 9), "SmallCNN .* at least 8x8 .* not 7x9"),
        (TaskCNN(), (3, 3, 8), "TaskCNN .* 4x4 .* not 3x8"),
    ],
)
def test_too_small_images_are_refused_in_one_sentence(backbone, shape, words):
    with pytest.raises(ValueError, match=rf"^{words}\.$"):
        backbone.build(shape)


def test_features_keep_their_scale_through_the_layers():
    torch.manual_seed(0)
    backbone = SmallCNN(channels=(64, 64, 64), hidden=(512, 512)).build((3, 16, 16))
    images = pictures(64, 3, 16, 16)
    backbone.normalise.fit(images)
    power = backbone(images).square().mean().item()  # 1 comes in (He et al. 2015, eq. 10); max-pools raise it a little
    assert 0.3 < power < 30  # PyTorch's own initialisation would leave about (1/6)^5


# The CNN of a task


def test_the_task_cnn_pools_after_every_second_convolution_and_drops_half_of_its_features_out():
    trunk = TaskCNN().build((3, 32, 32)).trunk
    pair = ["Conv2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d"]
    assert [type(module).__name__ for module in trunk] == [*pair, *pair, "Flatten"]
    for backbone, dropout in ((TaskCNN(), 0.5), (TaskCNN(dropout=0.25), 0.25)):
        (layer,) = backbone.build((3, 32, 32)).hidden
        assert [type(module).__name__ for module in layer] == ["Dropout", "Linear", "ReLU"]
        assert (layer[0].p, layer[1].in_features, layer[1].out_features) == (dropout, 64 * 8 * 8, 64)
    assert [len(layer) for layer in TaskCNN(hidden=(9, 8), dropout=0.0).build((3, 32, 32)).hidden] == [2, 2]
    assert [len(layer) for layer in TaskCNN(hidden=(9, 8)).build((3, 32, 32)).hidden] == [3, 2]


def test_hard_parameter_sharing_shares_all_convolutions_and_no_fully_connected_layer():
    """DF-CNN, section 4.1."""
    network = MultiHead(TaskCNN(), task_specific_layers=2).build((3, 32, 32))
    for _ in range(2):
        network.grow(10)
    shared = [module for part in network.parts()["shared"] for module in part.modules()]
    assert [type(m) for m in shared if any(True for _ in m.parameters(recurse=False))] == [nn.Conv2d] * 4
    assert sum(parameter.numel() for parameter in network.parameters_of("shared")) == 65_568
    for head in network.heads:  # the dropout is each task's own, and that of frozen heads is still
        layer, output = head
        assert [type(module) for module in (*layer, output)] == [nn.Dropout, nn.Linear, nn.ReLU, nn.Linear]
    network.train_only(["shared", "new"])
    assert [head[0][0].training for head in network.heads] == [False, True]
    assert not torch.equal(network.heads[0][0][1].weight, network.heads[1][0][1].weight)


# ResNet-32


def test_resnet32_has_464154_parameters_with_ten_classes_in_32_layers_of_three_stages():
    network = MultiHead(ResNet32()).build((3, 32, 32))
    network.grow(10)
    assert sum(parameter.numel() for parameter in network.parameters()) == 464_154
    # The same by hand: stem, then n = 5 blocks a stage (He et al. 2016, section 4.2), each with two batch norms.
    widths = [16] * 6 + [32] * 5 + [64] * 5
    blocks = sum(a * b * 9 + b * b * 9 + 4 * b for a, b in itertools.pairwise(widths))
    assert 3 * 16 * 9 + 2 * 16 + blocks + 64 * 10 + 10 == 464_154
    assert sum(isinstance(m, nn.Conv2d | nn.Linear) for m in network.modules()) == 32
    seen = []
    for block in (m for m in network.modules() if isinstance(m, ResidualBlock)):
        block.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape[1:])))
    assert network(pictures(1, 3, 32, 32)).features.shape == (1, 64)
    assert seen == [(16, 32, 32)] * 5 + [(32, 16, 16)] * 5 + [(64, 8, 8)] * 5


@pytest.mark.parametrize(("channels", "stride"), [(2, 1), (4, 2)])
def test_a_block_is_relu_of_two_normalised_convolutions_plus_the_shortcut(channels, stride):
    """The shortcut is the identity, or every second pixel padded with zero channels."""
    torch.manual_seed(0)
    block, maps = ResidualBlock(2, channels), torch.randn(3, 2, 6, 6)

    def normalised(values: torch.Tensor) -> torch.Tensor:
        mean = values.mean((0, 2, 3), keepdim=True)
        return (values - mean) / (values.var((0, 2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()

    inner = normalised(nn.functional.conv2d(maps, block.first[0].weight, stride=stride, padding=1)).relu()
    inner = normalised(nn.functional.conv2d(inner, block.second[0].weight, padding=1))
    shortcut = torch.cat([maps, torch.zeros_like(maps)], dim=1)[:, :channels, ::stride, ::stride]
    torch.testing.assert_close(block(maps), (inner + shortcut).relu(), atol=1e-5, rtol=1e-5)


# Office-Home's


def pooled_by_hand(maps: torch.Tensor, side: int) -> torch.Tensor:
    """TensorFlow's "SAME": ceil(n / side) windows, what is too much before and after, the smaller half before."""
    for dimension in (2, 3):
        length = maps.shape[dimension]
        count = -(-length // side)
        before = (count * side - length) // 2
        windows = [range(max(0, i * side - before), min(length, (i + 1) * side - before)) for i in range(count)]
        maps = torch.stack([maps.index_select(dimension, torch.tensor(w)).amax(dimension) for w in windows], dimension)
    return maps


@pytest.mark.parametrize("shape", [(3, 29, 32), (1, 11, 8), (2, 1, 5)])
def test_office_homes_cnn_convolves_and_pools_as_tensorflow_does(shape):
    torch.manual_seed(0)
    backbone = OfficeHomeCNN((4, 5), (5, 3), (3, 2), (6,), dropout=0.0).build(shape)
    images = pictures(3, *shape)
    maps = backbone.normalise(images)
    for convolution, pool in zip((backbone.trunk[0], backbone.trunk[3]), (3, 2), strict=True):
        maps = nn.functional.conv2d(maps, convolution.weight, convolution.bias, padding="same").relu()
        maps = pooled_by_hand(maps, pool)
    torch.testing.assert_close(backbone.trunk(backbone.normalise(images)), maps.flatten(1))
    assert backbone(images).shape == (3, 6)


def test_office_homes_cnn_has_the_papers_number_of_parameters():
    network = MultiHead(OfficeHomeCNN()).build((3, 128, 128))  # DF-CNN, section 4.2: 2.68 M for each task
    network.grow(13)
    assert sum(p.numel() for p in network.parameters()) == 2_679_437


def test_sizes_of_office_homes_cnn_that_do_not_fit_are_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"^channels, kernels and pools have .* each convolution, not 2, 4 and 4\.$"):
        OfficeHomeCNN(channels=(3, 4))
    with pytest.raises(ValueError, match=r"^kernels have an odd side, so that maps keep their size, not 4\.$"):
        OfficeHomeCNN(kernels=(11, 5, 4, 3))


# Normalisation


@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_by_itself_has_mean_0_and_deviation_1_unless_it_hardly_varies(channels):
    images = pictures(5, channels, 6, 7)
    images[1] //= 64  # a deviation of about 1 / 255
    images[2] = 9
    pixels = images.numpy() / 255
    deviation = np.maximum(pixels.std((2, 3), keepdims=True), 1 / np.sqrt(42))
    expected = (pixels - pixels.mean((2, 3), keepdims=True)) / deviation
    normalise = TaskCNN(normalise="image").build((channels, 6, 7)).normalise
    normalise.fit(pictures(9, channels, 6, 7, seed=1))
    assert isinstance(normalise, NormaliseEach)
    np.testing.assert_allclose(normalise(images).numpy(), expected, atol=1e-5)


def test_the_first_tasks_images_come_out_with_mean_0_and_deviation_1_in_every_channel_that_varies():
    images = pictures(20, 3, 8, 8)
    images[:, 1] //= 4
    images[:, 2] = 7
    normalise = Normalise([0.0] * 3, [1.0] * 3)
    normalise.fit(images)
    for values, deviation in zip(normalise(images).numpy().swapaxes(0, 1), (1, 1, 0), strict=True):
        assert values.mean() == pytest.approx(0, abs=1e-5)
        assert values.std() == pytest.approx(deviation, abs=1e-3)


@pytest.mark.parametrize(("fixed", "images"), [(True, 5), (False, 0)])
def test_the_normalisation_of_a_pretrained_network_or_of_no_image_stays(fixed, images):
    normalise = Normalise([0.5], [0.25], fixed=fixed)
    normalise.fit(pictures(images, 1, 8, 8))
    assert normalise.mean.item() == pytest.approx(0.5 * 255)
    assert normalise.std.item() == pytest.approx(0.25 * 255)
