"""The base of memories: the pool that a task is trained on, and the images that are kept."""

from typing import ClassVar

import torch
from torch import Tensor

from ..describe import Part, State
from ..losses.terms import Context
from ..streams import Stream
from .pool import Pool


class Memory(Part):
    """A memory of images of earlier tasks; ``state`` is what it has stored in a run."""

    keeps_images: ClassVar[bool] = True
    balances: ClassVar[bool] = False  # whether it can choose a balanced set, for phases with ``balanced=True``
    takes_all: ClassVar[bool] = True  # whether its pool has every image of the new task

    def check(self, stream: Stream) -> None:
        """ValueError, before any training, for a stream that the memory does not fit."""

    def pool(self, stream: Stream, task: int, device: torch.device, state: State) -> Pool:
        """The images to train ``task`` on: its own and those of earlier tasks."""
        raise NotImplementedError

    def exemplars(self, pool: Pool, state: State) -> tuple[Tensor, Tensor]:
        """The images (M, C, H, W) kept after a task, and their labels (M,), columns of the logits."""
        raise NotImplementedError

    def balanced(self, pool: Pool, context: Context, state: State) -> Pool:
        """The pool, from which the same number of images of each class is drawn."""
        raise NotImplementedError


def check_every_class(stream: Stream) -> None:
    """Refuse a stream in which a class has no training images, of which a memory could keep some."""
    for task in stream:
        fewest, label = min((int((task.train.labels == label).sum()), label) for label in task.classes)
        if fewest < 1:
            raise ValueError(
                f"Class {stream.class_names[label]!r} has no training images, and the memory is to keep some of each "
                "class."
            )
