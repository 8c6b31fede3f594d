"""What all tests share."""

import os
import shutil

import hypothesis
import pytest

# A busy machine is no failure: no deadline for an example.
hypothesis.settings.register_profile("cltutor", deadline=None)
hypothesis.settings.load_profile("cltutor")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the system's Chromium. Without one the test is skipped, in CI it fails."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    reason = "no chromium or google-chrome is installed"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
