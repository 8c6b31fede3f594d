"""The Fisher information's diagonal, Elastic Weight Consolidation's importance (Kirkpatrick et al. 2017)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..networks import Network, evaluating
from ..seeds import generator
from .base import Importance, Kept, shared_part
from .samples import check, mean_over_samples, vector


def log_likelihood(answers: Tensor, labels: Tensor) -> Tensor:
    """log p(label | image) (N,) of logits (N, D)."""
    return -F.cross_entropy(answers, labels, reduction="none")


def fisher(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    task: int | None = None,
    seed: int = 0,
    chunk: int = 64,
) -> dict[str, Tensor]:
    """Mean over images of the squared gradient of log p(label | image), each image's own (Kirkpatrick et al. 2017).

    ``images`` (N, C, H, W); ``labels`` (N,) columns of the answer; None draws them from the model's own probabilities
    with ``seed``: the Fisher information proper, not the "empirical" one. The other arguments and errors are ``mas``'s;
    a network that answers with something else than logits has no such likelihood, and is refused.
    """
    check(model, images)
    if isinstance(model, Network) and type(model).response is not Network.response:
        raise ValueError(
            f"The Fisher information asks for probabilities of classes, and a {type(model).__name__} has none: "
            "use MAS() or PathIntegral()."
        )
    if labels is None:
        labels = drawn_labels(model, images, task, seed, chunk)
    return mean_over_samples(model, images, log_likelihood, (labels,), power=2, task=task, chunk=chunk)


@torch.no_grad()
def drawn_labels(model: nn.Module, images: Tensor, task: int | None, seed: int, chunk: int) -> Tensor:
    """A label (N,) for each image, drawn from the model's softmax; no global random state is touched."""
    device, draw = next(model.parameters()).device, generator("fisher", seed)
    with evaluating(model):
        answers = torch.cat([vector(model, model(part.to(device)), task) for part in images.split(chunk)])
    if not answers.isfinite().all():
        raise ValueError("The model's output holds NaN or infinity: train it anew with a lower rate.")
    return torch.multinomial(answers.softmax(1).cpu(), 1, generator=draw).squeeze(1)


@dataclass(frozen=True, repr=False)
class Fisher(Importance):
    """EWC's importance: a Fisher diagonal and a penalty for each task, as published (Kirkpatrick et al. 2017, eq. 3).

    ``given=True`` takes the images' own labels instead of labels drawn from the model (the "empirical" Fisher).
    """

    given: bool = False

    symbol: ClassVar[str] = "F_k"
    separate: ClassVar[bool] = True

    def of_task(self, context, kept: Kept) -> Tensor:
        train = context.data.train
        labels = context.columns(train.labels) if self.given else None
        omega = fisher(context.network, train.images, labels, context.head, seed=context.task)
        return shared_part(omega, context)


@dataclass(frozen=True, repr=False)
class OnlineFisher(Fisher):
    """Online EWC: one running Fisher, in which older tasks fade by ``decay`` a task (Schwarz et al. 2018)."""

    decay: float = 1.0

    separate: ClassVar[bool] = False

    def __post_init__(self):
        if not 0 <= self.decay <= 1:
            raise ValueError(f"decay is between 0 and 1, not {self.decay!r}.")

    def accumulate(self, before: Tensor | None, new: Tensor, tasks: int) -> Tensor:
        return new if before is None else self.decay * before + new
