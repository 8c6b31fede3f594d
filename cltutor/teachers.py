"""Who answers for the old: the teachers that terms listen to, asked live or recorded once.

A teacher is the network as it was before this task, or before this phase. As long as the images of the pool stay what
they are, so do its answers: they are computed once. Where images change with every batch it answers for those of each.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from .attention import look
from .evaluation import CHUNK, answers
from .losses.terms import Batch, Teacher, Term
from .memory import Pool
from .networks import Network, Output, evaluating


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


def make_teachers(
    name: str, terms: Iterable[Term], before: Callable[[], Network], pool: Pool, watched: str | None, changing: bool
) -> dict[str, Teacher]:
    """The teacher ``name`` if one of ``terms`` asks for it: the network that ``before()`` makes, on the pool's device.

    ``watched``: the layer whose maps are asked for, or None; ``changing``: whether images are drawn anew every batch.
    """
    asking = [term for term in terms if term.teacher == name]
    if not asking:
        return {}
    # A forward pass on a CPU takes about half the time so (benchmarks/lwm_cost.py, with augmentation).
    network = before().to(pool.labels.device, memory_format=torch.channels_last).eval().requires_grad_(False)
    if changing or watched and not network.continues(watched):
        return {name: Live(network, watched)}
    if watched:
        return {name: RecordedMaps(network, watched, recorded_maps(network, pool.images, watched))}
    logits, features = answers(network, pool.images, any(term.reads_features for term in asking))
    return {name: Recorded(logits.split(network.classes, dim=1), features)}


@torch.no_grad()
def recorded_maps(network: Network, images: Tensor, layer: str) -> Tensor:
    """The maps (N, K, h, w) of ``layer`` for ``images``, in evaluation mode."""
    with evaluating(network):
        return torch.cat([look(network, chunk, layer).maps for chunk in images.split(CHUNK)])
