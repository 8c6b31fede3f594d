"""What all widgets share: a place for errors, stages for pictures, and a row of controls.

Every callback is guarded: its exception is shown in the page, in red, and recorded in `errors()`.
"""

import base64
import functools
import html
import io
import itertools
import sys
import weakref
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import matplotlib.image
import numpy as np
import traitlets

from ..show.images import as_rgb
from .behind import Album, ignore
from .inputs import CodeLine, InTurn, Switch, close, key
from .stage import Draw, Drawing, Stage, draw, record

Running = tuple[str, str]  # the identity of a cell, and of this run of it
Widgets = Sequence[ipywidgets.Widget]
STYLE = f"<style>{Path(__file__).with_name('style.css').read_text()}</style>"


class Access(InTurn, anywidget.AnyWidget):
    """Makes the tool around it accessible: toggle buttons have a state, sliders a name, and controls a key.

    ``answer(what)`` is called when a heading ``<button data-press="what">`` of the tool is pressed.
    """

    _esm = Path(__file__).with_name("access.js")
    pressed = traitlets.Dict().tag(sync=True)

    def __init__(self) -> None:
        super().__init__(layout=ipywidgets.Layout(display="none"))
        self.answer: Callable[[str], None] = ignore
        self.observe(lambda change: self.answer(change.new["what"]), "pressed")


