import numpy as np
import pytest

import cltutor as cl
from cltutor.widgets.temperature import spread


@pytest.fixture
def tool(run, stream, watched):
    return watched(cl.widgets.Temperature, run.model_after(0), stream, pictures=1)


def leading(tool) -> float:
    """The percentage of the leading class, from the alternative text."""
    return float(tool.pane.words.split(" leads with ")[1].split(" %")[0])


def test_it_shows_the_old_head_s_answer_to_a_new_picture(tool, run, stream):
    images, labels = stream[1].test.images, stream[1].test.labels
    expected = run.model_after(0)(images[:1]).logits.softmax(1).max()
    tool.temperature.text.value = 1
    assert leading(tool) == pytest.approx(100 * float(expected), abs=0.06)
    assert set(labels.tolist()) == set(stream[1].classes)
    assert "its 2 classes at temperature 1:" in tool.pane.words


def test_a_higher_temperature_softens_the_answer(tool):
    answers = []
    for value in (1, 2, 5, 10):
        tool.temperature.slider.value = value
        assert f"at temperature {value}:" in tool.pane.words
        answers.append(leading(tool))
    assert answers == sorted(answers, reverse=True)
    assert answers[0] > answers[-1]


def shown(tool) -> str:
    """The temperature with which the picture begins."""
    frames = tool.pane.drawing["drawings"][0]["frames"]
    return frames["names"][frames["start"]]


def test_all_temperatures_of_the_slider_are_one_picture_and_another_is_drawn(tool):
    for value in (3, 7.5, 10, 1):
        tool.temperature.slider.value = value
        assert shown(tool) == f"T = {value:g}"
    assert tool.draw.count == 1
    tool.temperature.text.value = 12.25
    assert (shown(tool), tool.draw.count) == ("T = 12.25", 2)
    tool.picture.slider.value = 2
    tool.temperature.slider.value = 4
    assert (shown(tool), tool.draw.count) == ("T = 4", 4)


@pytest.mark.parametrize(("before", "frame", "after"), [(2, 4, 3), (2, 0, 1), (0.5, 3, 2), (12, 19, 12)])
def test_a_touch_sets_the_temperature_that_the_page_shows(tool, before, frame, after):
    tool.temperature.value = before
    spot = {"key": "temperature", "number": frame, "row": 0, "column": frame, "words": "words", "frame": frame}
    tool.pane.touched = spot | {"count": 1}
    assert tool.temperature.text.value == after
    assert shown(tool) == f"T = {after:g}"
    assert (f"temperature={after}" in tool.code) == (after != 2)


def test_the_title_says_which_digit_it_is(tool, stream):
    tool.picture.slider.value = 3
    label = int(stream[1].test.labels[list(spread(stream[1].test.labels.numpy(), 3))[2]])
    assert f" {stream.class_names[label]}: test picture 3 of task 2: an image" in tool.pane.words


def test_the_right_class_is_marked_where_it_is_among_the_answers(run, stream, watched):
    tool = watched(cl.widgets.Temperature, run, stream)
    marked = []
    for head in (1, 0, None):
        tool.head.value = head
        marked.append("(right)" in tool.draw.words)
    assert marked == [False, True, True]


def test_all_classes_are_a_choice_with_words(run, stream):
    tool = cl.widgets.Temperature(run, stream)
    tool.head.value = None
    assert (tool.head.label, tool.head.value) == ("all classes", None)
    tool.line.value = "cl.widgets.Temperature(teacher, stream, head=1)"
    tool.line.value = "cl.widgets.Temperature(teacher, stream, head=None)"
    assert tool.head.label == "all classes"


def test_the_page_is_never_told_that_no_choice_is_made(run, stream, watched):
    """None stands for all classes; as an index it would empty the list in the page."""
    tool, seen = watched(cl.widgets.Temperature, run, stream), []
    tool.head.observe(lambda change: seen.append(change.new), "index")
    for index in (0, 1, 2, 0):
        tool.head.set_state({"index": index})  # as the page does
    assert seen == [0, 1, 2, 0][seen[0] != 0 :]
    assert (tool.head.label, tool.head.value) == ("all classes", None)


def test_a_run_trained_across_tasks_answers_for_all_classes(stream):
    run = cl.learn(stream, cl.methods.joint(heads="class", epochs=1), progress=False)
    assert cl.widgets.Temperature(run, stream).head.value is None
    assert cl.widgets.Temperature(run, stream, head=1).head.value == 1


def test_pictures_of_all_classes_take_turns():
    assert list(spread(np.array([0, 0, 0, 1, 1, 1]), 4)) == [0, 3, 1, 4]
