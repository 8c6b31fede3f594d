import pytest

from cltutor.widgets.base import Tool
from cltutor.widgets.knob import Knob


@pytest.fixture
def tool():
    return Tool("cltutor-test")


@pytest.fixture
def knob(tool):
    return Knob("heat", 2, (1.0, 10.0, 0.5), lambda v: v > 0, "a number above 0", "how hot", tool.guarded)


def test_sliding_changes_the_typed_value_and_typing_moves_the_slider(knob):
    knob.slider.value = 3.5
    assert (knob.value, knob.text.value) == (3.5, 3.5)
    knob.text.value = 7
    assert (knob.value, knob.slider.value) == (7, 7)
    knob.value = 4
    assert (knob.text.value, knob.slider.value) == (4, 4)


def test_a_typed_value_may_lie_beyond_the_slider(knob):
    knob.text.value = 40
    assert (knob.value, knob.slider.value) == (40, 10)
    knob.text.value = 0.05
    assert (knob.value, knob.slider.value) == (0.05, 1)


def test_a_typed_value_between_two_steps_leaves_the_slider_on_a_step(knob):
    knob.text.value = 3.3
    assert (knob.value, knob.slider.value) == (3.3, 3.5)


def test_a_value_that_is_not_allowed_is_told_and_changes_nothing(knob, tool):
    knob.text.value = -1
    assert (knob.value, knob.text.value, knob.slider.value) == (2, 2, 2)
    assert "heat is a number above 0, not -1." in tool.message.value
    knob.text.value = 5
    assert tool.message.value == ""
    assert len(tool.errors) == 1


def test_observers_hear_of_each_change_once(knob):
    heard = []
    knob.observe(lambda change: heard.append(change.new), "value")
    knob.slider.value = 3
    knob.text.value = 20
    knob.text.value = 0
    assert heard == [3, 20]


def test_whole_numbers_stay_whole(tool):
    epochs = Knob("epochs", 10, (1, 30, 1), lambda v: v >= 1, "a whole number", "passes", tool.guarded)
    epochs.slider.value = 12
    assert repr(epochs.number) == "12"
    assert repr(epochs.text.value) == "12"
