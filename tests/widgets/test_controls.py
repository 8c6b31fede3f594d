import ipywidgets
import pytest

from cltutor.widgets import base
from cltutor.widgets.controls import Controls


@pytest.fixture(autouse=True)
def forget_errors():
    yield
    base._told.clear()


@pytest.fixture
def moved():
    return []


@pytest.fixture
def controls(moved):
    tool = base.Tool("test")
    named = {"share": ipywidgets.FloatText(), "which": ipywidgets.Dropdown(options=["least", "most"])}

    def check(values):
        if values["share"] > 100 or values["which"] not in ("least", "most"):
            raise ValueError("share is at most 100, which is least or most.")
        return values

    usual = {"share": 30, "which": "least"}
    made = Controls(tool, "WhatNotToForget", named, usual, {"epochs": 3}, check, moved.append)
    made.tool = tool
    made.set(usual)
    return made


def test_the_line_says_what_is_not_as_usual_and_what_no_control_sets(controls, moved):
    assert controls.code == controls.line.value == "cl.widgets.WhatNotToForget(stream, epochs=3)"
    controls.controls["share"].value = 45
    controls.controls["which"].value = "most"
    assert controls.line.value == 'cl.widgets.WhatNotToForget(stream, share=45, which="most", epochs=3)'
    assert moved == ["share", "which"]


def test_a_pasted_line_sets_the_controls_and_what_it_leaves_out_is_as_usual(controls, moved):
    controls.controls["share"].value = 45
    controls.line.value = "WhatNotToForget(stream, which='most', epochs=3)"
    assert controls.values == {"share": 30, "which": "most"}
    assert controls.line.value == controls.code
    assert moved == ["share", None]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("WhatNotToForget(stream, share=200, epochs=3)", "share is at most 100"),
        ("WhatNotToForget(stream, which='best', epochs=3)", "which is least or most"),
        ("WhatNotToForget(stream, epochs=4)", "no control sets epochs"),
        ("WhatNotToForget(stream, epochs=3, lr=1)", "no control sets epochs, lr"),
        ("MethodToggle(stream)", "Paste a line such as cl.widgets.WhatNotToForget(stream, epochs=3)."),
        ("import os", "not one line of code"),
    ],
)
def test_a_line_that_is_wrong_is_told_and_changes_nothing(controls, moved, line, words):
    controls.controls["share"].value = 45
    controls.line.value = line
    assert controls.values == {"share": 45, "which": "least"}
    assert controls.line.value == controls.code
    assert words in controls.tool.message.value
    assert "Nothing was changed." in controls.tool.message.value
    assert moved == ["share"]


def test_a_control_that_is_moved_too_far_goes_back(controls, moved):
    controls.controls["share"].value = 101
    assert controls.values["share"] == 30
    assert moved == []
    assert "share is at most 100" in controls.tool.message.value
