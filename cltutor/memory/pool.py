"""The pool: the images that a task is trained on, in memory as uint8 tensors on the device that trains."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..checked import Many, Tensors, checked
from ..describe import Kind, Whole, shown
from ..networks.modules import check_images
from ..streams import Augmentation, Stream
from ..streams.mapped import file_of, in_file, joined
from ..streams.split import in_columns

CHUNK = 4096  # images augmented at a time: as floats they take four times the bytes


@dataclass(frozen=True, eq=False)
class Pool:
    """``images`` (N, C, H, W) uint8, ``labels`` (N,) columns of the logits, ``tasks`` (N,) the task of each image.

    An epoch draws from ``chosen`` (M,), places in the pool, on the CPU; from all for None. The pool has ``copies``
    variants of each image: all first ones, then all second ones, and so on. ``marks`` (N, columns) bool are the classes
    of images with several labels. ValueError for labels or tasks that are not one for each image.
    """

    images: Tensor
    labels: Tensor
    tasks: Tensor
    chosen: Tensor | None = None
    copies: int = 1
    marks: Tensor | None = None  # (N, columns) bool, for images with several labels

    def __post_init__(self) -> None:
        check_images(self.images)
        for name in ("labels", "tasks"):
            Tensors("N", whole=True).check(name, getattr(self, name))
        if not len(self.images) == len(self.labels) == len(self.tasks):
            counts = f"{len(self.images)}, {len(self.labels)} and {len(self.tasks)}"
            raise ValueError(f"A pool has a label and a task for each image, not {counts} of them.")

    def __len__(self) -> int:
        return len(self.labels) if self.chosen is None else len(self.chosen)

    def enlarged(self, augmentation: Augmentation, generator: torch.Generator) -> "Pool":
        """The pool with the variants of its images that ``augmentation`` makes once."""
        images = augmentation.expand(self.images, generator)
        copies = len(images) // max(len(self.images), 1)
        marks = None if self.marks is None else self.marks.repeat(copies, 1)
        labels, tasks = self.labels.repeat(copies), self.tasks.repeat(copies)
        every = replace(self, images=images, labels=labels, tasks=tasks, copies=copies, marks=marks)
        return every if self.chosen is None else every.choose(self.chosen)

    def originals(self) -> tuple[Tensor, Tensor]:
        """The images (N, C, H, W) before any variants were made of them, and their labels (N,)."""
        count = len(self.labels) // self.copies
        return self.images[:count], self.labels[:count]

    def shown(self, augmentation: Augmentation | None, generator: torch.Generator) -> Tensor:
        """The pool's images (N, C, H, W) in one epoch: those that it draws are changed by ``augmentation``.

        All at once: one call per batch would cost more than a tenth of a small network's step.
        """
        if augmentation is None or augmentation.once:
            return self.images
        if file := file_of(self.images):
            return self._shown_in(file.parent, augmentation, generator)
        drawn = self.images if self.chosen is None else self.images[self.chosen]
        altered = torch.cat([augmentation(chunk, generator) for chunk in drawn.split(CHUNK)])
        return altered if self.chosen is None else self.images.index_copy(0, self.chosen.to(altered.device), altered)

    def _shown_in(self, folder: Path, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
        """The same of images in a file, in another one of ``folder``."""
        if self.chosen is None:
            return in_file((augmentation(chunk, generator) for chunk in self.images.split(CHUNK)), folder)
        found = in_file([self.images], folder)
        for places in self.chosen.split(CHUNK):
            found[places] = augmentation(self.images[places], generator)
        return found

    @checked(places=Tensors("M", whole=True))
    def choose(self, places: Tensor) -> "Pool":
        """The same pool, so that records of its images stay valid, from which only the originals at ``places`` (M,) and
        their variants are drawn; ValueError for a place that is not there."""
        originals = len(self.labels) // self.copies
        if len(places) and not 0 <= places.min() <= places.max() < originals:
            raise ValueError(
                f"places are of the pool's {originals} images, counted from 0, not {shown(places.tolist())}."
            )
        starts = torch.arange(self.copies).unsqueeze(1) * originals
        return replace(self, chosen=(starts + places).flatten())

    @checked(batch_size=Whole(at_least=1))
    def batches(self, batch_size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, list[int]]]:
        """One epoch: (places in the pool (B,), the tasks they come from), in an order drawn from ``generator``.

        Batches are of nearly equal size, at most ``batch_size``, so that no batch is left with a single image.
        """
        present = (self.tasks if self.chosen is None else self.tasks[self.chosen]).unique().tolist()
        order = torch.randperm(len(self), generator=generator)
        order = order if self.chosen is None else self.chosen[order]
        # All at once: a copy in each step would make the CPU wait for a GPU.
        for places in _split(order.to(self.labels.device), batch_size):
            yield places, present

    @checked(batch_size=Whole(at_least=1))
    def steps(self, batch_size: int) -> int:
        """How many batches an epoch has."""
        return -(-len(self) // batch_size)


class InterleavedPool(Pool):
    """Every epoch draws as many images of each task as the smallest one has, and alternates batches of different
    tasks (LwF, section 3, implementation details: joint training)."""

    def batches(self, batch_size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, list[int]]]:
        tasks = self.tasks.cpu()
        counts = torch.bincount(tasks)
        fewest, queues = int(counts[counts > 0].min()), []
        for task in tasks.unique().tolist():
            own = (tasks == task).nonzero().squeeze(1)
            drawn = own[torch.randperm(len(own), generator=generator)[:fewest]]
            queues.append([(places, [task]) for places in _split(drawn.to(self.labels.device), batch_size)])
        for round_of_batches in zip(*queues, strict=True):
            yield from round_of_batches

    def steps(self, batch_size: int) -> int:
        counts = torch.bincount(self.tasks.cpu())
        counts = counts[counts > 0]
        return len(counts) * -(-int(counts.min()) // batch_size)


def _split(places: Tensor, batch_size: int) -> Sequence[Tensor]:
    return places.tensor_split(-(-len(places) // batch_size)) if len(places) else ()


A_DEVICE = Kind('a device, such as torch.device("cpu")', lambda value: isinstance(value, torch.device))
A_POOL = Kind("Pool, or a class below it", lambda value: isinstance(value, type) and issubclass(value, Pool))


@checked(tasks=Many(Whole(at_least=0), least=1), device=A_DEVICE, kind=A_POOL)
def pool_of(stream: Stream, tasks: Sequence[int], device: torch.device, kind: type[Pool] = Pool) -> Pool:
    """The training images of ``tasks`` as one pool on ``device``; ValueError for a task that is not in the stream."""
    if beyond := [task for task in tasks if task >= len(stream)]:
        raise ValueError(f"The stream has {len(stream)} task(s), counted from 0; there is no task {beyond[0]}.")
    splits = [stream[task].train for task in tasks]
    full = [(task, split) for task, split in zip(tasks, splits, strict=True) if len(split.labels)]
    if not full:
        return kind(splits[0].images.to(device), splits[0].labels.to(device), splits[0].labels)
    marks = [in_columns(split.marks, stream.classes) for _, split in full if split.marks is not None]
    return kind(
        # One task's images are not copied: they may be in a file larger than memory.
        (full[0][1].images if len(full) == 1 else joined([split.images for _, split in full])).to(device),
        torch.cat([stream.positions(split.labels) for _, split in full]).to(device),
        torch.cat([torch.full((len(split.labels),), task) for task, split in full]),
        marks=torch.cat(marks).to(device) if marks else None,
    )
