import numpy as np
import pytest
from matplotlib.colors import to_rgba

from cltutor import show
from cltutor.evaluation import metrics
from cltutor.show.balance import confusion
from cltutor.show.style import BLUE, GROUND, VERMILLION, look

BEFORE = np.array([[6, 0, 2, 2], [0, 5, 0, 5], [0, 0, 10, 0], [1, 0, 0, 9]])
AFTER = np.array([[9, 0, 1, 0], [0, 10, 0, 0], [1, 0, 9, 0], [2, 0, 0, 8]])
CLASSES, NAMES = [2, 2], list("abcd")
BIASES = {"before": np.array([-0.1, 0.0, 0.2, 0.4]), "after": np.array([0.1, 0.0, 0.1, 0.1])}
NORMS = {"before": np.array([1.0, 2.0, 3.0, 4.0]), "after": np.array([1.0, 1.0, 2.0, 2.0])}


def test_confusion_counts_every_pair_of_label_and_answer():
    rng = np.random.default_rng(0)
    labels, answers = rng.integers(0, 5, (2, 200))
    expected = np.zeros((6, 6), dtype=int)
    for label, answer in zip(labels, answers, strict=True):
        expected[label, answer] += 1
    np.testing.assert_array_equal(confusion(labels, answers, 6), expected)


def test_matrices_stand_side_by_side_in_percent_of_the_true_class():
    picture = show.confusions({"before": BEFORE, "after": AFTER}, CLASSES, NAMES, "eeil")
    assert len(picture.axes) == 2
    for axes, counts in zip(picture.axes, (BEFORE, AFTER), strict=True):
        np.testing.assert_allclose(axes.images[0].get_array(), 10 * counts)
        cells = {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in axes.texts}
        assert cells == {(i, j): f"{10 * counts[i, j]}" for i, j in zip(*np.nonzero(counts), strict=True)}
        assert [label.get_text() for label in axes.get_yticklabels()] == NAMES
    assert (picture.axes[0].get_ylabel(), picture.axes[0].get_xlabel()) == ("true class", "predicted class")


def test_the_share_of_old_classes_taken_for_new_ones_is_written_over_each_matrix(texts):
    picture = show.confusions({"before": BEFORE, "after": AFTER}, CLASSES, NAMES)
    assert "before: 75.0 % right\nold taken for new: 45.0 %, new for old: 5.0 %" in texts(picture)
    assert "after: 90.0 % right\nold taken for new: 5.0 %, new for old: 15.0 %" in texts(picture)
    assert "after 90 % are right and 5 % of old classes are taken for new ones" in picture.alt


def test_after_the_first_task_nothing_is_said_of_old_classes(read, legend, texts):
    picture = show.confusions({"end": BEFORE[:2, :2]}, [2], NAMES[:2])
    assert "end: 100.0 % right" in texts(picture)
    assert "old" not in picture.alt
    picture = show.last_layer({"end": BIASES["after"][:2]}, {"end": NORMS["after"][:2]}, [2], NAMES[:2])
    assert legend(picture) == ["new classes", "end"]
    assert len(read(picture)) == 4
    assert "mean: new 0.050" in picture.alt


def test_tasks_are_separated_and_the_new_one_most(readable):
    picture = show.confusions({"before": BEFORE, "after": AFTER}, [1, 1, 2], NAMES)
    lines = [(set(line.get_xdata()), line.get_linewidth()) for line in picture.axes[0].lines[1::2]]
    assert [places for places, _ in lines] == [{0.5}, {1.5}]
    assert lines[0][1] < lines[1][1]
    readable(picture)


def test_one_matrix_alone_has_a_sentence_beside_it_and_a_class_without_test_images_an_empty_row(readable, texts):
    counts = BEFORE.copy()
    counts[1] = 0
    picture = show.confusions({"at the end": counts}, CLASSES, NAMES, "eeil_da", "There is no after.")
    (axes,) = picture.axes
    assert (axes.images[0].get_array()[1] == 0).all()
    assert "There is no after." in texts(picture)
    readable(picture)


def test_the_last_layer_is_hollow_before_and_filled_after_and_new_classes_have_their_own_colour(readable, texts):
    picture = show.last_layer(BIASES, NORMS, CLASSES, NAMES, "eeil")
    for axes, values in zip(picture.axes, (BIASES, NORMS), strict=True):
        marks = [line for line in axes.lines if line.get_label() in ("old classes", "new classes")]
        found = [(line.get_color(), line.get_markerfacecolor(), *line.get_ydata()) for line in marks]
        old, new = [array[:2] for array in values.values()], [array[2:] for array in values.values()]
        assert found == [
            (BLUE, GROUND, *old[0]),
            (BLUE, BLUE, *old[1]),
            (VERMILLION, GROUND, *new[0]),
            (VERMILLION, VERMILLION, *new[1]),
        ]
    assert "mean: old -0.050 → 0.050, new 0.300 → 0.100" in texts(picture)
    assert "mean: old 1.500 → 1.000, new 3.500 → 2.000" in picture.alt
    readable(picture)


