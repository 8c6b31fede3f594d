"""The deconvolutional factorized CNN against sums written out, finite differences and counts by hand."""

import pytest
import running
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from cltutor.evaluation.answers import accuracies
from cltutor.importance import mas
from cltutor.networks import (
    DFCNN,
    DFCNNTC2,
    DFCNNDirect,
    ResNet32,
    SmallCNN,
    TaskCNN,
    contract,
    deconvolve,
    evaluating,
    parameters,
)
from cltutor.networks.dfcnn import DFCNNNetwork

TINY = DFCNN(TaskCNN((3, 4), (5,)), knowledge=((2, 2), (2, 3)), deconvolution=((3, 4), (3, 5)))
DIRECT = DFCNNDirect(TINY.backbone, ((2, 2), (2, 3)), ((3,), (3,)))
TWICE = DFCNNTC2(TINY.backbone, ((2, 2, 3), (2, 3, 4)), ((3, 4), (3, 5)))
IMAGES = torch.randint(0, 256, (6, 2, 5, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
RECTIFIED = DFCNN(TINY.backbone, TINY.knowledge, TINY.deconvolution, activation="relu")
PRINTED = DFCNN(TINY.backbone, TINY.knowledge, TINY.deconvolution, bias=False)


def grown(tasks: int, description: DFCNN = TINY, shape: tuple[int, int, int] = (2, 5, 6)) -> DFCNNNetwork:
    network = running.grown(description, *range(2, 2 + tasks), image_shape=shape, like=IMAGES)
    with torch.no_grad():  # biases start at zero, where a lost one is not seen
        for name, parameter in network.named_parameters():
            if "bias" in name:
                parameter += 0.2 * torch.randn_like(parameter)
    return network


# Equation 1


def deconvolved_by_hand(knowledge, filters, bias, size, stride, relu: bool) -> Tensor:
    """Position by position: knowledge (i, j) adds its filters at (i, j) times stride, less what "SAME" pads before."""
    (height, width, _), taps = knowledge.shape, len(filters)
    whole = torch.zeros((height - 1) * stride + taps, (width - 1) * stride + taps, filters.shape[3])
    for i in range(height):
        for j in range(width):
            added = sum(knowledge[i, j, c] * filters[:, :, c] for c in range(len(knowledge[i, j])))
            whole[i * stride : i * stride + taps, j * stride : j * stride + taps] += added
    # The smaller half of the padding comes first; where no filter reaches, there are zeros at the end.
    top, left = (max(full - n, 0) // 2 for full, n in zip(whole.shape, size, strict=False))
    whole = F.pad(whole, (0, 0, 0, size[1], 0, size[0]))[top : top + size[0], left : left + size[1]]
    basis = whole if bias is None else whole + bias
    return basis.clamp(min=0) if relu else basis


@settings(max_examples=25)
@given(st.data())
def test_a_deconvolution_adds_each_position_of_the_knowledge_base_where_tensorflow_does(data):
    """Eq. 1, for even and odd paddings, kernels that no filter reaches to the end, and oblong ones."""
    stride, taps = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
    sides = [data.draw(st.integers(1, 3)) for _ in range(2)]
    size = tuple(data.draw(st.integers((side - 1) * stride + 1, side * stride)) for side in sides)
    torch.manual_seed(0)
    knowledge, filters = torch.randn(*sides, 2), torch.randn(taps, taps, 2, 3)
    bias = torch.randn(3) if data.draw(st.booleans()) else None
    activation = data.draw(st.sampled_from(["relu", None]))
    found = deconvolve(knowledge, filters, bias, size, stride, activation)
    expected = deconvolved_by_hand(knowledge, filters, bias, size, stride, activation == "relu")
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("size", "refused"), [((2, 3), 2), ((3, 5), 5), ((3, 3), None), ((4, 4), None)])
def test_a_kernel_that_a_deconvolution_cannot_make_is_refused_with_those_that_it_can(size, refused):
    knowledge, filters = torch.ones(2, 2, 1), torch.ones(3, 3, 1, 1)
    if refused is None:
        assert deconvolve(knowledge, filters, None, size, 2).shape == (*size, 1)
        return
    words = rf"at stride 2 into \(L - 1\) \* stride \+ 1 = 3 up to L \* stride = 4 positions, not into {refused}"
    with pytest.raises(ValueError, match=words):
        deconvolve(knowledge, filters, None, size, 2)
    with pytest.raises(ValueError, match="= 7 up to .* = 9 positions, not into 3"):  # before any task is learned
        DFCNN(TINY.backbone, ((3, 2), (3, 3)), TINY.deconvolution, stride=3).build((2, 8, 8))


# Equation 2


def test_a_contraction_sums_the_basis_over_its_channels():
    basis, mixing = torch.randn(2, 3, 4), torch.randn(4, 5, 6)
    expected = sum(basis[..., k, None, None] * mixing[k] for k in range(4))
    torch.testing.assert_close(contract(basis, mixing), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("activation", ["relu", None])
def test_gradients_of_knowledge_filters_bias_and_mixing_are_finite_differences(activation):
    torch.manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, requires_grad=True)

    def filters(knowledge, taps, bias, mixing) -> Tensor:
        return contract(deconvolve(knowledge, taps, bias, (3, 4), 2, activation), mixing)

    assert torch.autograd.gradcheck(filters, (draw(2, 2, 2), draw(3, 3, 2, 3), draw(3), draw(3, 2, 2)))


# The network


@pytest.mark.parametrize(
    ("description", "relu", "bias"),
    [(TINY, False, True), (RECTIFIED, True, True), (PRINTED, False, False)],
    ids=["authors", "relu", "as printed"],
)
def test_a_task_answers_with_its_rebuilt_filters_and_its_own_layers(description, relu, bias):
    network = grown(2, description).eval()
    pixels = IMAGES.float()
    maps = (pixels - pixels.mean((0, 2, 3), keepdim=True)) / pixels.transpose(0, 1).flatten(1).std(1).reshape(-1, 1, 1)
    own = network.tasks[0]
    for layer, transfer in enumerate(own.transfers):
        assert (transfer.basis_bias is not None) == bias
        knowledge = network.knowledge_base(layer)
        basis = deconvolved_by_hand(knowledge, transfer.filters, transfer.basis_bias, (3, 3), 2, relu)
        torch.testing.assert_close(network.basis(layer, 0), basis, atol=1e-5, rtol=1e-5)
        filters = torch.einsum("hwk,kio->hwio", basis, transfer.mixing)
        torch.testing.assert_close(network.filters(layer, 0), filters, atol=1e-5, rtol=1e-5)
        maps = F.conv2d(maps, filters.permute(3, 2, 0, 1), transfer.bias, padding=1).clamp(min=0)
    maps = F.max_pool2d(maps, 2)
    hidden = (maps.flatten(1) @ own.hidden[0][1].weight.T + own.hidden[0][1].bias).clamp(min=0)
    torch.testing.assert_close(network(IMAGES).head(0), own.head(hidden), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("activation", ["relu", None])
@pytest.mark.parametrize("scale", [1.0, 0.01])  # whatever became of the knowledge base
def test_a_new_tasks_filters_keep_the_mean_square_of_maps_that_are_equal_everywhere(activation, scale):
    """A sum over positions of variance 2 / c_in (He et al. 2015, eq. 10), where a plain filter's has the same."""
    torch.manual_seed(0)
    network = DFCNN(activation=activation).build((3, 32, 32))
    with torch.no_grad():
        for layer in range(4):
            network.knowledge_base(layer).mul_(scale)
    network.grow(10)
    for layer, depth in enumerate((3, 32, 32, 64)):
        summed = network.filters(layer, 0).sum((0, 1))
        assert summed.var().item() == pytest.approx(2 / depth, rel=0.3)
        assert abs(summed.mean().item()) < 0.3 * summed.std().item()


# The ablations of the authors' program


def test_without_a_contraction_the_basis_is_the_filters():
    network = grown(2, DIRECT)
    for layer, (c_in, c_out) in enumerate(((2, 3), (3, 4))):
        own, knowledge = network.transfer(layer, 1), network.knowledge_base(layer)
        assert set(dict(own.named_parameters())) == {"filters", "basis_bias", "bias"}
        basis = deconvolved_by_hand(knowledge, own.filters, own.basis_bias, (3, 3), 2, relu=False)
        expected = torch.stack([basis[..., i * c_out : (i + 1) * c_out] for i in range(c_in)], dim=2)
        torch.testing.assert_close(network.filters(layer, 1), expected, atol=1e-5, rtol=1e-5)


def test_two_contractions_sum_over_slices_and_over_the_basis():
    network = grown(2, TWICE)
    for layer, (slices, channels) in enumerate(((2, 3), (3, 4))):
        own, knowledge = network.transfer(layer, 1), network.knowledge_base(layer)
        assert knowledge.shape == (2, 2, slices * channels)
        expected = 0
        for i in range(slices):
            part = knowledge[..., i * channels : (i + 1) * channels]
            basis = deconvolved_by_hand(part, own.filters, own.basis_bias, (3, 3), 2, relu=False)
            for k in range(basis.shape[2]):
                pairs = own.slicing[i][:, None] * own.mixing[k][None]
                expected = expected + basis[..., k, None, None] * pairs
        torch.testing.assert_close(network.filters(layer, 1), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("description", "total"), [(DFCNNDirect(), 9_135_380), (DFCNNTC2(), 602_336)])
def test_the_ablations_have_the_sizes_of_the_authors_program(description, total):
    """Counted from its sizes: V, its bias, what contracts, the convolution's bias, and 262,858 above."""
    channels, shared, own = (3, 32, 32, 64, 64), 0, 262_858
    for i, (knowledge, deconvolution) in enumerate(zip(description.knowledge, description.deconvolution, strict=True)):
        c_in, c_out = channels[i : i + 2]
        shared += 4 * (knowledge[1] if len(knowledge) == 2 else knowledge[1] * knowledge[2])
        basis = c_in * c_out if len(deconvolution) == 1 else deconvolution[1]
        own += 9 * knowledge[-1] * basis + basis + c_out
        own += 0 if len(deconvolution) == 1 else knowledge[1] * c_in + basis * c_out
    assert parameters(description, (3, 32, 32), [10, 10])[-1] == shared + 2 * own == total


@pytest.mark.parametrize("description", [DFCNNDirect(), DFCNNTC2()], ids=repr)
def test_an_ablations_new_filters_keep_the_mean_square_too(description):
    torch.manual_seed(0)
    network = description.build((3, 32, 32))
    network.grow(10)
    for layer, depth in enumerate((3, 32, 32, 64)):
        summed = network.filters(layer, 0).sum((0, 1))
        assert summed.square().mean().item() == pytest.approx(2 / depth, rel=0.35)


# The authors' initialisation


def test_the_authors_initialisation_is_tensorflows_default_with_a_bias_that_dominates():
    """Glorot's uniform: the largest number is just below sqrt(6 / (fan in + fan out)), by hand for the second layer of
    the authors' sizes (L 2x2x24, V 3x3x24x48, U 48x32x32), with the shapes of their program."""
    torch.manual_seed(0)
    network = DFCNN(initialisation="glorot").build((3, 32, 32))
    network.grow(10)
    own = network.transfer(1, 0)
    limits = {
        network.knowledge_base(1): (6 / (2 * 2 + 2 * 24)) ** 0.5,
        own.filters: (6 / (9 * 24 + 9 * 48)) ** 0.5,
        own.mixing: (6 / (48 * 32 + 48 * 32)) ** 0.5,
        own.basis_bias: (6 / (1 + 48)) ** 0.5,
        own.bias: (6 / (1 + 32)) ** 0.5,
    }
    for values, limit in limits.items():
        assert 0.85 * limit < values.abs().max() <= limit
        assert values.std().item() == pytest.approx(limit / 3**0.5, rel=0.25)


def test_at_the_start_nine_tenths_of_a_filters_energy_come_from_the_tasks_own_bias():
    energies = torch.zeros(4)
    for seed in range(10):
        torch.manual_seed(seed)
        network = DFCNN(initialisation="glorot").build((3, 32, 32))
        network.grow(10)
        for layer in range(4):
            own = network.transfer(layer, 0)
            alone = 9 * torch.einsum("k,kio->io", own.basis_bias, own.mixing).square().sum()
            energies[layer] += (alone / network.filters(layer, 0).square().sum()).item() / 10
    assert all(0.87 < energy < 0.93 for energy in energies), energies


def test_a_knowledge_base_of_zeros_gives_a_task_that_is_finite():
    network = grown(0)
    with torch.no_grad():
        network.knowledge_base(0).zero_()
    network.grow(2)
    assert all(value.isfinite().all() for value in network.state_dict().values())
    assert network(IMAGES).logits.isfinite().all()
    assert network.shares(0).tolist() == [[0.0, 0.0]]


# How often filters are rebuilt


class Counting(DFCNNNetwork):
    """Notes the task for which filters are rebuilt."""

    def __init__(self, tasks: int):
        super().__init__(TINY, (2, 5, 6))
        self.rebuilds = []
        for _ in range(tasks):
            self.grow(2)

    def once(self, key, make):
        return super().once(key, lambda: self.rebuilds.append(key) or make())


def test_filters_are_rebuilt_once_per_pass_for_the_tasks_that_are_used():
    network = Counting(3)
    output = network(IMAGES)
    assert network.rebuilds == []
    output.head(2), output.features, output.head(2)
    assert network.rebuilds == [2]
    output.head(0), output.logits
    assert network.rebuilds == [2, 0, 1]


def test_filters_are_rebuilt_once_for_all_images_that_are_tested():
    network = Counting(2)
    images, labels = IMAGES.repeat(60, 1, 1, 1), torch.zeros(360, dtype=torch.int64)
    accuracies(network, [(images, labels), None], (1,), unknown=False)
    assert network.rebuilds == [0]  # of the task that is tested, for three chunks
    accuracies(network, [(images, labels), None], (1,), unknown=True)
    assert sorted(network.rebuilds) == [0, 0, 1]


def test_after_testing_filters_follow_the_knowledge_base_again():
    network = Counting(1)
    with torch.no_grad():
        with evaluating(network):
            before = network(IMAGES).logits
            with evaluating(network):
                assert torch.equal(network(IMAGES).logits, before)
            assert torch.equal(network(IMAGES).logits, before)
        assert network.rebuilds == [0]
        network.knowledge_base(0).mul_(-2)
        assert not torch.allclose(network.eval()(IMAGES).logits, before)


def test_cached_filters_do_not_cut_the_graph():
    network = grown(2)
    with evaluating(network):
        with torch.no_grad():
            network(IMAGES).head(0)
        network(IMAGES).head(0).sum().backward()
    assert network.knowledge_base(0).grad.abs().sum() > 0


def test_importance_of_the_knowledge_base_is_that_of_its_gradient_image_by_image():
    network = grown(2).eval()
    found = mas(network, IMAGES)
    name = next(name for name, p in network.named_parameters() if p is network.knowledge_base(1))
    expected = torch.zeros_like(network.knowledge_base(1))
    for image in IMAGES:
        output = network(image.unsqueeze(0)).logits.square().sum()
        expected += torch.autograd.grad(output, network.knowledge_base(1))[0].abs() / len(IMAGES)
    torch.testing.assert_close(found[name], expected, atol=1e-5, rtol=1e-4)


# What the network knows


def test_shares_are_the_change_of_the_filters_without_a_channel():
    network = grown(2)
    for layer, channels in enumerate((2, 3)):
        without = [network.without({layer: [channel]}) for channel in range(channels)]
        for task, found in enumerate(network.shares(layer)):
            whole = network.filters(layer, task)
            changes = [(whole - rest.filters(layer, task)).square().sum().sqrt().item() for rest in without]
            assert found.tolist() == pytest.approx([change / sum(changes) for change in changes], abs=1e-5)
    assert not torch.allclose(network.shares(1)[0], network.shares(1)[1])


def test_without_switches_channels_off_in_a_copy_for_all_tasks():
    network = grown(2).eval()
    with torch.no_grad(), evaluating(network):
        whole = network(IMAGES).logits
        changed = network.without({0: [1], 1: (0, 2)})
        assert not torch.allclose(changed(IMAGES).logits, whole)
        assert torch.equal(network.without({})(IMAGES).logits, whole)
    expected = {name: value.clone() for name, value in network.state_dict().items()}
    expected["backbone.trunk.0.knowledge"][..., 1] = 0
    expected["backbone.trunk.2.knowledge"][..., [0, 2]] = 0
    assert all(torch.equal(value, expected[name]) for name, value in changed.state_dict().items())


@pytest.mark.parametrize("ask", ["basis", "filters"])
def test_a_task_not_learned_yet_or_a_layer_that_is_not_there_is_refused_in_one_sentence(ask):
    network = grown(2)
    for task in (2, -1):
        with pytest.raises(ValueError, match=rf"^This network has learned 2 task\(s\), .* there is no task {task}"):
            getattr(network, ask)(0, task)
    for layer in (2, -1):
        with pytest.raises(ValueError, match=rf"^This network has 2 convolution\(s\), .* there is no layer {layer}\.$"):
            getattr(network, ask)(layer, 0)
        with pytest.raises(ValueError, match="there is no layer"):
            network.without({layer: [0]})
    with pytest.raises(ValueError, match="^The knowledge base of layer 1 has channels 0 to 2; there is no channel 3"):
        network.without({1: [0, 3]})
    with pytest.raises(ValueError, match="^The knowledge base of layer 1 has channels 0 to 2; there is no channel 3"):
        network.stages(1, 0, [0, 3])


def test_a_backbone_whose_convolutions_are_no_row_of_as_many_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match="ResNet32.. has other layers with weights: use TaskCNN.. or SmallCNN"):
        DFCNN(ResNet32()).build((3, 32, 32))
    with pytest.raises(ValueError, match=r"has 3 convolution\(s\): .* sizes for each, and have 4 and 4"):
        DFCNN(SmallCNN()).build((3, 32, 32))


def test_a_deconvolution_refuses_an_unknown_activation():
    with pytest.raises(ValueError, match="activation is one of relu, None, not 'tanh'"):
        deconvolve(torch.ones(2, 2, 3), torch.ones(3, 3, 3, 4), None, (3, 3), 2, activation="tanh")


@pytest.mark.parametrize("off", [(), (1,)])
def test_contributions_are_the_changes_of_basis_and_kernels_without_a_part(off):
    network, kernels = grown(2), [0, 3, 5]
    to_basis, to_kernels, of_basis = network.contributions(1, 1, kernels, off)
    _, basis, filters = network.stages(1, 1, off)
    chosen = filters.flatten(2)[:, :, kernels]
    for channel in range(3):
        _, without, rest = network.stages(1, 1, (*off, channel))
        torch.testing.assert_close(to_basis[channel], (basis - without).norm(dim=(0, 1)))
        changed = (chosen - rest.flatten(2)[:, :, kernels]).norm(dim=(0, 1))
        torch.testing.assert_close(to_kernels[channel], changed, atol=1e-6, rtol=1e-4)
    layer, own = network.layer(1), network.transfer(1, 1)
    for channel in range(basis.shape[2]):
        without = basis.clone()
        without[..., channel] = 0
        changed = (chosen - layer.contracted(without, own).flatten(2)[:, :, kernels]).norm(dim=(0, 1))
        torch.testing.assert_close(of_basis[channel], changed, atol=1e-6, rtol=1e-4)
