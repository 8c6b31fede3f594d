"""Progressive networks (Rusu et al. 2016, section 2) against columns computed by hand."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from cltutor.networks import Progressive, SmallCNN, TaskCNN
from cltutor.networks.progressive import Adapter, Column, ProgressiveNetwork

TINY = SmallCNN(channels=(4, 6, 8), hidden=(10, 6))
IMAGES = torch.randint(0, 256, (8, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def grown(tasks: int, description: Progressive | None = None, shape: tuple[int, int, int] = (1, 8, 8)):
    torch.manual_seed(0)
    network = (description or Progressive(TINY)).build(shape)
    network.normalise_like(IMAGES)
    for task in range(tasks):
        network.grow(2 + task)
    return network


def shake(network: ProgressiveNetwork) -> None:
    """Move every weight far, so that no part of a column is too small to be seen; each alpha becomes another."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter += (0.6 if name.endswith("alpha") else 0.1) * torch.randn_like(parameter)


def by_hand(network: ProgressiveNetwork) -> list[Tensor]:
    """The logits of every column, layer by layer: each earlier column scaled and projected for itself."""
    pixels = (IMAGES.float() - IMAGES.float().mean()) / IMAGES.float().std()
    columns: list[list[Tensor]] = []  # what each layer of each column reads
    answers = []
    for column in network.columns:
        reads = [pixels]
        for i, layer in enumerate(column.layers):
            own = reads[-1]
            convolution = layer.weight.dim() == 4
            below = columns[0][i].shape[1] if columns else 0
            summed = F.conv2d(own, layer.weight, layer.bias, padding=1) if convolution else None
            if summed is None:
                summed = own.flatten(1) @ layer.weight.T + layer.bias
            if columns and i:
                adapter = column.adapters[i - 1]
                weight = adapter.project.weight.flatten(1)
                hidden = adapter.project.bias.reshape(1, -1, *[1] * (own.dim() - 2))
                for j, before in enumerate(columns):
                    block = weight[:, j * below : (j + 1) * below]
                    hidden = hidden + torch.einsum("rc,nc...->nr...", block, adapter.alpha[j] * before[i])
                hidden = hidden.clamp(min=0)
                if convolution:
                    summed = summed + F.conv2d(hidden, adapter.lateral.weight, padding=1)
                else:
                    summed = summed + hidden.flatten(1) @ adapter.lateral.weight.T
            if i + 1 == len(column.layers):
                answers.append(summed)
                break
            reads.append(summed.clamp(min=0))
            if convolution and min(reads[-1].shape[2:]) >= 4:
                reads[-1] = F.max_pool2d(reads[-1], 2)
        columns.append(reads)
    return answers


@pytest.mark.parametrize("backbone", [TINY, SmallCNN(channels=(3,), hidden=()), SmallCNN(channels=(), hidden=(6, 4))])
def test_every_column_computes_what_the_equation_says(backbone):
    network = grown(3, Progressive(backbone)).eval()
    shake(network)
    for task, expected in enumerate(by_hand(network)):
        torch.testing.assert_close(network(IMAGES).head(task), expected, atol=1e-4, rtol=1e-4)


def test_everything_of_the_newest_column_learns_and_earlier_columns_have_no_graph():
    network = grown(3)
    network.train_only(["new"])
    output = network(IMAGES)
    output.logits.square().sum().backward()
    learning = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert learning == {name for name, _ in network.named_parameters() if name.startswith("columns.2.")}
    assert all(dict(network.named_parameters())[name].grad.abs().sum() > 0 for name in learning)
    assert [output.head(task).requires_grad for task in range(3)] == [False, False, True]


def test_an_adapter_is_derived_as_finite_differences_say():
    torch.manual_seed(0)
    layers = (torch.nn.Conv2d(1, 4, 3), torch.nn.Conv2d(4, 3, 3, padding=1), torch.nn.Linear(4 * 4, 3))
    heard = [torch.randn(2, 4, 2, 2, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    for layer in layers[1:]:
        adapter = Adapter(layers[0], layer, earlier=2, reduction=2).double()
        with torch.no_grad():
            adapter.alpha.copy_(torch.tensor([0.7, -0.4]))
        names = [name for name, _ in adapter.named_parameters()]

        def called(*values, adapter=adapter, names=names):
            held = dict(zip(names, values[2:], strict=True))
            return torch.func.functional_call(adapter, held, (values[:2],))

        assert torch.autograd.gradcheck(called, (*heard, *adapter.parameters()))


def test_alpha_is_a_small_positive_scalar_of_each_earlier_column_drawn_at_random():
    network = grown(4)
    for earlier, column in enumerate(network.columns):
        for adapter in column.adapters:
            assert adapter.alpha.shape == (earlier,)
            assert (adapter.alpha > 0).all()
            assert (adapter.alpha < 0.02).all()
    drawn = torch.cat([adapter.alpha for column in network.columns for adapter in column.adapters])
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
    assert sorted(runs) == [0, 1]
    assert output.logits.shape == (8, 9)
    assert output.features.shape == (8, 6)
    assert sorted(runs) == [0, 1, 2]
    assert network.separate


def test_later_columns_hear_no_dropout():
    network = grown(2, Progressive(TaskCNN(channels=(4, 4), hidden=(6,), dropout=0.9)))
    network.train_only(["new"])
    assert any(isinstance(m, torch.nn.Dropout) and m.training for m in network.columns[1].modules())
    with torch.no_grad():
        heard, _ = network.columns[0](network.normalise(IMAGES), [])
        again, _ = network.columns[0](network.normalise(IMAGES), [])
        own, _ = network.columns[1](network.normalise(IMAGES), [heard])
    assert all(torch.equal(one, other) for one, other in zip(heard, again, strict=True))
    assert own[1].dim() == 4  # the maps under the fully connected layer, before they are dropped out and in a row
    assert (own[1] > 0).double().mean() > 0.2


def test_dropout_between_fully_connected_layers_is_not_heard_either():
    layers = [torch.nn.Linear(4, 50), torch.nn.ReLU(), torch.nn.Dropout(0.9), torch.nn.Linear(50, 2)]
    heard, _ = Column(layers, earlier=0, reduction=2)(inputs := torch.rand(3, 4), [])
    assert torch.equal(heard[0], layers[0](inputs).relu())


def test_where_earlier_columns_are_allowed_to_learn_a_later_head_teaches_them():
    network = grown(2)
    network.train_only(["old", "new"])
    network(IMAGES).head(1).square().sum().backward()
    names = [name for name, parameter in network.columns[0].named_parameters() if parameter.grad is not None]
    assert set(names) == {f"layers.{i}.{part}" for i in range(5) for part in ("weight", "bias")}


def test_the_published_network_grows_to_ten_columns():
    network, totals = grown(0, Progressive(), (3, 32, 32)), []
    for _ in range(10):
        network.grow(10)
        totals.append(sum(p.numel() for p in network.parameters()))
    assert totals[0] == 328_426
    layers = [(32, 32, 9), (32, 64, 9), (64, 64, 9), (64, 64, 64), (64, 10, 1)]
    expected = [328_426 * (tasks + 1) for tasks in range(10)]
    for task in range(1, 10):
        lateral = sum(task + task * n * (n // 2) + n // 2 + n // 2 * m * k for n, m, k in layers)
        expected = [total + (lateral if tasks >= task else 0) for tasks, total in enumerate(expected)]
    assert totals == expected
