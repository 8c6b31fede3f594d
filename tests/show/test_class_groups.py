import numpy as np
import pytest
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from cltutor import show

GROUPS = ("chosen: 3, 7", "others of task 1: 1, 2", "later tasks")


@pytest.fixture
def accuracies():
    rng = np.random.default_rng(0)
    found = {name: rng.uniform(0.3, 1, (4, 3)) for name in ("finetune", "mas", "mas, adapted")}
    for values in found.values():
        values[0, 2] = np.nan
    return found


def lines(picture, name, kind=Line2D):
    return [artist for artist in picture.artists if isinstance(artist, kind) and artist.get_label() == name]


def test_a_method_has_a_line_in_every_groups_panel_from_when_it_is_first_seen(accuracies):
    chosen, _, later = lines(show.adaptation(accuracies, GROUPS), "mas, adapted")
    np.testing.assert_allclose(chosen.get_ydata(), 100 * accuracies["mas, adapted"][:, 0])
    assert list(later.get_xdata()) == [1.5, 2.5, 3.5]
    np.testing.assert_allclose(later.get_ydata(), 100 * accuracies["mas, adapted"][1:, 2])


def test_several_seeds_become_their_mean_and_a_band(accuracies):
    several = {name: np.stack([values, values / 3]) for name, values in accuracies.items()}
    picture = show.adaptation(several, GROUPS)
    np.testing.assert_allclose(lines(picture, "mas")[0].get_ydata(), 100 * several["mas"][:, :, 0].mean(0))
    assert len(lines(picture, "mas", Polygon)) == 3
    assert not lines(show.adaptation(accuracies, GROUPS), "mas", Polygon)


def test_a_method_that_has_learned_nothing_yet_has_no_line(accuracies, readable):
    accuracies["mas"][:] = np.nan
    accuracies["finetune"][2:] = np.nan
    picture = show.adaptation(accuracies, GROUPS)
    assert not lines(picture, "mas")
    assert f"finetune ends with {100 * accuracies['finetune'][1, 0]:.0f} % on chosen: 3, 7" in picture.alt
    readable(picture)


def test_every_size_is_readable(accuracies, readable):
    readable(show.adaptation(accuracies, GROUPS, "press Train to see MAS adapted to this choice"))
    readable(show.adaptation({"mas": accuracies["mas"][:, :2]}, GROUPS[:2]))


def test_groups_without_their_columns_are_refused(accuracies):
    with pytest.raises(ValueError, match=r"of shape \(tasks, 2\)"):
        show.adaptation(accuracies, GROUPS[:2])
    with pytest.raises(ValueError, match="for one method or more"):
        show.adaptation({}, GROUPS)
