"""What all widgets share: a place for errors, a pane for a picture, and a row of controls.

An exception in a callback would vanish into the kernel's log, where neither a learner nor a test sees it. Here every
callback is guarded: its exception is shown in the page, in red, and recorded in `errors()`.
"""

import base64
import functools
import html
import io
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import ipywidgets
import matplotlib.image
import numpy as np

from .. import show
from ..runs.run import Run
from ..show.probabilities import as_rgb

STYLE = f"<style>{Path(__file__).with_name('style.css').read_text()}</style>"

Draw = Callable[[Callable[[], show.Picture]], str]
MOST = 40  # pictures of about 150 kB
LATER = 0.3  # seconds before anything is drawn ahead, so that the page first gets the picture that was pressed for
Behind = Callable[[Callable[[], None]], None]

_errors: list[str] = []
_drawing = threading.Lock()  # matplotlib is not made for several threads


def errors() -> list[str]:
    """Every error that a widget of this process has shown, oldest first, with its traceback.

    A test of a notebook must look here (or for the class "cltutor-error" in the state of the widgets): an exception in
    a callback does not fail the cell that shows the widget.
    """
    return list(_errors)


def draw(make: Callable[[], show.Picture], dpi: float = 120) -> str:
    """The HTML of the picture that `make` draws; a ValueError of `make` becomes a sentence in its place."""
    with _drawing:
        try:
            picture = make()
        except ValueError as error:
            return f'<p style="line-height:1.4;margin:1em 0">{html.escape(str(error))}</p>'
        data = base64.b64encode(picture.png(dpi)).decode("ascii")
    width, height = (round(100 * inches) for inches in picture.get_size_inches())
    # With its size given the page does not jump when the next picture takes the place of this one.
    return (
        f'<img alt="{html.escape(picture.alt, quote=True)}" width="{width}" height="{height}" decoding="sync" '
        f'src="data:image/png;base64,{data}">'
    )


def in_thread(work: Callable[[], None]) -> None:
    """Do `work` behind the page."""
    threading.Thread(target=work, daemon=True).start()


