"""A picture that answers: what is touched in the page reaches Python, and Python puts another picture in its place.

Errors of callbacks are kept here: an exception there would vanish into the kernel's log, where nobody sees it.
"""

import threading
import traceback
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..checked import checked
from ..show import Picture
from ..show.drawing import SCRIPT, drawing, style
from .inputs import InTurn

Drawing = dict[str, Any]  # what the page shows: a picture, {"words": a sentence} in its place, or nothing
Draw = Callable[[Callable[[], Picture]], Drawing]
MOUNT = Path(__file__).with_name("stage.js")
GONE = "The picture changed before this click arrived: click again."
_drawing = threading.Lock()  # matplotlib is not made for several threads
_errors: list[str] = []


class Stage(InTurn, anywidget.AnyWidget):
    """Shows a `Picture` with all that it does in a page, and calls ``answer`` with the spot that is touched.

    The spot is a dictionary: ``key`` of its kind, its ``number``, ``row`` and ``column``, its ``words`` and the
    ``frame``. Where ``answer`` returns a picture, that picture is shown next. What the reader has chosen (hidden
    layers, frame, setting, zoom) stays. ``guard`` wraps what is asked; without one an error is shown below the picture.
    """

    _esm = SCRIPT.read_text(encoding="utf-8") + MOUNT.read_text(encoding="utf-8")
    _css = style()
    drawing = traitlets.Dict().tag(sync=True)
    touched = traitlets.Dict().tag(sync=True)
    frame = traitlets.Int(-1).tag(sync=True)  # set it to move the picture to a frame
    message = traitlets.Unicode().tag(sync=True)

    @checked
    def __init__(
        self,
        picture: Picture | None = None,
        answer: Callable[[dict[str, Any]], Picture | None] | None = None,
        guard: Callable[[Callable], Callable] = lambda ask: ask,
    ) -> None:
        super().__init__(drawing=numbered(picture) if picture else {})
        self.answer, self._ask_guarded = answer, guard(self._ask)
        self.observe(self._answer, "touched")

    @checked
    def show(self, picture: Picture) -> None:
        """Put another picture in place of this one."""
        self.drawing = numbered(picture)

    @property
    def words(self) -> str:
        """The picture's alternative text, or the sentence in its place."""
        drawings = self.drawing.get("drawings")
        return drawings[0]["alt"] if drawings else self.drawing.get("words", "")

    def _ask(self, touched: dict[str, Any]) -> Picture | None:
        """What the answer says; ValueError where it has none to a spot of a picture that is no longer shown."""
        spot = {name: value for name, value in touched.items() if name not in ("count", "serial")}
        shown = self.drawing.get("serial")
        try:
            return self.answer(spot) if self.answer and spot else None
        except Exception as error:
            if touched.get("serial", shown) != shown:
                raise ValueError(GONE) from error
            raise

    def _answer(self, change: dict[str, Any]) -> None:
        self.message = ""
        try:
            picture = self._ask_guarded(change["new"])
        except Exception as error:  # whatever it is, the learner and the tests must see it
            self.message = record(error)
            return
        if picture is not None:
            self.show(picture)


def numbered(picture: Picture) -> Drawing:
    """What a stage shows of a picture, with a number by which a touch says which drawing it was on."""
    made = drawing(picture)
    return made | {"serial": zlib.crc32("".join(one["alt"] + one["svg"] for one in made["drawings"]).encode())}


def draw(make: Callable[[], Picture]) -> Drawing:
    """What a stage shows of the picture that ``make`` draws; a ValueError of ``make`` becomes a sentence in its place.

    A widget has a control of its own for the task known or unknown, so that its pictures have no second setting.
    """
    with _drawing:
        try:
            picture = make()
        except ValueError as error:
            return {"words": str(error)}
        picture.make_other = None
        return numbered(picture)


def errors() -> list[str]:
    """Every error that a widget of this process has shown, oldest first, with its traceback.

    A test of a notebook must look here (or for the class "cltutor-error" in the state of the widgets): an exception in
    a callback does not fail the cell that shows the widget.
    """
    return list(_errors)


def record(error: Exception) -> str:
    """Keep an error for `errors`, and put it into words for the reader."""
    _errors.append("".join(traceback.format_exception(error)))
    if isinstance(error, ValueError | ArithmeticError):  # these are sentences for the reader
        return str(error)
    return f"Something went wrong in cltutor ({type(error).__name__}: {error}). Run this cell again."
