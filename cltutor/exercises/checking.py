"""How an answer is checked: against the package's own functions, on inputs drawn from a seed.

`check` never raises for what a learner wrote: it returns a `Check`, which says in one or two sentences whether the
answer is right and, where a typical mistake is recognised, which one it is.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, TypeVar

import torch
from torch import Tensor

Setting = TypeVar("Setting")
Mistake = tuple[Callable[..., Any], str]  # a function that makes the mistake, and the sentence that explains it


@dataclass(frozen=True)
class Check:
    """The result of checking an answer."""

    exercise: str
    passed: bool
    message: str

    def require(self) -> "Check":
        """The check itself where the answer is right, for a cell that is graded by whether it raises.

        Raises:
            AssertionError: the answer is not right yet; its text is the message.
        """
        if not self.passed:
            raise AssertionError(repr(self))
        return self

    def __repr__(self) -> str:
        return f"{self.exercise}: {'right' if self.passed else 'not yet'}. {self.message}"

    def _repr_html_(self) -> str:
        color, sign, word = ("#009E73", "✓", "right") if self.passed else ("#D55E00", "○", "not yet")
        return (
            f'<div class="cltutor-check" role="status" style="border-left:4px solid {color};padding:6px 10px;'
            f'line-height:1.4"><b>{sign} {self.exercise}: {word}.</b> {escape(self.message)}</div>'
        )


class NotYet(Exception):
    """Why an answer is not right, in words for the learner."""


@dataclass(frozen=True)
class Exercise:
    """One exercise: ``checks`` are called with the answer one after the other, and raise NotYet."""

    hint: str  # for an answer that has not been started
    praise: str
    checks: tuple[Callable[[Any], None], ...]


EXERCISES: dict[str, Exercise] = {}
TRIES: dict[str, list[Check]] = {}  # the checks of this process, by exercise


def exercise(name: str, hint: str, praise: str, *checks: Callable[[Any], None]) -> None:
    """Add an exercise to those that `check` knows."""
    EXERCISES[name] = Exercise(hint, praise, checks)


def names() -> list[str]:
    """The names of all exercises."""
    return list(EXERCISES)


def check(exercise: str, answer: Any) -> Check:
    """Check an answer to the exercise of this name, and keep the result for `report`.

    Raises:
        ValueError: there is no such exercise.
    """
    found = judge(exercise, answer)
    TRIES.setdefault(exercise, []).append(found)
    return found


def judge(exercise: str, answer: Any) -> Check:
    """As `check`, and nothing is kept.

    Raises:
        ValueError: there is no such exercise.
    """
    if exercise not in EXERCISES:
        near = difflib.get_close_matches(str(exercise), names(), 1) or [", ".join(names())]
        raise ValueError(f"There is no exercise {exercise!r}; did you mean {near[0]}?")
    this = EXERCISES[exercise]
    found = Check(exercise, True, this.praise)
    try:
        if not_started(answer):
            raise NotImplementedError
        for one in this.checks:
            one(answer)
    except NotImplementedError:
        found = Check(exercise, False, f"There is no answer here yet. Hint: {this.hint}")
    except NotYet as reason:
        found = Check(exercise, False, str(reason))
    return found


def not_started(answer: Any) -> bool:
    if isinstance(answer, Mapping):
        return any(not_started(value) for value in answer.values())
    return answer is None or answer is Ellipsis


def call(answer: Any, inputs: Sequence) -> Any:
    """The result of the answer; whatever it raises becomes a NotYet."""
    if not callable(answer):
        raise NotYet(f"Give the function itself, without calling it; this is a {type(answer).__name__}.")
    try:
        result = answer(*inputs)
    except NotImplementedError:
        raise
    except Exception as error:  # the learner's own code may raise anything
        raise NotYet(f"Your function stopped with {type(error).__name__}: {error}") from error
    if not_started(result):
        raise NotImplementedError
    return result


def numbers(result: Any) -> Tensor:
    """A number, tensor or tuple of numbers as float64."""
    try:
        if isinstance(result, tuple | list):
            return torch.stack([torch.as_tensor(value).detach().double() for value in result])
        return torch.as_tensor(result).detach().double()
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise NotYet(f"Your function returns a {type(result).__name__}; numbers were expected.") from error


def same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-4, atol=1e-6)


@dataclass(frozen=True)
class Comparison:
    """A check of a function: it must equal ``right`` on all of ``cases()``, which draws new inputs at every call.

    A mistake is recognised by its results on all cases, or by the shape of one: ``misshapen(shape, *case)`` is the
    sentence for a shape that is not right, None for the usual one.
    """

    right: Callable[..., Any]
    cases: Callable[[], Iterable[tuple]]
    mistakes: Sequence[Mistake]
    misshapen: Callable[..., str | None] = lambda shape, *case: None

    def __call__(self, answer: Any) -> None:
        given = [numbers(call(answer, case)) for case in self.cases()]
        expected = [numbers(self.right(*case)) for case in self.cases()]
        for one, other, case in zip(given, expected, self.cases(), strict=True):
            shape, right = tuple(one.shape), tuple(other.shape)
            if shape != right:
                usual = f"Your function returns shape {shape}; it should be {right}."
                raise NotYet(self.misshapen(shape, *case) or usual)
        wrong = [pair for pair in zip(given, expected, strict=True) if not same(*pair)]
        if not wrong:
            return
        for mistake, words in self.mistakes:
            if all(same(one, numbers(mistake(*case))) for one, case in zip(given, self.cases(), strict=True)):
                raise NotYet(words)
        one, other = wrong[0]
        place = (one - other).abs().argmax() if one.ndim else ...
        values = f"{one.flatten()[place].item():.4f} where {other.flatten()[place].item():.4f} is right"
        raise NotYet(f"Not on all inputs: on {len(wrong)} of {len(given)} it differs, for instance {values}.")


def seeded_settings(*settings: Setting) -> Iterator[tuple[torch.Generator, Setting]]:
    """Each setting with its own random generator; the seeds are 0, 1, ..."""
    for seed, setting in enumerate(settings):
        yield torch.Generator().manual_seed(seed), setting


def normal(draw: torch.Generator, *shape: int) -> Tensor:
    """Standard normal numbers in float64."""
    return torch.randn(shape, generator=draw, dtype=torch.float64)


def uniform(draw: torch.Generator, *shape: int) -> Tensor:
    """Numbers between 0 and 1 in float64."""
    return torch.rand(shape, generator=draw, dtype=torch.float64)


def drawn(*cases: Sequence[tuple[int, ...]], by: Callable[..., Tensor] = normal) -> list[tuple[Tensor, ...]]:
    """Random inputs of a function: for each case one tensor of each shape."""
    return [tuple(by(draw, *shape) for shape in shapes) for draw, shapes in seeded_settings(*cases)]
