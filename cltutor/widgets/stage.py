"""A picture that answers: what is touched in the page reaches Python, and Python puts another picture in its place."""

from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from ..checked import checked
from ..show import Picture
from ..show.drawing import SCRIPT, drawing, style
from .base import record


class Stage(anywidget.AnyWidget):
    """Shows a `Picture` with all that it does in a page, and calls ``answer`` with the spot that is touched.

    The spot is a dictionary: ``key`` of its kind, its ``number``, ``row`` and ``column``, its ``words`` and the
    ``frame``. Where ``answer`` returns a picture, that picture is shown next. What the reader has chosen (hidden
    layers, frame, setting, zoom) stays.
    """

    _esm = SCRIPT
    _css = style()
    drawing = traitlets.Dict().tag(sync=True)
    touched = traitlets.Dict().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)

    @checked
    def __init__(self, picture: Picture, answer: Callable[[dict[str, Any]], Picture | None] | None = None) -> None:
        super().__init__(drawing=drawing(picture))
        self.answer = answer
        self.observe(self._answer, "touched")

    @checked
    def show(self, picture: Picture) -> None:
        """Put another picture in place of this one."""
        self.drawing = drawing(picture)

    def _answer(self, change: dict[str, Any]) -> None:
        spot = {name: value for name, value in change["new"].items() if name != "count"}
        self.message = ""
        try:
            picture = self.answer(spot) if self.answer and spot else None
        except Exception as error:  # whatever it is, the learner and the tests must see it
            self.message = record(error)
            return
        if picture is not None:
            self.show(picture)
