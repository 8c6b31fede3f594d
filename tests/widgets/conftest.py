"""Small streams that are learned in no time, and a look at what callbacks could not do."""

import pytest
import torch

import cltutor as cl
from cltutor.widgets import base


@pytest.fixture(scope="session")
def stream():
    """Two tasks of two classes, 8x8 pixels; a class is a bright row, which any network learns."""
    labels = torch.arange(4).repeat(12)
    images = torch.randint(0, 60, (48, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, 2 * label] = 255
    return cl.streams.tensors(images[:32], labels[:32], images[32:], labels[32:], tasks=2, class_names=list("abcd"))


@pytest.fixture(scope="session")
def run(stream):
    return cl.learn(stream, cl.methods.lwf(epochs=2), progress=False)


@pytest.fixture
def no_errors():
    """A callback's error fails the test, unless the test takes it off the list."""
    base._told.clear()
    yield
    assert cl.widgets.errors() == []
