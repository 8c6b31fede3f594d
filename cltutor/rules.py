"""What a value must be: rules of fields and of arguments, each with the words for a sentence that refuses another."""

import os
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar


class Rule:
    """What a value must be. ``words`` complete the sentence "epochs is ..."."""

    or_none = False

    @property
    def words(self) -> str:
        raise NotImplementedError

    @property
    def right(self) -> str:
        return f"{self.words}{', or None' if self.or_none else ''}"

    def __repr__(self) -> str:
        """As help() shows the rule of an argument."""
        return self.right

    def accepts(self, value: Any) -> bool:
        raise NotImplementedError

    def convert(self, value: Any) -> Any:
        """An accepted value as it is stored."""
        return value

    def plain(self, value: Any) -> Any:
        """A numpy or torch scalar as the Python number that it holds."""
        return plain_number(value)

    def allows(self, value: Any) -> bool:
        return value is None and self.or_none or self.accepts(self.plain(value))

    def check(self, name: str, value: Any) -> Any:
        """The value as it is stored; ValueError for one that the rule refuses."""
        value = self.plain(value)
        if not self.allows(value):
            raise ValueError(f"{name} is {self.right}, not {shown(value)}.")
        return None if value is None and self.or_none else self.convert(value)


@dataclass(frozen=True, repr=False)
class Real(Rule):
    """A finite number within bounds; stored as a float."""

    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None
    or_none: bool = False

    @property
    def words(self) -> str:
        low = f" above {self.above:g}" if self.above is not None else ""
        low = f" from {self.at_least:g}" if self.at_least is not None else low
        if self.at_most is not None:
            return f"a number{low} to {self.at_most:g}"
        if self.below is not None:
            return f"a number{low} to below {self.below:g}"
        return f"a finite number{low}{' up' if self.at_least is not None else ''}"

    def accepts(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
            return False
        return (
            (self.above is None or value > self.above)
            and (self.at_least is None or value >= self.at_least)
            and (self.below is None or value < self.below)
            and (self.at_most is None or value <= self.at_most)
        )

    def convert(self, value: Any) -> float:
        return float(value)


@dataclass(frozen=True, repr=False)
class Whole(Rule):
    """A whole number within bounds."""

    at_least: int | None = None
    at_most: int | None = None
    or_none: bool = False

    @property
    def words(self) -> str:
        if self.at_least is None:
            return "a whole number"
        return f"a whole number from {self.at_least} {'up' if self.at_most is None else f'to {self.at_most}'}"

    def accepts(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
            return False
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


@dataclass(frozen=True, repr=False)
class Choice(Rule):
    """One of some values, or a name in a registry that may still grow."""

    options: Iterable[Any]
    or_none: bool = False

    @property
    def words(self) -> str:
        return f"one of {', '.join(map(str, self.options))}"

    def accepts(self, value: Any) -> bool:
        return any(type(value) is type(option) and value == option for option in self.options)


@dataclass(frozen=True, repr=False)
class Flag(Rule):
    """True or False."""

    words: ClassVar[str] = "True or False"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, bool)


@dataclass(frozen=True, repr=False)
class Name(Rule):
    """Text that can be drawn on one line."""

    longest: int = 255

    @property
    def words(self) -> str:
        return f"text on one line, of 1 to {self.longest} characters"

    def accepts(self, value: Any) -> bool:
        fits = isinstance(value, str) and value.strip() and len(value) <= self.longest
        return bool(fits) and not CONTROL.search(value)


CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")  # no line, or nothing, can show them


@dataclass(frozen=True, repr=False)
class Kind(Rule):
    """An object that ``fits``, which ``what`` describes: "a memory, such as ExemplarMemory()"."""

    what: str
    fits: Callable[[Any], bool]
    or_none: bool = False

    @property
    def words(self) -> str:
        return self.what

    def plain(self, value: Any) -> Any:
        return value  # a tensor without an axis is one, too

    def accepts(self, value: Any) -> bool:
        return self.fits(value)


@dataclass(frozen=True, repr=False)
class Several(Rule):
    """A tuple of values that each keep a rule, ``length`` of them where it is given; a list will do."""

    each: Rule
    length: int | None = None
    or_none: bool = False

    @property
    def words(self) -> str:
        count = "a tuple" if self.length is None else f"a tuple of {self.length}"
        return f"{count} in which each is {self.each.words}"

    def plain(self, value: Any) -> Any:
        return value.tolist() if getattr(value, "ndim", 0) == 1 and not getattr(value, "is_meta", False) else value

    def accepts(self, value: Any) -> bool:
        if not isinstance(value, tuple | list) or not value or self.length not in (None, len(value)):
            return False
        return all(self.each.accepts(plain_number(one)) for one in value)

    def convert(self, value: Any) -> tuple:
        return tuple(self.each.convert(plain_number(one)) for one in value)


LONGEST_PATH = 4096  # bytes, as of Linux


class Location(Rule):
    """The path of a file or folder, as text or an ``os.PathLike``; stored as a ``Path``, with the home folder for ~."""

    words = "the path of a file or folder"

    def accepts(self, value: Any) -> bool:
        try:
            text = os.fsencode(Path(value).expanduser())
            return bool(str(value).strip()) and b"\0" not in text and len(text) < LONGEST_PATH
        except (TypeError, UnicodeError, RuntimeError):  # no path; a ~ of somebody who is not known here
            return False

    def convert(self, value: Any) -> Path:
        return Path(value).expanduser()


def shown(value: Any, limit: int = 80) -> str:
    """A value in a sentence: its code on one line, cut where it is long; a tensor or array by its shape."""
    if isinstance(shape := getattr(value, "shape", None), tuple) and shape:
        return f"{type(value).__name__} of shape {tuple(shape)} and {getattr(value, 'dtype', 'no type')}"
    if isinstance(value, int) and abs(value) >= 10**limit:
        return f"a number of more than {limit} digits"
    text = " ".join(repr(value).split())
    return text if len(text) <= limit else f"{text[:limit]}..."


def plain_number(value: Any) -> Any:
    """A numpy or torch scalar as the Python number that it holds."""
    scalar = getattr(value, "shape", None) == () and hasattr(value, "item") and not getattr(value, "is_meta", False)
    return value.item() if scalar else value
