import numpy as np
import pytest

from cltutor import show
from cltutor.show.parameters import short
from cltutor.show.style import look

COUNTS = {"dfcnn": [800_000, 1_600_000, 2_400_000], "single_task": [328_426, 656_852, 985_278]}


def test_growth_has_a_line_a_method_over_the_tasks_learned(readable):
    picture = show.growth({**COUNTS, "expandable": [328_426]})
    lines = {line.get_label(): line for line in picture.axes[0].lines}
    for name, counts in COUNTS.items():
        np.testing.assert_allclose(lines[name].get_xdata(), [1, 2, 3])
        np.testing.assert_allclose(lines[name].get_ydata(), counts)
        assert lines[name].get_color() == look(name).color
        assert lines[name].get_marker() == look(name).marker
    assert [text.get_text() for text in picture.legends[0].get_texts()] == [
        "dfcnn (2.4 M)",
        "single_task (985 k)",
        "expandable (328 k)",
    ]
    assert "dfcnn 800 k and 2.4 M; single_task 328 k and 985 k" in picture.alt
    readable(picture)


@pytest.mark.parametrize(
    ("count", "words"),
    [(7, "7"), (999, "999"), (328_426, "328 k"), (999_700, "1 M"), (7_963_252, "7.96 M"), (201_800_000, "202 M")],
)
def test_a_number_of_parameters_is_told_in_three_digits(count, words):
    assert short(count) == words


def test_accuracy_is_a_mean_with_its_t_interval_over_the_parameters(readable):
    values = [0.50, 0.54, 0.58]
    picture = show.accuracy_over_parameters(
        {"dfcnn": (7_963_252, values), "hard_sharing": (2_700_000, 0.4)}, "peak accuracy", "CIFAR-100"
    )
    axes = picture.axes[0]
    marks = {container.get_label(): container for container in axes.containers}
    line, _, (bars,) = marks["dfcnn"].lines
    assert line.get_xdata()[0] == 7_963_252
    assert line.get_ydata()[0] == pytest.approx(54)
    half = 4.302653 * np.std([50, 54, 58], ddof=1) / np.sqrt(3)  # Student's t for 2 degrees of freedom
    low, high = bars.get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((54 - half, 54 + half))
    assert not marks["hard_sharing"].lines[2]  # one seed has no interval
    assert axes.get_ylim()[0] < min(low, 40)
    assert axes.get_ylim()[1] > high
    assert axes.get_xscale() == "log"
    assert f"dfcnn 54.0 % ± {half:.1f} with 7.96 M; hard_sharing 40.0 % with 2.7 M" in picture.alt
    readable(picture)


@pytest.mark.parametrize("tasks", [1, 2, 10, 20])
def test_pictures_of_all_methods_are_readable(tasks, readable):
    names = ["dfcnn", "dfcnn_small", "single_task", "single_task_large", "hard_sharing", "progressive", "expandable"]
    counts = {name: (np.arange(1, tasks + 1) * 100_000 * (place + 1)).tolist() for place, name in enumerate(names)}
    readable(show.growth(counts))
    readable(
        show.accuracy_over_parameters(
            {name: (values[-1], np.linspace(0.3, 0.5, tasks)) for name, values in counts.items()}
        )
    )


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: show.growth({}), "for one method or more"),
        (lambda: show.growth({"dfcnn": []}), "after each task"),
        (lambda: show.growth({"dfcnn": [0]}), "above 0"),
        (lambda: show.accuracy_over_parameters({}), "there is none"),
        (lambda: show.accuracy_over_parameters({"dfcnn": (0, 0.5)}), "dfcnn has others"),
        (lambda: show.accuracy_over_parameters({"dfcnn": (10, [54.0])}), "accuracies from 0 to 1"),
        (lambda: show.accuracy_over_parameters({"dfcnn": (10, [])}), "dfcnn has others"),
    ],
)
def test_bad_arguments_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()
