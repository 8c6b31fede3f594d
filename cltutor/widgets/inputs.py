"""The controls: buttons and lists, a slider with a typed value beside it, and buttons greyed out with a reason."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import ipywidgets
import traitlets

from ..describe import Rule

Option = tuple[str, Any, str]  # the words on the button, its value, its tooltip
Act = Callable[[], None]
Guarded = Callable[[Callable], Callable]  # makes a callback show its errors, as `Tool.guarded`
Made = TypeVar("Made", bound=type[ipywidgets.Widget])
_TURN = threading.RLock()


class InTurn:
    """What the learner does to a control is answered before anything that is done next: a kernel with subshells calls
    the controls of a page from two threads at once, and Train would not see the switch that was pressed just before."""

    def set_state(self, sync_data: dict[str, Any]) -> None:
        with _TURN:
            super().set_state(sync_data)  # type: ignore[misc]  # of a widget


class Button(InTurn, ipywidgets.Button):
    def click(self) -> None:
        with _TURN:
            super().click()


def in_turn(kind: Made) -> Made:
    """A control of ipywidgets that answers in turn."""
    return type(kind.__name__, (InTurn, kind), {})  # type: ignore[return-value]  # a class like it


Text, ToggleButtons = in_turn(ipywidgets.Text), in_turn(ipywidgets.ToggleButtons)
WHOLE = in_turn(ipywidgets.IntSlider), in_turn(ipywidgets.IntText)
REAL = in_turn(ipywidgets.FloatSlider), in_turn(ipywidgets.FloatText)


def plain(value: Any) -> Any:
    """A number as a person writes it: 2 rather than 2.0."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


def row(*controls: ipywidgets.Widget) -> ipywidgets.Box:
    """Controls beside each other, which wrap where the page is narrow."""
    layout = ipywidgets.Layout(display="flex", flex_flow="row wrap", align_items="center", width="100%")
    return ipywidgets.Box(controls, layout=layout)


def button(words: str, tooltip: str, action: Callable, icon: str = "", width: str | None = None) -> ipywidgets.Button:
    """A button that calls `action(button)`."""
    layout = ipywidgets.Layout(width="auto", min_width=width, margin="2px 6px 2px 0")
    made = Button(description=words, icon=icon, tooltip=tooltip, layout=layout)
    made.on_click(action)
    return made


def buttons(words: str, tooltip: str, options: dict[Any, str], names: Sequence = ()) -> ipywidgets.ToggleButtons:
    """Toggle buttons, as wide as their words; ``options``: values with what they mean; ``names``: if no words."""
    return ToggleButtons(
        options=list(zip(names or options, options, strict=True)),
        description=words,
        tooltip=tooltip,
        tooltips=list(options.values()),
        style={"button_width": "auto", "description_width": "auto"},
        layout=ipywidgets.Layout(width="auto", margin="2px 18px 2px 0"),
    )


def key(control: ipywidgets.DOMWidget, letter: str) -> None:
    """Have a key press this button, or the one of two buttons that is not pressed, while the focus is inside the tool
    and not in a field; its tooltip says so."""
    control.add_class(f"cltutor-key-{letter}")
    if getattr(control, "tooltip", None):
        control.tooltip = f"{control.tooltip} (key {letter})"


class Listed(InTurn, ipywidgets.Dropdown):
    """A list of which None may be a choice: ipywidgets takes it for no choice at all, and the page shows nothing."""

    @traitlets.observe("value")
    def _propagate_value(self, change) -> None:
        if change.new is None and None in self._options_values:
            self.index = self._options_values.index(None)
        else:
            super()._propagate_value(change)


