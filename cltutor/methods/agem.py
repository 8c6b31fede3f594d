"""Averaged gradient episodic memory: a step may not raise the loss on old images (Chaudhry et al. 2019, A-GEM)."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ..checked import shaped
from ..describe import State, choice, rule, whole
from ..importance import flat
from ..losses import Batch, Context, CrossEntropy, compete
from ..memory import SELECTIONS, ExemplarMemory, Pool, pool_of
from ..recipe.recipe import Recipe
from ..streams import Stream
from .registry import JOINT, Heads, check_kind, compose, register


@shaped(gradient="P", reference="P")
def projected(gradient: Tensor, reference: Tensor) -> Tensor:
    """g - (g . r) / (r . r) r where g . r < 0, else g: the gradient (P,) nearest to g that does not raise the loss
    whose gradient is the reference r (P,), to first order (A-GEM, the projection of the gradient)."""
    overlap = (gradient @ reference).clamp(max=0)  # no comparison that a GPU would have to answer
    return gradient - overlap / (reference @ reference).clamp(min=torch.finfo(reference.dtype).tiny) * reference


@dataclass(frozen=True, repr=False)
class GradientMemory(ExemplarMemory):
    """Images of earlier tasks that are not learned from: they bound the gradient (A-GEM, eq. 10).

    At every step the gradient of the loss on a batch drawn from the memory is the reference, and ``projected`` gives
    the gradient that is used, before clipping. ``capacity`` images in all, the same number of each class, by
    ``selection``.
    """

    capacity: int | None = whole(200, at_least=1, or_none=True)
    selection: str = choice("random", SELECTIONS)

    balances: ClassVar[bool] = False

    def pool(self, stream: Stream, task: int, device: torch.device, state: State) -> Pool:
        """The new images alone."""
        return pool_of(stream, [task], device)

    def begin_task(self, context: Context, state: State) -> None:
        place = next(context.network.parameters()).device
        state.update({name: value.to(place) for name, value in state.items()})

    def before_update(self, batch: Batch, state: State) -> None:
        if not state:
            return
        places = batch.uniform(len(state["labels"]), "reference").argsort()[: len(batch.images)]
        images, labels = state["images"][places], state["labels"][places]
        learning = [p for p in batch.context.network.parameters() if p.requires_grad]
        loss = F.cross_entropy(compete(batch.logits(images), labels, batch.task_of, batch.heads), labels)
        reference = flat(torch.autograd.grad(loss, learning, materialize_grads=True))
        # Old heads have no gradient of the new task's loss, and a projection moves them, too.
        gradient = flat([torch.zeros_like(p) if p.grad is None else p.grad for p in learning])
        allowed = projected(gradient, reference)
        for parameter, part in zip(learning, allowed.split([p.numel() for p in learning]), strict=True):
            parameter.grad = part.view_as(parameter)


@register(either=("capacity", "memory"))
def agem(capacity: Annotated[int, rule(GradientMemory, "capacity")] = 200, heads: Heads = "task", **settings) -> Recipe:
    """A-GEM: fine-tuning whose gradient is projected where it would raise the loss on old images (Chaudhry et al. 2019,
    "Efficient Lifelong Learning with A-GEM")."""
    own = {"memory": GradientMemory(capacity), **settings}
    check_kind("agem", "memory", own["memory"], GradientMemory)  # from others it would learn, as experience replay does
    return compose("agem", CrossEntropy(), JOINT, heads=heads, **own)
