import numpy as np
import pytest

from cltutor import show


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    one = rng.random((40, 50)) ** 3
    return one, 1e-4 * one * rng.random((40, 50))


def counts(picture):
    return np.ma.filled(picture.axes[0].images[0].get_array().astype(float), np.nan)


@pytest.mark.parametrize("scale", ["rank", "log"])
def test_every_weight_is_counted_in_one_cell(pair, scale, readable):
    picture = show.agreement(*pair, ("mas", "ewc"), scale, "hidden.weight")
    assert np.nansum(counts(picture)) == 2000
    readable(picture)


def test_methods_that_agree_lie_on_the_diagonal_the_first_across_and_the_second_up(pair):
    cells = counts(show.agreement(pair[0], 7 * pair[0], ("mas", "ewc")))
    assert np.isfinite(np.diag(cells)).all()
    assert np.nansum(cells) == np.nansum(np.diag(cells))
    axes = show.agreement(*pair, ("mas", "ewc")).axes[0]
    assert axes.get_xlabel() == "mas, rank (%)"
    assert axes.get_ylabel() == "ewc, rank (%)"
    one, other = np.array([0, 1e-3, 1.0]), np.array([0, 1.0, 1.0])
    cells = counts(show.agreement(one, other, ("mas", "ewc"), "log"))  # (row, column): up, across
    assert cells[0, 0] == 1
    assert cells[-1, -1] == 1
    assert cells[-1, 20] == 1


def test_the_rank_correlation_is_printed_and_told(pair):
    picture = show.agreement(pair[0], -pair[0] + 1, ("mas", "ewc"))
    assert "rank correlation -1.00 over 2,000 weights" in [text.get_text() for text in picture.texts]
    assert "rank correlation -1.00 over 2,000 weights" in picture.alt
    both = [np.where(np.arange(2000).reshape(40, 50) < 500, 0, values) for values in pair]
    assert "25 % are 0 in both" in show.agreement(*both, ("mas", "ewc")).alt
    assert "no rank correlation" in show.agreement(pair[0], np.ones((40, 50)), ("mas", "ewc")).alt


def test_other_weights_are_refused(pair):
    with pytest.raises(ValueError, match="of the same weights"):
        show.agreement(pair[0], pair[1].T, ("mas", "ewc"))
