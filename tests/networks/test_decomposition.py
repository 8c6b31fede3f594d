"""Tucker's form and the tensor train against sums written out, tensors of known rank, and finite differences."""

import itertools

import pytest
import torch
from torch import Tensor

from cltutor.networks.decomposition import from_tensor_train, from_tucker, tensor_train, tucker

SHAPE = (2, 2, 3, 2, 2)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def summed_tucker(core: Tensor, factors: list[Tensor]) -> Tensor:
    """Every entry as the sum over all entries of the core, in one Einstein sum."""
    modes = range(core.dim())
    pairs = [term for k in modes for term in (factors[k], [core.dim() + k, k])]
    return torch.einsum(core, list(modes), *pairs, [core.dim() + k for k in modes])


def multiplied_train(cores: list[Tensor]) -> Tensor:
    """Every entry as a product of matrices, one for each of its indices."""
    tensor = torch.zeros([core.shape[1] for core in cores], dtype=torch.float64)
    for place in itertools.product(*map(range, tensor.shape)):
        row = torch.ones(1, 1, dtype=torch.float64)
        for core, i in zip(cores, place, strict=True):
            row = row @ core[:, i]
        tensor[place] = row.item()
    return tensor


def drawn_tucker(shape: tuple[int, ...], ranks: tuple[int, ...]) -> tuple[Tensor, list[Tensor]]:
    return drawn(*ranks), [drawn(n, r, seed=i + 1) for i, (n, r) in enumerate(zip(shape, ranks, strict=True))]


def drawn_train(shape: tuple[int, ...], ranks: tuple[int, ...]) -> list[Tensor]:
    return [drawn(a, n, b, seed=n + a) for a, n, b in zip((1, *ranks), shape, (*ranks, 1), strict=True)]


def test_tuckers_form_is_a_sum_over_the_core_and_an_entry_of_a_train_is_a_product_of_matrices():
    core, factors = drawn_tucker((3, 4, 2), (2, 3, 2))
    torch.testing.assert_close(from_tucker(core, factors), summed_tucker(core, factors))
    cores = drawn_train((3, 4, 2), (2, 3))
    torch.testing.assert_close(from_tensor_train(cores), multiplied_train(cores))


def test_one_row_of_the_last_factor_and_one_slice_of_the_last_core_give_one_slice_of_the_tensor():
    tensor = drawn(*SHAPE)
    core, factors = tucker(tensor, 0)
    *cores, last = tensor_train(tensor, 0)
    for i in range(SHAPE[-1]):
        one = from_tucker(core, [*factors[:-1], factors[-1][i : i + 1]])
        torch.testing.assert_close(one.squeeze(-1), tensor[..., i])
        torch.testing.assert_close(from_tensor_train([*cores, last[:, i : i + 1]]).squeeze(-1), tensor[..., i])


@pytest.mark.parametrize("threshold", [1e-3, 0.03, 0.3, 0.9])
@pytest.mark.parametrize("seed", range(4))
def test_the_relative_error_is_at_most_the_threshold_and_buys_fewer_numbers(threshold, seed):
    decay = torch.tensor([0.1**i for i in range(6)], dtype=torch.float64)
    tensor = drawn(6, 5, 6, 4, seed=seed) * decay[:, None, None, None] * decay[:5, None, None] * decay[:, None]
    core, factors = tucker(tensor, threshold)
    cores = tensor_train(tensor, threshold)
    for rebuilt, parts in ((from_tucker(core, factors), [core, *factors]), (from_tensor_train(cores), cores)):
        assert (rebuilt - tensor).norm() <= threshold * tensor.norm()
        assert sum(part.numel() for part in parts) < tensor.numel()


@pytest.mark.parametrize("ranks", [(1, 1, 1, 1, 1), (2, 1, 2, 2, 1), (2, 2, 3, 1, 2)])
def test_the_ranks_of_each_mode_are_found(ranks):
    core, factors = tucker(summed_tucker(*drawn_tucker(SHAPE, ranks)), 1e-9)
    assert core.shape == ranks
    assert [factor.shape for factor in factors] == list(zip(SHAPE, ranks, strict=True))


@pytest.mark.parametrize("ranks", [(1, 1, 1, 1), (2, 3, 4, 2), (2, 2, 1, 2)])
def test_the_ranks_of_each_cut_are_found(ranks):
    cores = tensor_train(multiplied_train(drawn_train(SHAPE, ranks)), 1e-9)
    assert [core.shape for core in cores] == list(zip((1, *ranks), SHAPE, (*ranks, 1), strict=True))


def test_of_a_matrix_the_train_keeps_the_fewest_singular_values_that_the_error_allows():
    matrix = torch.diag(torch.tensor([4.0, 3.0, 2.0, 1.0], dtype=torch.float64))
    for kept in range(1, 4):
        left_out = torch.arange(1, 5 - kept).double().square().sum().sqrt() / 30**0.5
        assert len(tensor_train(matrix, float(left_out) + 1e-9)[1]) == kept
        assert len(tensor_train(matrix, float(left_out) - 1e-9)[1]) == kept + 1


def test_each_mode_of_tuckers_form_may_leave_out_an_equal_share_of_the_squared_error():
    matrix = torch.diag(torch.tensor([1.0, 0.1], dtype=torch.float64))
    edge = 0.1 / 1.01**0.5 * 2**0.5
    assert tucker(matrix, edge + 1e-9)[0].shape == (1, 1)
    assert tucker(matrix, edge - 1e-9)[0].shape == (2, 2)


def test_factors_have_orthonormal_columns_and_all_cores_but_the_last_do():
    tensor = drawn(*SHAPE)
    for factor in tucker(tensor, 0.3)[1]:
        torch.testing.assert_close(factor.T @ factor, torch.eye(factor.shape[1], dtype=torch.float64))
    for core in tensor_train(tensor, 0.3)[:-1]:
        flat = core.flatten(0, 1)
        torch.testing.assert_close(flat.T @ flat, torch.eye(core.shape[2], dtype=torch.float64))


def test_gradients_of_factors_are_finite_differences():
    core, factors = drawn_tucker((3, 2, 4), (2, 2, 2))
    parts = [part.requires_grad_() for part in (core, *factors)]
    assert torch.autograd.gradcheck(lambda core, *factors: from_tucker(core, factors), parts)
    cores = [core.requires_grad_() for core in drawn_train((3, 2, 4), (2, 3))]
    assert torch.autograd.gradcheck(lambda *cores: from_tensor_train(cores), cores)


@pytest.mark.parametrize("tensor", [torch.zeros(2, 3), drawn(4)], ids=["zeros", "single mode"])
def test_a_tensor_of_zeros_and_one_of_a_single_mode_keep_their_shape(tensor):
    torch.testing.assert_close(from_tucker(*tucker(tensor, 0)), tensor)
    torch.testing.assert_close(from_tensor_train(tensor_train(tensor, 0)), tensor)
