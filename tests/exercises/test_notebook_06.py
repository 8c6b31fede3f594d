"""Notebook 06's exercises: a mistake that learners make is told apart from the others, and named."""

import pytest
import torch
from torch.nn import functional as F

from cltutor.exercises import check
from cltutor.exercises.notebook_06 import counted, mixed, stamping
from cltutor.networks import DFCNN, contract, deconvolve


def hint(exercise, answer) -> str:
    told = check(exercise, answer)
    assert not told.passed
    return told.message


def transposed(L, V, size, stride, keep=slice(None), turn=False, place=None):
    """A deconvolution by PyTorch: channels first there, (c^, c, p, p), and cut afterwards."""
    filters = V.permute(2, 3, 0, 1)
    whole = F.conv_transpose2d(L.permute(2, 0, 1)[None], filters.flip(2, 3) if turn else filters, stride=stride)[0]
    canvas = whole.permute(1, 2, 0)
    first = (len(canvas) - size) // 2 if place is None else place(len(canvas) - size)
    return canvas[first : first + size, first : first + size]


def by_hand(L, V, size, stride, add=lambda there, stamp: there + stamp, step=None, end=lambda made: made):
    (rows, columns, _), (p, *_, c) = L.shape, V.shape
    canvas = torch.zeros((rows - 1) * stride + p, (columns - 1) * stride + p, c).double()
    step = stride if step is None else step
    for i in range(rows):
        for j in range(columns):
            own = canvas[i * step : i * step + p, j * step : j * step + p]
            own.copy_(add(own, torch.einsum("m,abmk->abk", L[i, j], V)))
    first = (len(canvas) - size) // 2
    return end(canvas[first : first + size, first : first + size])


def shared_out(L, V, size, stride):
    once = by_hand(torch.ones_like(L[..., :1]), torch.ones_like(V[:, :, :1]), size, stride)
    return by_hand(L, V, size, stride) / once.clamp(min=1)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda L, V, n, s: by_hand(L, V, n, s, add=lambda there, stamp: stamp), "+= and not ="),
        (shared_out, "eq. 1 adds them"),
        (lambda L, V, n, s: by_hand(L, V, n, s, step=1), "stand one cell apart"),
        (lambda L, V, n, s: transposed(L, V, n, s, place=lambda over: 0), "cut off the end only"),
        (lambda L, V, n, s: transposed(L, V, n, s, place=lambda over: over), "cut off the beginning only"),
        (lambda L, V, n, s: transposed(L, V, n, s, place=lambda over: over - over // 2), "Of an odd surplus"),
        (lambda L, V, n, s: transposed(L, V, n, s, turn=True), "turned by 180 degrees"),
        (lambda L, V, n, s: transposed(L, V.transpose(0, 1), n, s), "Rows and columns of V"),
        (lambda L, V, n, s: transposed(L.transpose(0, 1), V, n, s), "Rows and columns of L"),
        (lambda L, V, n, s: transposed(L, V, n, s).transpose(0, 1), "Rows and columns of the result"),
        (lambda L, V, n, s: transposed(L, V, n, s).relu(), "You cut below zero"),
        (lambda L, V, n, s: transposed(L, V, n, s) / L.shape[-1], "the mean over the channels"),
        (lambda L, V, n, s: transposed(L[..., :1], V[:, :, :1], n, s), "Only the first channel"),
        (lambda L, V, n, s: by_hand(L, V, V.shape[0] + (len(L) - 1) * s, s), "That is the whole canvas, 5 x 5"),
        (lambda L, V, n, s: transposed(L, V, n, s).permute(2, 0, 1), "The channels come last"),
        (lambda L, V, n, s: -transposed(L, V, n, s), "differs"),
        (lambda L, V, n, s: transposed(L, V, n, s).sum(2), "it should be (3, 3, 5)"),
        (lambda L, V, n: L, "stopped with TypeError"),
        (torch.zeros(3), "Give the function itself"),
    ],
)
def test_typical_mistakes_of_the_deconvolution_are_recognised(wrong, told):
    assert told in hint("06-deconvolve", wrong)


def test_the_deconvolution_that_is_asked_for_is_that_of_the_package_and_of_pytorch():
    draw = torch.Generator().manual_seed(0)
    for cells, p, size in ((2, 3, 3), (2, 3, 4), (3, 3, 5)):
        L = torch.randn(cells, cells, 4, generator=draw).double()
        V = torch.randn(p, p, 4, 6, generator=draw).double()
        torch.testing.assert_close(stamping(L, V, size, 2), transposed(L, V, size, 2))
        by_package = deconvolve(L, V, None, (size, size), 2, None)
        torch.testing.assert_close(stamping(L, V, size, 2), by_package)
    assert check("06-deconvolve", transposed).passed
    assert check("06-deconvolve", by_hand).passed


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda D, U: contract(D, U) / len(U), "the mean over k"),
        (lambda D, U: torch.einsum("hwk,kio->hwkio", D, U), "sum them over k"),
        (lambda D, U: contract(D, U).transpose(2, 3), "c_in and c_out are swapped"),
        (lambda D, U: contract(D, U).permute(3, 2, 0, 1), "rows and columns come first here"),
        (lambda D, U: contract(D[..., :-1], U[:-1]), "The last channel of D is missing"),
        (lambda D, U: contract(D[..., 1:], U[1:]), "The first channel of D is missing"),
        (lambda D, U: contract(D[..., :1], U[:1]), "Only the first channel of D"),
        (lambda D, U: contract(D, U.flip(0)), "the reverse order"),
        (lambda D, U: contract(D, U).transpose(0, 1), "Rows and columns of the filters are swapped"),
        (lambda D, U: contract(D, U).relu(), "eq. 2 is linear"),
        (lambda D, U: contract(D.relu(), U), "You cut D below zero"),
        (lambda D, U: (D[..., None, None] + U).sum(2), "D and U are added"),
        (lambda D, U: contract(D, U.softmax(0)), "sum to one"),
        (lambda D, U: contract(D, U) ** 2, "differs"),
        (lambda D, U: D, "it should be (3, 3, 5, 2)"),
    ],
)
def test_typical_mistakes_of_the_contraction_are_recognised(wrong, told):
    assert told in hint("06-contract", wrong)


