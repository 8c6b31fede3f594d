"""The exercises of notebook 06: deconvolution to a basis, contraction to filters, and the number of parameters."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .checking import Comparison, NotYet, call, exercise, normal, numbers, seeded_settings

Place = Callable[[int, int], int]  # (number of a stamp, stride) -> its first row or column on the canvas
Put = Callable[[Tensor, Tensor], Tensor]  # (values on the canvas, stamp) -> new values


def canvas_side(cells: int, p: int, stride: int) -> int:
    """Rows of the canvas on which all stamps fit, before its edges are cut off."""
    return (cells - 1) * stride + p


def stamped(
    L: Tensor, V: Tensor, stride: int, place: Place = lambda i, stride: i * stride, put: Put = torch.add
) -> Tensor:
    """The canvas (side, side, c), to which every cell of L has added a stamp of p x p."""
    (rows, columns, _), p = L.shape, V.shape[0]
    canvas = L.new_zeros(canvas_side(rows, p, stride), canvas_side(columns, p, stride), V.shape[3])
    for i in range(rows):
        for j in range(columns):
            y, x = place(i, stride), place(j, stride)
            stamp = (L[i, j, :, None] * V).sum(2)
            canvas[y : y + p, x : x + p] = put(canvas[y : y + p, x : x + p], stamp)
    return canvas


def cut(canvas: Tensor, size: int, before: Callable[[int], int] = lambda over: over // 2) -> Tensor:
    """The canvas without its edges: of an odd surplus the smaller half is cut off first."""
    first = before(len(canvas) - size)
    return canvas[first : first + size, first : first + size]


def stamping(L: Tensor, V: Tensor, size: int, stride: int) -> Tensor:
    """D_t (size, size, c), a deconvolution written as stamps (DF-CNN, eq. 1, without the bias and the ReLU)."""
    return cut(stamped(L, V, stride), size)


def _averaged(L: Tensor, V: Tensor, size: int, stride: int) -> Tensor:
    """Where stamps overlap, their mean."""
    ones = stamped(torch.ones_like(L[..., :1]), torch.ones_like(V[:, :, :1]), stride)
    return cut(stamped(L, V, stride) / ones.clamp(min=1), size)


def _stamps_with(**how: Any) -> Callable[..., Tensor]:
    return lambda L, V, size, stride: cut(stamped(L, V, stride, **how), size)


_DECONVOLVE_MISTAKES = (
    (_stamps_with(put=lambda there, stamp: stamp), "A later stamp replaces an earlier one where they overlap in yours: "
     "add it to what is there, += and not =."),
    (_averaged, "You average where stamps overlap: eq. 1 adds them."),
    (_stamps_with(place=lambda i, stride: i), "Your stamps are one cell apart: multiply i and j by stride."),
    (lambda L, V, n, s: cut(stamped(L, V, s), n, lambda over: 0), "You cut off the end only: half of the surplus goes "
     "at the beginning."),
    (lambda L, V, n, s: cut(stamped(L, V, s), n, lambda over: over), "You cut off the beginning only: half of the "
     "surplus goes at the end."),
    (lambda L, V, n, s: cut(stamped(L, V, s), n, lambda over: (over + 1) // 2), "Of an odd surplus the smaller half is "
     "cut off at the beginning, surplus // 2; you cut the larger one."),
    (lambda L, V, n, s: stamping(L, V.flip(0, 1), n, s), "Your stamps are turned by 180 degrees: a deconvolution puts "
     "V down as it is; turning is what a convolution over spread-out cells would need."),
    (lambda L, V, n, s: stamping(L, V.transpose(0, 1), n, s), "Rows and columns of V are swapped."),
    (lambda L, V, n, s: stamping(L.transpose(0, 1), V, n, s), "Rows and columns of L are swapped."),
    (lambda L, V, n, s: stamping(L.transpose(0, 1), V.transpose(0, 1), n, s), "Rows and columns of the result are "
     "swapped."),
    (lambda L, V, n, s: stamping(L, V, n, s).relu(), "You cut below zero: the ReLU of the published code comes after "
     "eq. 1 and is not part of this exercise."),
    (lambda L, V, n, s: stamping(L, V, n, s) / L.shape[2], "You take the mean over the channels of L: sum over them."),
    (lambda L, V, n, s: stamping(L[..., :1], V[:, :, :1], n, s), "Only the first channel of L is used: sum over all of "
     "them."),
)  # fmt: skip


def _knowledge() -> list[tuple[Tensor, Tensor, int, int]]:
    """L (h^, w^, c^), V (p, p, c^, c), the size of D and the stride; stamps overlap, and a surplus is odd."""
    cases = []
    settings = ((2, 3, 4, 5, 2, 3), (2, 3, 2, 3, 2, 4), (3, 5, 2, 2, 2, 6), (2, 4, 3, 2, 3, 4))
    for draw, (cells, p, channels, c, stride, size) in seeded_settings(*settings):
        cases.append((normal(draw, cells, cells, channels), normal(draw, p, p, channels, c), size, stride))
    return cases


def _cut_and_channels_last(answer: Any) -> None:
    for L, V, size, stride in _knowledge():
        c, side = V.shape[3], canvas_side(len(L), len(V), stride)
        given = numbers(call(answer, (L, V, size, stride)))
        if given.shape == (side, side, c):
            raise NotYet(f"That is the whole canvas, {side} x {side}: cut it to {size} x {size}.")
        if given.shape == (c, size, size):
            raise NotYet(f"The channels come last, (h, w, c): yours has shape {tuple(given.shape)}.")


exercise(
    "06-deconvolve",
    "a canvas of zeros (side, side, c); for each cell (i, j) of L add torch.einsum('m,abmk->abk', L[i, j], V) to "
    "its rows stride * i to stride * i + p and columns stride * j to stride * j + p; then cut (side - size) // 2 off "
    "at the top and left, and the rest off below and at the right.",
    "That is eq. 1, stamp by stamp. In PyTorch it is one call: conv_transpose2d.",
    _cut_and_channels_last,
    Comparison(stamping, _knowledge, _DECONVOLVE_MISTAKES),
)


def mixed(D: Tensor, U: Tensor) -> Tensor:
    """W_t (h, w, c_in, c_out), the channels k of D_t mixed by U_t (DF-CNN, eq. 2)."""
    return (D[..., None, None] * U).sum(2)


_CONTRACT_MISTAKES = (
    (lambda D, U: mixed(D, U) / D.shape[2], "You take the mean over k: eq. 2 sums."),
    (lambda D, U: mixed(D[..., :-1], U[:-1]), "The last channel of D is missing: k runs over all c of them."),
    (lambda D, U: mixed(D[..., 1:], U[1:]), "The first channel of D is missing: k runs over all c of them."),
    (lambda D, U: mixed(D[..., :1], U[:1]), "Only the first channel of D is used: k runs over all c of them."),
    (lambda D, U: mixed(D.flip(2), U), "The channels of D are taken in the reverse order: k is the same in D and U."),
    (lambda D, U: mixed(D.transpose(0, 1), U), "Rows and columns of the filters are swapped."),
    (lambda D, U: mixed(D, U).relu(), "You cut below zero: eq. 2 is linear."),
    (lambda D, U: mixed(D.relu(), U), "You cut D below zero: D comes as it is."),
    (lambda D, U: (D[..., None, None] + U).sum(2), "D and U are added: eq. 2 multiplies them, then sums over k."),
    (lambda D, U: mixed(D, U.softmax(0)), "You made U's numbers sum to one: they may be of any size and sign."),
)  # fmt: skip


def _bases() -> list[tuple[Tensor, Tensor]]:
    """D (h, w, c) and U (c, c_in, c_out); all sizes differ, so that no wrong shape is right by accident."""
    settings = seeded_settings((3, 4, 5, 2), (3, 7, 2, 6), (5, 2, 3, 4))
    return [(normal(draw, size, size, c), normal(draw, c, c_in, c_out)) for draw, (size, c, c_in, c_out) in settings]


def _shape_of_filters(answer: Any) -> None:
    D, U = _bases()[0]
    (h, w), (c_in, c_out) = D.shape[:2], U.shape[1:]
    given = numbers(call(answer, (D, U)))
    if given.ndim == 5:
        raise NotYet("The products are there, one for each k: sum them over k.")
    if given.shape == (h, w, c_out, c_in):
        raise NotYet("c_in and c_out are swapped: W_t is (h, w, c_in, c_out).")
    if given.shape in ((c_out, c_in, h, w), (c_in, c_out, h, w)):
        raise NotYet("The numbers may be right, but rows and columns come first here: W_t is (h, w, c_in, c_out).")


exercise(
    "06-contract",
    "torch.einsum with one letter for each dimension: D is 'hwk', U is 'kio', and W is 'hwio'; k, which is not in "
    "W, is summed over.",
    "That is eq. 2: every one of the c_in x c_out kernels is a mixture of the same c channels of D.",
    _shape_of_filters,
    Comparison(mixed, _bases, _CONTRACT_MISTAKES),
)


Layers = Sequence[tuple[int, int, int, int, int, int]]  # per convolution: h^ (= w^), c^, p, c, c_in, c_out


def counted(layers: Layers, top: int) -> tuple[int, int]:
    """How many numbers all tasks share, and how many belong to each task alone (DF-CNN, section 2.2)."""
    return sum(_shared(*layer) for layer in layers), sum(_own(*layer) for layer in layers) + top


def _shared(h: int, kb: int, *_: int) -> int:
    return h * h * kb


def _own(h: int, kb: int, p: int, c: int, c_in: int, c_out: int) -> int:
    return p * p * kb * c + c + c * c_in * c_out + c_out


def _owns(own: Callable[..., int], shared: Callable[..., int] = _shared, tops: int = 1) -> Callable[..., Any]:
    """The count with the own or shared numbers of a layer counted in another way."""
    return lambda layers, top: (sum(shared(*one) for one in layers), sum(own(*one) for one in layers) + tops * top)


_COUNT_MISTAKES = (
    (lambda layers, top: counted(layers, top)[::-1], "The right two numbers in the other order: shared, then own."),
    (lambda layers, top: (counted(layers, top)[0], sum(counted(layers, top))), "L is counted among a task's own "
     "numbers as well: it is there once, for all tasks."),
    (_owns(lambda *a: _own(*a) + _shared(*a), lambda *a: 0), "L is counted for each task: it is shared, there once."),
    (_owns(lambda *a: _own(*a) - a[2] ** 2 * a[1] * a[3], lambda *a: _shared(*a) + a[2] ** 2 * a[1] * a[3]), "You let "
     "tasks share V: every task deconvolves with its own V_t."),
    (_owns(lambda *a: _own(*a) - a[3] * a[4] * a[5], lambda *a: _shared(*a) + a[3] * a[4] * a[5]), "You let tasks "
     "share U: every task contracts with its own U_t."),
    (_owns(_own, tops=0), "The fully connected layers are missing from a task's own: add top."),
    (lambda layers, top: (counted(layers, top)[0] + top, counted(layers, top)[1] - top), "The fully connected layers "
     "belong to the task: top is among its own numbers."),
    (_owns(lambda *a: _own(*a) - a[3] - a[5]), "Both biases are missing, c and c_out numbers."),
    (_owns(lambda *a: _own(*a) - a[3]), "The bias after the deconvolution is missing: c numbers."),
    (_owns(lambda *a: _own(*a) - a[5]), "The convolution's own bias is missing: c_out numbers."),
    (_owns(lambda *a: _own(*a) - a[2] ** 2 * a[1] * a[3]), "V_t is missing from a task's own numbers."),
    (_owns(lambda *a: _own(*a) - a[3] * a[4] * a[5]), "U_t is missing from a task's own numbers."),
    (_owns(lambda *a: _own(*a) + a[2] ** 2 * a[4] * a[5]), "You count the filters W_t as well: they are rebuilt from "
     "L, V_t and U_t whenever they are needed, and are not stored."),
    (_owns(lambda *a: a[2] ** 2 * a[4] * a[5] + a[5]), "That is what a plain convolution has: a DF-CNN's W_t are no "
     "parameters; V_t, U_t and the two biases are."),
    (_owns(lambda h, kb, p, *a: _own(h, kb, h, *a)), "V_t is p x p, not as large as L."),
    (_owns(lambda h, kb, p, c, *a: _own(h, kb, p, c, *a) - p * p * kb * c + p * p * c), "V_t has L's channels too."),
    (_owns(_own, lambda h, kb, *a: h * kb), "L is h^ x w^ x c^: square its side."),
    (_owns(lambda *a: a[2] * a[1] * a[3] + a[3] + a[3] * a[4] * a[5] + a[5]), "V_t is p x p x c^ x c: square p."),
)  # fmt: skip
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
