"""Named controls, and the line of code that says how they are set: written to copy, and read where it is pasted."""

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ipywidgets

from .. import methods
from ..describe import Choice, Flag, Rule
from ..recipe import parser
from . import __all__ as WIDGETS
from .base import Tool
from .inputs import CodeLine, Knob, plain

SUCH = "paste cl.methods.lwf(temperature=3), for example"
UNCHANGED = " Nothing was changed."
Values = dict[str, Any]
TIP = "Copy this line to keep these settings. Paste a line and press Enter to get them back."


@dataclass(frozen=True)
class Call:
    """A call in a pasted line: the last word of its name, its positional arguments and its settings."""

    name: str
    first: tuple
    settings: dict[str, Any]


@dataclass(frozen=True)
class Variable:
    """A variable of the learner's, such as ``stream``, which a pasted line may name and which is not looked up."""

    name: str

    def __repr__(self) -> str:
        return self.name


class _Variables(dict):
    """Every name as a variable."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Variable:
        return Variable(name)


def read(code: str, calls: list[str], functions: Mapping[str, Callable] | None = None, such: str = SUCH) -> Any:
    """The value of a pasted line: a ``Call`` for the names in ``calls``, the result of a call of ``functions``.

    Raises:
        ValueError: anything else; ``such`` says in the message what may be pasted.
    """
    known = {name: functools.partial(_call, name) for name in calls}
    try:
        return parser.read(code, {**(functions or {}), **known}, _Variables(stream=Variable("stream")))
    except parser.NotCode:
        raise ValueError(f"This is not one line of code: {such}.") from None
    except parser.UnknownPart as error:
        name = getattr(error, "name", None) or ""
        if name.split(".")[-1] in WIDGETS:
            raise ValueError(f"This line makes another widget, {name}: {such}.") from None
        if difflib.get_close_matches(name, methods.names(), cutoff=0.65):
            methods.named(name)  # its message has the nearest name
        raise


def _call(_name: str, /, *first: Any, **settings: Any) -> Call:
    for name, value in settings.items():
        if isinstance(value, Variable):
            raise ValueError(f"{name}={value} cannot be set here: use a number, a word or a description.")
    return Call(_name, first, settings)


def call(name: str, settings: Mapping[str, Any], *first: str) -> str:
    """The code of a call."""
    written = (f"{key}={parser.code_of(plain(value))}" for key, value in settings.items())
    return f"{name}({', '.join((*first, *written))})"


def shown(kind: type) -> list[str]:
    """What a widget shows, such as its stream: the arguments of its call that have no default."""
    parameters = inspect.signature(kind).parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]


def unusual(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the settings of a widget that differ from the default of its call."""
    parameters = inspect.signature(kind).parameters
    return {name: value for name, value in values.items() if value != parameters[name].default}


def takes(build: methods.Build, name: str, value: Any) -> bool:
    """Whether a method has this setting."""
    try:
        build(**{name: value})
    except methods.UnknownSetting:
        return False
    return True


def unchanged(why: object) -> ValueError:
    """The error of a change that was refused and has left everything as it was, as its message says, once."""
    return ValueError(f"{str(why).removesuffix(UNCHANGED)}{UNCHANGED}")


