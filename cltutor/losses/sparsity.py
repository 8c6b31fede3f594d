"""Few weights and small changes: the regularisers of dynamically expandable networks (Yoon et al. 2018, eq. 2 to 6).

All act on the weights that learn at the moment; norms leave out biases. The sparse ones act by their proximal step
after each update: a gradient only makes weights small, and this network depends on which are exactly zero.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..checked import Tensors
from ..describe import Real, State, shown, whole
from ..networks import Network
from ..networks.expandable import ExpandableNetwork
from .terms import Batch, Context, Term


def checked_amount(weights: Tensor, amount: Tensor | float, rows: int = 0) -> Tensor | float:
    """The ``amount``; ValueError for a negative one, which is not read on a GPU, and for what is no tensor of weights,
    with an axis more than ``rows``."""
    if not Tensors().accepts(weights) or weights.dim() <= rows:
        raise ValueError(f"weights are a tensor of floating-point numbers, at best by rows, not {shown(weights)}.")
    if isinstance(amount, Tensor) and amount.shape == () and amount.device == weights.device != torch.device("cpu"):
        return amount
    return Real(at_least=0).check("amount", amount)


def soft_threshold(weights: Tensor, amount: Tensor | float) -> Tensor:
    """argmin_v 1/2 (v - w)^2 + amount |v| for every entry w of ``weights``, of any shape: each comes nearer to zero by
    ``amount``, a number or of the same shape."""
    most = torch.as_tensor(checked_amount(weights, amount)).to(weights)
    return weights - weights.clamp(-most, most)


def group_soft_threshold(weights: Tensor, amount: Tensor | float) -> Tensor:
    """argmin_v 1/2 ||v - w||^2 + amount ||v||_2 for every row w of ``weights`` (G, ...): each comes nearer to zero by
    ``amount`` in length, and keeps its direction."""
    amount = checked_amount(weights, amount, rows=1)
    lengths = group_lengths(weights).reshape(-1, *[1] * (weights.dim() - 1))
    return weights * (1 - amount / lengths.clamp(min=torch.finfo(weights.dtype).tiny)).clamp(min=0)


def group_lengths(weights: Tensor) -> Tensor:
    """||w||_2 of every row w of ``weights`` (G, ...): (G,)."""
    return weights.flatten(1).norm(dim=1)


def total(values: Iterator[Tensor], network: Network) -> Tensor:
    """The sum of scalars; zero without any."""
    return sum(values, start=next(network.parameters()).new_zeros(()))


def learning(network: Network, role: str | None = None) -> Iterator[tuple[nn.Parameter, Tensor]]:
    """The weights that learn, in all roles or in one, each with its values: zero for entries that do not learn."""
    masks = network.masks if isinstance(network, ExpandableNetwork) else {}
    for parameter in network.parameters() if role is None else network.parameters_of(role):
        if parameter.requires_grad and parameter.dim() > 1:
            yield parameter, parameter * masks[parameter] if parameter in masks else parameter


@dataclass(frozen=True, repr=False)
class Shrinking(Term):
    """A norm whose weight in the loss is what each update subtracts, whatever the learning rate.

    ``updates``: the number of updates of a task for which that weight was published. A task of another number then
    subtracts as much in all: each of its n updates subtracts the weight times ``updates`` / n. None: the weight itself.

    Its value is part of the reported loss, and has no gradient with respect to the weights. The gradient of the loss
    with respect to the norm is what to subtract: that is how the term knows it.
    """

    updates: int | None = whole(None, at_least=1, or_none=True)

    def __call__(self, batch: Batch, state: State) -> Tensor:
        with torch.no_grad():
            value = self.norm(batch.context.network)
        value.requires_grad_().register_hook(lambda amount: state.update(amount=amount))
        if self.updates is None or not batch.context.updates:
            return value
        return self.updates / batch.context.updates * value

    @torch.no_grad()
    def after_update(self, batch: Batch, state: State) -> None:
        if "amount" in state:  # otherwise the term was no part of this step's loss
            self.shrink(batch.context.network, state.pop("amount"))

    def norm(self, network: Network) -> Tensor:
        """The norm of the weights that learn, a scalar."""
        raise NotImplementedError

    def shrink(self, network: Network, amount: Tensor) -> None:
        """Take the proximal step of the norm on the weights that learn, in place; ``amount`` is a scalar."""
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class L1Penalty(Shrinking):
    """||W||_1: every weight that learns comes nearer to zero by the term's weight at each update, and stays there if it
    reaches it (Yoon et al. 2018, eq. 2, 3 and 5)."""

    def norm(self, network: Network) -> Tensor:
        return total((values.abs().sum() for _, values in learning(network)), network)

    def shrink(self, network: Network, amount: Tensor) -> None:
        for parameter, values in learning(network):
            parameter.sub_(values - soft_threshold(values, amount))

    def latex(self, heads: str) -> str:
        return r"\| W \|_1"


@dataclass(frozen=True, repr=False)
class GroupLasso(Shrinking):
    """sum_g ||W_g||_2 over the incoming weights W_g of each unit of the shared layers: those of a
    useless unit become zero together (Yoon et al. 2018, eq. 5)."""

    def norm(self, network: Network) -> Tensor:
        return total((group_lengths(values).sum() for _, values in learning(network, "shared")), network)

    def shrink(self, network: Network, amount: Tensor) -> None:
        for parameter, values in learning(network, "shared"):
            parameter.sub_(values - group_soft_threshold(values, amount))

    def latex(self, heads: str) -> str:
        return r"\sum_g \| W_g \|_2"


@dataclass(frozen=True, repr=False)
class L2Penalty(Term):
    """||W||_2^2 of the weights that learn (Yoon et al. 2018, eq. 4)."""

    def __call__(self, batch: Batch, state: State) -> Tensor:
        network = batch.context.network
        return total((values.square().sum() for _, values in learning(network)), network)

    def curvature(self, state: State) -> float:
        return 2.0

    def latex(self, heads: str) -> str:
        return r"\| W \|_2^2"


@dataclass(frozen=True, repr=False)
class Drift(Term):
    """||W^t - W^{t-1}||_2^2: a pull back to where weights and biases of the hidden layers were before this task, as far
    as they learn (Yoon et al. 2018, eq. 6). Units and connections that this task added are not pulled."""

    first_task: ClassVar[int] = 1

    def begin_task(self, context: Context, state: State) -> None:
        self.expandable(context.network)

    def expandable(self, network: Network) -> ExpandableNetwork:
        """The network, if it grows by units; ValueError for another."""
        if not isinstance(network, ExpandableNetwork):
            raise ValueError("Drift needs a network that grows by units: use networks.Expandable(), or Anchor().")
        return network

    def __call__(self, batch: Batch, state: State) -> Tensor:
        value = batch.zero
        for layer in self.expandable(batch.context.network).layers:
            units, inputs = layer.weight_before.shape[:2]
            moved = layer.weight[:units, :inputs] - layer.weight_before, layer.bias[:units] - layer.bias_before
            if layer.learns is not None:
                moved = moved[0] * layer.learns[0][:units, :inputs], moved[1] * layer.learns[1][:units]
            value = value + moved[0].square().sum() + moved[1].square().sum()
        return value

    def curvature(self, state: State) -> float:
        return 2.0

    def latex(self, heads: str) -> str:
        return r"\| W^t - W^{t-1} \|_2^2"
