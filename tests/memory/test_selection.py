"""Selection: herding, closest, random and histogram, each against its definition written out."""

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from cltutor.memory.selection import SELECTIONS, closest, herding, histogram, random, select

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
everywhere = pytest.mark.parametrize("strategy", SELECTIONS)
sizes = given(st.integers(1, 60), st.integers(1, 8), st.integers(0, 10**6))


def features(count: int, dim: int, seed: int = 0) -> Tensor:
    """Lengths differ widely from row to row, and the class mean is not near zero."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(count, dim, generator=generator) + 0.5
    return rows * torch.rand(count, 1, generator=generator).add(0.01).mul(5).exp()


def normalised(rows: Tensor) -> np.ndarray:
    return np.array([row / np.sqrt((row**2).sum()) for row in rows.double().numpy()])


def distances(rows: Tensor) -> np.ndarray:
    unit = normalised(rows)
    return np.sqrt(((unit - unit.mean(axis=0)) ** 2).sum(axis=1))


def brute_force(unit: np.ndarray, n: int) -> list[int]:
    """iCaRL's definition: at each step every image is tried, and the mean with it measured."""
    mean, chosen = unit.mean(axis=0), []
    for _ in range(n):
        gaps = {}
        for candidate in set(range(len(unit))) - set(chosen):
            gaps[candidate] = np.linalg.norm(mean - unit[[*chosen, candidate]].mean(axis=0))
        nearest = min(gaps.values())
        chosen.append(min(place for place, gap in gaps.items() if gap < nearest + 1e-9))
    return chosen


# Herding


@pytest.mark.parametrize(("count", "dim", "n"), [(1, 1, 1), (30, 2, 30), (40, 3, 17), (60, 16, 60), (80, 64, 25)])
@pytest.mark.parametrize("seed", range(3))
def test_herding_equals_a_brute_force_search_over_all_candidates(count, dim, n, seed):
    rows = features(count, dim, seed)
    assert herding(rows, n).tolist() == brute_force(normalised(rows), n)


# Closest


@sizes
def test_closest_is_the_head_of_the_images_sorted_by_distance_to_the_class_mean(count, dim, seed):
    rows = features(count, dim, seed)
    far = distances(rows).round(9)
    chosen = closest(rows, count).tolist()
    assert far[chosen].tolist() == sorted(far)


# Random


def test_random_looks_at_no_feature_and_reaches_every_image():
    assert random(features(50, 4), 20).tolist() == random(features(50, 9, seed=1), 20).tolist()
    first = {int(random(features(8, 2), 1, seed)) for seed in range(100)}
    assert first == set(range(8))


# Histogram


