"""Keeping the weights: a quadratic pull of the shared parameters back to where the last task left them."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..describe import Described
from ..importance import Importance, Uniform, flat
from .terms import Batch, Context, Kept, Term


def anchor(parameters: Tensor, anchored: Tensor, importance: Tensor) -> Tensor:
    """sum_k Omega_k (theta_k - theta*_k)^2 over flat vectors (P,) of parameters (MAS, eq. 3; L2: LwF, section 4.2).

    ``anchored`` and ``importance`` may hold a row for each of several tasks (R, P); their penalties add up.
    """
    return (importance * (parameters - anchored).square()).sum()


@dataclass(frozen=True, repr=False)
class Anchor(Described, Term):
    """sum_k Omega_k (theta_k - theta*_k)^2 over the shared parameters; theta* is their value after the last task.

    ``lam / 2 * Anchor(importance=MAS())`` is MAS, eq. 3; with Omega = 1 it is the L2 soft constraint of LwF, section
    4.2. An importance that keeps its tasks apart (EWC's Fisher) pulls to the end of each task by that task's Omega.
    """

    importance: Importance = Uniform()

    first_task: ClassVar[int] = 1

    def begin_task(self, context: Context, kept: Kept) -> None:
        if "anchor" in kept and kept["anchor"].shape[1] != len(context.flat_shared()):
            raise ValueError(
                f"An anchor needs a network that keeps its shared parameters: there were {kept['anchor'].shape[1]}, "
                f"now there are {len(context.flat_shared())}."
            )
        self.importance.begin_task(context, kept)

    def before_step(self, context: Context, kept: Kept) -> None:
        self.importance.before_step(context, kept)

    def after_step(self, context: Context, kept: Kept) -> None:
        self.importance.after_step(context, kept)

    def end_task(self, context: Context, kept: Kept) -> None:
        here = context.flat_shared().unsqueeze(0)
        new = self.importance.of_task(context, kept)
        if new.shape != here[0].shape:
            raise ValueError(f"Omega has the shape {tuple(new.shape)}, the shared parameters {tuple(here[0].shape)}.")
        if self.importance.separate and "anchor" in kept:
            kept["anchor"] = torch.cat([kept["anchor"], here])
            kept["importance"] = torch.cat([kept["importance"], new.unsqueeze(0)])
        else:
            before = kept["importance"][0] if "importance" in kept else None
            kept["anchor"] = here
            kept["importance"] = self.importance.accumulate(before, new, context.task + 1).unsqueeze(0)

    def __call__(self, batch: Batch, kept: Kept) -> Tensor:
        shared = flat(batch.context.shared)
        self.importance.pulled(shared, kept)
        return anchor(shared, kept["anchor"], kept["importance"])

    def curvature(self, kept: Kept) -> float:
        return 2 * kept["importance"].sum(0).max().item()

    def latex(self, heads: str) -> str:
        if self.importance.separate:
            return rf"\sum_{{o < t}} \sum_k {self.importance.symbol}^o(\theta_{{s,k}} - \theta_{{s,k}}^{{*o}})^2"
        return rf"\sum_k {self.importance.symbol}(\theta_{{s,k}} - \theta_{{s,k}}^*)^2"
