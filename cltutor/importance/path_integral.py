"""Synaptic Intelligence's importance: how much each parameter lowered the loss on its path (Zenke et al. 2017)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ..describe import State, real
from .base import Importance, flat

if TYPE_CHECKING:
    from ..losses.terms import Batch, Context


def path_integral(contribution: Tensor, moved: Tensor, damping: float) -> Tensor:
    """Omega_k = omega_k / (Delta_k^2 + xi) over flat vectors (P,), never below zero (Zenke et al. 2017, eq. 5).

    ``contribution`` omega_k is the sum over steps of -gradient * step, ``moved`` Delta_k the total change in the
    task. A parameter that raised the loss has importance zero.
    """
    return (contribution / (moved.square() + damping)).clamp(min=0)


@dataclass(frozen=True, repr=False)
class PathIntegral(Importance):
    """Accumulated by the learner while it trains, from the gradient of the task's own loss, without the anchor's pull
    and before clipping (Zenke et al. 2017, section 3). ``damping`` is the paper's xi."""

    damping: float = real(0.1, above=0)

    symbol: ClassVar[str] = r"\Omega_k^{\mathrm{SI}}"
    needs_labels: ClassVar[bool | None] = True  # it follows the loss of labels
    follows_training: ClassVar[bool] = True
    works_pretrained: ClassVar[bool] = False  # it must see the training

    def begin_task(self, context: "Context", state: State) -> None:
        state["start"] = context.flat_shared()
        state["path"] = torch.zeros_like(state["start"])

    def pulled(self, shared: Tensor, state: State) -> None:
        if shared.requires_grad:
            shared.register_hook(lambda pull: state.__setitem__("pull", pull))

    def before_update(self, batch: "Batch", state: State) -> None:
        gradient = flat([p.grad if p.grad is not None else torch.zeros_like(p) for p in batch.context.shared])
        pull = state.pop("pull", None)
        state["gradient"] = gradient if pull is None else gradient - pull
        state["before"] = batch.context.flat_shared()

    def after_update(self, batch: "Batch", state: State) -> None:
        state["path"] -= state.pop("gradient") * (batch.context.flat_shared() - state.pop("before"))

    def of_task(self, context: "Context", state: State) -> Tensor:
        return path_integral(state.pop("path"), context.flat_shared() - state.pop("start"), self.damping)
