"""Selecting the images of a class to keep: herding, closest, random, histogram (EEIL, sections 3.1 and 6.3).

Every function takes the features (N, D) of one class's images and a number n of them to keep, and returns their places
(n,) int64 on the CPU, in order of choice: a memory that shrinks drops the tail. Rows are L2-normalised first, as in
iCaRL. Distances that differ by rounding alone are equal, and of equals the first image is chosen. ValueError when n is
not between 1 and N, or when ``features`` are not (N, D), not finite, or of length zero.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from ..checked import Tensors, checked
from ..describe import Choice, Whole
from ..seeds import generator

BINS = 10  # EEIL, section 6.3
RULES = {"features": Tensors("N, D"), "n": Whole(at_least=1)}
SEED = Whole(at_least=0)
DECIMALS = 12  # of a distance in float64: below that is rounding, which differs from machine to machine


@checked(**RULES)
def herding(features: Tensor, n: int) -> Tensor:
    """Greedily, the image that brings the mean of the chosen nearest to the class mean; none twice -> (n,).

    With k images chosen of sum S, the mean (S + f) / (k + 1) comes nearest to the class mean mu where
    f . ((k + 1) mu - S) is largest, because all f have length 1: the vector in brackets, what the chosen still lack,
    is the weight vector of herding (Welling 2009), and a choice costs one product of a matrix with it.
    """
    rows = _normalised(features, n)
    mean, lacking = rows.mean(dim=0), torch.zeros_like(rows[0])
    chosen, barred = [], rows.new_zeros(len(rows))
    for _ in range(n):
        lacking = lacking + mean
        best = int(torch.addmv(barred, rows, lacking).round(decimals=DECIMALS).argmax())
        lacking = lacking - rows[best]
        barred[best] = -torch.inf
        chosen.append(best)
    return torch.tensor(chosen)


@checked(**RULES)
def closest(features: Tensor, n: int) -> Tensor:
    """The images nearest to the class mean, nearest first: the wording of EEIL, section 3.1 -> (n,)."""
    return _distances(_normalised(features, n)).argsort(stable=True)[:n]


@checked(seed=SEED, **RULES)
def random(features: Tensor, n: int, seed: int = 0) -> Tensor:
    """Images drawn by ``seed``, whatever their features (EEIL, section 6.3) -> (n,)."""
    return _shuffled(_normalised(features, n), "random", seed)[:n]


@checked(seed=SEED, **RULES)
def histogram(features: Tensor, n: int, seed: int = 0) -> Tensor:
    """As many images of each of ten bins of the distance to the class mean as is its share (EEIL, section 6.3) -> (n,).

    The bins are equally wide, from the smallest distance to the largest. Of n images, bin b with ``N_b`` of N gets
    ``n N_b / N``, rounded by largest remainders; inside a bin ``seed`` draws. The bins take turns, so that also in the
    first m images each has its share ``m N_b / N`` within less than one image (the paper does not give the order),
    except where the quotas for n forbid it (in random histograms one in some 6,000, and then by less than 1.4).
    """
    rows = _normalised(features, n)
    distances = _distances(rows)
    edges = torch.linspace(float(distances.min()), float(distances.max()), BINS + 1, dtype=distances.dtype)
    bins = torch.bucketize(distances, edges[1:-1], right=True)
    shuffled = _shuffled(rows, "histogram", seed)
    members = [iter(shuffled[bins[shuffled] == b].tolist()) for b in range(BINS)]
    return torch.tensor([next(members[b]) for b in _turns(bins.bincount(minlength=BINS).tolist(), n)])


SELECTIONS: dict[str, Callable[..., Tensor]] = {
    "herding": herding,
    "closest": closest,
    "random": random,
    "histogram": histogram,
}


@checked(strategy=Choice(SELECTIONS), seed=SEED, **RULES)
def select(strategy: str, features: Tensor, n: int, seed: int = 0) -> Tensor:
    """The choice by the strategy of that name -> (n,); random and histogram use ``seed``.

    ValueError when there is no such strategy.
    """
    drawn = {"seed": seed} if strategy in ("random", "histogram") else {}
    return SELECTIONS[strategy](features, n, **drawn)


class DeadFeatures(ValueError):
    """Every feature of an image is zero, as where so large a rate has left no ReLU alive: it has no direction."""


def _normalised(features: Tensor, n: int) -> Tensor:
    """The rows of ``features`` (N, D) at length 1, in float64 on the CPU: the same choice on every device."""
    if n > len(features):
        raise ValueError(f"The class has {len(features)} images, so {n} cannot be kept: choose n up to that number.")
    rows = features.detach().cpu().double()
    lengths = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    if len(broken := (~lengths.isfinite()).nonzero()):
        raise ValueError(
            f"The features of image {int(broken[0, 0])} hold NaN or infinity, and features must be finite: "
            "look for a learning rate so large that training diverged."
        )
    if len(empty := (lengths == 0).nonzero()):
        raise DeadFeatures(
            f"The features of image {int(empty[0, 0])} have length zero, so they cannot be normalised: "
            "every image needs at least one feature that is not zero."
        )
    return rows / lengths


def _distances(rows: Tensor) -> Tensor:
    """From each row to the mean of the rows (N,)."""
    return torch.linalg.vector_norm(rows - rows.mean(dim=0), dim=1).round(decimals=DECIMALS)


def _shuffled(rows: Tensor, strategy: str, seed: int) -> Tensor:
    return torch.randperm(len(rows), generator=generator("selection", strategy, seed))


def _turns(counts: list[int], n: int) -> list[int]:
    """The bin of each of n images in turn, for bins with ``counts`` images.

    Of the bins that are not ahead of their share, the next is the one that would first fall one image behind.
    """
    total, bins = sum(counts), range(len(counts))
    quotas = [n * count // total for count in counts]
    by_remainder = sorted(bins, key=lambda b: -(n * counts[b] % total))
    for b in by_remainder[: n - sum(quotas)]:
        quotas[b] += 1
    taken, turns = [0] * len(counts), []
    for m in range(1, n + 1):
        unfilled = [b for b in bins if taken[b] < quotas[b]]
        due = [b for b in unfilled if taken[b] * total < m * counts[b]] or unfilled
        turns.append(min(due, key=lambda b: (taken[b] + 1) / counts[b]))
        taken[turns[-1]] += 1
    return turns
