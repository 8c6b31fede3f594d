import pytest

import cltutor as cl
from cltutor.widgets import base, temperature

pytestmark = pytest.mark.usefixtures("no_errors")


@pytest.fixture
def still(monkeypatch):
    """No pictures are made ready behind the test's back."""
    monkeypatch.setattr(temperature.Temperature, "_prepare", lambda self, album: None)


@pytest.fixture
def tool(run, stream, still):
    return cl.widgets.Temperature(run.model_after(0), stream, pictures=1)


def leading(tool) -> float:
    """The percentage of the leading class, from the alternative text."""
    return float(tool.pane.value.split(" leads with ")[1].split(" %")[0])


def test_it_shows_what_the_old_head_says_of_a_new_picture(tool, run, stream):
    images, labels, scores = tool._sample(1)
    assert set(labels) == set(stream[1].classes)
    expected = run.model_after(0)(stream[1].test.images[:1]).logits.softmax(1).max()
    tool.temperature.text.value = 1
    assert leading(tool) == pytest.approx(100 * float(expected), abs=0.06)
    assert scores.shape == (len(labels), 2)
    assert "its 2 classes at temperature 1:" in tool.pane.value


def test_a_higher_temperature_softens_the_answer(tool):
    answers = []
    for value in (1, 2, 5, 10):
        tool.temperature.slider.value = value
        assert f"at temperature {value}:" in tool.pane.value
        answers.append(leading(tool))
    assert answers == sorted(answers, reverse=True)
    assert answers[0] > answers[-1]


def test_a_position_seen_before_is_not_drawn_again(tool, monkeypatch):
    tool.temperature.slider.value = 3
    seen = tool.pane.value
    tool.temperature.slider.value = 4
    monkeypatch.setattr(temperature, "draw", None)
    tool.temperature.slider.value = 3
    assert tool.pane.value == seen


def test_the_slider_s_other_positions_are_made_ready(run, stream, monkeypatch):
    started = []
    monkeypatch.setattr(temperature.threading, "Thread", lambda **options: started.append(options) or Begun())
    tool = cl.widgets.Temperature(run, stream)
    assert started == []
    tool.temperature.slider.value = 3
    (options,) = started
    options["target"](*options["args"])
    assert set(tool._album) == {1 + i / 2 for i in range(19)}
    tool.picture.slider.value = 2
    options["target"](*options["args"])
    assert set(tool._album) == {3}


class Begun:
    def start(self):
        pass


def test_another_picture_and_another_head_change_the_picture(tool):
    seen = [tool.pane.value]
    tool.picture.slider.value = 2
    seen.append(tool.pane.value)
    tool.pictures.value = 0
    seen.append(tool.pane.value)
    assert len(set(seen)) == 3


def test_the_right_class_is_marked_where_it_is_among_the_answers(run, stream, still, monkeypatch):
    targets = []
    plain = cl.show.temperature
    monkeypatch.setattr(cl.show, "temperature", lambda *values: targets.append(values[-1]) or plain(*values))
    tool = cl.widgets.Temperature(run, stream)
    tool.head.value = 1
    tool.head.value = None
    assert targets[1] is None
    assert targets[0] == targets[2] in (0, 1)


def test_a_run_trained_across_tasks_answers_for_all_classes(stream, still):
    run = cl.learn(stream, cl.methods.joint(heads="class", epochs=1), progress=False)
    assert cl.widgets.Temperature(run, stream).head.value is None
    assert cl.widgets.Temperature(run, stream, head=1).head.value == 1


def test_the_copied_line_sets_the_same_state_again(tool):
    tool.picture.text.value = 3
    tool.temperature.text.value = 4.5
    code = tool.code
    assert code == "cl.widgets.Temperature(teacher, stream, pictures=1, head=0, temperature=4.5, picture=3)"
    seen = tool.pane.value
    tool.line.value = "Temperature(teacher, stream)"
    assert tool.pane.value != seen
    tool.line.value = code
    assert (tool.code, tool.pane.value) == (code, seen)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Temperature(teacher, stream, pictures=7)", "pictures"),
        ("Temperature(teacher, stream, picture=0)", "picture"),
        ("Temperature(teacher, stream, temperature=0)", "temperature is a number above 0"),
        ("Temperature(teacher, stream, heat=0)", "Paste a line such as"),
        ("cl.methods.lwf()", "Paste a line such as"),
        ("3", "not a call"),
    ],
)
def test_a_pasted_line_that_is_wrong_is_told_and_changes_nothing(tool, line, words):
    before, seen = tool.code, tool.pane.value
    tool.line.value = line
    assert (tool.code, tool.line.value, tool.pane.value) == (before, before, seen)
    assert words in tool.message.value
    assert "Nothing was changed." in tool.message.value
    base._told.clear()


def test_what_cannot_teach_is_refused(run, stream):
    with pytest.raises(ValueError, match="learned other tasks"):
        cl.widgets.Temperature(run, cl.streams.digits())
    with pytest.raises(ValueError, match="learned other tasks"):
        cl.widgets.Temperature(run.model, cl.streams.digits(tasks=[6, 4]))
    with pytest.raises(ValueError, match="The teacher is a run"):
        cl.widgets.Temperature("lwf", stream)
    with pytest.raises(ValueError, match="head must be"):
        cl.widgets.Temperature(run.model_after(0), stream, head=1)


def test_pictures_of_all_classes_take_turns():
    labels = temperature.np.array([0, 0, 0, 1, 1, 1])
    assert list(temperature.spread(labels, 4)) == [0, 3, 1, 4]
