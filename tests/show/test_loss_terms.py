import numpy as np
import pytest

from cltutor import show
from cltutor.show.loss_terms import moving_mean


def test_each_term_has_its_raw_values_and_theirmoving_mean(run):
    one = run("lwf", tasks=2, steps=30)
    raw, smooth, *_ = show.loss_parts(one).axes[0].lines
    x, y = raw.get_data()
    drawn = np.isfinite(x)
    assert list(x[drawn]) == list(range(1, 61))
    assert y[drawn] == pytest.approx(one.curves.loss["cross_entropy"])
    assert smooth.get_label() == "cross_entropy"
    assert np.nanstd(np.diff(smooth.get_ydata())) < np.nanstd(np.diff(y))


def test_a_term_is_drawn_only_where_it_was_active(run):
    picture = show.loss_parts(run("lwf", tasks=2, steps=30))
    line = next(one for one in picture.axes[0].lines if one.get_label() == "distillation")
    active = line.get_xdata()[np.isfinite(line.get_ydata())]
    assert (active.min(), active.max()) == (31, 60)


def test_no_line_crosses_from_one_task_into_the_next(run):
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


def test_the_boundaries_between_tasks_are_marked_and_numbered(run):
    axes = show.loss_parts(run("lwf", tasks=3, steps=30)).axes[0]
    assert [segment[0, 0] for segment in axes.collections[0].get_segments()] == [30.5, 60.5]
    assert [text.get_text() for text in axes.texts] == ["task 1", "task 2", "task 3"]


def test_the_alt_text_names_the_terms_and_where_they_end(run):
    told = show.loss_parts(run("lwf", tasks=3, steps=30)).alt
    assert "lwf over 90 steps and 3 tasks" in told
    assert "cross_entropy ends at" in told
    assert "distillation ends at" in told


@pytest.mark.parametrize(("tasks", "steps"), [(1, 1), (2, 5), (5, 200), (10, 2000), (20, 9)])
def test_every_size_is_readable(run, readable, tasks, steps):
    readable(show.loss_parts(run("lwf", tasks=tasks, steps=steps)))


def test_steps_are_counted_in_whole_numbers(run):
    axes = show.loss_parts(run("lwf", tasks=1, steps=20)).axes[0]
    assert all(float(place).is_integer() for place in axes.get_xticks())


@pytest.mark.parametrize("scale", [1e-6, 1e4])
def test_small_and_large_losses_are_readable(run, readable, scale):
    one = run("lwf")
    one.curves.loss = {name: scale * values for name, values in one.curves.loss.items()}
    readable(show.loss_parts(one))


def test_a_run_without_steps_and_what_is_no_run_are_refused(run):
    with pytest.raises(ValueError, match="no steps yet"):
        show.loss_parts(run(learned=0))
    with pytest.raises(ValueError, match="give one"):
        show.loss_parts([run()])
