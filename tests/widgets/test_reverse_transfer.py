import numpy as np
import pytest
from matplotlib.lines import Line2D
from matplotlib.text import Text

import cltutor as cl
from cltutor.show.transfer import filter_distances
from cltutor.training.events import EpochDone
from cltutor.widgets.reverse_transfer import epochs_between
from cltutor.widgets.training import Pace

METHODS = ("dfcnn_small", "hard_sharing", "single_task")


@pytest.fixture
def tool(stream, watched):
    return watched(cl.widgets.ReverseTransfer, stream, METHODS, epochs=2)


@pytest.fixture(scope="module")
def trained(stream, watched, train):
    made = watched(cl.widgets.ReverseTransfer, stream, METHODS, epochs=2)
    train(made)
    return made


def press(tool, method):
    tool.controls.controls["method"].value = method


def test_the_numbers_are_those_of_learn(trained, stream):
    run = cl.learn(stream, trained.recipes["dfcnn_small"], progress=False)
    found = trained.results["dfcnn_small"]
    np.testing.assert_array_equal(found.known, run.curves.known)
    np.testing.assert_array_equal(trained.changes["dfcnn_small"], filter_distances(run))
    assert list(trained.changes) == ["dfcnn_small"]  # no other method rebuilds filters


def test_old_tasks_are_tested_ten_times_a_task_or_more_and_at_its_end():
    assert [epochs_between(epochs) for epochs in (1, 5, 10, 20, 25, 100, 101, 2000)] == [1, 1, 1, 2, 1, 10, 1, 200]


def test_every_method_is_another_picture_and_comes_from_memory(trained):
    drawn, shown = trained.draw.count, set()
    for method in METHODS:
        press(trained, method)
        shown.add(str(trained.panes[0].drawing))
        assert f"Each task while it is learned and after, {method}: peaks average" in trained.panes[0].words
        assert f"What later tasks do to earlier ones, {method}, in points of accuracy" in trained.panes[1].words
    assert len(shown) == 3
    assert trained.draw.count == drawn


def test_how_far_filters_have_moved_is_shown_of_a_method_that_rebuilds_them(trained):
    trained.controls.controls["view"].value = "filters"
    press(trained, "dfcnn_small")
    assert "How far later tasks move a task's filters, dfcnn_small" in trained.panes[0].words
    assert trained.panes[1].drawing == {}
    press(trained, "single_task")
    assert trained.panes[0].words.startswith("single_task rebuilds no filters from shared knowledge")
    trained.controls.controls["view"].value = "accuracy"


def test_a_touched_column_of_the_table_moves_the_curves_to_the_end_of_its_task(trained):
    press(trained, "dfcnn_small")
    for key, frame in (("after 0, on 0", 1), ("after 1, on 0", 3)):
        assert key in str(trained.panes[1].drawing)
        trained.panes[1].touched = {"key": key, "words": "", "count": frame}
        assert trained.panes[0].frame == frame


def test_the_mean_peak_of_single_task_learning_is_a_line_of_the_others(trained):
    alone = trained.results["single_task"]
    peak = 100 * np.mean([np.nanmax(alone.known[alone.epoch_task == task, task]) for task in range(2)])
    press(trained, "single_task")
    trained.album.clear()
    heights = {}
    for method in METHODS:
        press(trained, method)
        curves = next(p for p in reversed(trained.draw.pictures) if p.alt.startswith("Each task while it is learned"))
        assert ("single_task, mean peak" in words(curves)) == (method != "single_task")
        lines = [np.unique(line.get_ydata()) for line in curves.findobj(Line2D)]
        heights[method] = [float(y[0]) for y in lines if len(y) == 1]
    assert pytest.approx(peak) not in heights["single_task"]
    assert pytest.approx(peak) in heights["dfcnn_small"]
    assert pytest.approx(peak) in heights["hard_sharing"]


def words(picture):
    return [text.get_text() for text in picture.findobj(Text)]


def test_curves_grow_while_a_method_is_learned(tool, train):
    tool.pace = Pace(pause=0, share=0)
    seen = []

    def watch(event):
        if isinstance(event, EpochDone) and event.run.name == "dfcnn_small":
            epochs = len(tool.results["dfcnn_small"].epoch_task)
            seen.append((epochs, str(tool.panes[0].drawing), list(tool.changes)))

    tool.train.stop = watch  # it never asks to stop
    train(tool)
    assert [count for count, _, _ in seen] == [1, 2, 3, 4]
    assert len({picture for _, picture, _ in seen}) == 4
    assert [changes for _, _, changes in seen] == [[], [], [], []]
    assert list(tool.changes) == ["dfcnn_small"]


def test_a_method_that_was_not_trained_yet_says_so_and_stop_keeps_what_was_learned(tool, train):
    tool.train.stop = lambda event: event.task == 1
    train(tool)
    assert not tool.results["dfcnn_small"].complete
    assert "no old task has been tested since" in tool.panes[1].words
    press(tool, "single_task")
    assert "single_task has not been trained yet: press Train." in tool.panes[0].words
    assert tool.panes[1].drawing == {}
