"""The representative memory: a few images of every class seen, kept as uint8 on the CPU (EEIL, section 3.1)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..describe import Described
from ..evaluation.answers import answers
from ..losses.terms import Context, Kept, Part
from ..networks import Network
from ..seeds import seed_of
from ..streams import Stream
from .pool import Pool, pool_of
from .selection import SELECTIONS, select


@dataclass(frozen=True, repr=False)
class ExemplarMemory(Described, Part):
    """At most ``capacity`` images in all, n = floor(capacity / classes) of each class, or ``per_class`` of each.

    They are chosen once, after their task, by ``selection`` (a name of ``SELECTIONS``) on the features that the network
    then has; when classes arrive, the last ones chosen are dropped, and the order stays (EEIL, section 3.1).
    """

    capacity: int | None = 2000
    per_class: int | None = None
    selection: str = "herding"

    def __post_init__(self):
        limit = self.capacity if self.per_class is None else self.per_class
        if not isinstance(limit, int) or limit < 1:
            raise ValueError(f"A memory holds a whole number of images from 1 up, not {limit!r}.")
        if self.selection not in SELECTIONS:
            raise ValueError(f"selection is one of {', '.join(SELECTIONS)}, not {self.selection!r}.")

    def quota(self, classes: int) -> int:
        """The images kept of each of so many ``classes``, if it has as many."""
        return self.capacity // classes if self.per_class is None else self.per_class

    def check(self, stream: Stream) -> None:
        """Refuse a memory too small for the stream's classes, or a stream too small for the memory."""
        classes = sum(len(task.classes) for task in stream)
        if self.quota(classes) < 1:
            raise ValueError(
                f"A memory of {self.capacity} images cannot hold one of each of {classes} classes: "
                f"capacity must be at least {classes}."
            )
        for task in stream:
            fewest, label = min((int((task.train.labels == label).sum()), label) for label in task.classes)
            if fewest < (self.per_class or 1):
                raise ValueError(
                    f"Class {stream.class_names[label]!r} has {fewest} training images, fewer than the "
                    f"{self.per_class or 1} that the memory is to keep of each class."
                )

    def pool(self, stream: Stream, task: int, device: torch.device, kept: Kept) -> Pool:
        """The exemplars of old classes, then the new images."""
        new = pool_of(stream, [task], device)
        if not kept:
            return new
        return Pool(
            torch.cat([kept["images"].to(device), new.images]),
            torch.cat([kept["labels"].to(device), new.labels]),
            torch.cat([kept["tasks"].cpu(), new.tasks]),
        )

    def balanced(self, pool: Pool, context: Context, kept: Kept) -> Pool:
        """As many images of a class as the memory holds of an old one: all exemplars, and new images selected on the
        features as they are now (EEIL, section 4, balanced fine-tuning)."""
        old = kept["labels"].cpu()
        count = int(old.unique(return_counts=True)[1].min())
        keep = torch.cat([top(old, label, count) for label in old.unique()])
        new = [len(old) + places for places in self.selected(context, count).values()]
        return pool.choose(torch.cat([keep, *new]))

    def selected(self, context: Context, count: int) -> dict[int, Tensor]:
        """Of each new class, by its label, places (<= ``count``,) among the task's images, in order of choice."""
        images, labels = context.data.train.images, context.data.train.labels
        features, places = features_of(context.network, images), {}

        def draw(label: int) -> int:
            return seed_of(("exemplars", context.seed, label))

        for label in context.data.classes:
            own = (labels == label).nonzero().squeeze(1)
            places[label] = own[select(self.selection, features[own], min(count, len(own)), draw(label))]
        return places

    def end_task(self, context: Context, kept: Kept) -> None:
        """Removal, then selection (EEIL, section 4, representative memory updating)."""
        count = self.quota(sum(context.network.classes))
        places = torch.cat(list(self.selected(context, count).values()))
        train, old = context.data.train, kept.get("labels", torch.zeros(0, dtype=torch.int64)).cpu()
        stays = torch.cat([torch.zeros(0, dtype=torch.int64), *(top(old, label, count) for label in old.unique())])
        new = {
            "images": train.images[places],
            "labels": context.positions(train.labels[places]),
            "tasks": torch.full((len(places),), context.task),
        }
        kept.update(
            {name: torch.cat([kept[name].cpu()[stays], value]) if kept else value for name, value in new.items()}
        )

    def exemplars(self, pool: Pool, kept: Kept) -> tuple[Tensor, Tensor]:
        """The images (M, C, H, W) kept after a task, and their labels (M,), columns of the logits."""
        return kept["images"], kept["labels"]


def top(labels: Tensor, label: Tensor, count: int) -> Tensor:
    """The first ``count`` places of ``label``: those chosen first."""
    return (labels == label).nonzero().squeeze(1)[:count]


def features_of(network: Network, images: Tensor) -> Tensor:
    """Features (N, D) on the CPU, in evaluation mode."""
    return answers(network, images, features=True)[1].cpu()
