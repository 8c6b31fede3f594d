"""A memory of fixed size while a stream arrives: by a reservoir, or balanced as GDumb does."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import ipywidgets
import numpy as np
import torch

from .. import show
from ..checked import checked
from ..describe import Whole
from ..memory.reservoir import remember
from ..methods.gdumb import greedy
from ..show.filling import MOST, slots_of
from ..streams import Stream
from .base import Tool, example, sentence
from .controls import Controls
from .inputs import Knob, buttons
from .stage import Draw, Drawing, draw

RULES = {
    "reservoir": "every image seen so far is in memory with the same probability",
    "balanced": "as many images of each class seen so far, as GDumb keeps them",
}
FRAMES = 24  # moments of the stream, in equal steps, beside the one at which the memory is full


class Reservoir(Tool):
    """The slots of a memory while the training images of a stream arrive one by one (Vitter 1985).

    A click on a slot shows its image and when it came. ``rule``: "reservoir", or "balanced" as GDumb fills its memory;
    ``capacity``: slots; ``seed``: of what is drawn. Both are computed by the functions that the methods use.

    stream: its training images arrive task by task; draw: used to draw (tests give another).
    """

    @checked
    def __init__(
        self, stream: Stream, rule: str = "reservoir", capacity: int = 40, seed: int = 0, *, draw: Draw = draw
    ) -> None:
        super().__init__("cltutor-reservoir", draw)
        self.stream, (self.images, self.labels, self.tasks) = stream, arriving(stream)
        least, most = len(stream.classes), max(len(stream.classes), MOST)
        how, size = "how many images the memory keeps", Whole(least, most)
        named = {
            "rule": buttons("memory", "which images it keeps", RULES),
            "capacity": Knob("capacity K", (least, most, 1), size, how, self.guarded),
            "seed": Knob("seed", (0, 20, 1), Whole(0, 10**6), "of what is drawn", self.guarded),
        }
        self.controls = Controls(self, named, {}, {}, self._show)
        self.controls.start(rule=rule, capacity=capacity, seed=seed)
        self.note, self.pane = ipywidgets.HTML(), self.stage(self._touched)
        self.fill(list(named.values()), [self.pane, self.note])
        self._show()

    def _held(self) -> tuple[list[np.ndarray], np.ndarray]:
        capacity, seed = int(self.capacity.value), int(self.seed.value)
        seen = moments(len(self.labels), capacity)
        fill = reservoir if self.rule.value == "reservoir" else partial(balanced, labels=self.labels)
        return fill(seen, capacity, seed), seen

    def _pages(self, rule: str, **values: int) -> list[Drawing]:
        self.note.value = sentence(f"{rule}: {RULES[rule]}.", "status")
        return [self.album.page((rule, *values.values()), lambda: self._picture(rule))]

    def _picture(self, rule: str) -> show.Picture:
        names = [f"a {self.stream.class_names[label]}" for label in self.labels]
        return show.reservoir(self.images.numpy(), names, self.tasks, *self._held(), f"{rule} memory")

    def _touched(self, spot: dict[str, Any]) -> None:
        """A slot was touched: its image, and when it came."""
        if not spot["key"].startswith("slots"):
            raise ValueError("A click on a slot shows its image and when it came: this is a curve.")
        held, _ = self._held()
        image = int(slots_of(held)[spot["frame"], spot["number"]])
        self.note.value = sentence(spot["words"], "status") + example(self.images[image].numpy(), spot["words"])


def arriving(stream: Stream) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """The training images of all tasks in order, their labels and their tasks."""
    images = torch.cat([task.train.images for task in stream])
    labels = torch.cat([task.train.labels for task in stream]).numpy()
    return images, labels, np.repeat(np.arange(len(stream)), [len(task.train) for task in stream])


def moments(count: int, capacity: int) -> np.ndarray:
    """The numbers of images seen at which the memory is looked at."""
    steps = np.linspace(0, count, FRAMES + 1).round().astype(int)
    return np.unique([min(count, capacity), *steps[steps > 0]])


def reservoir(seen: np.ndarray, capacity: int, seed: int) -> list[np.ndarray]:
    """The places in the stream of the images in a reservoir after so many have been ``seen``, by `remember`."""
    draws, state, found = torch.Generator().manual_seed(seed), {}, []
    for start, end in zip([0, *seen[:-1]], seen, strict=True):
        images = torch.arange(int(start), int(end))
        batch = SimpleNamespace(images=images, uniform=lambda count, purpose: torch.rand(count, generator=draws))
        remember(batch, state, capacity, places=images)
        found.append(state["places"].numpy())
    return found


def balanced(seen: np.ndarray, capacity: int, seed: int, labels: np.ndarray) -> list[np.ndarray]:
    """As `reservoir`, by the greedy sampler of GDumb."""
    draws, places, found = torch.Generator().manual_seed(seed), torch.empty(0, dtype=torch.int64), []
    every = torch.from_numpy(labels)
    for start, end in zip([0, *seen[:-1]], seen, strict=True):
        new = torch.arange(int(start), int(end))
        places = torch.cat([places, new])[greedy(every[places], every[new], capacity, draws)]
        found.append(places.numpy())
    return found
