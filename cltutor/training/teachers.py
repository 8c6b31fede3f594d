"""Who answers for the old: the teachers that terms listen to, asked live or recorded once.

A teacher is the network as it was before this task, or before this phase. As long as the images of the pool stay what
they are, so do its answers: they are computed once. Where an epoch draws its images anew, they are computed as it
begins, in chunks larger than a batch.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ..attention import look
from ..evaluation.answers import answers, chunks
from ..losses.terms import Batch, Term
from ..memory import Pool
from ..networks import Network, Output, evaluating


def size(tensors) -> int:
    """Bytes of some tensors together."""
    return sum(tensor.nbytes for tensor in tensors)


class Teacher:
    """Whoever answers for the old to a ``Batch``."""

    def listen(self, images: Tensor, drawn: Tensor | None) -> None:
        """Called before an epoch, with the pool's images (N, C, H, W) as it shows them, and the places (M,) of those
        that it draws, None for all."""

    def __call__(self, batch: Batch) -> Output:
        raise NotImplementedError

    @property
    def nbytes(self) -> int:
        """What it holds between two epochs."""
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
    heard: Teacher | None = None

    def listen(self, images: Tensor, drawn: Tensor | None) -> None:
        self.heard = self.record(self.network, images, drawn)

    def __call__(self, batch: Batch) -> Output:
        return self.heard(batch)

    @property
    def nbytes(self) -> int:
        return size(self.network.state_dict().values())


def make_teachers(
    name: str, terms: Iterable[Term], before: Callable[[], Network], pool: Pool, watched: str | None, changing: bool
) -> dict[str, Teacher]:
    """The teacher ``name`` if one of ``terms`` asks for it: the network that ``before()`` makes, on the pool's device.

    ``watched``: the layer whose maps are asked for, or None; ``changing``: whether an epoch draws its images anew.
    """
    asking = [term for term in terms if term.teacher == name]
    if not asking:
        return {}
    # A forward pass on a CPU takes about half the time so (benchmarks/lwm_cost.py, with augmentation).
    network = before().to(pool.labels.device, memory_format=torch.channels_last).eval().requires_grad_(False)
    if not watched:  # nobody looks inside, and a copy of its own may be overwritten: a tenth less time
        for module in network.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = True
    if watched and not network.continues(watched):
        return {name: Live(network, watched)}
    features = any(term.reads_features for term in asking)
    record = partial(recorded_maps, layer=watched) if watched else partial(recorded, features=features)
    return {name: RecordedAnew(network, record) if changing else record(network, pool.images, None)}


def recorded(network: Network, images: Tensor, drawn: Tensor | None, features: bool) -> Recorded:
    """The answers to ``images`` (N, C, H, W), or only to those at the places ``drawn`` (M,)."""
    logits, own = answers(network, images if drawn is None else images[drawn], features)
    return Recorded(placed(logits, images, drawn).split(network.classes, dim=1), placed(own, images, drawn))


@torch.no_grad()
def recorded_maps(network: Network, images: Tensor, drawn: Tensor | None, layer: str) -> RecordedMaps:
    """The same for the maps (N, K, h, w) of ``layer``, in evaluation mode."""
    asked = images if drawn is None else images[drawn]
    with evaluating(network):
        maps = torch.cat([look(network, chunk, layer).maps for chunk in chunks(asked, asked.device)])
    return RecordedMaps(network, layer, placed(maps, images, drawn))


def placed(values: Tensor | None, images: Tensor, drawn: Tensor | None) -> Tensor | None:
    """``values`` (M, ...) in the rows ``drawn`` of (N, ...), so that places in the pool find them."""
    if values is None or drawn is None:
        return values
    return values.new_zeros(len(images), *values.shape[1:]).index_copy_(0, drawn.to(values.device), values)
