"""Evaluating a network without changing it."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn

T = TypeVar("T")


class Rebuilding(nn.Module):
    """A module that computes weights from other parameters: in every pass, but only once inside ``evaluating``."""

    cached: dict[Hashable, Any] | None = None  # None outside ``evaluating``

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result of ``make()``, cached only without gradients: a cached tensor would cut the graph."""
        if self.cached is None or torch.is_grad_enabled():
            return make()
        if key not in self.cached:
            self.cached[key] = make()
        return self.cached[key]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards every module is in the mode that it was in.

    Nothing may learn inside: a ``Rebuilding`` module caches its weights until the outermost block ends.
    """
    modes = [(module, module.training) for module in model.modules()]
    caching = [module for module in model.modules() if isinstance(module, Rebuilding) and module.cached is None]
    for rebuilding in caching:
        rebuilding.cached = {}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for rebuilding in caching:
            rebuilding.cached = None
