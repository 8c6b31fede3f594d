import numpy as np
import pytest
from matplotlib.patches import Polygon

from cltutor import show
from cltutor.show.style import HATCH

LONG = ["golden retriever", "sports car", "umbrella", "acoustic guitar", "teapot", "lighthouse"]


def cells(picture):
    return {
        (round(text.get_position()[1]), round(text.get_position()[0])): float(text.get_text())
        for text in picture.axes[0].texts
    }


@pytest.mark.parametrize("known_task", [True, False])
def test_each_cell_holds_its_accuracy_in_percent_and_the_rest_is_blank(run, known_task):
    one = run(tasks=4, competes=True)
    matrix = one.accuracy(known_task)
    expected = {(i, j): 100 * matrix[i, j] for i in range(4) for j in range(i + 1)}
    assert cells(show.accuracy_matrix(one, known_task)) == pytest.approx(expected, abs=0.05)


def test_the_colours_are_the_runs_numbers_on_a_scale_from_0_to_1(run):
    image = show.accuracy_matrix(run(tasks=4)).axes[0].images[0]
    assert image.get_array().filled(np.nan) == pytest.approx(run(tasks=4).known, nan_ok=True)
    assert image.get_clim() == (0, 1)


def test_rows_are_after_a_task_and_columns_on_a_task_with_the_names_of_their_classes(run):
    axes = show.accuracy_matrix(run(tasks=3)).axes[0]
    assert axes.get_ylabel() == "after learning task"
    assert axes.get_xlabel() == "accuracy on task"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["1: 0, 1", "2: 2, 3", "3: 4, 5"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1\n0, 1", "2\n2, 3", "3\n4, 5"]


def test_names_that_do_not_fit_leave_the_number(run):
    axes = show.accuracy_matrix(run(tasks=1, classes=6, names=LONG)).axes[0]
    assert axes.get_xticklabels()[0].get_text() == "1"


def test_a_run_that_never_competed_is_hatched_and_told(run):
    per_task, across = run(competes=False), run(competes=True)
    for one, known_task, hatched in [
        (per_task, True, False),
        (per_task, False, True),
        (across, False, False),
    ]:
        picture = show.accuracy_matrix(one, known_task)
        hatches = [p.get_hatch() for p in picture.axes[0].patches if isinstance(p, Polygon)]
        assert hatches == ([HATCH] if hatched else [])
        assert ("never learned to compete" in picture.alt) == hatched
        assert any(text.get_text().startswith("hatched: trained per task") for text in picture.texts) == hatched


def test_the_alt_text_tells_what_became_of_the_first_task(run):
    one = run("lwf", tasks=3)
    one.known[0, 0], one.known[2, 0] = 0.98, 0.41
    words = show.accuracy_matrix(one).alt
    assert "lwf" in words
    assert "task 1 goes from 98 % to 41 %" in words


@pytest.mark.parametrize("tasks", [1, 2, 5, 6, 10])
@pytest.mark.parametrize("known_task", [True, False])
def test_every_size_is_readable(run, readable, tasks, known_task):
    readable(show.accuracy_matrix(run("feature_extraction", tasks=tasks), known_task))


@pytest.mark.parametrize("learned", [0, 1, 2])
def test_a_run_stopped_early_shows_the_rows_that_it_has(run, readable, learned):
    picture = show.accuracy_matrix(run(tasks=3, learned=learned), known_task=False)
    assert len(cells(picture)) == learned * (learned + 1) // 2
    readable(picture)


def test_long_names_are_readable(run, readable):
    readable(show.accuracy_matrix(run(tasks=3, classes=2, names=LONG)))


def test_several_runs_are_refused(run):
    with pytest.raises(ValueError, match="one run"):
        show.accuracy_matrix([run(), run()])
