"""The memory of everything: joint training, the upper bound."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..describe import State, flag
from ..streams import Stream
from .base import Memory
from .pool import InterleavedPool, Pool, pool_of


@dataclass(frozen=True, repr=False)
class Everything(Memory):
    """All training images of all tasks so far.

    ``interleaved=True`` balances tasks and alternates their batches (joint training in LwF, section 3); otherwise all
    images are shuffled together (the upper bound of class-incremental learning).
    """

    interleaved: bool = flag(False)

    takes_several_labels: ClassVar[bool] = True

    def check(self, stream: Stream) -> None:
        """Refuse a stream that has a task without training images."""
        for task in stream:
            if len(task.train) == 0:
                raise ValueError(
                    f"Joint training needs images of every task, and task {task.index} has none to train on: "
                    "use a method without a memory of everything, such as lwf."
                )

    def pool(self, stream: Stream, task: int, device: torch.device, state: State) -> Pool:
        """The training images of all tasks so far."""
        kind = InterleavedPool if self.interleaved else Pool
        return pool_of(stream, range(task + 1), device, kind)

    def exemplars(self, pool: Pool, state: State) -> tuple[Tensor, Tensor]:
        """The images (M, C, H, W) of all classes, and their labels (M,), columns of the logits."""
        return pool.originals()
