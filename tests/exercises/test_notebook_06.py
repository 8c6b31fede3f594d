"""Notebook 06's exercises: mistakes written as learners write them, and the package's own network."""

import pytest
import torch
from torch.nn import functional as F

from cltutor.exercises import check
from cltutor.exercises.notebook_06 import counted, stamping
from cltutor.networks import DFCNN, contract, deconvolve


def transposed(L, V, size, stride):
    """A deconvolution by PyTorch: channels first there, (c^, c, p, p), and cut afterwards."""
    whole = F.conv_transpose2d(L.permute(2, 0, 1)[None], V.permute(2, 3, 0, 1), stride=stride)[0].permute(1, 2, 0)
    first = (len(whole) - size) // 2
    return whole[first : first + size, first : first + size]


def by_hand(L, V, size, stride, add=lambda there, stamp: there + stamp, step=None, first=None):
    (rows, columns, _), (p, *_, c) = L.shape, V.shape
    canvas = torch.zeros((rows - 1) * stride + p, (columns - 1) * stride + p, c).double()
    step = stride if step is None else step
    for i in range(rows):
        for j in range(columns):
            own = canvas[i * step : i * step + p, j * step : j * step + p]
            own.copy_(add(own, torch.einsum("m,abmk->abk", L[i, j], V)))
    first = (len(canvas) - size) // 2 if first is None else first
    return canvas[first : first + size, first : first + size]


def count(layers, top, extra=lambda *layer: 0, **places):
    """The two sums; ``places`` puts L, V, U, a bias or the tops elsewhere."""
    place = {"L": "shared", "V": "own", "U": "own", "c": "own", "c_out": "own", "tops": "own"} | places
    sums = {"shared": 0, "own": 0, "nowhere": 0}
    for h, kb, p, c, c_in, c_out in layers:
        sums[place["L"]] += h * h * kb
        sums[place["V"]] += p * p * kb * c
        sums[place["U"]] += c * c_in * c_out
        sums[place["c"]] += c
        sums[place["c_out"]] += c_out
        sums["own"] += extra(h, kb, p, c, c_in, c_out)
    sums[place["tops"]] += top
    return sums["shared"], sums["own"]


@pytest.mark.parametrize(
    ("exercise", "wrong", "words"),
    [
        ("06-deconvolve", lambda *a: by_hand(*a, add=lambda there, stamp: stamp), "+= and not ="),
        ("06-deconvolve", lambda *a: by_hand(*a, step=1), "are one cell apart"),
        ("06-deconvolve", lambda *a: by_hand(*a, first=0), "cut off the end only"),
        ("06-deconvolve", lambda L, V, n, s: transposed(L, V.flip(0, 1), n, s), "turned by 180 degrees"),
        ("06-deconvolve", lambda *a: transposed(*a).transpose(0, 1), "Rows and columns of the result"),
        ("06-deconvolve", lambda L, V, n, s: by_hand(L, V, len(V) + (len(L) - 1) * s, s), "the whole canvas, 5 x 5"),
        ("06-deconvolve", lambda *a: transposed(*a).permute(2, 0, 1), "The channels come last"),
        ("06-contract", lambda D, U: torch.einsum("hwk,kio->hwkio", D, U), "sum them over k"),
        ("06-contract", lambda D, U: contract(D, U).transpose(2, 3), "c_in and c_out are swapped"),
        ("06-contract", lambda D, U: contract(D, U).permute(3, 2, 0, 1), "rows and columns come first here"),
        ("06-contract", lambda D, U: contract(D, U.flip(0)), "the reverse order"),
        ("06-count", lambda *a: count(*a)[::-1], "in the other order"),
        ("06-count", lambda *a: count(*a, L="own"), "L is counted for each task"),
        ("06-count", lambda *a: count(*a, V="shared"), "share V"),
        ("06-count", lambda *a: count(*a, U="shared"), "share U"),
        ("06-count", lambda *a: count(*a, tops="nowhere"), "fully connected layers are missing"),
        ("06-count", lambda *a: count(*a, tops="shared"), "belong to the task"),
        ("06-count", lambda *a: count(*a, c="nowhere", c_out="nowhere"), "Both biases are missing"),
        ("06-count", lambda *a: count(*a, c="nowhere"), "The bias after the deconvolution"),
        ("06-count", lambda *a: count(*a, c_out="nowhere"), "The convolution's own bias"),
        ("06-count", lambda *a: count(*a, V="nowhere"), "V_t is missing"),
        ("06-count", lambda *a: count(*a, U="nowhere"), "U_t is missing"),
        ("06-count", lambda *a: count(*a, extra=lambda h, kb, p, c, i, o: p * p * i * o), "You count the filters W_t"),
        ("06-count", lambda *a: count(*a)[0] + 10 * count(*a)[1], "That is a total"),
        ("06-count", lambda *a: sum(count(*a)), "That is a total"),
        ("06-count", lambda *a: (1, 2, 3), "two numbers, shared and own"),
    ],
)
def test_a_mistake_is_recognised(hint, exercise, wrong, words):
    assert words in hint(exercise, wrong)


def test_the_right_deconvolution_is_that_of_the_package_and_of_pytorch():
    draw = torch.Generator().manual_seed(0)
    for cells, p, size in ((2, 3, 3), (2, 3, 4), (3, 3, 5)):
        L = torch.randn(cells, cells, 4, generator=draw).double()
        V = torch.randn(p, p, 4, 6, generator=draw).double()
        torch.testing.assert_close(stamping(L, V, size, 2), transposed(L, V, size, 2))
        by_package = deconvolve(L, V, None, (size, size), 2, None)
        torch.testing.assert_close(stamping(L, V, size, 2), by_package)
    assert check("06-deconvolve", transposed).passed
    assert check("06-deconvolve", by_hand).passed


def test_a_contraction_is_a_product_of_tensors():
    assert check("06-contract", lambda D, U: torch.tensordot(D, U, dims=([2], [0]))).passed


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
