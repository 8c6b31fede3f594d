import pytest

from cltutor.describe import Real, Whole
from cltutor.widgets.base import Tool
from cltutor.widgets.inputs import Knob


@pytest.fixture
def tool():
    return Tool("cltutor-test")


@pytest.fixture
def knob(tool):
    made = Knob("heat", (1.0, 10.0, 0.5), Real(above=0), "how hot", tool.guarded)
    made.value = 2
    return made


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


def test_a_value_that_is_not_allowed_is_refused_and_changes_nothing(knob, tool, errors):
    knob.text.value = -1
    assert (knob.value, knob.text.value, knob.slider.value) == (2, 2, 2)
    errors.expect(tool, "heat is a finite number above 0, not -1.")
    knob.text.value = 5
    assert tool.message.value == ""
    assert len(tool.errors) == 1


def test_observers_are_called_once_per_change(knob, tool, errors):
    seen = []
    knob.observe(lambda change: seen.append(change.new), "value")
    knob.slider.value = 3
    knob.text.value = 20
    knob.text.value = 0
    assert seen == [3, 20]
    errors.expect(tool, "heat is")


def test_whole_numbers_stay_whole(tool):
    epochs = Knob("epochs", (1, 30, 1), Whole(at_least=1), "passes", tool.guarded)
    epochs.slider.value = 12
    assert repr(epochs.number) == "12"
    assert repr(epochs.text.value) == "12"
