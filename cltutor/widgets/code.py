"""The state of a method toggle, and the one line of code that says it.

Pasted code is read with `ast` and never evaluated.
"""

import ast
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .. import methods as named
from ..recipe.recipe import Recipe

METHODS = ("finetune", "lwf", "joint")
KNOBS = ("temperature", "lam")
_PLAIN = ("methods", "seed", "method", "known_task", "heads", *KNOBS, "epochs", "device")


@dataclass(frozen=True)
class State:
    """What the controls say. None is the method's own default; `settings` go to every method."""

    methods: tuple[str, ...]
    seed: int = 0
    method: str | None = None
    known_task: bool = True
    heads: str = "task"
    temperature: float | None = None
    lam: float | None = None
    epochs: int | None = None
    device: str = "auto"
    settings: dict = field(default_factory=dict)

    def __post_init__(self):
        if isinstance(self.methods, str) or not self.methods:
            raise ValueError('methods is a list of names of methods, such as ["finetune", "lwf"].')
        for name in self.methods:
            named.get(name)
        if self.method is None:
            object.__setattr__(self, "method", self.methods[0])
        if self.method not in self.methods:
            raise ValueError(f"{self.method!r} is not among the methods here: {', '.join(self.methods)}.")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(f"seed is a whole number from 0 up, not {self.seed!r}.")
        if not isinstance(self.known_task, bool):
            raise ValueError(f"known_task is True or False, not {self.known_task!r}.")
        for name in KNOBS:
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise ValueError(f"{name} is a number, not {value!r}.")
        _ = self.recipe  # the methods refuse what they cannot take

    @property
    def chosen(self) -> dict:
        """The settings of the method, as its call has them: those it takes, its defaults filled in."""
        own = {name: default for name, default in defaults(self.method).items() if name in KNOBS}
        own |= {name: getattr(self, name) for name in own if getattr(self, name) is not None}
        epochs = defaults(self.method)["epochs"] if self.epochs is None else self.epochs
        return {name: plain(value) for name, value in own.items()} | {"epochs": epochs, "heads": self.heads}

    @property
    def recipe(self) -> Recipe:
        return getattr(named, self.method)(**self.chosen, **self.settings)

    @property
    def recipe_code(self) -> str:
        return call(f"cl.methods.{self.method}", {**self.chosen, **self.settings})

    @property
    def code(self) -> str:
        """The call that makes the widget again, defaults left out."""
        shown = {name: getattr(self, name) for name in _PLAIN}
        own = defaults(self.method)
        usual = {"methods": METHODS, "seed": 0, "method": self.methods[0], "known_task": True, "heads": "task"}
        usual |= {"device": "auto"} | own
        shown = {name: plain(value) for name, value in shown.items() if value not in (None, usual.get(name))}
        return widget_call("MethodToggle", {**shown, **self.settings})

    def pasted(self, code: str) -> "State":
        """The state that the code says: a call of MethodToggle, or of a method.

        Raises:
            ValueError: code that is neither, names something unknown, or gives a value that does not fit.
        """
        name, values = read(code, self.settings)
        if name in named.names():
            return self.with_method(name, values)
        if name != "MethodToggle":
            raise ValueError(f"{name} is no method and no MethodToggle: paste cl.methods.lwf(...), for example.")
        plain = {key: value for key, value in values.items() if key in _PLAIN}
        listed = plain.pop("methods", METHODS)
        if not isinstance(listed, list | tuple) or not all(isinstance(name, str) for name in listed):
            raise ValueError('methods is a list of names of methods, such as ["finetune", "lwf"].')
        return State(tuple(listed), **plain, settings=_others(values))

    def with_method(self, method: str, values: dict) -> "State":
        """The state with another method and its settings; what they leave out is the method's default."""
        own = {name: values[name] for name in (*KNOBS, "epochs", "heads") if name in values}
        foreign = [name for name in KNOBS if name in own and name not in defaults(method)]
        if foreign:
            raise ValueError(f"{method} takes no {foreign[0]}.")
        given = {"temperature": None, "lam": None, "epochs": None, "heads": "task"} | own
        listed = self.methods if method in self.methods else (*self.methods, method)
        return replace(self, methods=listed, method=method, **given, settings=_others(values))


def defaults(method: str) -> dict:
    """The settings of a method that have a control, with their defaults."""
    parameters = inspect.signature(getattr(named, method)).parameters
    own = {name: parameters[name].default for name in KNOBS if name in parameters}
    return {**own, "epochs": named.get(method).schedule.epochs}


# What a widget shows comes first in its call, and stays as it is when code is pasted.
_GIVEN = {
    "AttentionDrift": ("stream",),
    "Balance": ("stream",),
    "FilterReconstruction": ("run", "stream"),
    "HerdingExplorer": ("run", "stream"),
    "ImportanceExplorer": ("stream",),
    "MethodToggle": ("stream",),
    "ReverseTransfer": ("stream",),
    "Temperature": ("teacher", "stream"),
    "WhatNotToForget": ("stream",),
}


def plain(value: object) -> object:
    """A number as a person writes it: 2 rather than 2.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def widget_call(name: str, settings: dict) -> str:
    """The code that makes a widget."""
    return call(f"cl.widgets.{name}", settings, *_GIVEN[name])


def call(name: str, settings: dict, *first: str) -> str:
    """The code of a call."""
    written = (f"{key}={_literal(value)}" for key, value in settings.items())
    return f"{name}({', '.join((*first, *written))})"


def read(code: str, known: Mapping[str, object]) -> tuple[str, dict]:
    """The name that is called and its keyword arguments, literals all, or as written in `known`.

    Raises:
        ValueError: anything else.
    """
    try:
        node = ast.parse(code.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError("This is not one line of code: paste cl.methods.lwf(temperature=3), for example.") from None
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute):
        raise ValueError("This is not a call: paste cl.methods.lwf(temperature=3), for example.")
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
    if len(node.args) > len(_GIVEN.get(name, ())) or any(keyword.arg is None for keyword in node.keywords):
        raise ValueError(f"Give the settings of {name} by name, such as temperature=3.")
    return name, {keyword.arg: _value(keyword.arg, keyword.value, known) for keyword in node.keywords}


def _value(name: str, node: ast.expr, known: dict) -> object:
    if name in known and ast.unparse(node) == ast.unparse(ast.parse(repr(known[name]), mode="eval")):
        return known[name]
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise ValueError(f"{name}={ast.unparse(node)} cannot be set here: use a number or a word.") from None


def _others(values: dict) -> dict:
    return {name: value for name, value in values.items() if name not in _PLAIN}


def _literal(value: object) -> str:
    """The value's code, with the double quotes that the notebooks use."""
    text = repr(value)
    return text.replace("'", '"') if isinstance(value, str | tuple) and '"' not in text else text
