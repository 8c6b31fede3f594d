"""Teachers: networks as they were before a task or a phase, whose answers terms compare with, computed live or once.

A teacher is the network as it was before this task, or before this phase. As long as the images of the pool stay what
they are, so do its answers: they are computed once. Where an epoch draws its images anew, they are computed as it
begins, in chunks larger than a batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ..attention import look, maps_of
from ..evaluation.answers import answers, chunks
from ..losses.terms import Batch, Term
from ..memory import Pool
from ..networks import Network, Output, evaluating
from ..runs.memory_use import size
from ..streams.mapped import taken


class Teacher:
    """A network of the past that answers for a ``Batch``."""

    def record_epoch(self, images: Tensor, drawn: Tensor | None) -> None:
        """Called before an epoch, with the pool's images (N, C, H, W) as it shows them, and the places (M,) of those
        that it draws, None for all."""

    def __call__(self, batch: Batch) -> Output:
        raise NotImplementedError

    @property
    def nbytes(self) -> int:
        """The bytes that it takes between two epochs."""
        raise NotImplementedError


@dataclass(frozen=True)
class Live(Teacher):
    """The old ``network`` itself, with the maps of the layer ``watched`` unless that is None."""

    network: Network
    watched: str | None

    def __call__(self, batch: Batch) -> Output:
        return look(self.network, batch.images, self.watched)

    @property
    def nbytes(self) -> int:
        return size(self.network.state_dict().values())


@dataclass(frozen=True)
class Recorded(Teacher):
    """Logits (N, old classes) of old heads with so many ``classes`` each, for the pool's N images, and features, (N, 0)
    where no term reads them."""

    logits: Tensor
    features: Tensor
    classes: Sequence[int]

    def __call__(self, batch: Batch) -> Output:
        heads = self.logits[batch.places].split(self.classes, dim=1)
        return Output(self.features[batch.places], heads.__getitem__, len(heads))

    @property
    def nbytes(self) -> int:
        return size((self.logits, self.features))


@dataclass(frozen=True)
class RecordedMaps(Teacher):
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


@dataclass
class RecordedAnew(Teacher):
    """The old ``network`` and what ``record`` notes of it for the images of an epoch."""

    network: Network
    record: Callable[[Network, Tensor, Tensor | None], Teacher]
    current: Teacher | None = None

    def record_epoch(self, images: Tensor, drawn: Tensor | None) -> None:
        self.current = self.record(self.network, images, drawn)

    def __call__(self, batch: Batch) -> Output:
        assert self.current is not None, "record_epoch comes before the first batch of an epoch"
        return self.current(batch)

    @property
    def nbytes(self) -> int:
        return size(self.network.state_dict().values())


def make_teacher(readers: Sequence[Term], network: Network, pool: Pool, watched: str | None, changing: bool) -> Teacher:
    """The teacher of the terms ``readers``: a copy of its own of the earlier ``network``, on the pool's device.

    ``watched``: the layer whose maps are read, or None; ``changing``: whether an epoch draws its images anew.
    """
    network.to(pool.labels.device)
    # A forward pass on a CPU takes about half the time so (benchmarks/lwm_cost.py, with augmentation).
    network.to(memory_format=torch.channels_last).eval().requires_grad_(False)
    if not watched:  # nothing reads its inner values, so they may be overwritten: a tenth less time
        for module in network.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = True
    if watched and not network.continues(watched):
        return Live(network, watched)
    features = any(term.reads_features for term in readers)
    record = partial(recorded_maps, layer=watched) if watched else partial(recorded, features=features)
    return RecordedAnew(network, record) if changing else record(network, pool.images, None)


def recorded(network: Network, images: Tensor, drawn: Tensor | None, features: bool) -> Recorded:
    """The answers to ``images`` (N, C, H, W), or only to those at the places ``drawn`` (M,)."""
    logits, own = answers(network, images if drawn is None else taken(images, drawn), features)
    own = logits.new_empty(len(logits), 0) if own is None else own
    return Recorded(placed(logits, images, drawn), placed(own, images, drawn), network.classes)


@torch.no_grad()
def recorded_maps(network: Network, images: Tensor, drawn: Tensor | None, layer: str) -> RecordedMaps:
    """The same for the maps (N, K, h, w) of ``layer``, in evaluation mode."""
    shown = images if drawn is None else taken(images, drawn)
    with evaluating(network):
        maps = torch.cat([maps_of(look(network, chunk, layer)) for chunk in chunks(shown, shown.device)])
    return RecordedMaps(network, layer, placed(maps, images, drawn))


def placed(values: Tensor, images: Tensor, drawn: Tensor | None) -> Tensor:
    """``values`` (M, ...) in the rows ``drawn`` of (N, ...), so that places in the pool find them."""
    if drawn is None:
        return values
    return values.new_zeros(len(images), *values.shape[1:]).index_copy_(0, drawn.to(values.device), values)
