"""The toggles of a playground in their sections; what makes no sense is greyed out with its reason."""

import html
import threading
from collections.abc import Callable
from dataclasses import replace

import ipywidgets

from .base import row
from .choice import Choice, Switch
from .code import plain
from .knob import Knob
from .playground_composition import Composition
from .playground_limits import Limits
from .playground_options import make_controls
from .playground_presets import named

TERMS = {  # a term -> the controls that speak only while it is on
    "distillation": ("kind", "joined", "temperature", "beta"),
    "attention": ("distance", "maps", "gamma"),
    "anchor": ("importance", "omega"),
}
SECTIONS = {
    "Loss": (
        ("new",),
        ("distillation", "beta", "kind", "temperature", "joined"),
        ("attention", "gamma", "maps", "distance"),
        ("anchor", "omega", "importance"),
    ),
    "Memory": (("memory",), ("images", "selection"), ("balanced", "predict")),
    "Network": (("network",), ("backbone",), ("merge",)),
    "Training": (("epochs", "rate"), ("learns",), ("augmentation", "noise")),
}
ALL = "all"


class Panel(ipywidgets.VBox):
    """Controls for a `Composition` in sections, one of which is open, or all; whose regime of training (`heads`) has its
    place elsewhere. `changed(before)` is called after the learner has made another composition.

    A combination that makes no sense leaves everything as it was and is told by `guarded`. Buttons that would make one
    are greyed out by a thread, soon after each change; `settle()` waits for it.
    """

    def __init__(
        self,
        limits: Limits,
        composition: Composition,
        guarded: Callable,
        fail: Callable[[Exception], None],
        changed: Callable[[Composition], None],
    ) -> None:
        self.limits, self.composition, self.changed, self._fail = limits, composition, changed, fail
        self._applying, self._lock, self._stale, self._thread = False, threading.Lock(), False, None
        self.also: Callable[[Composition], None] = lambda now: None  # what else the thread greys out
        self.controls = make_controls(guarded)
        for control in self.controls.values():
            control.observe(guarded(self._moved), "value")
        self.reasons = ipywidgets.HTML(layout=ipywidgets.Layout(margin="0"))
        self.sections = {title: self._section(title, rows) for title, rows in SECTIONS.items()}
        about = {title: f"the toggles of {title.lower()}" for title in SECTIONS} | {ALL: "the toggles of all sections"}
        self.tabs = Choice("toggles", [(title, title, words) for title, words in about.items()], guarded)
        self.tabs.observe(guarded(lambda change: self._unfold()), "value")
        rows = self.tabs, *self.sections.values(), self.reasons
        super().__init__(rows, layout=ipywidgets.Layout(width="100%"))
        self.tabs.value = "Loss"
        self._apply(composition)

    def set(self, composition: Composition) -> None:
        """Set every control.

        Raises:
            ValueError: the combination makes no sense, and nothing was changed.
        """
        before = self.composition
        if reason := self.limits.reason(composition):
            self._apply(before)
            raise ValueError(f"{reason} Nothing was changed.")
        self._apply(composition)
        self.changed(before)

    def settle(self) -> None:
        """Wait until everything that makes no sense is greyed out."""
        if self._thread:
            self._thread.join()

    def _section(self, title: str, rows: tuple[tuple[str, ...], ...]) -> ipywidgets.VBox:
        lines = [f"<li><b>{html.escape('; '.join(told))}</b>: {html.escape(why)}</li>" for why, told in words.items()]
    count = sum(map(len, words.values()))
    summary = f"{count} choice{'s are' if count > 1 else ' is'} greyed out here: why?"
    return f'<details class="cltutor-reasons"><summary>{summary}</summary><ul>{"".join(lines)}</ul></details>'
