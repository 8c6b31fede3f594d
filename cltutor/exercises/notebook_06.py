"""The exercises of notebook 06: deconvolution to a basis, contraction to filters, and the number of parameters."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..networks import contract
from .checking import Comparison, NotYet, call, drawn, exercise, normal, numbers, seeded_settings


def stamping(
    L: Tensor,
    V: Tensor,
    size: int,
    stride: int,
    step: int | None = None,
    put: Callable[[Tensor, Tensor], Tensor] = torch.add,
    before: Callable[[int], int] = lambda over: over // 2,
) -> Tensor:
    """D_t (size, size, c), a deconvolution written as stamps (DF-CNN, eq. 1 as printed, without a bias).

    Every cell of L adds a stamp of p x p to a canvas, ``step`` (``stride`` if None) from the last one; of an odd
    surplus the smaller half is cut off at the beginning.
    """
    (rows, columns, _), p = L.shape, V.shape[0]
    canvas = L.new_zeros((rows - 1) * stride + p, (columns - 1) * stride + p, V.shape[3])
    step = step or stride
    for i in range(rows):
        for j in range(columns):
            there = canvas[i * step : i * step + p, j * step : j * step + p]
            there.copy_(put(there, (L[i, j, :, None] * V).sum(2)))
    first = before(len(canvas) - size)
    return canvas[first : first + size, first : first + size]


_DECONVOLVE_MISTAKES = (
    (partial(stamping, put=lambda there, stamp: stamp), "A later stamp replaces an earlier one where they overlap in "
     "yours: add it to what is there, += and not =."),
    (lambda L, V, n, s: stamping(L, V, n, s) / stamping(torch.ones_like(L[..., :1]), torch.ones_like(V[:, :, :1]), n, s)
     .clamp(min=1), "You average where stamps overlap: eq. 1 adds them."),
    (partial(stamping, step=1), "Your stamps are one cell apart: multiply i and j by stride."),
    (partial(stamping, before=lambda over: 0), "You cut off the end only: half of the surplus goes at the beginning."),
    (partial(stamping, before=lambda over: over), "You cut off the beginning only: half of the surplus goes at the "
     "end."),
    (partial(stamping, before=lambda over: (over + 1) // 2), "Of an odd surplus the smaller half is cut off at the "
     "beginning, surplus // 2; you cut the larger one."),
    (lambda L, V, n, s: stamping(L, V.flip(0, 1), n, s), "Your stamps are turned by 180 degrees: a deconvolution puts "
     "V down as it is; turning is what a convolution over spread-out cells would need."),
    (lambda L, V, n, s: stamping(L, V.transpose(0, 1), n, s), "Rows and columns of V are swapped."),
    (lambda L, V, n, s: stamping(L.transpose(0, 1), V, n, s), "Rows and columns of L are swapped."),
    (lambda L, V, n, s: stamping(L.transpose(0, 1), V.transpose(0, 1), n, s), "Rows and columns of the result are "
     "swapped."),
    (lambda L, V, n, s: stamping(L, V, n, s).relu(), "You cut below zero: a deconvolution is linear, and no ReLU "
     "follows it."),
    (lambda L, V, n, s: stamping(L, V, n, s) / L.shape[2], "You take the mean over the channels of L: sum over them."),
    (lambda L, V, n, s: stamping(L[..., :1], V[:, :, :1], n, s), "Only the first channel of L is used: sum over all of "
     "them."),
)  # fmt: skip


def _knowledge() -> Iterator[tuple[Tensor, Tensor, int, int]]:
    """L (h^, w^, c^), V (p, p, c^, c), the size of D and the stride; stamps overlap, and a surplus is odd."""
    settings = ((2, 3, 4, 5, 2, 3), (2, 3, 2, 3, 2, 4), (3, 5, 2, 2, 2, 6), (2, 4, 3, 2, 3, 4))
    for draw, (cells, p, channels, c, stride, size) in seeded_settings(*settings):
        yield normal(draw, cells, cells, channels), normal(draw, p, p, channels, c), size, stride


def _uncut_or_channels_first(shape: tuple, L: Tensor, V: Tensor, size: int, stride: int) -> str | None:
    c, side = V.shape[3], (len(L) - 1) * stride + len(V)
    return {
        (side, side, c): f"That is the whole canvas, {side} x {side}: cut it to {size} x {size}.",
        (c, size, size): f"The channels come last, (h, w, c): yours has shape {shape}.",
    }.get(shape)


exercise(
    "06-deconvolve",
    "a canvas of zeros (side, side, c); for each cell (i, j) of L add torch.einsum('m,abmk->abk', L[i, j], V) to "
    "its rows stride * i to stride * i + p and columns stride * j to stride * j + p; then cut (side - size) // 2 off "
    "at the top and left, and the rest off below and at the right.",
    "That is eq. 1, stamp by stamp. In PyTorch it is one call: conv_transpose2d.",
    Comparison(stamping, _knowledge, _DECONVOLVE_MISTAKES, _uncut_or_channels_first),
)


_CONTRACT_MISTAKES = (
    (lambda D, U: contract(D, U) / D.shape[2], "You take the mean over k: eq. 2 sums."),
    (lambda D, U: contract(D[..., :-1], U[:-1]), "The last channel of D is missing: k runs over all c of them."),
    (lambda D, U: contract(D[..., 1:], U[1:]), "The first channel of D is missing: k runs over all c of them."),
    (lambda D, U: contract(D[..., :1], U[:1]), "Only the first channel of D is used: k runs over all c of them."),
    (lambda D, U: contract(D.flip(2), U), "The channels of D are taken in the reverse order: k is the "
     "same in D and U."),
    (lambda D, U: contract(D.transpose(0, 1), U), "Rows and columns of the filters are swapped."),
    (lambda D, U: contract(D, U).relu(), "You cut below zero: eq. 2 is linear."),
    (lambda D, U: contract(D.relu(), U), "You cut D below zero: D comes as it is."),
    (lambda D, U: (D[..., None, None] + U).sum(2), "D and U are added: eq. 2 multiplies them, then sums over k."),
    (lambda D, U: contract(D, U.softmax(0)), "You made U's numbers sum to one: they may be of any size and sign."),
)  # fmt: skip


def _bases() -> list[tuple[Tensor, ...]]:
    """D (h, w, c) and U (c, c_in, c_out); all sizes differ, so that no wrong shape is right by accident."""
    return drawn([(3, 3, 4), (4, 5, 2)], [(3, 3, 7), (7, 2, 6)], [(5, 5, 2), (2, 3, 4)])


def _wrong_dimensions(shape: tuple, D: Tensor, U: Tensor) -> str | None:
    (h, w), (c_in, c_out) = D.shape[:2], U.shape[1:]
    if len(shape) == 5:
        return "The products are there, one for each k: sum them over k."
    if shape == (h, w, c_out, c_in):
        return "c_in and c_out are swapped: W_t is (h, w, c_in, c_out)."
    if shape in ((c_out, c_in, h, w), (c_in, c_out, h, w)):
        return "The numbers may be right, but rows and columns come first here: W_t is (h, w, c_in, c_out)."
    return None


exercise(
    "06-contract",
    "torch.einsum with one letter for each dimension: D is 'hwk', U is 'kio', and W is 'hwio'; k, which is not in "
    "W, is summed over.",
    "That is eq. 2: every one of the c_in x c_out kernels is a mixture of the same c channels of D.",
    Comparison(contract, _bases, _CONTRACT_MISTAKES, _wrong_dimensions),
)


Layers = Sequence[tuple[int, int, int, int, int, int]]  # per convolution: h^ (= w^), c^, p, c, c_in, c_out


def counted(layers: Layers, top: int, shared: str = "L", own: str = "V c U c_out top") -> tuple[int, int]:
    """The numbers of the parts that all tasks share, and of those that belong to one alone (DF-CNN, section 2.2)."""
    parts = Counter(top=top)
    for h, kb, p, c, c_in, c_out in layers:
        parts.update(L=h * h * kb, V=p * p * kb * c, c=c, U=c * c_in * c_out, c_out=c_out)
        parts.update(W=p * p * c_in * c_out, large_V=h * h * kb * c, thin_V=p * p * c)  # these are mistakes
        parts.update(row_of_L=h * kb, row_of_V=p * kb * c)
    return sum(parts[name] for name in shared.split()), sum(parts[name] for name in own.split())


_COUNT_MISTAKES = [(partial(counted, shared=shared, own=own), words) for shared, own, words in (
    ("V c U c_out top", "L", "The right two numbers in the other order: shared, then own."),
    ("L", "L V c U c_out top", "L is counted among a task's own numbers as well: it is there once, for all tasks."),
    ("", "L V c U c_out top", "L is counted for each task: it is shared, there once."),
    ("L V", "c U c_out top", "You let tasks share V: every task deconvolves with its own V_t."),
    ("L U", "V c c_out top", "You let tasks share U: every task contracts with its own U_t."),
    ("L", "V c U c_out", "The fully connected layers are missing from a task's own: add top."),
    ("L top", "V c U c_out", "The fully connected layers belong to the task: top is among its own numbers."),
    ("L", "V U top", "Both biases are missing, c and c_out numbers."),
    ("L", "V U c_out top", "The bias after the deconvolution is missing: c numbers."),
    ("L", "V c U top", "The convolution's own bias is missing: c_out numbers."),
    ("L", "c U c_out top", "V_t is missing from a task's own numbers."),
    ("L", "V c c_out top", "U_t is missing from a task's own numbers."),
    ("L", "V c U c_out top W", "You count the filters W_t as well: they are rebuilt from L, V_t and U_t whenever they "
     "are needed, and are not stored."),
    ("L", "W c_out top", "That is what a plain convolution has: a DF-CNN's W_t are no parameters; V_t, U_t and the two "
     "biases are."),
    ("L", "large_V c U c_out top", "V_t is p x p, not as large as L."),
    ("L", "thin_V c U c_out top", "V_t has L's channels too."),
    ("row_of_L", "V c U c_out top", "L is h^ x w^ x c^: square its side."),
    ("L", "row_of_V c U c_out top", "V_t is p x p x c^ x c: square p."),
)]  # fmt: skip
_PUBLISHED = ((2, 16, 3, 24, 3, 32), (2, 24, 3, 48, 32, 32), (2, 32, 3, 64, 32, 64), (2, 36, 3, 72, 64, 64))
_NETWORKS = ((_PUBLISHED, 262858), (((3, 5, 4, 7, 2, 6), (4, 2, 5, 3, 6, 9)), 101), (((2, 7, 5, 11, 1, 3),), 8))


def _two_numbers(answer: Any) -> None:
    given, (shared, own) = numbers(call(answer, _NETWORKS[0])), counted(*_NETWORKS[0])
    if given.numel() == 1 and (given.item() - shared) % own == 0:
        raise NotYet("That is a total. Return two numbers: what all tasks share, and what belongs to one task alone.")
    if given.shape != (2,):
        raise NotYet(f"Return two numbers, shared and own; yours has shape {tuple(given.shape)}.")


exercise(
    "06-count",
    "over the layers: L has h * h * kb numbers, shared; V_t has p * p * kb * c, its bias c, U_t c * c_in * c_out "
    "and the convolution's bias c_out, all the task's own, as is top. Return both sums.",
    "While a task is learned, only these two groups are trained: what is shared, and what the newest task owns.",
    _two_numbers,
    Comparison(counted, lambda: _NETWORKS, _COUNT_MISTAKES),
)
