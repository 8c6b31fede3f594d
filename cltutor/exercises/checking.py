"""How an answer is checked: against the package's own functions, on inputs drawn from a seed.

A check never raises for what a learner wrote: it answers with a `Check` that says in one or two sentences whether it
is right, and where a typical mistake is recognised, which.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import torch
from torch import Tensor


@dataclass(frozen=True)
class Check:
    """What came out of checking an answer."""

    exercise: str
    passed: bool
    message: str

    def __repr__(self) -> str:
        return f"{self.exercise}: {'right' if self.passed else 'not yet'}. {self.message}"

    def _repr_html_(self) -> str:
        color, sign, word = ("#009E73", "✓", "right") if self.passed else ("#D55E00", "○", "not yet")
        return (
            f'<div class="cltutor-check" role="status" style="border-left:4px solid {color};padding:6px 10px;'
            f'line-height:1.4"><b>{sign} {self.exercise}: {word}.</b> {escape(self.message)}</div>'
        )


class NotYet(Exception):
    """What the learner is told of an answer that is not right."""


@dataclass(frozen=True)
class Exercise:
    examine: Callable[[object], None]  # raises NotYet
    hint: str  # for an answer that has not been begun
    praise: str


_EXERCISES: dict[str, Exercise] = {}


def exercise(name: str, hint: str, praise: str) -> Callable:
    def register(examine: Callable[[object], None]) -> Callable[[object], None]:
        _EXERCISES[name] = Exercise(examine, hint, praise)
        return examine

    return register


def names() -> list[str]:
    """The names of all exercises."""
    return list(_EXERCISES)


def check(exercise: str, answer: object) -> Check:
    """Check an answer to the exercise of this name.

    Raises:
        ValueError: there is no such exercise.
    """
    if exercise not in _EXERCISES:
        near = difflib.get_close_matches(str(exercise), names(), 1) or [", ".join(names())]
        raise ValueError(f"There is no exercise {exercise!r}; did you mean {near[0]}?")
    this = _EXERCISES[exercise]
    try:
        if unbegun(answer):
            raise NotImplementedError
        this.examine(answer)
    except NotImplementedError:
        return Check(exercise, False, f"There is no answer here yet. Hint: {this.hint}")
    except NotYet as told:
        return Check(exercise, False, str(told))
    return Check(exercise, True, this.praise)


def unbegun(answer: object) -> bool:
    if isinstance(answer, Mapping):
        return any(unbegun(value) for value in answer.values())
    return answer is None or answer is Ellipsis


def call(answer: object, inputs: Sequence) -> object:
    """The answer's result; whatever it raises is told to the learner."""
    if not callable(answer):
        raise NotYet(f"Give the function itself, without calling it; this is a {type(answer).__name__}.")
    try:
        result = answer(*inputs)
    except NotImplementedError:
        raise
    except Exception as error:  # the learner's own code may raise anything
        raise NotYet(f"Your function stopped with {type(error).__name__}: {error}") from error
    if unbegun(result):
        raise NotImplementedError
    return result


def numbers(result: object) -> Tensor:
    """A number, tensor or tuple of numbers as float64."""
    try:
        if isinstance(result, tuple | list):
            return torch.stack([torch.as_tensor(value).detach().double() for value in result])
        return torch.as_tensor(result).detach().double()
    except (TypeError, ValueError, RuntimeError) as error:
        raise NotYet(f"Your function returns a {type(result).__name__}; numbers were expected.") from error


def same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-4, atol=1e-6)


def examine(answer: object, right: Callable, cases: list[tuple], mistakes: Sequence[tuple[Callable, str]]) -> None:
    """Compare with the right function on every case; recognise a mistake by what it gives on all of them."""
    given = [numbers(call(answer, [v.clone() if isinstance(v, Tensor) else v for v in case])) for case in cases]
    expected = [numbers(right(*case)) for case in cases]
    for one, other in zip(given, expected, strict=True):
        if one.shape != other.shape:
            raise NotYet(f"Your function returns shape {tuple(one.shape)}; it should be {tuple(other.shape)}.")
    wrong = [pair for pair in zip(given, expected, strict=True) if not same(*pair)]
    if not wrong:
        return
    for mistake, told in mistakes:
        if all(same(one, numbers(mistake(*case))) for one, case in zip(given, cases, strict=True)):
            raise NotYet(told)
    one, other = wrong[0]
    place = (one - other).abs().argmax() if one.ndim else ...
    values = f"{one.flatten()[place].item():.4f} where {other.flatten()[place].item():.4f} is right"
    raise NotYet(f"Not on all inputs: on {len(wrong)} of {len(cases)} it differs, for instance {values}.")
