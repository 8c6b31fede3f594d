"""Importances on scales without a unit, and rank correlation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cltutor.show.importances import rank_correlation, ranks, scaled

numbers = st.lists(st.sampled_from([0.0, 1e-9, 0.5, 1.0, 2.0, 7.0]), min_size=2, max_size=30)


@given(numbers, st.randoms(use_true_random=False))
def test_equal_numbers_share_their_mean_rank_and_the_rank_correlation_is_spearmans(values, random):
    np.testing.assert_allclose(ranks(np.array(values)), stats.rankdata(values) - 1)
    other = values.copy()
    random.shuffle(other)
    if len(set(values)) == 1:
        assert np.isnan(rank_correlation(values, other))
    else:
        assert rank_correlation(values, other) == pytest.approx(stats.spearmanr(values, other).statistic)


def test_ranks_run_from_0_to_100_in_any_unit():
    values = np.array([[3.0, 1.0, 2.0], [0.0, 0.0, 10.0]])
    expected = np.array([[80, 40, 60], [10, 10, 100]])
    np.testing.assert_allclose(scaled(values, "rank"), expected)
    np.testing.assert_allclose(scaled(1e-6 * values, "rank"), expected)


def test_decades_are_counted_down_from_the_largest_and_end_at_six():
    np.testing.assert_allclose(scaled([50, 5, 0.05, 1e-9, 0], "log"), [0, -1, -3, -6, -6])
    np.testing.assert_allclose(scaled([0, 0], "log"), [-6, -6])