class Album:
    """Pictures by a key that says everything that they show; each is drawn once."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.pages: dict[tuple, str] = {}

    def page(self, key: tuple, make: Callable[[], show.Picture]) -> str:
        """The HTML of the picture with this key, which `make` draws."""
        pages = self.pages  # `clear` may come meanwhile: what is drawn then must not come back
        if key not in pages:
            pages[key] = self.draw(make)
        return pages[key]

    def clear(self) -> None:
        self.pages = {}


class Worker:
    """Works behind the page, in steps, on the newest wish: an older one ends at its next step.

    fail: called with what a step has raised; delay: seconds before the first step.
    """

    def __init__(self, fail: Callable[[Exception], None], delay: float = 0) -> None:
        self._fail, self._delay = fail, delay
        self._lock, self._newest = threading.Lock(), threading.Thread()

    def do(self, steps: Iterator) -> None:
        """Go through the steps in a thread."""

        def work() -> None:
            done = object()
            try:
                with self._lock:  # one at a time
                    while threading.current_thread() is self._newest and next(steps, done) is not done:
                        pass
            except Exception as error:  # a thread's exception would be lost
                self._fail(error)

        self._newest = threading.Timer(self._delay, work)
        self._newest.name = "cltutor behind the page"
        self._newest.start()

    def settle(self) -> None:
        """Wait until the newest wish is done."""
        if self._newest.ident:
            self._newest.join()


class RunAlbum:
    """`picture(runs, known_task)` draws the accuracy of runs over time, once; `ahead` draws behind the page."""

    def __init__(self, empty: Callable[[], str], fail: Callable[[Exception], None], draw: Draw) -> None:
        self._empty, self._draw, self._worker = empty, draw, Worker(fail, LATER)
        # Runs are kept with their picture: another run must not get the identity of one that is gone.
        self._drawn: OrderedDict[tuple, tuple[tuple[Run, ...], str]] = OrderedDict()
        self._lock, self.settle = threading.Lock(), self._worker.settle

    def picture(self, runs: Sequence[Run], known_task: bool) -> str:
        """The HTML of the picture of these runs."""
        if not runs:
            return self._empty()
        key = (known_task, *map(id, runs))
        with self._lock:
            if key in self._drawn:
                self._drawn.move_to_end(key)
                return self._drawn[key][1]
        pictures = []

        def make() -> show.Picture:
            pictures.append(show.accuracy_over_time(runs, known_task=known_task))
            return pictures[0]

        made = self._draw(make)
        for picture in pictures:
            picture.clear()  # its artists refer to each other, and would stay until the garbage collector runs
        with self._lock:
            self._drawn[key] = tuple(runs), made
            while len(self._drawn) > MOST:
                self._drawn.popitem(last=False)
        return made

    def ahead(self, wishes: Sequence[tuple[Sequence[Run], bool]]) -> None:
        """Draw these instead of earlier wishes that are not drawn yet."""
        self._worker.do(self.picture(*wish) for wish in wishes)


class Tool(ipywidgets.VBox):
    """A column of controls and pictures, with a place, `message`, where errors are shown.

    `draw` makes the HTML of a picture, and `album` keeps it. Subclasses set `controls`, a `Controls`.
    """

    def __init__(self, css: str, draw: Draw = draw) -> None:
        self.draw, self.album = draw, Album(draw)
        self.errors: list[Exception] = []
        self.message = ipywidgets.HTML(layout=ipywidgets.Layout(display="none"))
        super().__init__(layout=ipywidgets.Layout(width="100%", overflow="hidden"))
        self.add_class("cltutor")
        self.add_class(css)

    @property
    def code(self) -> str:
        """The line of code that makes this widget again as it is set."""
        return self.controls.code

    @property
    def line(self) -> ipywidgets.Text:
        """The field that shows `code`, and into which a line is pasted."""
        return self.controls.line

    def fill(self, *rows: ipywidgets.Widget) -> None:
        """Put the rows under each other."""
        self.children = (hidden(STYLE), *rows)

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
        self.errors.append(error)
        _errors.append("".join(traceback.format_exception(error)))
        words = str(error)
        if not isinstance(error, ValueError | ArithmeticError):  # these are sentences for the reader
            words = f"Something went wrong in cltutor ({type(error).__name__}: {words}). Run this cell again."
        self.message.layout.display = None
        self.message.value = (
            '<div class="cltutor-error" role="alert" style="color:#a00000;background:#fff0ee;border-left:4px solid '
            f'#a00000;padding:6px 10px;line-height:1.4;margin:4px 0">{html.escape(words)}</div>'
        )


class Pane(ipywidgets.HTML):
    """Shows a picture with its alternative text, or a sentence where there is none."""

    def __init__(self) -> None:
        super().__init__(layout=ipywidgets.Layout(width="100%", margin="6px 0 0 0"))
        self.add_class("cltutor-picture")


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


def row(*controls: ipywidgets.Widget) -> ipywidgets.Box:
    """Controls beside each other, which wrap where the page is narrow."""
    layout = ipywidgets.Layout(display="flex", flex_flow="row wrap", align_items="center", width="100%")
    return ipywidgets.Box(controls, layout=layout)


def button(words: str, tooltip: str, action: Callable, icon: str = "", width: str | None = None) -> ipywidgets.Button:
    """A button that calls `action(button)`."""
    made = ipywidgets.Button(description=words, icon=icon, tooltip=tooltip)
    made.layout = ipywidgets.Layout(width="auto", min_width=width, margin="2px 6px 2px 0")
    made.on_click(action)
    return made


def buttons(words: str, tooltip: str, options: Sequence, tooltips: list[str]) -> ipywidgets.ToggleButtons:
    """Toggle buttons, as wide as their words."""
    return ipywidgets.ToggleButtons(
        options=options,
        description=words,
        tooltip=tooltip,
        tooltips=tooltips,
        style={"button_width": "auto", "description_width": "auto"},
        layout=ipywidgets.Layout(width="auto", margin="2px 18px 2px 0"),
    )


def dropdown(words: str, options: Sequence, tooltip: str | None = None) -> ipywidgets.Dropdown:
    """A list to choose from, as wide as its words."""
    return ipywidgets.Dropdown(
        options=options,
        description=words,
        tooltip=tooltip,
        style={"description_width": "auto"},
        layout=ipywidgets.Layout(width="auto", max_width="420px", margin="2px 18px 2px 0"),
    )


def text_field(
    words: str, tooltip: str, changed: Callable, width: str, margin: str | None = None, placeholder: str = ""
) -> ipywidgets.Text:
    """A line of text; `changed` observes it, once Enter is pressed."""
    made = ipywidgets.Text(
        description=words,
        continuous_update=False,
        tooltip=tooltip,
        style={"description_width": "auto"},
        layout=ipywidgets.Layout(width=width, margin=margin),
        placeholder=placeholder,
    )
    made.observe(changed, "value")
    return made
