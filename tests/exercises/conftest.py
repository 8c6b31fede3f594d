"""What the tests of the exercises share."""

from collections.abc import Callable
from typing import Any

import pytest

from cltutor.exercises import check


@pytest.fixture
def hint() -> Callable[[str, Any], str]:
    """The message for an answer that must not pass: hint("01-unknown", answer)."""

    def message(exercise: str, answer: Any) -> str:
        found = check(exercise, answer)
        assert not found.passed
        return found.message

    return message