def dropdown(words: str, options: Sequence, tooltip: str | None = None) -> Listed:
    """A list to choose from, as wide as its words."""
    return Listed(
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
    made = Text(
        description=words,
        continuous_update=False,
        tooltip=tooltip,
        style={"description_width": "auto"},
        layout=ipywidgets.Layout(width=width, margin=margin),
        placeholder=placeholder,
    )
    made.observe(changed, "value")
    return made


class Knob(ipywidgets.HBox):
    """A number that is slid or typed; typing also reaches numbers beyond the slider's ends.

    `value` is the trait to observe; it begins at the slider's lower end. A typed number that `rule` refuses leaves the
    value as it was.

    words: its label; span: the slider's ends and step; tooltip: what the number means.
    """

    value = traitlets.Float()

    def __init__(
        self, words: str, span: tuple[float, float, float], rule: Rule, tooltip: str, guarded: Guarded
    ) -> None:
        self.words, self.rule, self.span = words, rule, span
        low, high, step = span
        self.whole = all(float(end).is_integer() for end in span)
        slider, text = WHOLE if self.whole else REAL
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


class Switch(InTurn, ipywidgets.ToggleButton):
    """A button that is on or off, and that can be greyed out with a reason."""

    def __init__(self, words: str, tooltip: str) -> None:
        self.meaning = tooltip
        layout = ipywidgets.Layout(width="auto", margin="2px 8px 2px 0")
        super().__init__(description=words, tooltip=tooltip, layout=layout)

    def refuse(self, reason: str) -> None:
        """Grey the button out for that reason, or offer it again if there is none."""
        self.disabled = bool(reason)
        self.tooltip = f"{self.meaning} - not here: {reason}" if reason else self.meaning


class Choice(ipywidgets.Box):
    """Buttons of which one is pressed: `value` is its value, None when none is.

    A value without a button gets a button of its own.
    """

    value = traitlets.Any()

    def __init__(self, words: str, options: Sequence[Option], guarded: Guarded) -> None:
        self.words, self._guarded, self._showing = words, guarded, False
        self.buttons: dict[object, Switch] = {}
        self.label = [ipywidgets.HTML(words, layout=ipywidgets.Layout(margin="0 6px 0 0"))] if words else []
        layout = ipywidgets.Layout(display="flex", flex_flow="row wrap", align_items="center", margin="0 10px 0 0")
        super().__init__(layout=layout)
        self.add_class("cltutor-choice")
        self.offer(options)
        self.observe(self._show, "value")

    def offer(self, options: Sequence[Option]) -> None:
        """Show these buttons, pressed where they were before."""
        gone = list(self.buttons.values())
        self.buttons = {}
        for words, value, tooltip in options:
            self._add(words, value, tooltip)
        self._show()
        close(gone)

    def refuse(self, reasons: Mapping[object, str]) -> None:
        """Grey out the buttons of the values that have a reason."""
        for value, button in self.buttons.items():
            button.refuse(reasons.get(value, ""))

    def _add(self, words: str, value: object, tooltip: str) -> None:
        button = self.buttons[value] = Switch(words, f"{self.words}: {tooltip}" if self.words else tooltip)
        button.layout.margin = "2px 2px 2px 0"
        pressed = self._guarded(self._pressed)  # removes the message from the page, so that only a press may call it
        button.observe(lambda change: self._showing or pressed(change), "value")
        self.children = (*self.label, *self.buttons.values())

    def _pressed(self, change) -> None:
        (value,) = (value for value, button in self.buttons.items() if button is change.owner)
        if value == self.value:
            self._show()  # the one that is pressed stays pressed
        else:
            self.value = value

    def _show(self, change=None) -> None:
        if self.value is not None and self.value not in self.buttons and change is not None:
            self._add(shortened(repr(self.value)), self.value, f"as pasted, {self.value!r}")
        self._showing = True  # a button set here was not pressed
        try:
            for value, button in self.buttons.items():
                button.value = value == self.value
        finally:
            self._showing = False


class CodeLine(InTurn, ipywidgets.Textarea):
    """A line of code to copy and to paste, as many rows high as it needs; Enter enters it. ``changed`` observes it."""

    def __init__(self, words: str, tooltip: str, changed: Callable) -> None:
        super().__init__(
            description=words,
            tooltip=tooltip,
            continuous_update=False,
            rows=1,
            style={"description_width": "auto"},
            layout=ipywidgets.Layout(width="98%"),
        )
        self.add_class("cltutor-line")
        self.observe(changed, "value")

    @traitlets.observe("value")
    def _grow(self, change) -> None:
        self.rows = 1 + len(change["new"]) // 110


def shortened(words: str, most: int = 28) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"


def close(widgets: Sequence[ipywidgets.Widget]) -> None:
    """Remove widgets with everything in them, layouts and styles too, which would otherwise stay in memory."""
    for widget in widgets:
        close(getattr(widget, "children", ()))
        for name in ("layout", "style"):
            if part := getattr(widget, name, None):
                part.close()
        widget.close()
