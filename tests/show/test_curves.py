import numpy as np
import pytest
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

import cltutor as cl
from cltutor import show
from cltutor.show.over_time import moving_mean


def drawn(picture, kind=Line2D):
    return {artist.get_label(): artist for artist in picture.artists if isinstance(artist, kind)}


@pytest.mark.parametrize("known_task", [True, False])
def test_each_line_is_its_tasks_curve_in_percent_from_when_it_is_first_seen(run, known_task):
    one = run("lwf", tasks=3, epochs=4, competes=True)
    lines = drawn(show.accuracy_over_time(one, known_task))
    curves = one.curves.known if known_task else one.curves.unknown
    assert set(lines) == {f"lwf across tasks, task {task + 1}" for task in range(3)}
    for task in range(3):
        x, y = lines[f"lwf across tasks, task {task + 1}"].get_data()
        assert x == pytest.approx(np.arange(4 * task + 1, 13) / 4)
        assert y == pytest.approx(100 * curves[4 * task :, task])
    first = lines["lwf across tasks, task 1"]
    assert list(first.get_xdata()[first.get_markevery()]) == [1, 2, 3]


def test_a_first_task_that_was_never_trained_has_its_point_from_the_matrix(run):
    one = run("lwf", tasks=2, epochs=2)
    kept = one.curves.epoch_task > 0
    one.curves.known, one.curves.epoch_task = one.curves.known[kept], one.curves.epoch_task[kept]
    x, y = drawn(show.accuracy_over_time(one))["lwf, task 1"].get_data()
    assert list(x) == [1, 1.5, 2]
    assert y[0] == pytest.approx(100 * one.known[0, 0])


def test_seeds_become_their_mean_and_a_band_of_one_standard_deviation(run, texts):
    runs = [run("lwf", seed=seed, tasks=2, loss=0.3) for seed in range(3)]
    picture = show.accuracy_over_time(runs)
    values = 100 * np.array([one.curves.known[:, 0] for one in runs])
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1)
    assert drawn(picture)["lwf, task 1"].get_ydata() == pytest.approx(mean)
    corners = {tuple(point) for point in drawn(picture, Polygon)["lwf, task 1"].get_xy().round(6)}
    x = np.arange(1, len(mean) + 1) / 4
    ends = np.column_stack([np.tile(x, 2), np.append(mean - spread, np.minimum(mean + spread, 100))])
    assert corners == {tuple(point) for point in ends.round(6)}
    assert "mean ± one standard deviation over 3 runs" in texts(picture)
    alone = show.accuracy_over_time(runs[0])
    assert not drawn(alone, Polygon)
    assert not any("mean" in text for text in texts(alone))


def test_the_lines_lie_within_their_panels(run):
    picture = show.accuracy_over_time([run(name, tasks=4, loss=0.4) for name in ("lwf", "joint")])
    for label, line in drawn(picture).items():
        x = line.get_transform().transform(line.get_xydata())[:, 0] / picture.dpi
        left = 0.85 + 2.5 * (int(label[-1]) - 1)
        assert x.min() > left
        assert x.max() == pytest.approx(left + 2.35)


def test_a_mark_and_a_note_name_the_methods_that_never_competed(run, texts, legend):
    runs = [run("lwf"), run("joint", competes=True)]
    picture, known = show.accuracy_over_time(runs, known_task=False), show.accuracy_over_time(runs)
    assert legend(picture)[:2] == ["lwf*", "joint across tasks"]
    assert any("* trained per task" in text for text in texts(picture))
    assert "never learned to compete" in picture.alt
    assert legend(known)[:2] == ["lwf", "joint across tasks"]
    assert "never learned to compete" not in known.alt


def test_a_run_that_is_still_learning_fills_its_part_of_the_task(run):
    one = run("lwf", tasks=3, epochs=4, learned=2)
    one.known[1] = np.nan
    one.curves.known = one.curves.known[:6]
    one.curves.epoch_task = one.curves.epoch_task[:6]
    lines = drawn(show.accuracy_over_time([one, run("finetune", epochs=4)]))
    assert lines["lwf, task 1"].get_xdata()[-1] == pytest.approx(1.5)
    assert "lwf, task 3" not in lines


def test_a_lone_first_point_has_a_mark_for_a_line_needs_two(run, artists):
    stopped = run(learned=2, epochs=2)
    stopped.known[1] = stopped.curves.known[3] = np.nan
    picture = show.accuracy_over_time(stopped)
    lines = {line.get_label(): line for line in artists(picture) if np.isfinite(line.get_ydata()).any()}
    assert lines["finetune, task 1"].get_markevery() == [1]  # after the task
    assert lines["finetune, task 2"].get_markevery() == [0]


def test_a_run_that_has_just_begun_is_an_empty_page_that_says_so(run, readable):
    picture = show.accuracy_over_time(run("lwf", learned=0))
    assert not drawn(picture)
    assert "nothing has been learned yet" in picture.alt
    readable(picture)


def test_a_network_with_separate_columns_is_shown_after_its_tasks_with_the_task_unknown(tiny):
    picture = show.accuracy_over_time(cl.learn(tiny, "dfcnn", epochs=1, progress=False), known_task=False)
    assert "dfcnn ends with" in picture.alt


def test_each_term_of_a_loss_has_its_raw_values_and_their_moving_mean_where_it_is_active(run):
    one = run("lwf", tasks=2, steps=30)
    axes = show.loss_parts(one).axes[0]
    raw, smooth, *_ = axes.lines
    x, y = raw.get_data()
    drawn = np.isfinite(x)
    assert list(x[drawn]) == list(range(1, 61))
    assert y[drawn] == pytest.approx(one.curves.loss["cross_entropy"])
    assert smooth.get_label() == "cross_entropy"
    assert np.nanstd(np.diff(smooth.get_ydata())) < np.nanstd(np.diff(y))
    (line,) = [line for line in axes.lines if line.get_label() == "distillation"]
    active = line.get_xdata()[np.isfinite(line.get_ydata())]
    assert (active.min(), active.max()) == (31, 60)


def test_no_line_of_a_loss_crosses_from_one_task_into_the_next(run):
    for line in show.loss_parts(run("lwf", tasks=3, steps=700)).axes[0].lines:
        x, y = line.get_data()
        joined = np.isfinite(y[1:]) & np.isfinite(y[:-1])
        tasks = (x - 1) // 700
        assert not (joined & (tasks[1:] != tasks[:-1])).any()


def test_the_moving_mean_equals_a_loop():
    values = np.array([1.0, 2.0, np.nan, 4.0, 8.0, 16.0])
    means = []
    for i, value in enumerate(values):
        near = [v for v in values[max(0, i - 1) : i + 2] if not np.isnan(v)]
        means.append(sum(near) / len(near) if not np.isnan(value) else np.nan)
    assert moving_mean(values, 3) == pytest.approx(means, nan_ok=True)


def test_steps_are_whole_numbers_and_the_boundaries_between_tasks_are_marked_and_numbered(run):
    picture = show.loss_parts(run("lwf", tasks=3, steps=30))
    (axes,) = picture.axes
    assert [segment[0, 0] for segment in axes.collections[0].get_segments()] == [30.5, 60.5]
    assert [text.get_text() for text in axes.texts] == ["task 1", "task 2", "task 3"]
    assert all(float(place).is_integer() for place in axes.get_xticks())
    assert "lwf over 90 steps and 3 tasks: cross_entropy, step 90 (task 3): mean" in picture.alt
