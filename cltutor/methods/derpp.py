"""Dark experience replay, DER++: replayed images keep their logits and their labels (Buzzega et al. 2020)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ..describe import State, real, whole
from ..losses import Batch, CrossEntropy, Term, compete
from ..memory.reservoir import recall, remember
from ..recipe.recipe import Recipe
from .er import Capacity, Replay
from .registry import JOINT, Heads, Weight, compose, register


@dataclass(frozen=True, repr=False)
class DarkExperience(Term):
    """alpha ||z - z'||^2 + beta CE, each on a batch of its own from the memory (Buzzega et al. 2020, DER++).

    z' are the logits that the network had when an image was stored, before that update. Columns of classes that came
    later are left out: they are nan in the memory, a reservoir of ``capacity`` images. The square is summed over
    classes and averaged over images.
    """

    capacity: int = whole(200, at_least=1)
    alpha: float = real(0.5, at_least=0)
    beta: float = real(0.5, at_least=0)

    keeps_images: ClassVar[bool] = True

    def __call__(self, batch: Batch, state: State) -> Tensor:
        if not state:
            return batch.zero
        images, stored = recall(batch, state, ("images", "logits"), "logits")
        others, labels = recall(batch, state, ("images", "labels"), "labels")
        now = batch.logits(images)[:, : stored.shape[1]]
        drift = torch.where(stored.isnan(), 0.0, now - stored).square().sum(dim=1).mean()
        scores = compete(batch.logits(others), labels, batch.task_of, batch.heads)
        return self.alpha * drift + self.beta * F.cross_entropy(scores, labels)

    def after_update(self, batch: Batch, state: State) -> None:
        if state:
            missing = len(batch.task_of) - state["logits"].shape[1]
            state["logits"] = F.pad(state["logits"], (0, missing), value=float("nan"))
        remember(batch, state, self.capacity, images=batch.images, labels=batch.labels, logits=batch.student.logits)

    def latex(self, heads: str) -> str:
        return rf"{self.alpha:g}\,\| z - z' \|_2^2 + {self.beta:g}\,{Replay().latex(heads)}"


@register
def derpp(
    capacity: Capacity = 200, alpha: Weight = 0.5, beta: Weight = 0.5, heads: Heads = "class", **settings
) -> Recipe:
    """DER++, dark experience replay with labels (Buzzega et al. 2020, "Dark Experience for General Continual
    Learning")."""
    loss = CrossEntropy() + DarkExperience(capacity, alpha, beta)
    return compose("derpp", loss, JOINT, heads=heads, **settings)
