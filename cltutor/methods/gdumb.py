"""GDumb: a balanced memory filled greedily, and a network trained on nothing else (Prabhu et al. 2020)."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from ..describe import State, rule, whole
from ..losses import Context, CrossEntropy
from ..memory import Memory, Pool
from ..memory.base import check_every_class
from ..recipe.merging import Restart
from ..recipe.recipe import Recipe
from ..seeds import generator
from ..streams import Stream
from .registry import JOINT, Heads, compose, register


def greedy(kept: Tensor, arriving: Tensor, capacity: int, random: torch.Generator) -> Tensor:
    """The sampler that balances greedily (Prabhu et al. 2020).

    ``kept`` (M,) and ``arriving`` (N,): labels of the images in memory and of those that come one by one. An image is
    taken if its class is new or has fewer than ``capacity`` / classes images; when the memory is full, a random image
    of the largest class gives way. Returns the places (M',) in ``kept`` and ``arriving`` joined of what is kept now.
    """
    labels, places = [*kept.tolist(), *arriving.tolist()], defaultdict[int, list[int]](list)
    for place, label in enumerate(labels):
        own, total = places[label], sum(map(len, places.values()))
        if place >= len(kept) and own and len(own) >= capacity / len(places):
            continue
        if total >= capacity:
            largest = max(places.values(), key=len)
            del largest[int(torch.randint(len(largest), (), generator=random))]
        own.append(place)
    return torch.tensor([place for own in places.values() for place in own])


@dataclass(frozen=True, repr=False)
class GreedyMemory(Memory):
    """At most ``capacity`` images, balanced as they arrive one by one, and the only ones to be trained on, new images
    included (Prabhu et al. 2020, the learner)."""

    capacity: int = whole(200, at_least=1)

    takes_all: ClassVar[bool] = False

    def check(self, stream: Stream) -> None:
        """Refuse a memory without an image for every class, and a class without one."""
        if self.capacity < len(stream.classes):
            raise ValueError(
                f"A memory of {self.capacity} images cannot hold one of each of {len(stream.classes)} classes: "
                f"capacity must be at least {len(stream.classes)}."
            )
        check_every_class(stream)

    def begin_task(self, context: Context, state: State) -> None:
        """The task's images arrive, in an order drawn by the seed."""
        random, train = generator("greedy", context.seed, context.task), context.data.train
        order, before = torch.randperm(len(train), generator=random), len(state.get("labels", ()))
        labels = context.positions(train.labels[order])
        old = {name: value.cpu() for name, value in state.items()}
        places = greedy(old.get("labels", labels[:0]), labels, self.capacity, random)
        # Only what is kept is read: the task may be larger than memory.
        mine = places >= before
        new = order[places[mine] - before]
        images, tasks = train.images.new_empty(len(places), *train.images.shape[1:]), torch.empty_like(places)
        kept = {"images": images, "labels": torch.empty_like(places), "tasks": tasks}
        arrived = train.images[new], labels[places[mine] - before], torch.full((len(new),), context.task)
        for (name, value), rows in zip(kept.items(), arrived, strict=True):
            value[mine] = rows
            value[~mine] = old[name][places[~mine]] if old else value[:0]
        state.update(kept)

    def pool(self, stream: Stream, task: int, device: torch.device, state: State) -> Pool:
        """What is in memory, and nothing else."""
        return Pool(state["images"].to(device), state["labels"].to(device), state["tasks"].cpu())

    def exemplars(self, pool: Pool, state: State) -> tuple[Tensor, Tensor]:
        """The images (M, C, H, W) in memory and their labels (M,), columns of the logits."""
        return state["images"], state["labels"]


@register(fixed=("memory", "after_task"))
def gdumb(capacity: Annotated[int, rule(GreedyMemory, "capacity")] = 200, heads: Heads = "class", **settings) -> Recipe:
    """GDumb: before each test a network is trained anew, on a balanced memory alone (Prabhu et al. 2020, "GDumb: A
    Simple Approach that Questions Our Progress in Continual Learning"). The paper's CutMix, cosine rate and 256 epochs
    are left out, as all methods here train alike."""
    memory = GreedyMemory(capacity)
    return compose("gdumb", CrossEntropy(), JOINT, memory=memory, after_task=Restart(), heads=heads, **settings)
