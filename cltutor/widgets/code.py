"""Lines of code to copy and to paste: the call of a widget, or of a method."""

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import methods
from ..recipe import parser

SUCH = "paste cl.methods.lwf(temperature=3), for example"


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
        if difflib.get_close_matches(name, methods.names(), cutoff=0.65):
            methods.named(name)  # its message has the nearest name
        raise


def _call(_name: str, /, *first: Any, **settings: Any) -> Call:
    for name, value in settings.items():
        if isinstance(value, Variable):
            raise ValueError(f"{name}={value} cannot be set here: use a number, a word or a description.")
    return Call(_name, first, settings)


def plain(value: Any) -> Any:
    """A number as a person writes it: 2 rather than 2.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


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