def test_a_last_layer_that_was_not_fine_tuned_has_one_mark_per_class(artists, texts):
    picture = show.last_layer({"end": BIASES["before"]}, {"end": NORMS["before"]}, CLASSES, NAMES)
    (own,) = artists(picture.axes[0], label="new classes")
    assert to_rgba(own.get_markerfacecolor()) == to_rgba(VERMILLION)
    assert "mean: old -0.050, new 0.300" in texts(picture)


def test_the_ablation_has_a_line_per_method_over_the_classes_seen_and_its_average_in_the_legend(legend):
    matrix = np.array([[1.0, np.nan, np.nan], [0.8, 0.6, np.nan], [0.7, 0.5, 0.3]])
    over_seen = np.array([1.0, 0.7, 0.5])
    picture = show.ablation({"eeil": over_seen, "eeil_base": over_seen / 2}, [4, 2, 2])
    first, second = picture.axes[0].lines
    np.testing.assert_allclose(first.get_xdata(), [4, 6, 8])
    np.testing.assert_allclose(first.get_ydata(), [100, 70, 50])
    np.testing.assert_allclose(second.get_ydata(), [50, 35, 25])
    assert first.get_color() == look("eeil").color
    average = 100 * metrics.average_incremental_accuracy(matrix)
    assert legend(picture) == [f"eeil ({average:.1f})", f"eeil_base ({average / 2:.1f})"]


def test_the_chosen_method_lies_on_a_band_and_tasks_to_come_have_no_point(readable, legend):
    picture = show.ablation({"eeil": [1.0, 0.9, np.nan], "eeil_da": [1.0, np.nan, np.nan]}, [2, 2, 2], "eeil")
    (band,) = [line for line in picture.axes[0].lines if line.get_linewidth() > 10]
    np.testing.assert_allclose(band.get_ydata(), [100, 90, np.nan])
    assert legend(picture) == ["eeil (90.0)", "eeil_da"]
    ends = "eeil, after task 2, 4 classes seen: 90.0 %; eeil_da, after task 1, 2 classes seen: 100.0 %."
    assert picture.alt.endswith(f"eeil on a broad band: {ends}")
    readable(picture)


def test_every_cell_mark_and_point_is_read_with_its_number(read):
    counts = read(show.confusions({"before": BEFORE, "after": AFTER}, CLASSES, NAMES, "eeil"))
    assert "before: a taken for c: 20.0 %, 2 of 10 test images" in counts
    assert len(counts) == 32
    assert "after, c, one of the new classes: weight norm 2.000" in read(show.last_layer(BIASES, NORMS, CLASSES, NAMES))
    lines = read(show.ablation({"eeil": [1.0, 0.7, np.nan]}, [4, 2, 2]))
    assert lines == ["eeil, after task 1, 4 classes seen: 100.0 %", "eeil, after task 2, 6 classes seen: 70.0 %"]


def test_of_many_classes_only_the_mistakes_that_occur_are_read(read):
    counts = np.diag(np.full(20, 5))
    counts[0, 19] = 5
    words = read(show.confusions({"end": counts}, [10, 10], [f"n{label}" for label in range(20)]))
    assert len(words) == 21
    assert words[1] == "end: n0 taken for n19: 50.0 %, 5 of 10 test images"


def test_a_point_of_the_rescaled_layer_reads_its_factor_and_the_picture_the_one_in_use(read):
    lines = {"old classes": [0.9, 0.7, 0.2], "new classes": [0.0, 0.5, 1.0]}
    picture = show.rescaling([0, 0.5, 1], lines, 0.5, 0.8, "er", "a note")
    words = read(picture)
    assert "old classes, factor 0.50: 70.0 %" in words
    assert "new classes, factor 1.00: 100.0 %" in words
    assert picture.alt.endswith("with the factor 0.50 old classes 70.0 %, new classes 50.0 %.")
    assert list(picture.layers) == list(lines)
    legend = [text.get_text() for text in picture.legends[0].get_texts()]
    assert legend[2:] == ["as trained (1.00)", "aligned (0.80)", "in use (0.50)"]


@pytest.mark.parametrize(("factors", "count"), [([0, 0.5, 0.5], 3), ([0, 0.5, 1], 2)])
def test_factors_that_do_not_rise_and_other_numbers_of_accuracies_are_refused(factors, count):
    with pytest.raises(ValueError, match="factors that rise need as many accuracies"):
        show.rescaling(factors, {"old classes": [0.5] * count}, 1.0, 1.0)
