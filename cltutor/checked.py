"""Arguments checked by what a function declares: ``@checked`` refuses a wrong one in a sentence, before any work.

The rule of a parameter is the one given to the decorator, else it follows from its annotation. Numpy and torch scalars
become the Python numbers that they are.
"""

import inspect
import os
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache, wraps
from typing import Annotated, Any, ParamSpec, TypeVar, overload

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from .describe import Flag, Kind, Location, Real, Rule, Whole

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
        hints = typing.get_type_hints(function, include_extras=True)
        followed = {name: rule_of(hints[name]) for name in parameters if name in hints and name not in own}
        return own | {name: rule for name, rule in followed.items() if rule is not None}

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{function.__name__}: {error}.") from None
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


@dataclass(frozen=True, repr=False)
class Numbers(Rule):
    """Whatever numpy makes an array of real numbers of, with an axis for each name in ``axes``, such as "N, C"."""

    axes: str = ""
    whole: bool = False
    truth: bool = False  # whether True and False are numbers, too
    each: Rule | None = None

    @property
    def words(self) -> str:
        of = f"in which each is {self.each.words}" if self.each else f"of {'whole ' * self.whole}numbers"
        return f"an array{f' ({self.axes})' * bool(self.axes)} {of}"

    def accepts(self, value: Any) -> bool:
        try:
            found = np.asarray(value)
        except (TypeError, ValueError, RuntimeError, OverflowError):  # ragged, or a tensor with a gradient
            return False
        right = not self.axes or found.ndim == len(self.axes.split(","))
        if not right or found.dtype.kind not in "iu" + "f" * (not self.whole) + "b" * self.truth:
            return False
        return self.each is None or all(map(self.each.allows, found.flatten().tolist()))


@dataclass(frozen=True, repr=False)
class Tensors(Rule):
    """A tensor of real numbers with an axis for each name in ``axes``, such as "N, C", or with any number of them."""

    axes: str = ""
    whole: bool = False

    @property
    def words(self) -> str:
        kind = "whole" if self.whole else "floating-point"
        return f"a tensor{f' ({self.axes})' * bool(self.axes)} of {kind} numbers"

    def accepts(self, value: Any) -> bool:
        if not isinstance(value, Tensor) or self.axes and value.dim() != len(self.axes.split(",")):
            return False
        real, kind = value.is_floating_point(), value.dtype
        return not (real or kind.is_complex or kind == torch.bool) if self.whole else real


class Shape(Rule):
    """A tensor whose axes are named, such as "N, C" or, of whole numbers, "N whole"; an axis "R?" may be left out, as
    may a tensor "C or None"."""

    def __init__(self, declared: str):
        axes, _, none = declared.partition(" or ")
        self.axes, self.or_none = axes.removesuffix(" whole"), bool(none)
        self.names = self.axes.replace("?", "").split(", ")
        self.fewest = len(self.names) - self.axes.count("?")
        self.kind = Tensors(whole=axes.endswith(" whole"))

    @property
    def words(self) -> str:
        return self.kind.words.replace("a tensor", f"a tensor ({self.axes})")

    def plain(self, value: Any) -> Any:
        return value

    def accepts(self, value: Any) -> bool:
        return self.kind.accepts(value) and self.fewest <= value.dim() <= len(self.names)


def shaped(
    rules: dict[str, Rule] | None = None, /, **axes: str
) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """The same function, which refuses tensors that do not have these axes, or in which an axis of one name has two
    lengths: broadcast to one shape they would mean something else. ``@shaped(logits="N, C", labels="N whole")``.
    ``rules`` are those of other arguments. For what a training step computes, where ``@checked`` would take too long.

    Raises:
        ValueError: tensors that do not fit, in one sentence.
    """
    shapes = {name: Shape(declared) for name, declared in axes.items()}

    def decorate(function: Callable[P, Result]) -> Callable[P, Result]:
        names = tuple(inspect.signature(function).parameters)

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> Result:
            given: dict[str, Any] = {**dict(zip(names, args, strict=False)), **kwargs}
            sizes: dict[str, tuple[str, int]] = {}
            for name, rule in (rules or {}).items():
                if name in given:
                    rule.check(name, given[name])
            for name, shape in shapes.items():
                if name not in given or shape.check(name, given[name]) is None:
                    continue
                for axis, length in zip(reversed(shape.names), reversed(given[name].shape), strict=False):
                    before = sizes.setdefault(axis, (name, length))
                    if before[1] != length:
                        raise ValueError(_unfit(given, shapes, before[0], name))
            return function(*args, **kwargs)

        return call

    return decorate


