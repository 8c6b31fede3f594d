"""Progressive networks (Rusu et al. 2016, section 2) against columns computed by hand."""

import itertools

import pytest
import running
import torch
from torch import Tensor
from torch.nn import functional as F

from cltutor.networks import Progressive, SmallCNN, TaskCNN
from cltutor.networks.progressive import Adapter, Column, ProgressiveNetwork

TINY = SmallCNN(channels=(4, 6, 8), hidden=(10, 6))
IMAGES = torch.randint(0, 256, (8, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def grown(tasks: int, description: Progressive | None = None, shape: tuple[int, int, int] = (1, 8, 8)):
    return running.grown(description or Progressive(TINY), *range(2, 2 + tasks), image_shape=shape, like=IMAGES)


def shake(network: ProgressiveNetwork) -> None:
    """Move every weight far, so that no part of a column is too small to be seen; each alpha becomes another."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter += (0.6 if name.endswith("alpha") else 0.1) * torch.randn_like(parameter)


def by_hand(network: ProgressiveNetwork) -> list[Tensor]:
    """The logits of every column, layer by layer: each earlier column scaled and projected for itself."""
    pixels = (IMAGES.float() - IMAGES.float().mean()) / IMAGES.float().std()
    columns: list[list[Tensor]] = []  # what each layer of each column reads, and the logits
    for column in network.columns:
        reads = [pixels]
        for i, layer in enumerate(column.layers):
            own, convolution = reads[-1], layer.weight.dim() == 4
            summed = F.conv2d(own, layer.weight, layer.bias, padding=1) if convolution else layer(own.flatten(1))
            if columns and i:
                adapter = column.adapters[i - 1]
                hidden = adapter.project.bias.reshape(1, -1, *[1] * (own.dim() - 2))
                for weight, alpha, before in zip(
                    adapter.project.weight.chunk(len(columns), dim=1), adapter.alpha, columns, strict=True
                ):
                    hidden = hidden + torch.einsum("rc,nc...->nr...", weight, alpha * before[i])
                hidden = hidden.clamp(min=0)
                lateral = adapter.lateral.weight
                summed = summed + (
                    F.conv2d(hidden, lateral, padding=1) if convolution else hidden.flatten(1) @ lateral.T
                )
            last = i + 1 == len(column.layers)
            reads.append(summed if last else summed.clamp(min=0))
            if convolution and min(reads[-1].shape[2:]) >= 4:
                reads[-1] = F.max_pool2d(reads[-1], 2)
        columns.append(reads)
    return [reads[-1] for reads in columns]


@pytest.mark.parametrize("backbone", [TINY, SmallCNN(channels=(3,), hidden=()), SmallCNN(channels=(), hidden=(6, 4))])
def test_every_column_computes_what_the_equation_says(backbone):
    network = grown(3, Progressive(backbone)).eval()
    shake(network)
    for task, expected in enumerate(by_hand(network)):
        torch.testing.assert_close(network(IMAGES).head(task), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("layer", [torch.nn.Conv2d(4, 3, 3, padding=1), torch.nn.Linear(4 * 4, 3)])
def test_gradients_of_an_adapter_are_finite_differences(layer):
    torch.manual_seed(0)
    adapter = Adapter(torch.nn.Conv2d(1, 4, 3), layer, earlier=2, reduction=2).double()
    with torch.no_grad():
        adapter.alpha.copy_(torch.tensor([0.7, -0.4]))
    activations = [torch.randn(2, 4, 2, 2, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    names = [name for name, _ in adapter.named_parameters()]

    def called(*values):
        return torch.func.functional_call(adapter, dict(zip(names, values[2:], strict=True)), (values[:2],))

    assert torch.autograd.gradcheck(called, (*activations, *adapter.parameters()))


def test_alpha_is_a_small_positive_scalar_of_each_earlier_column_drawn_at_random():
    alphas = [[adapter.alpha for adapter in column.adapters] for column in grown(4).columns]
    assert [{len(alpha) for alpha in of_column} for of_column in alphas] == [set(), {1}, {2}, {3}]
    drawn = torch.cat([alpha for of_column in alphas for alpha in of_column])
    assert ((drawn > 0) & (drawn < 0.02)).all()
    assert len(drawn.unique()) == len(drawn)


def test_the_adapters_project_onto_the_inputs_channels_divided_by_the_reduction():
    for reduction, expected in ((1, [4, 6, 8, 10, 6]), (2, [2, 3, 4, 5, 3]), (100, [1] * 5)):
        network = grown(3, Progressive(TINY, reduction))
        for column in network.columns[1:]:
            assert [len(adapter.project.weight) for adapter in column.adapters] == expected


def test_a_head_runs_the_columns_up_to_its_own_and_each_of_them_once():
    network, runs = grown(3), []
    for k, column in enumerate(network.columns):
        column.register_forward_hook(lambda _m, _i, _o, k=k: runs.append(k))
    output = network(IMAGES)
    assert runs == []
    output.head(1)
    assert runs == [0, 1]
    assert output.logits.shape == (8, 9)
    assert output.features.shape == (8, 6)
    assert runs == [0, 1, 2]


def test_later_columns_read_activations_without_dropout():
    network = grown(2, Progressive(TaskCNN(channels=(4, 4), hidden=(6,), dropout=0.9)))
    network.train_only(["new"])
    pixels = network.normalise(IMAGES)
    with torch.no_grad():
        (earlier, _), (again, _) = (network.columns[0](pixels, []) for _ in range(2))
        own, _ = network.columns[1](pixels, [earlier])
    assert all(torch.equal(one, other) for one, other in zip(earlier, again, strict=True))
    assert own[1].dim() == 4  # the maps under the fully connected layer, before they are dropped out and flattened
    assert (own[1] > 0).double().mean() > 0.2
    layers = [torch.nn.Linear(4, 50), torch.nn.ReLU(), torch.nn.Dropout(0.9), torch.nn.Linear(50, 2)]
    read, _ = Column(layers, earlier=0, reduction=2)(inputs := torch.rand(3, 4), [])
    assert torch.equal(read[0], layers[0](inputs).relu())


def test_where_earlier_columns_are_allowed_to_learn_a_later_head_teaches_them():
    network = grown(2)
    network.train_only(["old", "new"])
    network(IMAGES).head(1).square().sum().backward()
    names = [name for name, parameter in network.columns[0].named_parameters() if parameter.grad is not None]
    assert set(names) == {f"layers.{i}.{part}" for i in range(5) for part in ("weight", "bias")}


def test_the_dfcnn_authors_have_an_adapter_for_each_earlier_column_in_convolutions_alone():
    network = grown(3, Progressive(SmallCNN(channels=(4, 6), hidden=(5,)), adapters="separate")).eval()
    shake(network)
    read = lambda layer, maps: F.max_pool2d(layer(maps).relu(), 2)  # noqa: E731
    first = [read(column.layers[0], network.normalise(IMAGES)) for column in network.columns]
    for task, column in enumerate(network.columns):
        assert len(column.adapters) == (task > 0)
        maps = column.layers[1](first[task])
        if task:
            adapter = column.adapters[0]
            for j in range(task):
                assert adapter.project[j].weight.shape == (max(1, 4 // (2 * (task + 1))), 4, 1, 1)
                hidden = adapter.project[j](adapter.alpha[j] * first[j]).relu()
                maps = maps + F.conv2d(hidden, adapter.lateral[j].weight, padding=1)
        hidden = column.layers[2](F.max_pool2d(maps.relu(), 2).flatten(1)).relu()
        torch.testing.assert_close(network(IMAGES).head(task), column.layers[3](hidden), atol=1e-5, rtol=1e-4)


def test_the_network_of_the_dfcnn_authors_grows_to_ten_columns():
    """Section 2 there: alpha, V, b and U for each of t earlier columns, of n // (2 (t + 1)) channels; 3.51 M in all."""
    network, totals = grown(0, Progressive(adapters="separate"), (3, 32, 32)), []
    for _ in range(10):
        network.grow(10)
        totals.append(sum(p.numel() for p in network.parameters()))
    layers = [(32, 32), (32, 64), (64, 64)]
    widths = [[(n // (2 * (t + 1)), n, m) for n, m in layers] for t in range(1, 10)]
    lateral = [sum(t * (1 + n * r + r + r * m * 9) for r, n, m in of_task) for t, of_task in enumerate(widths, 1)]
    assert totals == list(itertools.accumulate([328_426 + adapters for adapters in (0, *lateral)]))
    assert totals[-1] == 3_508_637


def test_the_published_network_grows_to_ten_columns():
    network, totals = grown(0, Progressive(), (3, 32, 32)), []
    for _ in range(10):
        network.grow(10)
        totals.append(sum(p.numel() for p in network.parameters()))
    layers = [(32, 32, 9), (32, 64, 9), (64, 64, 9), (64, 64, 64), (64, 10, 1)]
    lateral = [sum(t + t * n * (n // 2) + n // 2 + n // 2 * m * k for n, m, k in layers) for t in range(1, 10)]
    assert totals == list(itertools.accumulate([328_426 + adapters for adapters in (0, *lateral)]))
