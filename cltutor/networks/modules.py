"""Building blocks of networks: lists of modules of one type, and the layers inside a group."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from torch import nn

M = TypeVar("M", bound=nn.Module)


class Modules(nn.ModuleList, Generic[M]):
    """A ``ModuleList`` whose modules are of one type, so that their methods are known when they are looked up."""

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, idx: slice) -> "Modules[M]": ...

        @overload
        def __getitem__(self, idx: int) -> M: ...

        def __getitem__(self, idx: int | slice) -> Any: ...

        def __iter__(self) -> Iterator[M]: ...


def linear_of(layer: nn.Sequential) -> nn.Linear:
    """The fully connected layer inside a group like (Linear, ReLU, Dropout)."""
    return next(module for module in layer if isinstance(module, nn.Linear))


def initialise(module: M, mode: Literal["fan_in", "fan_out"] = "fan_in") -> M:
    """Draw the weights below ReLUs with the variance that keeps signals alive through them (He et al. 2015)."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, mode=mode, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return module
