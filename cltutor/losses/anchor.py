"""Keeping the weights: a quadratic pull of the shared parameters back to where the last task left them."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from ..describe import Described
from ..importance import Uniform
from .terms import Batch, Context, Kept, Term


def anchor(parameters: Tensor, anchored: Tensor, importance: Tensor) -> Tensor:
    """sum_k Omega_k (theta_k - theta*_k)^2 over flat vectors (P,) of parameters (L2: LwF, section 4.2)."""
    return torch.dot(importance, (parameters - anchored).square())


@dataclass(frozen=True, repr=False)
class Anchor(Described, Term):
    """sum_k Omega_k (theta_k - theta*_k)^2 over the shared parameters theta_s; theta* is their value before this task.

    ``1/2 * lam * Anchor()`` with Omega = 1 is the L2 soft constraint of LwF, section 4.2.
    """

    importance: Uniform = Uniform()

    first_task: ClassVar[int] = 1

    def begin_task(self, context: Context, kept: Kept) -> None:
        kept["anchor"] = parameters_to_vector(context.network.parameters_of("shared")).detach().clone()
        kept["importance"] = self.importance.of(kept["anchor"])

    def __call__(self, batch: Batch, kept: Kept) -> Tensor:
        shared = parameters_to_vector(batch.context.network.parameters_of("shared"))
        return anchor(shared, kept["anchor"], kept["importance"])

    def latex(self, heads: str) -> str:
        return rf"\sum_k {self.importance.symbol}(\theta_{{s,k}} - \theta_{{s,k}}^*)^2"
