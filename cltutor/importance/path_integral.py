"""Synaptic Intelligence's importance: how much each parameter lowered the loss on its path (Zenke et al. 2017)."""

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ..checked import shaped
from ..describe import Real, State, ruled
from .base import Importance, flat

if TYPE_CHECKING:
    from ..losses.terms import Batch, Context


DAMPING = Real(at_least=1e-30)  # less is zero in float32, by which nothing can be divided


@shaped({"damping": DAMPING}, contribution="P", moved="P")
def path_integral(contribution: Tensor, moved: Tensor, damping: float) -> Tensor:
    """Omega_k = omega_k / (Delta_k^2 + xi) over flat vectors (P,), never below zero (Zenke et al. 2017, eq. 5).

    ``contribution`` omega_k is the sum over steps of -gradient * step, ``moved`` Delta_k the total change in the
    task. A parameter that raised the loss in a task has importance zero there: our choice, as eq. 5 has no such bound.
    """
    return (contribution / (moved.square() + damping)).clamp(min=0)


@dataclass(frozen=True, repr=False)
class PathIntegral(Importance):
    """Accumulated while the network trains, from the gradient of the task's own loss alone, the terms that learn labels
    (cross-entropy), before clipping (Zenke et al. 2017, section 3). ``damping`` is the paper's xi, 0.001 in its
    experiments on split MNIST; on permuted MNIST it was 0.1."""

    damping: float = ruled(DAMPING, 0.001)

    symbol: ClassVar[str] = r"\Omega_k^{\mathrm{SI}}"
    needs_labels: ClassVar[bool | None] = True  # it follows the loss of labels
    works_pretrained: ClassVar[bool] = False  # it must see the training

    def begin_task(self, context: "Context", state: State) -> None:
        state["start"] = context.flat_shared()
        state["path"] = torch.zeros_like(state["start"])

    def before_backward(self, batch: "Batch", state: State) -> None:
        """The gradient of all other terms, which the backward pass adds to that of the task's own loss."""
        learning = [p for p in batch.context.shared if p.requires_grad]
        beside = [value for value in batch.beside if value.requires_grad]
        if learning and beside:
            grads = torch.autograd.grad(reduce(add, beside), learning, retain_graph=True, materialize_grads=True)
            found = dict(zip(learning, grads, strict=True))
            state["beside"] = flat([found.get(p, torch.zeros_like(p)) for p in batch.context.shared])

    def before_update(self, batch: "Batch", state: State) -> None:
        gradient = flat([p.grad if p.grad is not None else torch.zeros_like(p) for p in batch.context.shared])
        state["gradient"] = gradient - state.pop("beside") if "beside" in state else gradient
        state["before"] = batch.context.flat_shared()

    def after_update(self, batch: "Batch", state: State) -> None:
        state["path"] -= state.pop("gradient") * (batch.context.flat_shared() - state.pop("before"))

    def of_task(self, context: "Context", state: State) -> Tensor:
        return path_integral(state.pop("path"), context.flat_shared() - state.pop("start"), self.damping)