def bins_of(rows: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """(the bin of each image, how many images are in each bin)."""
    far = distances(rows)
    counts, edges = np.histogram(far, 10)
    bins = np.array([sum(distance >= edge for edge in edges[1:-1]) for distance in far])
    assert np.bincount(bins, minlength=10).tolist() == counts.tolist()
    return bins, counts


def largest_remainders(counts: np.ndarray, n: int) -> list[int]:
    quotas, remainders = [], []
    for count in counts.tolist():
        quotas.append(n * count // sum(counts))
        remainders.append(n * count % sum(counts))
    while sum(quotas) < n:
        fullest = remainders.index(max(remainders))
        quotas[fullest] += 1
        remainders[fullest] = -1
    return quotas


def with_counts(counts: list[int]) -> Tensor:
    """Rows of length one, in a dimension each, at distances from their mean whose histogram is ``counts``."""
    places = np.array([0, 3, 5, 7, 9, 11, 13, 15, 17, 20]) / 20  # the ends of the range, middles of bins in between
    far = np.repeat(0.2 + 0.9 * places, counts)
    mean = np.sqrt(1 - (far**2).mean())
    cosines = torch.from_numpy((1 + mean**2 - far**2) / (2 * mean))
    return torch.cat([cosines[:, None], torch.diag((1 - cosines**2).sqrt())], dim=1)


CROWDED = with_counts([91, 1, 1, 1, 1, 1, 1, 1, 1, 1])


@pytest.mark.parametrize("rows", [CROWDED, *(features(150, 2 + seed, seed) for seed in range(6))])
@pytest.mark.parametrize("n", [1, 7, 40, 99, 150])
def test_histogram_gives_ten_bins_their_quotas_and_every_prefix_its_share_within_one_image(rows, n):
    (bins, counts), n = bins_of(rows), min(n, len(rows))
    order = bins[histogram(rows, n).numpy()]
    assert np.bincount(order, minlength=10).tolist() == largest_remainders(counts, n)
    for m in range(1, n + 1):
        assert np.abs(np.bincount(order[:m], minlength=10) - m * counts / len(rows)).max() < 1


def test_where_the_quotas_forbid_a_proportional_prefix_the_quotas_hold():
    """Rounding for n gives a bin less than a share it had already before."""
    counts = [31, 23, 13, 5, 1, 2, 1, 1, 0, 1]
    rows = with_counts(counts)
    bins, found = bins_of(rows)
    assert found.tolist() == counts
    order = bins[histogram(rows, 39).numpy()]
    assert np.bincount(order, minlength=10).tolist() == largest_remainders(found, 39)
    gaps = [np.abs(np.bincount(order[:m], minlength=10) - m * found / 78).max() for m in range(1, 40)]
    assert 1 < max(gaps) < 1.1


def test_images_that_are_all_alike_fall_into_one_bin():
    assert sorted(histogram(torch.ones(6, 3), 6).tolist()) == list(range(6))


# All of them


@everywhere
@sizes
def test_a_choice_has_n_different_places_of_the_class(strategy, count, dim, seed):
    rows = features(count, dim, seed)
    n = 1 + seed % count
    chosen = select(strategy, rows, n)
    assert (chosen.dtype, chosen.shape, chosen.device.type) == (torch.int64, (n,), "cpu")
    assert set(chosen.tolist()) <= set(range(count))
    assert len(chosen.unique()) == n


@pytest.mark.parametrize("strategy", ["herding", "closest", "random"])
def test_the_head_of_a_choice_is_what_a_smaller_memory_keeps(strategy):
    rows = features(60, 8)
    whole = select(strategy, rows, 60).tolist()
    assert all(select(strategy, rows, n).tolist() == whole[:n] for n in range(1, 61))


@pytest.mark.parametrize("strategy", ["herding", "closest", "histogram"])
def test_the_length_of_a_row_does_not_count(strategy):
    rows = features(80, 4)
    longer = rows * torch.linspace(0.001, 1000, 80)[:, None]
    assert select(strategy, longer, 30).tolist() == select(strategy, rows, 30).tolist()


@pytest.mark.parametrize("strategy", ["herding", "closest"])
def test_of_equals_the_first_is_chosen_whatever_the_rounding(strategy):
    for seed in range(200):
        assert select(strategy, features(2, 7, seed), 2).tolist() == [0, 1]  # both equally far from their mean
    assert select(strategy, features(1, 5).repeat(9, 1), 9).tolist() == list(range(9))
    assert select(strategy, torch.eye(5), 5).tolist() == list(range(5))


@pytest.mark.parametrize("draw", [random, histogram])
def test_draws_depend_on_the_seed_alone(draw):
    rows = features(60, 4)
    state = torch.get_rng_state()
    assert draw(rows, 20).tolist() == draw(rows, 20, seed=0).tolist() == draw(rows, 20, 0).tolist()
    assert draw(rows, 20, 1).tolist() != draw(rows, 20, 0).tolist()
    assert torch.equal(torch.get_rng_state(), state)


@everywhere
def test_select_is_the_strategy_of_that_name_with_the_seed_where_it_draws(strategy):
    rows, function = features(60, 4), SELECTIONS[strategy]
    drawn = {"seed": 3} if "seed" in inspect.signature(function).parameters else {}
    assert function.__name__ == strategy
    assert select(strategy, rows, 20, seed=3).tolist() == function(rows, 20, **drawn).tolist()
    assert select(strategy, rows, 20).tolist() == function(rows, 20).tolist()


@everywhere
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_features_of_any_float_on_any_device_that_need_gradients_are_only_read(strategy, device, dtype):
    rows = torch.randn(30, 5, generator=torch.Generator().manual_seed(0)).to(dtype)
    there = rows.to(device).requires_grad_()
    assert select(strategy, there, 9).tolist() == select(strategy, rows.double(), 9).tolist()
    assert torch.equal(there.detach().cpu(), rows)


# Bad input
