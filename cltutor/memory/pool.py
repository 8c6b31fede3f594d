"""The pool: the images that a task is trained on, in memory as uint8 tensors on the device that trains."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..streams import Stream


@dataclass(frozen=True, eq=False)
class Pool:
    """``images`` (N, C, H, W) uint8, ``labels`` (N,) columns of the logits, ``tasks`` (N,) the task of each image."""

    images: Tensor
    labels: Tensor
    tasks: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, batch_size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, list[int]]]:
        """One epoch: (places in the pool (B,), the tasks they come from), in an order drawn from ``generator``.

        Batches are of nearly equal size, at most ``batch_size``, so that no batch is left with a single image.
        """
        present = self.tasks.unique().tolist()
        for places in _split(torch.randperm(len(self), generator=generator), batch_size):
            yield places.to(self.labels.device), present


class InterleavedPool(Pool):
    """Every epoch takes as many images of each task as the smallest one has, drawn anew, and lets batches of
    different tasks alternate (LwF, section 3, implementation details: joint training)."""

    def batches(self, batch_size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, list[int]]]:
        tasks = self.tasks.cpu()
        counts = torch.bincount(tasks)
        fewest, queues = int(counts[counts > 0].min()), []
        for task in tasks.unique().tolist():
            own = (tasks == task).nonzero().squeeze(1)
            drawn = own[torch.randperm(len(own), generator=generator)[:fewest]]
            queues.append([(places, [task]) for places in _split(drawn, batch_size)])
        for round_of_batches in zip(*queues, strict=True):
            for places, task in round_of_batches:
                yield places.to(self.labels.device), task


def _split(places: Tensor, batch_size: int) -> Sequence[Tensor]:
    return places.tensor_split(-(-len(places) // batch_size)) if len(places) else ()


def pool_of(stream: Stream, tasks: Sequence[int], device: torch.device, kind: type[Pool] = Pool) -> Pool:
    """The training images of ``tasks`` as one pool on ``device``."""
    splits = [stream[task].train for task in tasks]
    full = [(task, split) for task, split in zip(tasks, splits, strict=True) if len(split)]
    if not full:
        return kind(splits[0].images.to(device), splits[0].labels.to(device), splits[0].labels)
    return kind(
        torch.cat([split.images for _, split in full]).to(device),
        torch.cat([stream.positions(split.labels) for _, split in full]).to(device),
        torch.cat([torch.full((len(split),), task) for task, split in full]),
    )
