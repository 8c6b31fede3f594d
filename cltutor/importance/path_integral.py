"""Synaptic Intelligence's importance: what each parameter did for the loss on its way (Zenke et al. 2017)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from .base import Importance, Kept, flat


def path_integral(contribution: Tensor, moved: Tensor, damping: float) -> Tensor:
    """Omega_k = omega_k / (Delta_k^2 + xi) over flat vectors (P,), never below zero (Zenke et al. 2017, eq. 5).

    ``contribution`` omega_k is the sum over steps of -gradient * step, ``moved`` Delta_k the whole way of the task.
    A parameter that raised the loss on its way has no claim to stay.
    """
    return (contribution / (moved.square() + damping)).clamp(min=0)


@dataclass(frozen=True, repr=False)
class PathIntegral(Importance):
    """Accumulated by the learner while it trains, from the gradient of the task's own loss, without the anchor's pull
    and before clipping (Zenke et al. 2017, section 3). ``damping`` is the paper's xi."""

    damping: float = 0.1

    symbol: ClassVar[str] = r"\Omega_k^{\mathrm{SI}}"

    def __post_init__(self):
        if not 0 < self.damping < float("inf"):
            raise ValueError(f"damping is a finite number above 0, not {self.damping!r}.")

    def begin_task(self, context, kept: Kept) -> None:
        kept["start"] = context.flat_shared()
        kept["path"] = torch.zeros_like(kept["start"])

    def pulled(self, shared: Tensor, kept: Kept) -> None:
        if shared.requires_grad:
            shared.register_hook(lambda pull: kept.__setitem__("pull", pull))

    def before_step(self, context, kept: Kept) -> None:
        gradient = flat([p.grad if p.grad is not None else torch.zeros_like(p) for p in context.shared])
        pull = kept.pop("pull", None)
        kept["gradient"] = gradient if pull is None else gradient - pull
        kept["before"] = context.flat_shared()

    def after_step(self, context, kept: Kept) -> None:
        kept["path"] -= kept.pop("gradient") * (context.flat_shared() - kept.pop("before"))

    def of_task(self, context, kept: Kept) -> Tensor:
        return path_integral(kept.pop("path"), context.flat_shared() - kept.pop("start"), self.damping)