class Controls:
    """The controls of a tool by the names that they have in its call, and in the tool itself; ``line`` is that call, to
    copy and to paste.

    A value that is refused leaves everything as it was.

    usual: the values that the line leaves out, where they are not the defaults of the call; given: other settings of
    the call, which no control changes; changed: called with the name of the control that the learner has moved, or with
    None after a line was pasted; rules: of the controls that accept something else than what they offer; check: raises
    ValueError for values that do not fit together, or returns them as they are to be set.
    """

    def __init__(
        self,
        tool: Tool,
        controls: Mapping[str, ipywidgets.Widget],
        usual: Values,
        given: Values,
        changed: Callable[[str | None], None],
        rules: Mapping[str, Rule] | None = None,
        check: Callable[[Values], Values] = lambda values: values,
    ) -> None:
        self.name, self.first = type(tool).__name__, shown(type(tool))
        self.controls, self.given = dict(controls), dict(given)
        defaults = inspect.signature(type(tool)).parameters
        self.usual = {name: defaults[name].default for name in controls} | usual
        self.changed, self.check = changed, check
        self.rules = {name: (rules or {}).get(name) or rule_of(control) for name, control in controls.items()}
        self.line = CodeLine("as code", TIP, tool.guarded(self._pasted))
        self._applying = False
        for name, control in self.controls.items():
            control.observe(tool.guarded(self._moved), "value")
            if not hasattr(type(tool), name):  # a tool may mean something else by the name
                setattr(tool, name, control)

    def __getitem__(self, name: str) -> ipywidgets.Widget:
        return self.controls[name]

    @property
    def values(self) -> Values:
        return {name: plain(control.value) for name, control in self.controls.items()}

    @property
    def code(self) -> str:
        """The line of code that makes the widget again as it is set."""
        return self._line({**self.moved, **self.given})

    @property
    def moved(self) -> Values:
        """The values that are not the usual ones."""
        return {name: value for name, value in self.values.items() if value != self.usual[name]}

    def start(self, **values: Any) -> None:
        """Set the controls to these values, to the usual one where it is None."""
        self.set(self.usual | {name: value for name, value in values.items() if value is not None})

    def set(self, values: Values) -> None:
        """Set every control, if the values are accepted."""
        self._apply(self.check({name: rule.check(name, values[name]) for name, rule in self.rules.items()}))

    def _apply(self, values: Values) -> None:
        self._applying = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
            self.line.value = self.code
        finally:
            self._applying = False
        self._last = self.values

    def _moved(self, change) -> None:
        if self._applying:
            return
        (moved,) = [name for name, control in self.controls.items() if control is change.owner]
        self._try(lambda: self.set(self.values))
        self.changed(moved)

    def _pasted(self, change) -> None:
        if self._applying or change.new.strip() == self.code:
            return
        self._try(lambda: self._read(change.new))
        self.changed(None)

    def _try(self, change: Callable[[], None]) -> None:
        try:
            change()
        except ValueError as error:
            self._apply(self._last)
            raise unchanged(error) from error

    def _read(self, code: str) -> None:
        """Set what a pasted line says."""
        such = f"Paste a line such as {self._line(self.given)}"
        found = read(code, [self.name], such=f"p{such[1:]}")
        if not isinstance(found, Call) or len(found.first) > len(self.first):
            raise ValueError(f"{such}.")
        own = {name: value for name, value in found.settings.items() if name in self.controls}
        others = {name: value for name, value in found.settings.items() if name not in self.controls}
        if others != self.given:
            names = ", ".join(sorted({*others, *self.given}))
            raise ValueError(f"{such}, or run yours in a cell: no control sets {names}.")
        self.set(self.usual | own)

    def _line(self, settings: Values) -> str:
        return call(f"cl.widgets.{self.name}", settings, *self.first)


@dataclass(frozen=True, repr=False)
class LayerName(Rule):
    """A layer by its name for a reader, such as "conv 2", which is stored, or by its name in the network."""

    layers: Mapping[str, str]  # name for a reader -> name in the network

    @property
    def words(self) -> str:
        return f"one of {', '.join(self.layers)}"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str) and value in {*self.layers, *self.layers.values()}

    def convert(self, value: Any) -> str:
        return next(words for words, name in self.layers.items() if value in (words, name))


def rule_of(control: ipywidgets.Widget) -> Rule:
    """What a control offers, as a rule."""
    if isinstance(control, Knob):
        return control.rule
    if isinstance(control, ipywidgets.ToggleButton):
        return Flag()
    values = [option[1] if isinstance(option, tuple) else option for option in control.options]
    return Flag() if all(isinstance(value, bool) for value in values) else Choice(values)
