"""The controls that make a recipe, with its equation and its code, all of them live."""

import html
from collections.abc import Callable
from dataclasses import replace

import ipywidgets

from .. import methods as named
from .base import buttons, code_line, row
from .code import KNOBS, State, defaults
from .knob import Knob


class Settings(ipywidgets.VBox):
    """Controls for a `State`; `changed(before)` is called after the learner has made another one of it.

    A value that no recipe can have leaves everything as it was, and is told by `guarded`.
    """

    def __init__(self, state: State, guarded: Callable, changed: Callable[[State], None]) -> None:
        self.state, self.changed = state, changed
        self._own: dict[str, dict] = {}  # what was set for each method
        self._applying = False
        self._make_buttons()
        self._make_knobs(guarded)
        self.equation = ipywidgets.HTMLMath()
        self.recipe_line = ipywidgets.HTML()
        self.line = code_line(guarded(self._pasted))
        for control in (self.method, self.known_task, self.heads, self.temperature, self.lam, self.epochs):
            control.observe(guarded(self._moved), "value")
        knobs = row(self.temperature, self.lam, self.epochs)
        formula = ipywidgets.VBox([self.equation, self.recipe_line], layout=ipywidgets.Layout(margin="6px 0"))
        formula.add_class("cltutor-formula")
        rows = (row(self.method), knobs, row(self.heads, self.known_task), formula)
        super().__init__(rows, layout=ipywidgets.Layout(width="100%", overflow="hidden"))
        self._apply(state)

    def _make_buttons(self) -> None:
        self.method = buttons("method", "how the network learns a new task", [], [])
        competing = ["the classes of the image's own task compete", "the classes of all tasks seen compete"]
        regimes = [("per task", "task"), ("across tasks", "class")]
        self.heads = buttons("training", "which classes compete in the loss (heads)", regimes, competing)
        regimes = [("task known", True), ("task unknown", False)]
        self.known_task = buttons("at test", "which classes compete at test (known_task)", regimes, competing)

    def _make_knobs(self, guarded: Callable) -> None:
        def knob(words: str, tooltip: str, span: tuple, allowed: Callable[[float], bool], rule: str) -> Knob:
            return Knob(words, span[0], span, allowed, rule, tooltip, guarded)

        softer = "how far the teacher's answers are softened (temperature)"
        self.temperature = knob("temperature T", softer, (1.0, 10.0, 0.5), lambda v: v > 0, "a number above 0")
        heavier = "the weight of the old beside the new (lam)"
        self.lam = knob("weight λ", heavier, (0.0, 5.0, 0.1), lambda v: v >= 0, "a number from 0 up")
        passes = "passes over the images of each task (epochs)"
        self.epochs = knob("epochs", passes, (1, 30, 1), lambda v: v >= 1, "a whole number from 1 up")

    def _apply(self, state: State) -> None:
        """Set every control to what the state says."""
        self._applying = True
        try:
            if tuple(self.method.options) != state.methods:
                self.method.tooltips = [told(name) for name in state.methods]
                self.method.options = state.methods
            for name in ("method", "known_task", "heads"):
                getattr(self, name).value = getattr(state, name)
            own = defaults(state.method)
            for name in (*KNOBS, "epochs"):
                knob, value = getattr(self, name), getattr(state, name)
                knob.disabled = name not in own
                if name in own:
                    knob.value = float(own[name] if value is None else value)
            self.state = state
            self.equation.value = state.recipe._repr_latex_()
            self.recipe_line.value = f'<code style="white-space:pre-wrap">{html.escape(state.recipe_code)}</code>'
            self.line.value = state.code
        finally:
            self._applying = False

    def _moved(self, change) -> None:
        """The learner moved a control."""
        if self._applying:
            return
        before, method = self.state, self.method.value
        values = {"known_task": self.known_task.value, "heads": self.heads.value, "epochs": self.epochs.number}
        if method == before.method:
            own = {name: getattr(self, name).number for name in KNOBS if name in defaults(method)}
            self._own[method] = own
        else:  # every method has its own settings; the budget is the same for all
            own = dict.fromkeys(KNOBS) | self._own.get(method, {})
        self._change(lambda: replace(before, method=method, **values, **own))

    def _pasted(self, change) -> None:
        if not self._applying and change.new.strip() != self.state.code:
            self._change(lambda: self.state.pasted(change.new))

    def _change(self, make: Callable[[], State]) -> None:
        before = self.state
        try:
            self._apply(make())
        except ValueError as error:
            self._apply(before)
            raise ValueError(f"{error} Nothing was changed.") from error
        self.changed(before)


def told(method: str) -> str:
    """The first sentence of the method's docstring."""
    return " ".join(getattr(named, method).__doc__.replace("``", "").split()).split(". ")[0]
