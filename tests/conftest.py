"""Fixtures that all tests share."""

import os

import example  # noqa: F401  # registers an outsider's methods: every contract suite covers them, too
import hypothesis
import pytest
import torch

import cltutor as cl
from benchmarks import browsing

# Each of several workers has a core of its own, and so learns with one thread: two workers of two threads each on two
# cores would spend most of their time waiting for one another.
if (worker := os.environ.get("PYTEST_XDIST_WORKER")) and hasattr(os, "sched_setaffinity"):
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})

# No deadline per example: a busy machine is not a failure.
hypothesis.settings.register_profile("cltutor", deadline=None)
hypothesis.settings.load_profile("cltutor")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the system's Chromium. Without one the test is skipped, in CI it fails."""
    if path := browsing.find_chromium():
        return path
    (pytest.fail if os.environ.get("CI") else pytest.skip)("no chromium or google-chrome is installed")


@pytest.fixture(scope="session")
def tiny() -> "cl.streams.Stream":
    """Two tasks of two classes, 8x8 grey noise: enough to run every line of a method quickly."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(4).repeat_interleave(12)
    images = torch.randint(0, 256, (48, 1, 8, 8), dtype=torch.uint8, generator=draw)
    return cl.streams.tensors(images, labels, images[::2], labels[::2], tasks=2, order=None)


@pytest.fixture(scope="session")
def three() -> "cl.streams.Stream":
    """Three tasks of two classes, 8x8 grey noise: 10 images per class."""
    labels = torch.arange(6).repeat_interleave(10)
    images = torch.randint(0, 256, (60, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return cl.streams.tensors(images, labels, images[::2], labels[::2], tasks=3, order=None)


@pytest.fixture(scope="session")
def patterns() -> "cl.streams.Stream":
    """Three tasks of two classes, 16 grey training images each; every class has a pattern of its own."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.rand(6, 1, 8, 8, generator=generator)
    labels = torch.arange(48) % 6
    images = (0.7 * drawn[labels] + 0.3 * torch.rand(48, 1, 8, 8, generator=generator)).clamp(0, 1)
    return cl.streams.tensors(images, labels, images[:12], labels[:12], tasks=3)
