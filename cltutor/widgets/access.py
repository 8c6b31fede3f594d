"""What ipywidgets leaves out: names and states for a screen reader, keys, and headings that are pressed."""

from collections.abc import Callable
from pathlib import Path

import anywidget
import ipywidgets
import traitlets


class Access(anywidget.AnyWidget):
    """Makes the tool around it accessible: toggle buttons have a state, sliders a name, and controls a key.

    ``key`` gives a button, or a group of two, a key that works while the focus is inside the tool and not in a field.
    ``answer(what)`` is called when a heading ``<button data-press="what">`` of the tool is pressed.
    """

    _esm = Path(__file__).with_name("access.js")
    pressed = traitlets.Dict().tag(sync=True)
    answer: Callable[[str], None] | None = None

    def __init__(self) -> None:
        super().__init__(layout=ipywidgets.Layout(display="none"))

    @traitlets.observe("pressed")
    def _answer(self, change: dict) -> None:
        if self.answer:
            self.answer(change["new"]["what"])


def key(control: ipywidgets.DOMWidget, letter: str) -> None:
    """Have a key press this button, or the one of two buttons that is not pressed; its tooltip says so."""
    control.add_class(f"cltutor-key-{letter}")
    if getattr(control, "tooltip", None):
        control.tooltip = f"{control.tooltip} (key {letter})"
