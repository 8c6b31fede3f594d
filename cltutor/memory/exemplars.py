"""The representative memory: a few images of every class seen, kept as uint8 on the CPU (EEIL, section 3.1)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..describe import State, choice, whole
from ..evaluation.answers import features
from ..losses.terms import Context
from ..networks import Network
from ..seeds import seed_of
from ..streams import Stream
from ..streams.mapped import joined, taken
from .base import Memory, check_every_class
from .pool import Pool, pool_of
from .selection import SELECTIONS, select

MOST_CLASSES = 2**32


@dataclass(frozen=True, repr=False)
class ExemplarMemory(Memory):
    """At most ``capacity`` images in all, n = floor(capacity / classes) of each class, or ``per_class`` of each.

    A class that has fewer is kept whole, and one that returns in a later task counts there once more. They are chosen
    once, after their task, by ``selection`` (a name of ``SELECTIONS``) on the features that the network then has; for
    new classes, those chosen last are dropped, and the order stays (EEIL, section 3.1).

    ``balancing`` says how many images of a class the balanced set has. "strict": as many as the smallest class, old or
    new ("the same number of samples per class, regardless of whether they belong to new or old classes": EEIL, section
    4). "loose": as many as the old class with the fewest exemplars; a smaller new class gives all it has (ours).
    "program": as many as the first class has exemplars; any smaller class gives all it has (the authors' program). All
    three are the same set where no class has fewer images than the memory may keep of it. ValueError without a size.
    """

    capacity: int | None = whole(2000, at_least=1, or_none=True)
    per_class: int | None = whole(None, at_least=1, or_none=True)
    selection: str = choice("herding", SELECTIONS)
    balancing: str = choice("strict", ("strict", "loose", "program"))

    balances: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.capacity is None and self.per_class is None:
            raise ValueError(f"A memory needs a capacity in all or per_class: {type(self).__name__}(2000).")
        if self.per_class is not None and self.capacity not in (None, type(self).capacity):
            raise ValueError(
                f"A memory has a capacity in all or per_class, not both: {type(self).__name__}({self.capacity}), or "
                f"{type(self).__name__}(per_class={self.per_class})."
            )

    def quota(self, classes: int) -> int:
        """The number of images kept of each of ``classes`` classes, if it has as many."""
        return (self.capacity or 0) // classes if self.per_class is None else self.per_class

    def check(self, stream: Stream) -> None:
        """Refuse a memory too small for the stream's classes, or a stream too small for the memory."""
        classes = sum(len(task.classes) for task in stream)
        if self.quota(classes) < 1:
            raise ValueError(
                f"A memory of {self.capacity} images cannot hold one of each of {classes} classes: "
                f"capacity must be at least {classes}."
            )
        check_every_class(stream)

    def pool(self, stream: Stream, task: int, device: torch.device, state: State) -> Pool:
        """The exemplars of old classes, then the new images."""
        new = pool_of(stream, [task], device)
        if not state:
            return new
        return Pool(
            joined([state["images"].to(device), new.images]),
            torch.cat([state["labels"].to(device), new.labels]),
            torch.cat([state["tasks"].cpu(), new.tasks]),
        )

    def balanced(self, pool: Pool, context: Context, state: State) -> Pool:
        """As many images of each class, as ``balancing`` says: of old classes the exemplars chosen first, of new ones
        images selected on the current features (EEIL, section 4, balanced fine-tuning)."""
        old, new_labels = group_of(state), context.data.train.labels
        kept, found = (labels.unique(return_counts=True)[1] for labels in (old, new_labels))
        counts = {"strict": min(kept.min(), found.min()), "loose": kept.min(), "program": kept[0]}
        count = int(counts[self.balancing])
        keep = torch.cat([top(old, group, count) for group in old.unique()])
        new = [len(old) + places for places in self.selected(context, count).values()]
        return pool.choose(torch.cat([keep, *new]))

    def selected(self, context: Context, count: int, among: Tensor | None = None) -> dict[int, Tensor]:
        """By each new class's label, its places (<= ``count``,) among the task's images, in order of choice; or among
        those of them for which ``among`` (N,) is True."""
        data = context.data.train
        rows = None if among is None else among.nonzero()[:, 0]
        labels, places = data.labels if rows is None else data.labels[rows], {}
        features = features_of(context.network, data.images, rows)
        for label in context.data.classes:
            own = (labels == label).nonzero().squeeze(1)
            seed = seed_of(("exemplars", context.seed, label))
            places[label] = own[select(self.selection, features[own], min(count, len(own)), seed)]
        return places

    def end_task(self, context: Context, state: State) -> None:
        """Removal, then selection (EEIL, section 4, representative memory updating)."""
        count = self.quota(context.groups())
        places = torch.cat(list(self.selected(context, count).values()))
        train, old = context.data.train, group_of(state)
        stays = torch.cat([torch.zeros(0, dtype=torch.int64), *(top(old, group, count) for group in old.unique())])
        new = {
            "images": train.images[places],
            "labels": context.positions(train.labels[places]),
            "tasks": torch.full((len(places),), context.task),
        }
        state.update(
            {name: torch.cat([state[name].cpu()[stays], value]) if state else value for name, value in new.items()}
        )

    def exemplars(self, pool: Pool, state: State) -> tuple[Tensor, Tensor]:
        """The images (M, C, H, W) kept after a task, and their labels (M,), columns of the logits."""
        return state["images"], state["labels"]


def group_of(state: State) -> Tensor:
    """A number (M,) for each image in memory that is the same for those of one class in one task."""
    return state["tasks"].cpu() * MOST_CLASSES + state["labels"].cpu() if state else torch.zeros(0, dtype=torch.int64)


def top(labels: Tensor, label: Tensor, count: int) -> Tensor:
    """The first ``count`` places of ``label``, which were chosen first."""
    return (labels == label).nonzero().squeeze(1)[:count]


def features_of(network: Network, images: Tensor, rows: Tensor | None = None) -> Tensor:
    """Features (N, D) on the CPU, in evaluation mode, of all images or of those at ``rows`` (N,)."""
    return features(network, images if rows is None else taken(images, rows)).cpu()
