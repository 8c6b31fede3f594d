from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cltutor import show
from cltutor.evaluation import metrics
from cltutor.show.transfer import TASKS, differences, filter_distances, task_look

N = np.nan
KNOWN = np.array(
    [
        [0.5, N, N],
        [0.9, N, N],
        [0.8, N, N],
        [N, 0.4, N],
        [0.7, 0.6, N],
        [N, 0.5, N],
        [0.75, 0.55, 0.9],
        [0.6, 0.65, 0.8],
    ]
)
LEARNING = np.array([0, 0, 0, 1, 1, 1, 2, 2])


def lines_of(picture, task):
    return [line for line in picture.axes[0].lines if line.get_label() == f"task {task + 1}"]


def test_a_line_is_thick_while_its_task_is_learned_and_goes_on_thin_over_what_was_not_tested(readable):
    picture = show.reverse_transfer(KNOWN, LEARNING, "dfcnn")
    thick, thin = lines_of(picture, 0)
    np.testing.assert_allclose(thick.get_xdata(), [1, 2, 3])
    np.testing.assert_allclose(thick.get_ydata(), [50, 90, 80])
    np.testing.assert_allclose(thin.get_xdata(), [3, 5, 7, 8])  # nothing was tested at 4 and 6
    np.testing.assert_allclose(thin.get_ydata(), [80, 70, 75, 60])
    assert thick.get_linewidth() > thin.get_linewidth()
    assert thick.get_color() == thin.get_color() == task_look(0).color
    for task in range(3):
        x = np.concatenate([line.get_xdata() for line in lines_of(picture, task)])
        y = np.concatenate([line.get_ydata() for line in lines_of(picture, task)])
        assert np.isfinite([x, y]).all()
    readable(picture)


def test_the_peak_of_a_task_s_own_epochs_is_marked_and_no_later_one():
    picture = show.reverse_transfer(KNOWN, LEARNING)
    marks = [line for line in picture.axes[0].lines if line.get_marker() in {task_look(t).marker for t in range(3)}]
    assert [(mark.get_xdata()[0], mark.get_ydata()[0]) for mark in marks] == [(2, 90), (5, 60), (7, 90)]
    np.testing.assert_allclose([mark.get_ydata()[0] / 100 for mark in marks], metrics.peak_accuracy(KNOWN, LEARNING))


def test_the_table_holds_the_accuracy_when_learned_and_the_differences_to_it(readable):
    expected = np.array([[0.8, -0.1, -0.2], [N, 0.5, 0.15], [N, N, 0.8]])
    np.testing.assert_allclose(differences(KNOWN, LEARNING), expected)
    picture = show.transfer_table(KNOWN, LEARNING, "dfcnn")
    (axes,) = picture.axes
    cells = [(round(t.get_position()[1]), t.get_text()) for t in axes.texts]
    assert cells == [(0, "80.0"), (0, "-10.0"), (0, "-20.0"), (1, "50.0"), (1, "+15.0"), (2, "80.0")]
    np.testing.assert_allclose(axes.collections[0].get_array().compressed(), [-10, -20, 15])
    low, high = axes.collections[0].get_clim()
    assert (low, high) == pytest.approx((-20, 20))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3"]
    words = "old tasks change by -2.5 points on average since they were learned, from -20.0 (task 1) to +15.0 (task 2)"
    assert words in picture.alt
    assert words in show.reverse_transfer(KNOWN, LEARNING).alt
    readable(picture)


def test_a_column_of_the_table_lies_under_the_epochs_of_its_task():
    curves, table = show.reverse_transfer(KNOWN, LEARNING), show.transfer_table(KNOWN, LEARNING)
    assert [t.get_position()[0] for t in table.axes[0].texts[:3]] == [2, 5, 7.5]
    assert curves.axes[0].get_xlim() == table.axes[0].get_xlim()
    assert curves.get_figwidth() == table.get_figwidth()
    one, other = (picture.axes[0].get_position() for picture in (curves, table))
    assert (one.x0, one.x1) == (other.x0, other.x1)


def test_what_is_gained_is_blue_and_what_is_lost_is_red():
    mesh = show.transfer_table(KNOWN, LEARNING).axes[0].collections[0]
    lost, gained = mesh.to_rgba([-20.0, 20.0])
    assert lost[0] > lost[2]
    assert gained[2] > gained[0]


def test_no_difference_has_no_sign():
    known = np.array([[0.5, N], [0.5 - 1e-9, 0.5]])
    assert [t.get_text() for t in show.transfer_table(known, [0, 1]).axes[0].texts] == ["50.0", "0.0", "50.0"]


def test_a_task_that_was_never_tested_while_a_later_one_was_learned_has_an_empty_cell(readable):
    known = KNOWN.copy()
    known[3:6, 0] = N
    found = differences(known, LEARNING)
    assert np.isnan(found[0, 1])
    assert found[0, 2] == pytest.approx(-0.2)
    readable(show.reverse_transfer(known, LEARNING))
    readable(show.transfer_table(known, LEARNING))


def test_of_several_runs_the_mean_is_drawn():
    other = KNOWN - 0.1
    picture = show.reverse_transfer(np.stack([KNOWN, other]), LEARNING)
    np.testing.assert_allclose(lines_of(picture, 0)[0].get_ydata(), [45, 85, 75])


