"""Presets by paper: a press sets every toggle to a method's own."""

from collections.abc import Callable

import ipywidgets

from .. import methods
from ..streams import Stream
from .base import row
from .choice import Choice, Option
from .method_controls import summary_of
from .playground_composition import Composition
from .playground_panel import Panel
from .playground_presets import PAPERS, TITLES, at_hand
from .playground_recorded import Recorded


class Presets(ipywidgets.VBox):
    """A button for each paper, and for each method of the one that is pressed."""

    def __init__(self, stream: Stream, panel: Panel, recorded: Recorded, guarded: Callable) -> None:
        self.stream, self.panel, self.recorded, self._applying = stream, panel, recorded, False
        self.paper = Choice("presets of", [(name, name, TITLES[name]) for name in PAPERS], guarded)
        self.method = Choice("", [], guarded)
        super().__init__([row(self.paper, self.method)], layout=ipywidgets.Layout(width="100%"))
        offer, pressed = guarded(lambda change: self._offer()), guarded(self._pressed)
        self.add_class("cltutor-presets")
        self.paper.observe(lambda change: self._offer() if self._applying else offer(change), "value")
        self.method.observe(lambda change: self._applying or pressed(change), "value")
        panel.also = self._judge
        self.paper.value = next(iter(PAPERS))

    def show(self, composition: Composition) -> None:
        """Press the button of the method that this is, if it is one."""
        self._applying = True
        try:
            listed = [paper for paper, names in PAPERS.items() if composition.name in names]
            if listed:
                self.paper.value = listed[0]
            self.method.value = composition.name if listed else None
        finally:
            self._applying = False

    def _offer(self) -> None:
        """The methods of the paper; those that make no sense on this stream are greyed out soon after."""
        before, self._applying = self._applying, True
        try:
            names, now = PAPERS[self.paper.value], self.panel.composition
            self.method.value = None
            self.method.offer([_option(name) for name in names])
            self.method.value = now.name if now.name in names else None
            self.recorded.offer(names)
        finally:
            self._applying = before
        self.panel.grey()

    def _judge(self, now: Composition) -> None:
        """Grey out what makes no sense on this stream; called in the panel's thread."""
        listed = [name for name in self.method.buttons if name in methods.names()]
        self.method.refuse({name: self.panel.limits.reason(at_hand(name, now, self.stream)) for name in listed})

    def _pressed(self, change) -> None:
        if change.new is not None:
            self.panel.set(at_hand(change.new, self.panel.composition, self.stream))


def _option(method: str) -> Option:
    return method, method, summary_of(method)
