import threading

import ipywidgets
import pytest

import cltutor as cl
from cltutor.describe import Real, Whole
from cltutor.widgets.base import Tool
from cltutor.widgets.controls import Controls, read
from cltutor.widgets.inputs import Choice, Knob, Switch, button
from cltutor.widgets.stage import draw


@pytest.fixture
def tool():
    return Tool("cltutor-test")


@pytest.fixture
def knob(tool):
    made = Knob("heat", (1.0, 10.0, 0.5), Real(above=0), "how hot", tool.guarded)
    made.value = 2
    return made


def test_sliding_changes_the_typed_value_and_typing_moves_the_slider(knob):
    seen = []
    knob.observe(lambda change: seen.append(change.new), "value")
    knob.slider.value = 3.5
    assert (knob.value, knob.text.value) == (3.5, 3.5)
    knob.text.value = 7
    assert (knob.value, knob.slider.value, seen) == (7, 7, [3.5, 7])
    knob.value = 4
    assert (knob.text.value, knob.slider.value) == (4, 4)


def test_what_a_page_reports_while_another_report_is_answered_waits_for_that_answer():
    """A kernel with subshells calls the controls of a page from two threads."""
    begun, goes_on, answers = threading.Event(), threading.Event(), []

    def slowly(change):
        begun.set()
        goes_on.wait(10)
        answers.append("the switch")

    switch, train = Switch("anchor", "a term"), button("Train", "learn", lambda _: answers.append("Train"))
    switch.observe(slowly, "value")
    pressed = threading.Thread(target=switch.set_state, args=({"value": True},))
    then = threading.Thread(target=train.click)
    pressed.start()
    begun.wait(10)
    then.start()
    then.join(0.2)  # it has the time to answer, and may not
    assert answers == []
    goes_on.set()
    pressed.join()
    then.join()
    assert answers == ["the switch", "Train"]


def test_a_typed_value_may_lie_beyond_the_slider(knob):
    knob.text.value = 40
    assert (knob.value, knob.slider.value) == (40, 10)
    knob.text.value = 0.05
    assert (knob.value, knob.slider.value) == (0.05, 1)
    knob.text.value = 3.3  # between two steps: the slider stays on one
    assert (knob.value, knob.slider.value) == (3.3, 3.5)


def test_a_value_that_is_not_allowed_is_refused_and_changes_nothing(knob, tool, errors):
    knob.text.value = -1
    assert (knob.value, knob.text.value, knob.slider.value) == (2, 2, 2)
    errors.expect(tool, "heat is a finite number above 0, not -1.")
    knob.text.value = 5
    assert tool.message.value == ""
    assert len(tool.errors) == 1


def test_whole_numbers_stay_whole(tool):
    epochs = Knob("epochs", (1, 30, 1), Whole(at_least=1), "passes", tool.guarded)
    epochs.slider.value = 12
    assert repr(epochs.number) == "12"
    assert repr(epochs.text.value) == "12"


@pytest.fixture
def choice():
    made = Choice("size", [("small", 1, "the least"), ("large", 2, "the most")], lambda callback: callback)
    made.value = 1
    return made


def pressed(choice):
    return [value for value, button in choice.buttons.items() if button.value]


def test_one_button_is_pressed_and_stays_pressed(choice):
    assert pressed(choice) == [1]
    seen = []
    choice.observe(lambda change: seen.append(change.new), "value")
    choice.buttons[2].value = True
    assert (choice.value, pressed(choice)) == (2, [2])
    choice.buttons[2].value = False
    assert (choice.value, pressed(choice), seen) == (2, [2], [2])


def test_a_value_without_a_button_gets_one(choice):
    choice.value = ("something", "of my own", "that is long")
    assert pressed(choice) == [("something", "of my own", "that is long")]
    assert choice.children[-1].description == "('something', 'of my own', …"


def test_a_refused_button_is_greyed_out_with_the_reason(choice):
    choice.refuse({2: "it does not fit"})
    assert [button.disabled for button in choice.buttons.values()] == [False, True]
    assert choice.buttons[2].tooltip == "size: the most - not here: it does not fit"
    choice.refuse({})
    assert not choice.buttons[2].disabled
    assert choice.buttons[2].tooltip == "size: the most"


def test_other_options_take_the_place_of_the_buttons(choice):
    gone = choice.buttons[1]
    choice.offer([("huge", 3, "more than that")])
    assert [child.description for child in choice.children[1:]] == ["huge"]
    assert gone.comm is None


class Shares(Tool):
    """A tool of the learner's: `stream` is shown, and `epochs` has no control."""

    def __init__(self, stream, share=30, which="least", epochs=1):
        super().__init__("test")
        self.moved = []
        named = {"share": ipywidgets.FloatText(), "which": ipywidgets.Dropdown(options=["least", "most"])}
        rules = {"share": Real(at_least=0, at_most=100)}
        usual = {"share": 30, "which": "least"}
        self.controls = Controls(self, named, usual, {"epochs": epochs}, self.moved.append, rules)
        self.controls.set({"share": share, "which": which})


def test_a_control_that_is_moved_too_far_goes_back(errors):
    tool = Shares("a stream", epochs=3)
    tool.controls.controls["share"].value = 101
    assert tool.controls.values["share"] == 30
    assert tool.moved == []
    errors.expect(tool, "share is a number from 0 to 100, not 101. Nothing was changed.")


def fails(error):
    def callback(*_):
        raise error

    return callback


def test_an_error_in_a_callback_is_shown_on_the_page_and_recorded(tool, errors):
    tool.guarded(fails(ValueError("lam is <b>large</b>.")))({})
    assert "lam is &lt;b&gt;large&lt;/b&gt;." in tool.message.value
    assert 'class="cltutor-error"' in tool.message.value
    assert [str(error) for error in tool.errors] == ["lam is <b>large</b>."]
    (recorded,) = errors.new
    assert "Traceback" in recorded
    assert "lam is <b>large</b>." in recorded
    errors.expect(tool, "lam is")


def test_a_drawn_picture_responds_and_has_no_second_setting_beside_the_widgets_own():
    runs = [cl.gallery.runs("digits")[0]]
    shown = draw(lambda: cl.show.accuracy_over_time(runs))
    (drawn,) = shown["drawings"]
    assert drawn["alt"] == cl.show.accuracy_over_time(runs).alt
    assert len(drawn["spots"]) > 1


def test_what_cannot_be_drawn_is_said_instead():
    assert draw(fails(ValueError("a < b"))) == {"words": "a < b"}
    with pytest.raises(KeyError):
        draw(fails(KeyError("bug")))


def test_the_line_of_another_widget_is_named_as_such():
    with pytest.raises(ValueError, match=r"This line makes another widget, Balance: paste a line such as cl\.x\(\)\.$"):
        read("cl.widgets.Balance(stream, epochs=3)", ["Temperature"], such="paste a line such as cl.x()")
    with pytest.raises(ValueError, match="Mine is not known here"):
        read("Mine(stream)", ["Temperature"])
