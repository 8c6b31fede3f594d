"""Accuracies on groups of classes, with fewer images and with damaged weights: one panel each."""

import numpy as np
import pytest
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from cltutor import show
from cltutor.show.panels import WORDS

GROUPS = ("chosen: 3, 7", "others of task 1: 1, 2", "later tasks")
SHARES, DAMAGED = (1.0, 0.3, 0.1, 0.03), (0, 0.1, 0.3, 0.9)


@pytest.fixture
def groups():
    """Two seeds of each method (2, 4, 3)."""
    rng = np.random.default_rng(0)
    found = {name: rng.uniform(0.3, 1, (2, 4, 3)) for name in ("finetune", "mas", "mas, adapted")}
    for values in found.values():
        values[:, 0, 2] = np.nan
    return found


@pytest.fixture
def runs(run):
    names = ("finetune", "lwf")
    return {s: [run(name, seed, loss=0.1 + 0.2 * s) for name in names for seed in (0, 1)] for s in SHARES}


@pytest.fixture
def damaged():
    """Three draws of each kind of damage (3, 4, 3)."""
    rng = np.random.default_rng(0)
    return {which: rng.uniform(0.2, 1, (3, 4, 3)) for which in ("least", "random", "most")}


def test_a_method_has_a_line_in_every_groups_panel_from_when_it_is_first_seen(groups, artists):
    picture, mean = show.adaptation(groups, GROUPS), 100 * groups["mas, adapted"].mean(0)
    chosen, later = (artists(picture, Line2D, f"mas, adapted, {group}")[0] for group in (GROUPS[0], GROUPS[2]))
    np.testing.assert_allclose(chosen.get_ydata(), mean[:, 0])
    assert list(later.get_xdata()) == [1.5, 2.5, 3.5]
    np.testing.assert_allclose(later.get_ydata(), mean[1:, 2])
    assert all(len(artists(picture, Polygon, f"mas, {group}")) == 1 for group in GROUPS)  # bands


def test_a_method_that_has_learned_nothing_yet_has_no_line(groups, readable, artists):
    groups["mas"][:] = np.nan
    groups["finetune"][:, 2:] = np.nan
    picture = show.adaptation(groups, GROUPS)
    assert not any(artists(picture, Line2D, f"mas, {group}") for group in GROUPS)
    assert artists(picture, Line2D, f"finetune, {GROUPS[0]}")
    assert f"finetune, chosen: 3, 7, after task 2: {100 * groups['finetune'][:, 1, 0].mean():.1f} ±" in picture.alt
    readable(picture)


def test_lines_are_the_mean_of_the_old_tasks_and_the_newest_task_at_the_end_by_falling_share(runs, artists, texts):
    picture = show.accuracy_by_share(runs)
    (old,), (new,) = (artists(picture, Line2D, f"lwf, {which}") for which in ("old tasks", "newest task"))
    for k, share in enumerate(SHARES):
        rows = np.array([run.known[-1] for run in runs[share][2:]])
        assert old.get_ydata()[k] == pytest.approx(100 * rows[:, :2].mean())
        assert new.get_ydata()[k] == pytest.approx(100 * rows[:, 2].mean())
    assert f"lwf, old tasks, with 100 % of the images: {old.get_ydata()[0]:.1f} ±" in picture.alt
    assert f"lwf, newest task, with 3 % of the images: {new.get_ydata()[-1]:.1f} ±" in picture.alt
    assert len(artists(picture, Polygon, "finetune, old tasks")) == 1  # a band
    backwards = show.accuracy_by_share({share: runs[share] for share in reversed(SHARES)})
    assert list(artists(backwards, Line2D, "lwf, old tasks")[0].get_ydata()) == list(old.get_ydata())
    assert [word for word in texts(backwards) if word in ("100", "30", "10", "3")][:4] == ["100", "30", "10", "3"]


def test_every_task_that_was_learned_has_a_panel_with_the_accuracy_at_each_share(damaged, artists, texts):
    for values in damaged.values():
        values[:, :, 2] = np.nan
    picture = show.damage(DAMAGED, damaged, "mas")
    assert {line.get_label() for line in artists(picture)} == {f"{w}, task {t}" for w in WORDS.values() for t in (1, 2)}
    (line,) = artists(picture, Line2D, "most important, task 2")
    np.testing.assert_allclose(10 * line.get_xdata(), [0, 10, 30, 90])
    np.testing.assert_allclose(line.get_ydata(), 100 * damaged["most"][:, :, 1].mean(0))
    assert len(artists(picture, Polygon, "most important, task 2")) == 1  # a band
    notes = "\n".join(texts(picture)).split("\n")
    assert "mean ± one standard deviation over 3 draws or seeds" in notes
    assert "above each panel: the accuracies at this share, in the order of the legend" in notes
    least, most = (100 * np.nanmean(damaged[which][:, 2]) for which in ("least", "most"))
    assert f"with 30 % of the weights set to zero, {least:.0f} % with the least important" in picture.alt
    assert f"{most:.0f} % with the most important" in picture.alt
    assert "ranked by mas" in picture.alt