def running_cell() -> Running | None:
    """The notebook cell that runs now; None where there is none, as in the callback of a button."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    request = shell.get_parent() if hasattr(shell, "get_parent") else {}
    cell = request.get("metadata", {}).get("cellId")
    return (cell, request["header"]["msg_id"]) if cell else None


class Cells:
    """Closes what a cell made when it ran before: its output is gone, too. running: tests give another."""

    def __init__(self, running: Callable[[], Running | None] = running_cell) -> None:
        self.running = running
        self._made: dict[str, tuple[str, weakref.WeakSet]] = {}

    def add(self, widget: Any) -> None:
        """Called when a widget is made."""
        if (now := self.running()) is None:
            return
        cell, execution = now
        before, made = self._made.get(cell, (execution, weakref.WeakSet()))
        if before != execution:
            for old in list(made):
                old.close()
            made = weakref.WeakSet()
        made.add(widget)
        self._made[cell] = execution, made


class Tool(ipywidgets.VBox):
    """A column of controls and pictures, with a place, `message`, where errors are shown; `access` has keys and names.

    `draw` makes what a `Stage` shows of a picture, and `album` keeps it. Subclasses set `controls`, a `Controls`, and
    `_pages`, which makes pictures of their values. Where a cell runs again, the tool that it made before is closed.
    """

    closed = False
    cells = Cells()
    _own: Collection[str] = ()

    def __init__(self, css: str, draw: Draw = draw) -> None:
        super().__init__(layout=ipywidgets.Layout(width="100%", overflow="hidden"))
        self._own = set(vars(self))  # what ipywidgets needs to close it
        self.draw, self.album = draw, Album(draw, self.show_error)
        self.errors: list[Exception] = []
        self.access = Access()
        self.panes: list[Stage] = []
        self.message = ipywidgets.HTML(layout=ipywidgets.Layout(display="none"))
        self.add_class("cltutor")
        self.add_class(css)
        self.cells.add(self)

    def close(self) -> None:
        """Remove it from the page, stop what works for it, and drop its models and pictures: a reference to the
        tool that remains, such as the one in the notebook's history of outputs, keeps nothing else alive."""
        if self.closed or not self._own:  # not one that was refused before it was made
            return
        self.closed, before = True, dict(vars(self))
        held = {name: value for name, value in before.items() if name not in self._own and name != "_own"}
        for part in held.values():
            getattr(part, "cease", ignore)()
        close([*self.children, *(part for part in held.values() if isinstance(part, ipywidgets.Widget))])
        self.children = ()
        self.layout.close()
        super().close()
        for name in held:
            vars(self).pop(name, None)

    def __setattr__(self, name: str, value: Any) -> None:
        if not self.closed or self.has_trait(name):  # a thread that had not ended yet sets nothing any more
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        why = ": its cell has run again, use the new one." if self.closed else "."
        raise AttributeError(f"This {type(self).__name__} has no {name}{why}")

    @property
    def code(self) -> str:
        """The line of code that makes this widget again as it is set."""
        return self.controls.code

    @property
    def line(self) -> CodeLine:
        """The field that shows `code`, and into which a line is pasted."""
        return self.controls.line

    def stage(self, answer: Callable[[dict[str, Any]], None] | None = None) -> Stage:
        """One more of `panes`, a place for a picture; ``answer`` is called with the spot that is touched in it."""
        self.panes.append(Stage(answer=answer, guard=self.guarded))
        return self.panes[-1]

    def fill(self, side: Widgets, middle: Widgets, below: Widgets = ()) -> None:
        """Lay the page out: the controls at the ``side`` of the pictures in the ``middle``, all in view at once, and
        what is wider ``below`` them, at last the line of code."""
        self.large = Switch("large type", "to project it")
        self.large.observe(lambda change: self._enlarge(change.new), "value")
        key(self.large, "l")
        columns = [ipywidgets.VBox([*side, self.large]), ipywidgets.VBox([self.message, *middle])]
        for column, css in zip(columns, ("cltutor-side", "cltutor-middle"), strict=True):
            column.add_class(css)
        both = ipywidgets.Box(columns, layout=ipywidgets.Layout(width="100%", overflow="visible"))
        both.add_class("cltutor-columns")
        self.children = (hidden(STYLE), both, *below, self.line, self.access)

    def _show(self, name: str | None = None) -> None:
        """Show what the controls say; `name`: the control that was moved."""
        asked = None
        while asked != self.asked:  # a control may be moved while a thread draws
            asked = self.asked
            for pane, page in itertools.zip_longest(self.panes, self._pages(**asked), fillvalue={}):
                pane.drawing = page

    @property
    def asked(self) -> dict[str, Any]:
        """What the pictures depend on: the values of the controls."""
        return self.controls.values

    def _pages(self, **asked: Any) -> Sequence[Drawing]:
        """What the first of the `panes` show of that; the others are empty."""
        raise NotImplementedError

    def _enlarge(self, large: bool) -> None:
        (self.add_class if large else self.remove_class)("cltutor-large")

    def guarded(self, callback: Callable) -> Callable:
        """The callback, for `observe` and `on_click`: its exception is shown in the page and recorded."""

        @functools.wraps(callback)
        def safe(*arguments: object) -> None:
            self.message.value, self.message.layout.display = "", "none"
            try:
                callback(*arguments)
            except Exception as error:  # whatever it is, the learner and the tests must see it
                self.show_error(error)

        return safe

    def show_error(self, error: Exception) -> None:
        """Show the error in the page and record it. Also called from threads."""
        if self.closed:
            return  # a thread that had not ended yet
        self.errors.append(error)
        words = record(error)
        self.message.layout.display = None
        self.message.value = (
            '<div class="cltutor-error" role="alert" style="color:#a00000;background:#fff0ee;border-left:4px solid '
            f'#a00000;padding:6px 10px;line-height:1.4;margin:4px 0">{html.escape(words)}</div>'
        )


def hidden(style: str) -> ipywidgets.HTML:
    """A style sheet, which takes no room on the page."""
    return ipywidgets.HTML(style, layout=ipywidgets.Layout(display="none"))


def sentence(words: str, role: str = "") -> str:
    """The HTML of a line of text; with role="status" a screen reader announces its changes."""
    role = f' role="{role}"' if role else ""
    return f'<p{role} style="line-height:1.4;margin:4px 0">{html.escape(words)}</p>'


def example(image: np.ndarray, words: str, side: int = 56) -> str:
    """The HTML of a small image (C, H, W) uint8, enlarged without smoothing."""
    file = io.BytesIO()
    matplotlib.image.imsave(file, as_rgb(image), format="png")
    data = base64.b64encode(file.getvalue()).decode("ascii")
    look = f"image-rendering:pixelated;height:{side}px"
    return f'<img alt="{html.escape(words, quote=True)}" style="{look}" src="data:image/png;base64,{data}">'
