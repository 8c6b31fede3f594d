import numpy as np
import pytest
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from cltutor import show

SHARES = (1.0, 0.3, 0.1, 0.03)


@pytest.fixture
def runs(run):
    return {
        share: [run(name, seed, tasks=3, loss=0.1 + 0.2 * share) for name in ("finetune", "lwf") for seed in (0, 1)]
        for share in SHARES
    }


def artists(picture, kind, name):
    """The two artists of a method: on the old tasks, on the newest."""
    return [artist for artist in picture.artists if isinstance(artist, kind) and artist.get_label() == name]


def test_lines_are_the_mean_of_the_old_tasks_and_the_newest_task_at_the_end(runs):
    old, new = artists(show.accuracy_by_share(runs), Line2D, "lwf")
    for k, share in enumerate(SHARES):
        rows = np.array([run.known[-1] for run in runs[share][2:]])
        assert old.get_ydata()[k] == pytest.approx(100 * rows[:, :2].mean())
        assert new.get_ydata()[k] == pytest.approx(100 * rows[:, 2].mean())


def test_shares_go_down_from_left_to_right_whatever_their_order(runs):
    backwards = {share: runs[share] for share in reversed(SHARES)}
    line, same = (artists(show.accuracy_by_share(r), Line2D, "lwf")[0] for r in (runs, backwards))
    assert list(line.get_ydata()) == list(same.get_ydata())
    words = [text.get_text() for text in show.accuracy_by_share(backwards).texts]
    assert [word for word in words if word in ("100", "30", "10", "3")][:4] == ["100", "30", "10", "3"]


def test_several_runs_have_a_band_and_one_run_has_none(runs):
    assert len(artists(show.accuracy_by_share(runs), Polygon, "finetune")) == 2
    alone = {share: several[::2] for share, several in runs.items()}
    assert artists(show.accuracy_by_share(alone), Polygon, "finetune") == []


def test_nothing_is_clipped_or_overlaps_and_the_ends_are_told(runs, run, readable):
    picture = show.accuracy_by_share(runs)
    readable(picture)
    old = 100 * np.mean([r.known[-1, :2].mean() for r in runs[1.0][2:]])
    assert f"lwf goes from {old:.0f} % on old tasks" in picture.alt
    many = ("finetune", "feature_extraction", "joint", "lwf", "expansion_lwf")
    readable(show.accuracy_by_share({share: [run(name) for name in many] for share in SHARES}))
    readable(show.accuracy_by_share(runs, known_task=False))


def test_runs_that_cannot_be_compared_are_refused(runs, run):
    with pytest.raises(ValueError, match="one share of the images or more"):
        show.accuracy_by_share({})
    with pytest.raises(ValueError, match="the same methods"):
        show.accuracy_by_share({1.0: [run("lwf")], 0.1: [run("finetune")]})
    with pytest.raises(ValueError, match="two tasks or more"):
        show.accuracy_by_share({1.0: [run(tasks=1)]})
