"""All parameters are equally important: the L2 soft constraint's importance (LwF, section 4.2)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ..describe import State
from .base import Importance

if TYPE_CHECKING:
    from ..losses.terms import Context


@dataclass(frozen=True, repr=False)
class Uniform(Importance):
    """Omega_k = 1 for every parameter, after any number of tasks."""

    symbol: ClassVar[str] = ""

    def of_task(self, context: "Context", state: State) -> Tensor:
        return torch.ones_like(context.flat_shared())

    def accumulate(self, before: Tensor | None, new: Tensor, tasks: int) -> Tensor:
        return new