def test_the_contraction_that_is_asked_for_is_that_of_the_package():
    D, U = torch.randn(3, 3, 4).double(), torch.randn(4, 5, 6).double()
    torch.testing.assert_close(mixed(D, U), contract(D, U))
    assert check("06-contract", contract).passed
    assert check("06-contract", lambda D, U: torch.tensordot(D, U, dims=([2], [0]))).passed


def count(layers, top, L="shared", V="own", U="own", biases=("own", "own"), tops="own", extra=lambda *layer: 0):
    sums = {"shared": 0, "own": 0, "nowhere": 0}
    for h, kb, p, c, c_in, c_out in layers:
        sums[L] += h * h * kb
        sums[V] += p * p * kb * c
        sums[U] += c * c_in * c_out
        sums[biases[0]] += c
        sums[biases[1]] += c_out
        sums["own"] += extra(h, kb, p, c, c_in, c_out)
    sums[tops] += top
    return sums["shared"], sums["own"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda *a: count(*a)[::-1], "in the other order"),
        (lambda *a: (count(*a)[0], sum(count(*a))), "as well: it is there once"),
        (lambda *a: count(*a, L="own"), "L is counted for each task"),
        (lambda *a: count(*a, V="shared"), "share V"),
        (lambda *a: count(*a, U="shared"), "share U"),
        (lambda *a: count(*a, tops="nowhere"), "fully connected layers are missing"),
        (lambda *a: count(*a, tops="shared"), "belong to the task"),
        (lambda *a: count(*a, biases=("nowhere", "nowhere")), "Both biases are missing"),
        (lambda *a: count(*a, biases=("nowhere", "own")), "The bias after the deconvolution"),
        (lambda *a: count(*a, biases=("own", "nowhere")), "The convolution's own bias"),
        (lambda *a: count(*a, V="nowhere"), "V_t is missing"),
        (lambda *a: count(*a, U="nowhere"), "U_t is missing"),
        (lambda *a: count(*a, extra=lambda h, kb, p, c, i, o: p * p * i * o), "You count the filters W_t"),
        (lambda *a: count(*a, V="nowhere", U="nowhere", biases=("nowhere", "own"),
                          extra=lambda h, kb, p, c, i, o: p * p * i * o), "a plain convolution has"),
        (lambda *a: count(*a, V="nowhere", extra=lambda h, kb, p, c, i, o: h * h * kb * c), "not as large as L"),
        (lambda *a: count(*a, V="nowhere", extra=lambda h, kb, p, c, i, o: p * p * c), "the channels of L too"),
        (lambda *a: count(*a, V="nowhere", extra=lambda h, kb, p, c, i, o: p * kb * c), "square p"),
        (lambda layers, top: (sum(h * kb for h, kb, *_ in layers), count(layers, top)[1]), "square its side"),
        (lambda *a: count(*a)[0] + 10 * count(*a)[1], "That is a total"),
        (lambda *a: sum(count(*a)), "That is a total"),
        (lambda *a: (1, 2, 3), "two numbers, shared and own"),
        (lambda *a: (0, 0), "differs"),
    ],
)  # fmt: skip
def test_typical_mistakes_of_the_count_are_recognised(wrong, told):
    assert told in hint("06-count", wrong)


def test_the_count_is_that_of_the_network_at_the_published_sizes():
    network = DFCNN().build((3, 32, 32))
    for _ in range(2):
        network.grow(10, ["?"] * 10)
    layers = [(2, 16, 3, 24, 3, 32), (2, 24, 3, 48, 32, 32), (2, 32, 3, 64, 32, 64), (2, 36, 3, 72, 64, 64)]
    top = 64 * 8 * 8 * 64 + 64 + 64 * 10 + 10
    shared, own = counted(layers, top)
    assert shared == sum(p.numel() for p in network.parameters_of("shared"))
    assert own == sum(p.numel() for p in network.parameters_of("new"))
    assert shared + 10 * own == 7963252
    assert count(layers, top) == (shared, own)
    assert check("06-count", count).passed


@pytest.mark.parametrize("exercise", ["06-deconvolve", "06-contract", "06-count"])
def test_an_answer_that_is_not_begun_gets_the_hint(exercise):
    assert "There is no answer here yet. Hint:" in hint(exercise, lambda *inputs: ...)
