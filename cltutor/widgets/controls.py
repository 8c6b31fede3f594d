"""Named controls, and the line of code that says how they are set."""

from collections.abc import Callable, Mapping

import ipywidgets

from .base import Tool, code_line
from .code import plain, read, widget_call


class Controls:
    """The controls of a tool by the names that they have in its call; ``line`` is that call, to copy and to paste.

    ``usual``: the values that the line leaves out; ``given``: other settings of the call, which no control changes;
    ``check(values)``: the values as they are to be set, or ValueError; ``changed(name)``: called after the learner
    moved a control, or with None after a line was pasted. What is refused leaves everything as it was.
    """

    def __init__(
        self,
        tool: Tool,
        name: str,
        controls: Mapping[str, ipywidgets.Widget],
        usual: Mapping[str, object],
        given: Mapping[str, object],
        check: Callable[[dict], dict],
        changed: Callable[[str | None], None],
    ) -> None:
        self.name, self.controls, self.usual, self.given = name, dict(controls), dict(usual), dict(given)
        self.check, self.changed = check, changed
        self.line = code_line(tool.guarded(self._pasted))
        self._applying = False
        for control in self.controls.values():
            control.observe(tool.guarded(self._moved), "value")

    @property
    def values(self) -> dict:
        return {name: plain(control.value) for name, control in self.controls.items()}

    @property
    def code(self) -> str:
        """The line of code that makes the widget again as it is set."""
        shown = {name: value for name, value in self.values.items() if value != self.usual[name]}
        return widget_call(self.name, {**shown, **self.given})

    def set(self, values: Mapping[str, object]) -> None:
        """Set every control, if the values can be."""
        checked, self._applying = self.check(dict(values)), True
        try:
            for name, control in self.controls.items():
                control.value = checked[name]
            self.line.value = self.code
        finally:
            self._applying = False
        self._last = self.values

    def _moved(self, change) -> None:
        if self._applying:
            return
        moved = [name for name, control in self.controls.items() if control is change.owner]
        self._try(self.values)
        self.changed(moved[0])

    def _pasted(self, change) -> None:
        if self._applying or change.new.strip() == self.code:
            return
        self._try(None, change.new)
        self.changed(None)

    def _try(self, values: Mapping[str, object] | None, code: str = "") -> None:
        try:
            self.set(self._read(code) if values is None else values)
        except ValueError as error:
            self.set(self._last)
            raise ValueError(f"{error} Nothing was changed.") from error

    def _read(self, code: str) -> dict:
        name, values = read(code, self.given)
        own = {key: value for key, value in values.items() if key in self.controls}
        others = {key: value for key, value in values.items() if key not in self.controls}
        if name != self.name or others != self.given:
            such = f"Paste a line such as {widget_call(self.name, self.given)}"
            rest = f", or run yours in a cell: no control sets {', '.join(sorted({*others, *self.given}))}."
            raise ValueError(f"{such}{rest if name == self.name else '.'}")
        return self.usual | own
