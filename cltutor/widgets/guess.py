"""A question to answer before the result is seen: the guess is kept, and the truth appears beside it."""

import html
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import ipywidgets
import numpy as np

from .. import show
from ..checked import Many, Text, checked
from ..describe import Real, shown
from ..show.picture import FONT, grid
from ..show.style import BLUE, VERMILLION
from .base import STYLE, Tool, hidden
from .guesses import JOURNAL, Guessed, Journal
from .inputs import Choice, Knob, plain

Number = Annotated[float, Real()]
Names = Annotated[Sequence[str], Many(Text())]
LEVELS = 21  # heights at which a point of a curve can be put
WIDE, HIGH, LEFT, BELOW = 7.2, 2.6, 0.75, 0.6  # inches of a curve's picture, and beside and below its axes


class Guess(Tool):
    """The control of one guess, and below it the truth once it is known.

    entry: the question, and the guess that was made before; options, span: of the control; truth: gives the answer when
    it can, and raises NameError as long as a variable that it needs is not there; journal: which keeps the guess.
    """

    def __init__(
        self, entry: Guessed, options: Sequence[str], span: tuple[float, float], truth: Callable[[], Any] | None
    ) -> None:
        super().__init__("cltutor-guess")
        self.entry, self.options, self.span, self.find = entry, options, span, truth
        self.answer = ipywidgets.HTML()
        asked = ipywidgets.HTML(f"<b>{html.escape(entry.question)}</b>")
        self.control = self._curve() if entry.points else self._asked()
        self.children = (hidden(STYLE), asked, self.control, self.message, self.answer, self.access)
        self._say()

    def reveal(self, value: Any) -> None:
        """Show the truth beside the guess: a number, an option, or a number for each point of a curve.

        Raises:
            ValueError: a value of another kind.
        """
        self.entry.truth = self._checked(value)
        self._say()
        if self.entry.points:
            self.control.show(self._drawn())

    def _checked(self, value: Any) -> Any:
        if self.options:
            if not isinstance(value, str) or value not in self.options:
                raise ValueError(f"The truth is one of {', '.join(self.options)}, not {shown(value)}.")
            return value
        count, numbers = len(self.entry.points) or 1, _numbers(value)
        if len(numbers) != count or not np.isfinite(numbers).all():
            raise ValueError(f"The truth is {'a number' if count == 1 else f'{count} numbers'}, not {shown(value)}.")
        return numbers.tolist() if self.entry.points else float(numbers[0])

    def _asked(self) -> Choice | Knob:
        """The control of an option, or of a number."""
        low, high = self.span
        step = float(f"{(high - low) / 100:.1g}")
        words = f"your guess{f' ({self.entry.unit.strip()})' * bool(self.entry.unit)}"
        if self.options:
            made = Choice("your guess", [(option, option, option) for option in self.options], self.guarded)
        else:
            made = Knob(words, (low, high, step), Real(at_least=low, at_most=high), "slide or type", self.guarded)
        if self.entry.guess is not None:
            made.value = self.entry.guess
        made.observe(self.guarded(lambda change: self._guessed(plain(change.new))), "value")
        return made

    def _curve(self) -> ipywidgets.DOMWidget:
        made = self.stage(self._touched)
        made.show(self._drawn())
        return made

    def _guessed(self, value: Any) -> None:
        self.entry.guess = value
        self._say()

    def _touched(self, spot: dict[str, Any]) -> None:
        """Put a point of the curve at the height that was touched."""
        drawn = self.entry.guess or [None] * len(self.entry.points)
        drawn[spot["column"]] = self._levels[spot["row"]]
        self.entry.guess = drawn
        self._say()
        self.control.show(self._drawn())

    @property
    def _levels(self) -> list[float]:
        """The heights from the top down."""
        return np.linspace(self.span[1], self.span[0], LEVELS).tolist()

    def _drawn(self) -> show.Picture:
        """The curve that was drawn so far, and the true one if it is known."""
        entry, picture = self.entry, show.Picture(WIDE, HIGH)
        axes = grid(picture.panel(LEFT, BELOW, WIDE - LEFT - 0.1, HIGH - BELOW - 0.1, y=entry.unit.strip()))
        places, levels = np.arange(len(entry.points)), self._levels
        for values, color, mark in ((entry.guess, BLUE, "o-"), (entry.truth, VERMILLION, "s--")):
            if values is not None:
                axes.plot(places, np.array(values, dtype=float), mark, color=color)
        axes.set_xticks(places, list(entry.points), fontsize=FONT)
        low, high = self.span
        axes.set(xlim=(-0.5, len(places) - 0.5), ylim=(low - (high - low) / 40, high + (high - low) / 40))
        rows = [f"{level:.3g}{entry.unit}" for level in levels]
        picture.cells(axes, rows, list(entry.points), "{column}: {row}; click to put your curve here", key="curve")
        picture.alt = f"{entry.question} Your curve: {entry.words(entry.guess)}; the truth: {entry.words(entry.truth)}."
        return picture

    def _say(self) -> None:
        entry = self.entry
        words = f"Your guess: {entry.words(entry.guess)}. "
        words += f"The truth: {entry.words(entry.truth)} ({entry.verdict})." if entry.truth is not None else ""
        known = entry.guess is not None or entry.truth is not None
        self.answer.value = f'<p role="status">{html.escape(words)}</p>' if known else ""


