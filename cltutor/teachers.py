"""Who answers for the old: the teachers that terms listen to, asked live or recorded once.

A teacher is the network as it was before this task. As long as the images of the pool stay what they are, so do its
answers: they are computed once, before the first batch. Where images are augmented it answers for those of each batch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .attention import last_block, look
from .evaluation import CHUNK, answers
from .losses.terms import Batch, Context, Teacher
from .memory import Pool
from .networks import Network, Output, evaluating
from .recipe import Recipe


def size(tensors) -> int:
    """Bytes of some tensors together."""
    return sum(tensor.nbytes for tensor in tensors)


@dataclass(frozen=True)
class Live:
    """The old ``network`` itself, with the maps of the layer ``watched`` unless that is None."""

    network: Network
    watched: str | None

    def __call__(self, batch: Batch) -> Output:
        return look(self.network, batch.images, self.watched)

    @property
    def nbytes(self) -> int:
        return size(self.network.state_dict().values())


@dataclass(frozen=True)
class Recorded:
    """Logits (N, classes of a task) of each old head for the pool's N images, and features (N, D) if asked for."""

    heads: tuple[Tensor, ...]
    features: Tensor | None

    def __call__(self, batch: Batch) -> Output:
        own = self.features[batch.places] if self.features is not None else None
        return Output(own, lambda task: self.heads[task][batch.places], len(self.heads))

    @property
    def nbytes(self) -> int:
        return size(self.heads) + (self.features.nbytes if self.features is not None else 0)


@dataclass(frozen=True)
class RecordedMaps:
    """Maps (N, K, h, w) of the layer ``watched`` for the pool's images: the layers above them answer from there, so
    that Grad-CAM has its graph and nothing passes through the layers below again."""

    network: Network
    watched: str
    maps: Tensor

    def __call__(self, batch: Batch) -> Output:
        maps = self.maps[batch.places].requires_grad_()
        output = self.network.above(maps, self.watched)
        output.maps = maps
        return output

    @property
    def nbytes(self) -> int:
        return self.maps.nbytes + size(self.network.state_dict().values())


def make_teachers(recipe: Recipe, before: Network | None, pool: Pool, context: Context) -> dict[str, Teacher]:
    """A teacher for every name that an active term asks for; ``before`` is the network before this task."""
    asking = recipe.asking(context.task)
    if any(term.reads_maps for term in asking):
        context.watched = last_block(context.network, pool.images[:1])
    if not any(term.teacher == "task" for term in asking):
        return {}
    # A forward pass on a CPU takes about half the time so (benchmarks/lwm_cost.py, with augmentation).
    before = before.to(pool.labels.device, memory_format=torch.channels_last)
    if recipe.schedule.augmentation or context.watched and not before.continues(context.watched):
        return {"task": Live(before, context.watched)}
    if context.watched:
        return {"task": RecordedMaps(before, context.watched, recorded_maps(before, pool.images, context.watched))}
    logits, features = answers(before, pool.images, any(term.reads_features for term in asking))
    return {"task": Recorded(logits.split(before.classes, dim=1), features)}


@torch.no_grad()
def recorded_maps(network: Network, images: Tensor, layer: str) -> Tensor:
    """The maps (N, K, h, w) of ``layer`` for ``images``, in evaluation mode."""
    with evaluating(network):
        return torch.cat([look(network, chunk, layer).maps for chunk in images.split(CHUNK)])
