"""Small streams that are learned in no time, and what widgets are given in place of training and drawing."""

import pytest
import torch
from matplotlib.text import Text

import cltutor as cl
from cltutor.widgets.stage import draw


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


@pytest.fixture(scope="session")
def herded(stream):
    memory = cl.memory.ExemplarMemory(12)
    return cl.learn(stream, cl.methods.eeil_base(memory=memory, epochs=1), progress=False)


@pytest.fixture(scope="session")
def rebuilt(stream):
    return cl.learn(stream, cl.methods.dfcnn_small(epochs=6, learning_rate=0.05), progress=False)


@pytest.fixture(scope="session")
def packed(stream):
    return cl.learn(stream, cl.methods.packnet(epochs=6, learning_rate=0.05), progress=False)


class Errors:
    """The errors that widgets have shown since the test began."""

    def __init__(self):
        self.seen = len(cl.widgets.errors())

    @property
    def new(self) -> list[str]:
        return cl.widgets.errors()[self.seen :]

    def expect(self, tool, words: str, count: int = 1) -> None:
        """The page shows these words, and as many errors were recorded."""
        assert words in tool.message.value
        assert len(self.new) == count
        self.seen += count


@pytest.fixture(autouse=True)
def errors():
    """A callback's error fails the test, unless the test expects it."""
    found = Errors()
    yield found
    assert found.new == []


class Draw:
    """Draws as a widget does and keeps the pictures; `error` is raised instead, once it is set."""

    def __init__(self):
        self.pictures, self.error = [], None

    def __call__(self, make):
        if self.error:
            raise self.error
        return draw(lambda: self.pictures.append(make()) or self.pictures[-1])

    @property
    def count(self) -> int:
        return len(self.pictures)

    @property
    def words(self) -> str:
        """All text in the latest picture."""
        return "\n".join(text.get_text() for text in self.pictures[-1].findobj(Text))


class Learn:
    """Trains as a widget does, and records recipes and events.

    `stop(event)`: Stop of `tool` is pressed after the first event for which it is true, once the widget has followed
    that event; `error` is raised after the first event.
    """

    def __init__(self):
        self.tool, self.stop, self.error, self.late = None, None, None, 0
        self.recipes, self.events = [], []

    def __call__(self, stream, recipe, *given, **more):
        self.recipes.append(recipe)
        stopped = False
        for event in cl.train(stream, recipe, *given, **more):
            self.events.append(event)
            self.late += stopped
            yield event
            if self.error:
                raise self.error
            if self.stop and self.stop(event):
                self.stop, stopped = None, True
                self.tool.actions.stop.click()


@pytest.fixture(scope="session")
def watched():
    """`watched(cl.widgets.Balance, stream, epochs=2)`: the widget with a `Draw` and, if it trains, a `Learn`."""

    def make(kind, *given, **settings):
        learn = Learn()
        tool = kind(*given, draw=Draw(), **({"train": learn} if hasattr(kind, "_train") else {}), **settings)
        learn.tool = tool
        return tool

    return make


@pytest.fixture(scope="session")
def train():
    """`train(tool)` presses Train, or another of its buttons, and waits for the end."""

    def press(tool, button="train"):
        getattr(tool.actions, button).click()
        tool.training.join()

    return press
