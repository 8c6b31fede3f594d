import ipywidgets
import pytest

from cltutor.describe import Real
from cltutor.widgets.base import Tool
from cltutor.widgets.controls import Controls


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


@pytest.fixture
def tool():
    return Shares("a stream", epochs=3)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Shares(stream, epochs=4)", "no control sets epochs"),
        ("Shares(stream, epochs=3, lr=1)", "no control sets epochs, lr"),
        ("Shares(stream, stream, epochs=3)", "Paste a line such as cl.widgets.Shares(stream, epochs=3)."),
    ],
)
def test_a_line_that_sets_something_else_is_refused_and_changes_nothing(tool, errors, line, words):
    tool.controls.controls["share"].value = 45
    tool.line.value = line
    assert tool.controls.values == {"share": 45, "which": "least"}
    assert tool.moved == ["share"]
    errors.expect(tool, words)


def test_a_control_that_is_moved_too_far_goes_back(tool, errors):
    tool.controls.controls["share"].value = 101
    assert tool.controls.values["share"] == 30
    assert tool.moved == []
    errors.expect(tool, "share is a number from 0 to 100, not 101. Nothing was changed.")
