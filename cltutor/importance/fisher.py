"""The Fisher information's diagonal, Elastic Weight Consolidation's importance (Kirkpatrick et al. 2017)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..checked import AnyOf, Many, Numbers, Tensors, checked
from ..describe import State, Whole, flag, real, shown
from ..networks import Network, evaluating
from ..seeds import generator
from .base import Importance, shared_part
from .gradients import finite
from .samples import RULES, Responding, check, mean_over_samples, usual_chunk, vector

if TYPE_CHECKING:
    from ..losses.terms import Context


def log_likelihood(logits: Tensor, labels: Tensor) -> Tensor:
    """log p(label | image) (N,) of logits (N, D)."""
    return -F.cross_entropy(logits, labels, reduction="none")


@checked(
    labels=AnyOf((Tensors("N", whole=True), Numbers("N", whole=True))),
    seed=AnyOf((Whole(at_least=0), Many(Whole(at_least=0), least=1))),
    **RULES,
)
def fisher(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    task: int | None = None,
    seed: int | tuple[int, ...] = 0,
    chunk: int | None = None,
) -> dict[str, Tensor]:
    """Mean over images of the squared gradient of log p(label | image), each image's own (Kirkpatrick et al. 2017).

    ``images`` (N, C, H, W); ``labels`` (N,) columns of the output; None draws them from the model's own probabilities
    with ``seed`` (in a run: its seed and the task): the Fisher information proper, not the "empirical" one. The other
    arguments and errors are ``mas``'s; a network whose output is not logits has no such likelihood, and is refused.
    """
    check(model, images, task)
    if isinstance(model, Network) and type(model).response is not Network.response:
        raise ValueError(
            f"The Fisher information needs probabilities of classes, and a {type(model).__name__} has none: "
            "use MAS() or PathIntegral()."
        )
    if labels is None:
        labels = drawn_labels(model, images, task, (seed,) if isinstance(seed, int) else tuple(seed), chunk)
    else:
        labels = checked_labels(
            labels if isinstance(labels, Tensor) else torch.tensor(labels), len(images), width(model, images, task)
        )
    return mean_over_samples(Responding(model, task), images, log_likelihood, (labels,), power=2, chunk=chunk)


def checked_labels(labels: Tensor, images: int, columns: int) -> Tensor:
    if len(labels) != images or labels.min() < 0 or labels.max() >= columns:
        raise ValueError(
            f"labels are {images} columns of the output, whole numbers from 0 to {columns - 1}, one for each image, "
            f"not {shown(labels.tolist())}."
        )
    return labels


@torch.no_grad()
def width(model: nn.Module, images: Tensor, task: int | None) -> int:
    """How many columns the model's output has."""
    few = images[:2].to(next(model.parameters()).device)
    with evaluating(model):
        return vector(model, model(few), task, len(few)).shape[1]


@torch.no_grad()
def drawn_labels(model: nn.Module, images: Tensor, task: int | None, key: tuple[int, ...], chunk: int | None) -> Tensor:
    """A label (N,) for each image, drawn from the model's softmax; no global random state is touched."""
    device, draw = next(model.parameters()).device, generator("fisher", *key)
    parts = images.split(chunk or usual_chunk(images, device))
    with evaluating(model):
        logits = torch.cat([vector(model, model(part.to(device)), task, len(part)) for part in parts])
    return torch.multinomial(finite(logits).softmax(1).cpu(), 1, generator=draw).squeeze(1)


@dataclass(frozen=True, repr=False)
class Fisher(Importance):
    """EWC's importance: a Fisher diagonal and a penalty for each task, as published (Kirkpatrick et al. 2017, eq. 3).

    ``given=True`` takes the images' own labels instead of labels drawn from the model (the "empirical" Fisher).
    """

    given: bool = flag(False)

    symbol: ClassVar[str] = "F_k"
    separate: ClassVar[bool] = True
    guards_any_output: ClassVar[bool | None] = False  # it needs probabilities

    @property
    def needs_labels(self) -> bool:
        return self.given

    def of_task(self, context: "Context", state: State) -> Tensor:
        train = context.data.train
        labels = context.columns(train.labels) if self.given else None
        omega = fisher(context.network, train.images, labels, context.head, seed=(context.seed, context.task))
        return shared_part(omega, context)


@dataclass(frozen=True, repr=False)
class OnlineFisher(Fisher):
    """Online EWC: one running Fisher, in which older tasks fade by ``decay`` per task (Schwarz et al. 2018)."""

    decay: float = real(1.0, at_least=0, at_most=1)

    separate: ClassVar[bool] = False

    def accumulate(self, before: Tensor | None, new: Tensor, tasks: int) -> Tensor:
        return new if before is None else self.decay * before + new
