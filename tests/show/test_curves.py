import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

import cltutor as cl
from cltutor import show
from cltutor.show.style import look

NAMES = ["finetune", "lwf", "joint", "l2", "expansion_lwf"]


def drawn(picture, kind=Line2D):
    return {artist.get_label(): artist for artist in picture.artists if isinstance(artist, kind)}


def words(picture):
    return [text.get_text() for text in picture.texts]


@pytest.mark.parametrize("known_task", [True, False])
def test_each_line_is_its_tasks_curve_in_percent_from_when_it_is_first_seen(run, known_task):
    one = run("lwf", tasks=3, epochs=4, competes=True)
    lines = drawn(show.accuracy_over_time(one, known_task))
    curves = one.curves.known if known_task else one.curves.unknown
    assert set(lines) == {"lwf, task 1", "lwf, task 2", "lwf, task 3"}
    for task in range(3):
        x, y = lines[f"lwf, task {task + 1}"].get_data()
        assert x == pytest.approx(np.arange(4 * task + 1, 13) / 4)
        assert y == pytest.approx(100 * curves[4 * task :, task])


def test_without_curves_the_points_are_those_of_the_matrix(run):
    one = run("lwf", tasks=3, per_epoch=False)
    x, y = drawn(show.accuracy_over_time(one))["lwf, task 2"].get_data()
    assert list(x) == [2, 3]
    assert y == pytest.approx(100 * one.known[1:, 1])


def test_a_first_task_that_was_never_trained_has_its_point_from_the_matrix(run):
    one = run("lwf", tasks=2, epochs=2)
    kept = one.curves.epoch_task > 0
    one.curves.known, one.curves.epoch_task = one.curves.known[kept], one.curves.epoch_task[kept]
    x, y = drawn(show.accuracy_over_time(one))["lwf, task 1"].get_data()
    assert list(x) == [1, 1.5, 2]
    assert y[0] == pytest.approx(100 * one.known[0, 0])


def test_marks_lie_after_each_task(run):
    line = drawn(show.accuracy_over_time(run("lwf", tasks=3, epochs=4)))["lwf, task 1"]
    assert list(line.get_xdata()[line.get_markevery()]) == [1, 2, 3]


def test_seeds_become_their_mean_and_a_band_of_one_standard_deviation(run):
    runs = [run("lwf", seed=seed, tasks=2, loss=0.3) for seed in range(3)]
    picture = show.accuracy_over_time(runs)
    values = 100 * np.array([one.curves.known[:, 0] for one in runs])
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1)
    assert drawn(picture)["lwf, task 1"].get_ydata() == pytest.approx(mean)
    corners = drawn(picture, Polygon)["lwf, task 1"].get_xy()
    low, high = corners[: len(mean), 1], corners[len(mean) : 2 * len(mean), 1][::-1]
    assert low == pytest.approx(mean - spread)
    assert high == pytest.approx(np.minimum(mean + spread, 100))
    assert "mean ± one standard deviation over 3 runs" in words(picture)


def test_a_single_run_has_no_band_and_no_word_of_a_mean(run):
    picture = show.accuracy_over_time(run("lwf"))
    assert not drawn(picture, Polygon)
    assert not any("mean" in text for text in words(picture))


def test_a_method_has_its_colour_and_its_line_in_every_panel(run):
    lines = drawn(show.accuracy_over_time([run(name) for name in NAMES]))
    for name in NAMES:
        own = [line for label, line in lines.items() if label.startswith(f"{name},")]
        assert {to_hex(line.get_color()) for line in own} == {look(name).color.lower()}
        assert {line.get_marker() for line in own} == {look(name).marker}
        assert len(own) == 3


def test_the_lines_lie_within_their_panels(run):
    picture = show.accuracy_over_time([run(name, tasks=4, loss=0.4) for name in NAMES])
    for label, line in drawn(picture).items():
        x = line.get_transform().transform(line.get_xydata())[:, 0] / picture.dpi
        left = 0.85 + 2.5 * (int(label[-1]) - 1)
        assert x.min() > left
        assert x.max() == pytest.approx(left + 2.35)


def test_a_mark_and_a_note_tell_who_never_competed(run):
    picture = show.accuracy_over_time([run("lwf"), run("joint", competes=True)], known_task=False)
    assert [text.get_text() for text in picture.legends[0].texts][:2] == ["lwf*", "joint"]
    assert any(text.startswith("* trained per task") for text in words(picture))
    assert "never learned to compete" in picture.alt
    known = show.accuracy_over_time([run("lwf"), run("joint", competes=True)])
    assert [text.get_text() for text in known.legends[0].texts][:2] == ["lwf", "joint"]
    assert "never learned to compete" not in known.alt


def test_a_run_that_is_still_learning_fills_its_part_of_the_task(run):
    one = run("lwf", tasks=3, epochs=4, learned=2)
    one.known[1] = np.nan
    one.curves.known = one.curves.known[:6]
    one.curves.epoch_task = one.curves.epoch_task[:6]
    lines = drawn(show.accuracy_over_time([one, run("finetune", epochs=4)]))
    assert lines["lwf, task 1"].get_xdata()[-1] == pytest.approx(1.5)
    assert "lwf, task 3" not in lines


def test_a_run_that_has_just_begun_is_an_empty_page_that_says_so(run, readable):
    picture = show.accuracy_over_time(run("lwf", learned=0))
    assert not drawn(picture)
    assert "nothing has been learned yet" in picture.alt
    readable(picture)


def test_the_alt_text_tells_where_each_method_ends(run):
    one, other = run("finetune"), run("joint")
    one.curves.known[-1] = [0.25, 0.5, 0.75]
    other.curves.known[-1] = [0.9, 0.9, 0.9]
    told = show.accuracy_over_time([one, other]).alt
    assert "finetune ends with 25 % on task 1 and 50 % on average" in told
    assert "joint ends with 90 % on task 1 and 90 % on average" in told


@pytest.mark.parametrize("tasks", [1, 2, 5, 7, 10])
@pytest.mark.parametrize(("count", "known_task"), [(1, False), (3, True), (5, False)])
def test_every_size_is_readable(run, readable, tasks, count, known_task):
    runs = [run(name, seed, tasks, loss=0.12) for name in NAMES[:count] for seed in range(2)]
    readable(show.accuracy_over_time(runs, known_task))


def test_a_network_of_separate_ways_is_shown_after_its_tasks_with_the_task_unknown(tiny):
    picture = show.accuracy_over_time(cl.learn(tiny, "dfcnn", epochs=1, progress=False), known_task=False)
    assert "dfcnn ends with" in picture.alt
