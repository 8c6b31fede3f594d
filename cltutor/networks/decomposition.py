"""Tensors as products of small ones: Tucker's form and the tensor train, cut where a relative error allows it."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..checked import Tensors, checked
from ..describe import Real

RULES = {"tensor": Tensors(), "threshold": Real(at_least=0, below=1)}


@checked(**RULES)
def tucker(tensor: Tensor, threshold: float) -> tuple[Tensor, list[Tensor]]:
    """Tucker's form of ``tensor`` (n_1, ..., n_d) by truncated higher-order SVD (De Lathauwer et al. 2000).

    Returns the core (r_1, ..., r_d) and a factor (n_k, r_k) with orthonormal columns for each mode, so that

        tensor[i_1, ..., i_d] = sum over j of core[j_1, ..., j_d] U_1[i_1, j_1] ... U_d[i_d, j_d]

    up to a relative error (Frobenius norm) of at most ``threshold``, whose square is shared equally by the modes.
    ValueError for a threshold outside [0, 1), or entries that are not finite.
    """
    allowed = _allowed(tensor, threshold, tensor.dim())
    core, factors = tensor, []
    for mode in range(tensor.dim()):
        left, values, _ = torch.linalg.svd(tensor.movedim(mode, 0).reshape(tensor.shape[mode], -1), full_matrices=False)
        factors.append(left[:, : _rank(values, allowed)].contiguous())
        # The first axis goes, and its projection comes last: after d modes the axes are in order again.
        core = torch.tensordot(core, factors[-1], dims=([0], [0]))
    return core.contiguous(), factors


def from_tucker(core: Tensor, factors: Sequence[Tensor]) -> Tensor:
    """The tensor (n_1, ..., n_d) with this ``core`` (r_1, ..., r_d) and ``factors`` (n_k, r_k); differentiable.

    Modes are multiplied from the last on: one row of the last factor gives one slice at a slice's cost.
    """
    for factor in reversed(factors):
        core = torch.tensordot(factor, core, dims=([1], [core.dim() - 1]))
    return core


@checked(**RULES)
def tensor_train(tensor: Tensor, threshold: float) -> list[Tensor]:
    """The tensor train of ``tensor`` (n_1, ..., n_d) by successive SVD (Oseledets 2011, Algorithm 1).

    Returns cores G_k (r_{k-1}, n_k, r_k) with r_0 = r_d = 1, so that

        tensor[i_1, ..., i_d] = G_1[:, i_1] G_2[:, i_2] ... G_d[:, i_d]     (a product of matrices)

    up to a relative error (Frobenius norm) of at most ``threshold``, whose square is shared equally by the d - 1 cuts.
    ValueError as for ``tucker``.
    """
    allowed = _allowed(tensor, threshold, max(tensor.dim() - 1, 1))
    cores, rank, rest = [], 1, tensor
    for size in tensor.shape[:-1]:
        left, values, right = torch.linalg.svd(rest.reshape(rank * size, -1), full_matrices=False)
        kept = _rank(values, allowed)
        cores.append(left[:, :kept].contiguous().reshape(rank, size, kept))
        rank, rest = kept, values[:kept, None] * right[:kept]
    return [*cores, rest.contiguous().reshape(rank, -1, 1)]


def from_tensor_train(cores: Sequence[Tensor]) -> Tensor:
    """The tensor (n_1, ..., n_d) of a train's ``cores`` (r_{k-1}, n_k, r_k); differentiable.

    Cores are multiplied from the last on: one slice of the last core gives one slice at a slice's cost.
    """
    tensor = cores[-1].squeeze(-1)
    for core in reversed(cores[:-1]):
        tensor = torch.tensordot(core, tensor, dims=1)
    return tensor.squeeze(0)


def _allowed(tensor: Tensor, threshold: float, cuts: int) -> float:
    """The sum of squared singular values that each of ``cuts`` may leave out."""
    norm = math.nan if tensor.is_meta else float(tensor.norm())
    if not math.isfinite(norm):
        raise ValueError("The tensor to factorize has entries that are not finite numbers.")
    return (threshold * norm) ** 2 / cuts


def _rank(values: Tensor, allowed: float) -> int:
    """The smallest rank, at least 1, at which the squared singular ``values`` left out sum to at most ``allowed``."""
    tails = values.square().flip(0).cumsum(0)
    return max(1, int((tails > allowed).sum()))
