import numpy as np
import pytest
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from cltutor import show

SHARES = (0, 0.1, 0.3, 0.9)


@pytest.fixture
def accuracies():
    rng = np.random.default_rng(0)
    return {which: rng.uniform(0.2, 1, (4, 3)) for which in ("least", "random", "most")}


def drawn(picture, kind=Line2D):
    return {artist.get_label(): artist for artist in picture.artists if isinstance(artist, kind)}


def test_every_task_has_a_panel_with_the_accuracy_at_each_share(accuracies):
    lines = drawn(show.damage(SHARES, accuracies))
    assert len(lines) == 9
    x, y = lines["most, task 2"].get_data()
    np.testing.assert_allclose(10 * x, [0, 10, 30, 90])
    np.testing.assert_allclose(y, 100 * accuracies["most"][:, 1])


def test_tasks_that_were_not_learned_have_no_panel(accuracies):
    for values in accuracies.values():
        values[:, 2] = np.nan
    assert set(drawn(show.damage(SHARES, accuracies))) == {f"{w}, task {t}" for w in accuracies for t in (1, 2)}


def test_several_seeds_become_their_mean_and_a_band(accuracies):
    several = {which: np.stack([values, values / 2, values / 4]) for which, values in accuracies.items()}
    picture = show.damage(SHARES, several)
    _, y = drawn(picture)["least, task 1"].get_data()
    np.testing.assert_allclose(y, 100 * several["least"][:, :, 0].mean(0))
    assert set(drawn(picture, Polygon)) == {"least", "random", "most"}
    assert "mean ± one standard deviation over 3 draws or seeds" in [text.get_text() for text in picture.texts]
    assert not drawn(show.damage(SHARES, accuracies), Polygon)


@pytest.mark.parametrize("tasks", [1, 2, 3, 5, 8])
def test_every_size_is_readable(tasks, readable):
    rng = np.random.default_rng(0)
    accuracies = {which: rng.uniform(0.2, 1, (4, tasks)) for which in ("least", "random", "most")}
    readable(show.damage(SHARES, accuracies, "mas after task 5", "given noise", 0.35))


def test_the_alt_text_tells_what_30_percent_cost(accuracies):
    picture = show.damage(SHARES, accuracies, "mas")
    least, most = (100 * accuracies[which][2].mean() for which in ("least", "most"))
    assert f"with 30 % of the weights set to zero, {least:.0f} % with the least important" in picture.alt
    assert f"{most:.0f} % with the most important" in picture.alt
    assert "ranked by mas" in picture.alt


def test_what_does_not_fit_is_refused(accuracies):
    for shares, values, words in [
        ((0, 0.5), accuracies, "2 shares need accuracies of shape"),
        ((0, 0.3, 0.2, 1), accuracies, "shares rise from 0 to 1"),
        ((0, 0.3, 0.5, 30), accuracies, "shares rise from 0 to 1"),
        (SHARES, {"best": accuracies["most"]}, "least, random, most"),
        (SHARES, {}, "least, random, most"),
    ]:
        with pytest.raises(ValueError, match=words):
            show.damage(shares, values)
