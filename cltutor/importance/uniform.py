"""Every parameter matters alike: the L2 soft constraint's importance (LwF, section 4.2)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..describe import Described


@dataclass(frozen=True, repr=False)
class Uniform(Described):
    """Omega_k = 1 for every parameter."""

    symbol: ClassVar[str] = ""

    def of(self, parameters: Tensor) -> Tensor:
        """Omega (P,) for the flat vector (P,) of shared parameters."""
        return torch.ones_like(parameters)
