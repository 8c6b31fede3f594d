"""What contract suites run on: every registered part of a kind, a user's own included."""

from collections.abc import Iterator
from dataclasses import fields
from typing import TypeVar

from safetensors.torch import load, save

from cltutor.describe import Choice, Flag, Part, State
from cltutor.recipe.parser import descriptions

Kind = TypeVar("Kind", bound=Part)


def variants(base: type[Kind]) -> list[Kind]:
    """Every registered part with that base: with its defaults, and once per other option of a field."""
    kinds = [
        kind for kind in descriptions().values() if issubclass(kind, base) and "__dataclass_params__" in vars(kind)
    ]
    return [part for kind in kinds for part in (kind(), *options(kind))]


def options(kind: type[Kind]) -> Iterator[Kind]:
    for field in fields(kind):
        rule = field.metadata.get("rule")
        values = rule.options if isinstance(rule, Choice) else (False, True) if isinstance(rule, Flag) else ()
        yield from (kind(**{field.name: value}) for value in values if value != field.default)


def restored(state: State) -> State:
    """A state as it comes back from a file, which takes nothing but tensors."""
    return load(save({name: value.contiguous() for name, value in state.items()}))