def _unfit(given: dict[str, Any], shapes: dict[str, Shape], one: str, other: str) -> str:
    """That two tensors, or two axes of one, have a name in common and not its length."""
    found = " and ".join(str(tuple(given[name].shape)) for name in (one, other))
    return f"{one} ({shapes[one].axes}) and {other} ({shapes[other].axes}) agree in their axes, not {found}."


@dataclass(frozen=True, repr=False)
class Many(Rule):
    """At ``least`` so many values that each keep a rule, in any collection with an order, array or tensor; what can be
    read only once becomes a tuple."""

    each: Rule | None = None
    least: int = 0

    @property
    def words(self) -> str:
        count = f" of {self.least} or more" if self.least else ""
        return f"a list{count}" + (f" in which each is {self.each.words}" if self.each else "")

    def check(self, name: str, value: Any) -> Any:
        if isinstance(value, Iterable) and not isinstance(value, Collection):
            value = tuple(value)
        return super().check(name, value)

    def accepts(self, value: Any) -> bool:
        if getattr(value, "ndim", 0) == 1:
            value = value.tolist()
        several = isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping | Set)
        if not several or hasattr(value, "shape"):
            return False
        return len(value) >= self.least and (self.each is None or all(self.each.allows(one) for one in value))

    def convert(self, value: Any) -> Any:
        if getattr(value, "ndim", 0) == 1:
            value = value.tolist()
        if self.each is None or not isinstance(value, list | tuple):
            return value
        return type(value)(self.each.check("", one) for one in value)


@dataclass(frozen=True, repr=False)
class Table(Rule):
    """A mapping of ``least`` so many entries, whose values and keys each keep a rule."""

    each: Rule | None = None
    keys: Rule | None = None
    least: int = 0

    @property
    def words(self) -> str:
        count = f" of {self.least} or more" if self.least else ""
        parts = [f"each {name} is {rule.words}" for name, rule in (("key", self.keys), ("value", self.each)) if rule]
        return f"a dict{count}" + (f" in which {' and '.join(parts)}" if parts else "")

    def accepts(self, value: Any) -> bool:
        if not isinstance(value, Mapping) or len(value) < self.least:
            return False
        pairs = (self.keys, value.keys()), (self.each, value.values())
        return all(rule is None or all(map(rule.allows, several)) for rule, several in pairs)

    def convert(self, value: Any) -> Any:
        return {key: self.each.check("", one) for key, one in value.items()} if self.each else value


@dataclass(frozen=True, repr=False)
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
SIMPLE = {bool: Flag(), int: Whole(), float: Real(), str: Text(), os.PathLike: Location(), ArrayLike: Numbers()}


def rule_of(hint: Any) -> Rule | None:
    """The rule that an annotation stands for; None for one that says nothing."""
    kind, inner = typing.get_origin(hint), typing.get_args(hint)
    if kind is Annotated:  # lam: Annotated[float, Real(at_least=0)]
        return next((one for one in inner if isinstance(one, Rule)), rule_of(inner[0]))
    if hint is type(None):
        return NOTHING
    if hint in SIMPLE:
        return SIMPLE[hint]
    if hint is Any:
        return None
    if kind in (typing.Union, types.UnionType):
        rules = [rule_of(one) for one in inner if one is not str or os.PathLike not in inner]
        return None if None in rules else AnyOf(tuple(rule for rule in rules if rule))
    if kind is tuple and inner[-1:] != (Ellipsis,):
        return Many(least=len(inner))
    if kind in (list, tuple, Sequence, Iterable, Collection, set, frozenset):
        return Many(rule_of(inner[0]))
    if kind in (dict, Mapping):
        return Table(rule_of(inner[1]), rule_of(inner[0]))
    if kind is Callable or hint is Callable:
        return Kind("a function", callable)
    return a(hint) if isinstance(hint, type) else None
