"""Arguments checked by what a function declares: ``@checked`` refuses a wrong one in a sentence, before any work.

The rule of a parameter is the one given to the decorator, else it follows from its annotation. Numpy and torch scalars
become the Python numbers that they are.
"""

import inspect
import os
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike

from .describe import Flag, Kind, Real, Rule, Whole

P = ParamSpec("P")
Result = TypeVar("Result")


@overload
def checked(function: Callable[P, Result], /) -> Callable[P, Result]: ...


@overload
def checked(**rules: Rule) -> Callable[[Callable[P, Result]], Callable[P, Result]]: ...


def checked(function: Callable[..., Any] | None = None, /, **rules: Rule) -> Any:
    """The same function, which refuses arguments that break a rule: ``@checked``, or ``@checked(share=Real(above=0))``
    with rules for single parameters.

    Raises:
        ValueError: an argument outside its rule, in one sentence with the right values.
    """
    if function is None:
        return lambda decorated: _checked(decorated, rules)
    return _checked(function, rules)


def _checked(function: Callable[..., Any], own: dict[str, Rule]) -> Callable[..., Any]:
    signature = inspect.signature(function)
    parameters = signature.parameters

    @cache
    def declared() -> dict[str, Rule]:
        """Made at the first call: annotations may name what is defined further below."""
        hints = typing.get_type_hints(function)
        followed = {name: rule_of(hints[name]) for name in parameters if name in hints and name not in own}
        return own | {name: rule for name, rule in followed.items() if rule is not None}

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        for name, rule in declared().items():
            if name not in bound.arguments or bound.arguments[name] is parameters[name].default:
                continue
            value, several = bound.arguments[name], parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
            bound.arguments[name] = tuple(rule.check(name, v) for v in value) if several else rule.check(name, value)
        return function(*bound.args, **bound.kwargs)

    return call


class Text(Rule):
    """Text."""

    words = "text"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str)


class Numbers(Rule):
    """Whatever numpy makes an array of numbers of."""

    words = "an array of numbers"

    def accepts(self, value: Any) -> bool:
        try:
            return np.asarray(value, dtype=float).ndim >= 0
        except (TypeError, ValueError, RuntimeError, OverflowError):
            return False


@dataclass(frozen=True)
class Many(Rule):
    """At ``least`` so many values that each keep a rule, in any collection, array or tensor; what can be read only once
    becomes a tuple."""

    each: Rule | None = None
    least: int = 0

    @property
    def words(self) -> str:
        count = f" of {self.least} or more" if self.least else ""
        return f"a list{count}" + (f" in which each is {self.each.words}" if self.each else "")

    def check(self, name: str, value: Any) -> Any:
        if getattr(value, "ndim", 0) == 1:
            value = value.tolist()
        elif isinstance(value, Iterable) and not isinstance(value, Collection):
            value = tuple(value)
        return super().check(name, value)

    def accepts(self, value: Any) -> bool:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Collection) or hasattr(value, "shape"):
            return False
        return len(value) >= self.least and (self.each is None or all(self.each.allows(one) for one in value))

    def convert(self, value: Any) -> Any:
        plain = self.each is not None and isinstance(value, list | tuple)
        return type(value)(self.each.check("", one) for one in value) if plain else value


@dataclass(frozen=True)
class Table(Rule):
    """A mapping whose values each keep a rule."""

    each: Rule | None = None

    @property
    def words(self) -> str:
        return "a dict" + (f" in which each value is {self.each.words}" if self.each else "")

    def accepts(self, value: Any) -> bool:
        return isinstance(value, Mapping) and (self.each is None or all(map(self.each.allows, value.values())))

    def convert(self, value: Any) -> Any:
        return {key: self.each.check("", one) for key, one in value.items()} if self.each else value


@dataclass(frozen=True)
class AnyOf(Rule):
    """What one of several rules accepts."""

    rules: tuple[Rule, ...]

    @property
    def words(self) -> str:
        return ", or ".join(dict.fromkeys(rule.words for rule in self.rules))

    def accepts(self, value: Any) -> bool:
        return any(rule.allows(value) for rule in self.rules)

    def convert(self, value: Any) -> Any:
        return next(rule for rule in self.rules if rule.allows(value)).check("", value)


def a(kind: type) -> Kind:
    """The rule that a value is of that class, or of one of the user's below it; an attribute ``made_by`` of the class
    says how one gets such an object."""
    article = "an" if kind.__name__[0] in "AEIOU" else "a"
    made = getattr(kind, "made_by", "")
    return Kind(f"{article} {kind.__name__}" + (f", such as {made}" if made else ""), lambda v: isinstance(v, kind))


NOTHING = Kind("None", lambda value: value is None)
SIMPLE = {bool: Flag(), int: Whole(), float: Real(), str: Text(), os.PathLike: a(Path), ArrayLike: Numbers()}


def rule_of(hint: Any) -> Rule | None:
    """The rule that an annotation stands for; None for one that says nothing."""
    if hint is type(None):
        return NOTHING
    if hint in SIMPLE:
        return SIMPLE[hint]
    kind, inner = typing.get_origin(hint), typing.get_args(hint)
    if kind in (typing.Union, types.UnionType):
        rules = [rule_of(one) for one in inner]
        return None if None in rules else AnyOf(tuple(rule for rule in rules if rule))
    if kind is tuple and inner[-1:] != (Ellipsis,):
        return Many(least=len(inner))
    if kind in (list, tuple, Sequence, Iterable, Collection, set, frozenset):
        return Many(rule_of(inner[0]))
    if kind in (dict, Mapping):
        return Table(rule_of(inner[1]))
    if kind is Callable or hint is Callable:
        return Kind("a function", callable)
    return a(hint) if isinstance(hint, type) else None
