"""A slider with a typed value beside it."""

from collections.abc import Callable
from typing import Any

import ipywidgets
import traitlets

from ..describe import Rule


def plain(value: Any) -> Any:
    """A number as a person writes it: 2 rather than 2.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Knob(ipywidgets.HBox):
    """A number that is slid or typed; typing also reaches numbers beyond the slider's ends.

    `value` is the trait to observe; it begins at the slider's lower end. A typed number that `rule` refuses leaves the
    value as it was.

    words: its label; span: the slider's ends and step; tooltip: what the number means.
    """

    value = traitlets.Float()

    def __init__(
        self,
        words: str,
        span: tuple[float, float, float],
        rule: Rule,
        tooltip: str,
        guarded: Callable[[Callable], Callable],
    ) -> None:
        self.words, self.rule, self.span = words, rule, span
        low, high, step = span
        self.whole = all(float(end).is_integer() for end in span)
        slider, text = (
            (ipywidgets.IntSlider, ipywidgets.IntText) if self.whole else (ipywidgets.FloatSlider, ipywidgets.FloatText)
        )
        # The words are the label of the typed value: those of a slider are no label to a screen reader.
        self.text = text(
            description=words,
            tooltip=f"{tooltip}: {rule.words}",
            step=step,
            style={"description_width": "auto"},
            layout=ipywidgets.Layout(width="auto"),
        )
        self.slider = slider(
            min=low, max=high, step=step, readout=False, tooltip=tooltip, layout=ipywidgets.Layout(width="120px")
        )
        self._setting = False
        super().__init__([self.text, self.slider], layout=ipywidgets.Layout(margin="2px 14px 2px 0"))
        self.add_class("cltutor-knob")
        self.slider.observe(guarded(self._moved), "value")
        self.text.observe(guarded(self._moved), "value")
        self.observe(self._show, "value")
        self.value = low
        self._show()

    @property
    def disabled(self) -> bool:
        return self.slider.disabled

    @disabled.setter
    def disabled(self, disabled: bool) -> None:
        self.slider.disabled = self.text.disabled = disabled

    @property
    def number(self) -> int | float:
        """The value as a person writes it: 2 rather than 2.0."""
        return plain(self.value)

    def _moved(self, change) -> None:
        if self._setting:
            return
        try:
            self.value = self.rule.check(self.words, plain(round(float(change.new), 6)))
        except ValueError:
            self._show()
            raise

    def _show(self, change=None) -> None:
        self._setting = True
        kind = int if self.whole else float
        low, high, step = self.span
        # The page would move a slider to its nearest step and report that as the learner's wish: do it here.
        steps = round((min(max(self.value, low), high) - low) / step)
        self.slider.value = kind(round(low + steps * step, 6))
        self.text.value = kind(self.value)
        self._setting = False
