"""Attempts with wrong, odd and hostile input, and the judge of them.

An attempt is refused by cltutor itself, in one sentence, or it is listed as legitimate, with its reason.
"""

import contextlib
import io
import linecache
import signal
import traceback
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

import cltutor as cl
from cltutor.cli import main

PACKAGE = Path(cl.__file__).parent
PATIENCE = 5.0  # seconds that an attempt may take


@dataclass(frozen=True)
class Attempt:
    """Something to try. ``legitimate`` says why it is no mistake; empty, it must be refused."""

    label: str
    act: Callable[[], object]
    legitimate: str = ""


def attempts(found: Iterable[Attempt]) -> pytest.MarkDecorator:
    """A test of each attempt."""
    return pytest.mark.parametrize("attempt", [pytest.param(one, id=one.label) for one in found])


class TookTooLong(BaseException):
    """Not an Exception, so that no handler of the package takes it for an error of the input."""


@contextlib.contextmanager
def within(seconds: float):
    def stop(*_):
        raise TookTooLong(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def raised_by_cltutor(error: BaseException) -> bool:
    """Whether a ``raise`` of the package made the error, not a library that it called."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    written = linecache.getline(last.filename, last.lineno or 0).strip()
    return PACKAGE in Path(last.filename).parents and written.startswith("raise")


def one_sentence(text: str) -> bool:
    return text.endswith((".", "?", "!")) and "\n" not in text and len(text) <= 600 and " " in text


def outcome(act: Callable[[], object]) -> Exception | None:
    """The error that it ends with, None where it ends with none."""
    with within(PATIENCE), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            act()
        except Exception as error:
            return error
    return None


def judge(attempt: Attempt) -> None:
    """Try it; AssertionError where it is neither refused as it should be nor legitimate."""
    error = outcome(attempt.act)
    if error is None:
        assert attempt.legitimate, "accepted in silence"
        return
    refused = isinstance(error, ValueError | TypeError) and raised_by_cltutor(error)
    assert refused, "raw " + "".join(traceback.format_exception(error))
    assert one_sentence(str(error)), f"not one sentence: {error}"
    assert not attempt.legitimate, f"refused, though {attempt.legitimate}: {error}"


def judge_command(typed: list[str]) -> None:
    """Run `cltutor` with these arguments; AssertionError where it does not end with status 2 and one sentence."""
    said, printed = io.StringIO(), io.StringIO()
    with (
        within(PATIENCE),
        warnings.catch_warnings(action="ignore"),
        contextlib.redirect_stderr(said),
        contextlib.redirect_stdout(printed),
    ):
        try:
            status = main(typed)
        except SystemExit as end:  # how argparse refuses
            status = end.code
    sentence = said.getvalue().removesuffix("\n")
    assert status == 2, f"ended with {status}: {sentence}"
    assert sentence.startswith("cltutor"), f"no sentence of the command: {sentence}"
    assert one_sentence(sentence), f"not one sentence: {sentence}"
    assert not printed.getvalue(), "printed something"


def judge_all(found: Iterable[Attempt]) -> None:
    """Judge several as one test, which names all that fail: a test of its own takes longer than an attempt."""
    failed = []
    for attempt in found:
        try:
            judge(attempt)
        except AssertionError as error:
            failed.append(f"{attempt.label}: {error}")
    assert not failed, "\n".join(failed)
