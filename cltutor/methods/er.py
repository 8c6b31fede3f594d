"""Experience replay with a reservoir: each step also learns a batch of remembered images (Chaudhry et al. 2019)."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import Tensor
from torch.nn import functional as F

from ..describe import State, rule, whole
from ..losses import Batch, CrossEntropy, Term, compete
from ..memory.reservoir import recall, remember
from ..recipe.recipe import Recipe
from .registry import JOINT, Heads, compose, register


@dataclass(frozen=True, repr=False)
class Replay(Term):
    """Cross-entropy on as many images of the memory as the batch has (Chaudhry et al. 2019, experience replay).

    The paper averages over both batches as one; as a term of its own it is added to that of the new batch, which is
    twice the gradient.

    The memory is a reservoir of ``capacity`` images: every image of the stream so far is in it with the same
    probability. Which classes compete, the training regime says, as for new images.
    """

    capacity: int = whole(200, at_least=1)

    keeps_images: ClassVar[bool] = True

    def __call__(self, batch: Batch, state: State) -> Tensor:
        if not state:
            return batch.zero
        images, labels = recall(batch, state, ("images", "labels"))
        return F.cross_entropy(compete(batch.logits(images), labels, batch.task_of, batch.heads), labels)

    def after_update(self, batch: Batch, state: State) -> None:
        remember(batch, state, self.capacity, images=batch.images, labels=batch.labels)

    def latex(self, heads: str) -> str:
        return rf"{CrossEntropy().latex(heads)}_{{\mathcal{{M}}}}"


Capacity = Annotated[int, rule(Replay, "capacity")]


@register
def er(capacity: Capacity = 200, heads: Heads = "class", **settings) -> Recipe:
    """Experience replay: cross-entropy on the new batch and on one from a reservoir (Chaudhry et al. 2019, "On Tiny
    Episodic Memories in Continual Learning")."""
    return compose("er", CrossEntropy() + Replay(capacity), JOINT, heads=heads, **settings)
