import ipywidgets
import pytest

from cltutor.widgets.inputs import Choice, Switch, close


@pytest.fixture
def choice():
    made = Choice("size", [("small", 1, "the least"), ("large", 2, "the most")], lambda callback: callback)
    made.value = 1
    return made


def pressed(choice):
    return [value for value, button in choice.buttons.items() if button.value]


def test_one_button_is_pressed_and_stays_pressed(choice):
    assert pressed(choice) == [1]
    choice.buttons[2].value = True
    assert (choice.value, pressed(choice)) == (2, [2])
    choice.buttons[2].value = False
    assert (choice.value, pressed(choice)) == (2, [2])


def test_a_press_is_told_once(choice):
    seen = []
    choice.observe(lambda change: seen.append(change.new), "value")
    choice.buttons[2].value = True
    choice.buttons[1].value = True
    assert seen == [2, 1]


def test_a_value_without_a_button_gets_one(choice):
    choice.value = ("something", "of my own", "that is long")
    assert pressed(choice) == [("something", "of my own", "that is long")]
    assert choice.children[-1].description == "('something', 'of my own', …"


def test_no_value_presses_no_button(choice):
    choice.value = None
    assert pressed(choice) == []


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


def test_a_switch_says_why_it_is_greyed_out():
    switch = Switch("on", "it is on")
    switch.refuse("there is no power")
    assert (switch.disabled, switch.tooltip) == (True, "it is on - not here: there is no power")


def test_closing_takes_everything_inside_along():
    inner = ipywidgets.Button()
    box = ipywidgets.VBox([ipywidgets.HBox([inner])])
    parts = [box, box.children[0], inner, inner.layout, inner.style]
    close([box])
    assert all(part.comm is None for part in parts)
