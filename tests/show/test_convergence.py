import numpy as np
import pytest
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from cltutor import show
from cltutor.evaluation.metrics import mean_interval
from cltutor.show.style import look

CURVES = np.random.default_rng(0).uniform(0.2, 0.4, (5, 20))


def drawn(picture, kind, name):
    """The points of a line or of a band, back in per cent and epochs: the panel is the picture's first."""
    [artist] = [one for one in picture.findobj(kind) if one.get_label() == f"{name}, he"]
    return np.array(artist.get_xydata() if kind is Line2D else artist.get_xy())


def test_the_lines_are_means_over_seeds_and_the_bands_their_95_percent_intervals():
    picture = show.convergence({"he": {"dfcnn": CURVES, "single_task": CURVES[:, ::-1] / 2}})
    mean, half = np.array([mean_interval(epoch) for epoch in CURVES.T]).T
    line = drawn(picture, Line2D, "dfcnn")
    assert line[:, 0] == pytest.approx(np.arange(20) + 0.5)
    assert line[:, 1] == pytest.approx(100 * mean)
    band = drawn(picture, Polygon, "dfcnn")
    ends = np.column_stack([np.tile(line[:, 0], 2), 100 * np.append(mean - half, mean + half)])
    assert {tuple(point) for point in band.round(6)} == {tuple(point) for point in ends.round(6)}
    assert [text.get_text() for text in picture.legends[0].get_texts()] == ["dfcnn", "single_task"]
    assert look("dfcnn").color in {one.get_color() for one in picture.findobj(Line2D)}
    assert f"dfcnn, he, after epoch 20: {100 * mean[-1]:.1f} ±" in picture.alt


def test_one_seed_has_no_band_and_each_heading_a_panel():
    picture = show.convergence({"he": {"dfcnn": CURVES[:1]}, "authors": {"dfcnn": CURVES[:1]}}, "first task")
    assert not picture.findobj(lambda one: isinstance(one, Polygon) and "dfcnn" in str(one.get_label()))
    words = [text.get_text() for text in picture.texts]
    assert {"he", "authors", "epoch", "first task, test accuracy after each epoch"} <= set(words)
    assert not any("interval" in text for text in words)
