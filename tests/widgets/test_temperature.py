import numpy as np
import pytest

import cltutor as cl
from cltutor.widgets.temperature import spread


@pytest.fixture
def behind():
    """What was to be done behind the page."""
    return []


@pytest.fixture
def tool(run, stream, watched, behind):
    return watched(cl.widgets.Temperature, run.model_after(0), stream, pictures=1, behind=behind.append)


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


def test_the_slider_s_other_positions_are_drawn_behind_the_page(tool, behind):
    assert behind == []
    tool.temperature.slider.value = 3
    (prepare,) = behind
    prepare()
    assert {key[0] for key in tool.album.pages} == {1 + i / 2 for i in range(19)}
    tool.picture.slider.value = 2
    prepare()  # for a picture that is no longer shown
    assert {key[0] for key in tool.album.pages} == {3}


def test_the_right_class_is_marked_where_it_is_among_the_answers(run, stream, watched, behind):
    tool = watched(cl.widgets.Temperature, run, stream, behind=behind.append)
    marked = []
    for head in (1, 0, None):
        tool.head.value = head
        marked.append("(right)" in tool.draw.words)
    assert marked == [False, True, True]


def test_a_run_trained_across_tasks_answers_for_all_classes(stream, behind):
    run = cl.learn(stream, cl.methods.joint(heads="class", epochs=1), progress=False)
    assert cl.widgets.Temperature(run, stream).head.value is None
    assert cl.widgets.Temperature(run, stream, head=1).head.value == 1


def test_pictures_of_all_classes_take_turns():
    assert list(spread(np.array([0, 0, 0, 1, 1, 1]), 4)) == [0, 3, 1, 4]
