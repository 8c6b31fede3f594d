"""Looking at a network without leaving a trace."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import nn

T = TypeVar("T")


class Rebuilding(nn.Module):
    """A module that makes weights from other parameters: anew in every pass, but once for all inside ``evaluating``."""

    made: dict[Hashable, object] | None = None  # None outside ``evaluating``

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make()`` gives. It is kept only where no graph is asked for, which a kept tensor would cut."""
        if self.made is None or torch.is_grad_enabled():
            return make()
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards every module is in the mode that it was in.

    Nothing may learn inside: what a ``Rebuilding`` module makes there is kept until the outermost block ends.
    """
    modes = [(module, module.training) for module in model.modules()]
    keeping = [module for module in model.modules() if isinstance(module, Rebuilding) and module.made is None]
    for module in keeping:
        module.made = {}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for module in keeping:
            module.made = None