def test_references_are_dotted_lines_across(readable):
    picture = show.reverse_transfer(KNOWN, LEARNING, references={"single_task": 0.7, "single_task_large": 0.95})
    heights = [line.get_ydata()[0] for line in picture.axes[0].lines if line.get_linewidth() == 1.3]
    assert heights == [70, 95]
    names = [text.get_text() for text in picture.legends[0].get_texts()]
    assert names == ["task 1", "task 2", "task 3", "single_task", "single_task_large"]
    assert picture.axes[0].get_ylim()[1] > 95
    readable(picture)


@pytest.mark.parametrize(("tasks", "epochs"), [(1, 1), (2, 3), (5, 100), (10, 20), (20, 4)])
def test_pictures_of_every_length_are_readable(tasks, epochs, readable):
    learning = np.repeat(np.arange(tasks), epochs)
    known = np.random.default_rng(0).uniform(0.5, 1, (tasks * epochs, tasks))
    known[learning[:, None] < np.arange(tasks)] = N
    readable(show.reverse_transfer(known, learning, "dfcnn", {"single_task": 0.8}))
    readable(show.transfer_table(known, learning, "dfcnn"))


def test_a_run_that_is_not_over_has_lines_for_the_tasks_begun(readable):
    picture = show.reverse_transfer(KNOWN[:4], LEARNING[:4])
    assert [text.get_text() for text in picture.legends[0].get_texts()] == ["task 1", "task 2"]
    readable(picture)
    readable(show.transfer_table(KNOWN[:4], LEARNING[:4]))


def test_forty_tasks_have_looks_of_their_own():
    looks = [task_look(task) for task in range(4 * len(TASKS))]
    assert len({(look.color, look.line) for look in looks}) == len(looks)
    assert len({look.color for look in looks[:10]}) == 10


class Moved:
    """A run of three tasks whose filters are known: task t's are all 1 at first, and grow with what is learned."""

    name, learned, tasks = "dfcnn", 3, ((0,), (1,), (2,))

    def model_after(self, now):
        def filters(layer, task):
            assert task <= now
            own = torch.ones(3, 3, 2, 2)
            own[0, 0, 0, 0] += (now - task) * (layer + 1) * (-1) ** task
            return own

        return SimpleNamespace(layers=2, filters=filters)


def test_the_distance_is_relative_to_the_filters_when_the_task_had_been_learned():
    found = filter_distances(Moved())
    assert found.shape == (3, 3, 2)
    for task in range(3):
        for now in range(3):
            for layer in range(2):
                value = found[task, now, layer]
                if now < task:
                    assert np.isnan(value)
                else:
                    assert value == pytest.approx((now - task) * (layer + 1) / 6)  # 36 ones have the norm 6


def test_tasks_that_were_not_learned_have_no_distance():
    run = Moved()
    run.learned = 2
    found = filter_distances(run)
    assert np.isfinite(found[:2, :2][np.triu_indices(2)]).all()
    assert np.isnan(found[2]).all()
    assert np.isnan(found[:, 2]).all()


def test_the_changes_are_drawn_in_percent_a_panel_a_layer(readable):
    picture = show.filter_changes(filter_distances(Moved()), "dfcnn")
    assert len(picture.axes) == 2
    for layer, axes in enumerate(picture.axes):
        first, second = axes.lines
        np.testing.assert_allclose(first.get_xdata(), [1, 2, 3])
        np.testing.assert_allclose(first.get_ydata(), [0, 100 * (layer + 1) / 6, 200 * (layer + 1) / 6])
        np.testing.assert_allclose(second.get_ydata(), [0, 100 * (layer + 1) / 6])
        assert axes.get_ylim() == picture.axes[0].get_ylim()
    assert "task 1 after task 3, 33 % in layer 1, 67 % in layer 2" in picture.alt
    readable(picture)


@pytest.mark.parametrize(("tasks", "layers"), [(2, 1), (10, 4), (20, 6)])
def test_changes_of_every_size_are_readable(tasks, layers, readable):
    changes = np.random.default_rng(0).uniform(0, 1, (tasks, tasks, layers))
    changes[np.tril_indices(tasks, -1)] = N
    readable(show.filter_changes(changes))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: show.reverse_transfer(KNOWN[0], LEARNING), r"curves must be \(E, T\)"),
        (lambda: show.reverse_transfer(KNOWN, LEARNING[1:]), "epoch_task"),
        (lambda: show.reverse_transfer(KNOWN[:0], LEARNING[:0]), r"curves must be \(E, T\)"),
        (lambda: show.transfer_table(KNOWN, LEARNING[1:]), "epoch_task"),
        (lambda: show.filter_changes(np.zeros((2, 3, 1))), r"changes \(tasks, tasks, layers\)"),
        (lambda: show.filter_changes(np.zeros((1, 1, 1))), "after two tasks or more"),
    ],
)
def test_bad_arguments_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()


def test_a_run_whose_filters_are_not_rebuilt_has_no_distances():
    run = Moved()
    run.name, run.model_after = "single_task", lambda now: SimpleNamespace()
    with pytest.raises(ValueError, match="single_task builds no task's filters"):
        filter_distances(run)
