"""Hostile values, and what is right in the words of a rule: written apart from the code that accepts and refuses."""

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import torch

from cltutor.describe import Choice, Flag, Kind, Name, Real, Rule, Several, Whole
from cltutor.losses import CrossEntropy


class Once:
    """Neither a list nor any other collection."""

    def __iter__(self):
        yield 1


HOSTILE: dict[str, Any] = {
    "None": None,
    "no text": "",
    "text": "no such thing",
    "a number as text": "1",
    "bytes": b"x",
    "True": True,
    "False": False,
    "0": 0,
    "-1": -1,
    "1.5": 1.5,
    "-0.5": -0.5,
    "1e-320": 1e-320,
    "1e308": 1e308,
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
    "10**400": 10**400,
    "-10**400": -(10**400),
    "2**63": 2**63,
    "complex": 1j,
    "Decimal": Decimal("0.5"),
    "list": [],
    "tuple": (),
    "set": {1},
    "dict": {},
    "one in a list": [1],
    "nested": [[[1]]],
    "None in a tuple": (None,),
    "texts": ("a", "b"),
    "array": np.ones((2, 2)),
    "no array": np.array([]),
    "one in an array": np.ones(1),
    "numpy's nan": np.float32("nan"),
    "tensor": torch.ones(2),
    "torch's nan": torch.tensor(math.nan),
    "meta": torch.ones((), device="meta"),
    "object": object(),
    "a part of another kind": CrossEntropy(),
    "a class": CrossEntropy,
    "function": len,
    "to be read once": Once(),
}


SOME: dict[str, Any] = {  # for what takes long to try
    name: HOSTILE[name]
    for name in (
        *("None", "no text", "text", "bytes", "True", "0", "-1", "1.5", "1e-320", "1e308", "nan", "inf", "10**400"),
        *("list", "set", "dict", "one in a list", "texts", "array", "no array", "tensor", "meta", "object"),
    )
}


def right(rule: Rule, value: Any) -> str:
    """Why a value is what the words of a rule say; "" where it is not."""
    if value is None and rule.or_none:
        return "None is one of its values"
    match rule:
        case Real() | Whole():
            kinds = (int, float) if isinstance(rule, Real) else (int,)
            if type(value) not in kinds or not -1.7e308 < value < 1.7e308 or not within(rule, value):
                return ""
            return "" if isinstance(rule, Whole) and not -(2**63) <= value < 2**63 else "a number in its range"
        case Flag():
            return "True and False are its values" if type(value) is bool else ""
        case Choice():
            return "one of its values" if any(value is option for option in rule.options) else ""
        case Name():
            return "any name will do" if type(value) is str and value else ""
        case Several():
            value = value.tolist() if getattr(value, "ndim", 0) == 1 else value
            if type(value) not in (list, tuple) or rule.length not in (None, len(value)):
                return ""
            none = "there may be no layer" if type(rule).__name__ == "Widths" else ""
            return none if not value else "values in its range" if all(right(rule.each, one) for one in value) else ""
        case Kind():
            return ""
    raise AssertionError(f"What is right for a {type(rule).__name__}? Add it above.")


def within(rule: Any, value: float) -> bool:
    above, below = getattr(rule, "above", None), getattr(rule, "below", None)
    strict = (above is None or value > above) and (below is None or value < below)
    least = rule.at_least is None or value >= rule.at_least
    return strict and least and (rule.at_most is None or value <= rule.at_most)


def scalars(value: float) -> Iterator[tuple[str, Any]]:
    """A number as numpy and torch have it; exactly, as the values here are sums of few powers of two."""
    whole = isinstance(value, int)
    for kind in (np.int8, np.int64, np.uint8) if whole else (np.float16, np.float32, np.float64):
        yield kind.__name__, kind(value)
    for kind in (torch.int16, torch.int64) if whole else (torch.bfloat16, torch.float32, torch.float64):
        yield str(kind), torch.tensor(value, dtype=kind)
    yield "array without an axis", np.array(value)
