"""What some tests need of the system."""

import os

import pytest


def needs(there: bool, what: str) -> pytest.MarkDecorator:
    """A mark: where the system has no such thing the test is skipped; in CI it runs, and fails."""
    return pytest.mark.skipif(not there and not os.environ.get("CI"), reason=f"this system has no {what}")