def _numbers(value: Any) -> np.ndarray:
    """The numbers of a truth (N,); none of words, of yes or no, or of what is no array at all."""
    try:
        found = np.asarray(value)
    except (RuntimeError, TypeError, ValueError):
        return np.zeros(0)
    return found.astype(float).ravel() if found.dtype.kind in "iuf" else np.zeros(0)


def _fits(answer: Any, entry: Guessed, options: Sequence[str], span: tuple[float, float]) -> bool:
    """Whether a guess that was kept, if any, is an answer to the question as it is asked now."""
    if answer is None or options or isinstance(answer, str):
        return answer is None or answer in options
    given = [one for one in (answer if entry.points else [answer]) if one is not None]
    return all(span[0] <= one <= span[1] for one in given)


class Asking:
    """``cl.guess(question, ...)`` asks; ``cl.guess.summary()`` is the table of all guesses so far."""

    def __init__(self, journal: Journal = JOURNAL) -> None:
        self.journal = journal

    @checked
    def __call__(
        self,
        question: Annotated[str, Text()],
        *,
        span: tuple[Number, Number] | None = None,
        options: Names = (),
        points: Names = (),
        unit: str = "",
        truth: Callable[[], Any] | None = None,
    ) -> Guess:
        """Ask a question whose answer is seen later, and keep the guess.

        span: (lowest, highest) of a number to guess on a slider, or of the heights of a curve to draw by clicks, with
        the names of its ``points``; options: words of which one is chosen, in place of both; unit: behind the numbers,
        such as " %"; truth: a function without arguments that gives the answer, such as ``lambda: 100 *
        run.accuracy()[-1, 0]``. It is asked after every later cell until the variables that it needs are there;
        ``reveal(value)`` of what this returns does the same by hand.

        Raises:
            ValueError: neither a span nor options, or both; options or points that are one or the same twice.
        """
        if bool(options) == (span is not None):
            raise ValueError("Give span=(lowest, highest) for a number or a curve, or options=[...] for a choice.")
        for name, given in (("options", options), ("points", points)):
            if given and len(set(given)) < max(2, len(given)):
                raise ValueError(f"{name} are two different names or more, not {shown(given)}.")
        if span is not None and not span[0] < span[1]:
            raise ValueError(f"span is (lowest, highest), not {shown(span)}.")
        asked, span = Guessed(question, unit=unit, points=tuple(points)), span or (0.0, 1.0)
        entry = self.journal.keep(asked)
        if not _fits(entry.guess, entry, options, span):  # the cell was changed, and asks something else now
            entry = self.journal.entries[question] = asked
        made = Guess(entry, tuple(options), span, truth)
        if truth is not None:
            after_next_cells(made)
        return made

    def summary(self) -> Journal:
        """All guesses of this notebook with their truths: question, guess, truth, and how far off it was."""
        return self.journal


def after_next_cells(guess: Guess, shell: Any = None) -> None:
    """Have the truth of a guess found once a later cell has made the variables that it needs; ``shell``: IPython's."""
    module = sys.modules.get("IPython")
    shell = shell or (module and module.get_ipython())
    if shell is None:
        return
    cells = 0

    def ask(result: object = None) -> None:
        nonlocal cells
        cells += 1
        if cells == 1:  # the cell that asks
            return
        try:
            if not guess.closed:
                guess.reveal(guess.find())
        except NameError:  # not yet: a later cell makes it
            return
        except Exception as error:  # in the page, where the learner sees it
            guess.show_error(error)
        shell.events.unregister("post_run_cell", ask)

    shell.events.register("post_run_cell", ask)


guess = Asking()
