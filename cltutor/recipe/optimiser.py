"""Stochastic gradient descent with momentum, and RMSProp, by PyTorch's own functional forms or TensorFlow's formula.

``torch.optim.SGD`` would do the same update, but the first use of any ``torch.optim.Optimizer`` imports PyTorch's
compiler: 150 MB and some seconds that a small Binder session does not have.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd


class Optimiser:
    """Updates groups of parameters, each at a rate of its own.

    ``groups``: pairs of parameters and their learning rate. ``clip_gradients`` shortens gradients longer than ``clip``
    (their norm over all groups) to it. A parameter without a gradient is left alone, by weight decay and momentum too.
    """

    def __init__(
        self,
        groups: Iterable[tuple[list[nn.Parameter], float]],
        momentum: float,
        weight_decay: float,
        clip: float,
    ):
        by_rate: dict[float, list[nn.Parameter]] = {}
        for parameters, rate in groups:
            by_rate.setdefault(rate, []).extend(parameters)
        self.groups = [(parameters, rate) for rate, parameters in by_rate.items() if parameters]
        self.momentum, self.weight_decay, self.clip = momentum, weight_decay, clip
        self.parameters = [p for parameters, _ in self.groups for p in parameters]
        self.buffers = {p: self.begin(p) for p in self.parameters}
        self.excess: Tensor | None = None  # how many times too long the gradients are; None: they may be

    @property
    def fused(self) -> bool:
        """Whether ``update`` itself divides the gradients by ``excess``."""
        return False

    def begin(self, parameter: nn.Parameter) -> Any:
        """What is remembered of a parameter before its first update: a tensor, or several."""
        raise NotImplementedError

    @torch.no_grad()
    def clip_gradients(self) -> None:
        """One norm for all groups: clipping each by itself would let a small head dominate."""
        gradients = gradients_of(self.parameters)
        if gradients:  # dividing by it is left to the update, which reads the gradients anyway
            self.excess = ((nn.utils.get_total_norm(gradients, foreach=True) + 1e-6) / self.clip).clamp(min=1)

    @torch.no_grad()
    def clipped(self) -> list[Tensor]:
        """The gradients of all parameters that have one, clipped, to be changed in place."""
        gradients = gradients_of(self.parameters)
        if self.excess is not None:
            torch._foreach_div_(gradients, self.excess)
            self.excess = None
        return gradients

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient, and clear the gradients."""
        if not self.fused:
            self.clipped()
        for parameters, rate in self.groups:
            if moving := [p for p in parameters if p.grad is not None]:
                self.update(moving, rate)
        self.excess = None
        for parameter in self.parameters:
            parameter.grad = None

    def update(self, parameters: list[nn.Parameter], rate: float) -> None:
        """Move ``parameters`` by their gradients, divided by ``excess``, at ``rate``."""
        raise NotImplementedError

    def slow_down(self, factor: float) -> None:
        """Divide every rate by ``factor``."""
        self.groups = [(parameters, rate / factor) for parameters, rate in self.groups]


def gradients_of(parameters: Iterable[nn.Parameter]) -> list[Tensor]:
    """The gradients of those parameters that have one."""
    return [p.grad for p in parameters if p.grad is not None]


class SGD(Optimiser):
    """Stochastic gradient descent with momentum, where it can in one pass over each parameter."""

    @property
    def fused(self) -> bool:
        return self.parameters[0].device.type in ("cpu", "cuda")  # elsewhere nothing promises to divide by ``excess``

    def begin(self, parameter: nn.Parameter) -> Tensor:
        return torch.zeros_like(parameter)

    def update(self, parameters: list[nn.Parameter], rate: float) -> None:
        gradients = [laid_out(p) for p in parameters] if self.fused else gradients_of(parameters)
        sgd(
            list[Tensor](parameters),
            gradients,
            [self.buffers[p] for p in parameters],
            lr=rate,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            fused=self.fused,
            foreach=not self.fused,
            grad_scale=self.excess if self.fused else None,
        )


def laid_out(parameter: nn.Parameter) -> Tensor:
    """The gradient in its parameter's layout in memory, which a fused update takes for granted."""
    gradient = parameter.grad
    assert gradient is not None
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


class RMSProp(Optimiser):
    """Steps of a length that hardly depends on the gradient's: divided by the root of a running mean of its square
    (Tieleman and Hinton 2012, lecture 6.5). The mean forgets by 0.9 and begins at one, as in TensorFlow 1, whose
    program the DF-CNN's is; so no first step is outsized.
    """

    def begin(self, parameter: nn.Parameter) -> tuple[Tensor, Tensor]:
        return torch.ones_like(parameter), torch.zeros_like(parameter)

    def update(self, parameters: list[nn.Parameter], rate: float) -> None:
        squares, momenta = zip(*(self.buffers[p] for p in parameters), strict=True)
        rmsprop(
            list[Tensor](parameters),
            gradients_of(parameters),
            list(squares),
            [],
            list(momenta),
            [torch.zeros(()) for _ in parameters],
            lr=rate,
            alpha=0.9,
            eps=1e-8,
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            centered=False,
        )


class TensorFlowRMSProp(RMSProp):
    """RMSProp as TensorFlow 1 computes it, for the DF-CNN authors' program: a small number, 1e-10, is added to the mean
    square and not to its root, and momentum adds up steps and not gradients."""

    def update(self, parameters: list[nn.Parameter], rate: float) -> None:
        for parameter, gradient in zip(parameters, gradients_of(parameters), strict=True):
            square, step = self.buffers[parameter]
            decayed = gradient.add(parameter, alpha=self.weight_decay) if self.weight_decay else gradient
            square.mul_(0.9).addcmul_(decayed, decayed, value=0.1)
            step.mul_(self.momentum).addcdiv_(decayed, (square + 1e-10).sqrt_(), value=rate)
            parameter.sub_(step)


OPTIMISERS = {"sgd": SGD, "rmsprop": RMSProp, "rmsprop_tf1": TensorFlowRMSProp}


class Pace:
    """Says after which epochs of a phase the rate drops: once when a number has not risen for ``patience`` epochs,
    after every ``drop_every``, and after those in ``drop_at``."""

    def __init__(self, patience: int | None, drop_every: int | None, drop_at: Sequence[int] | None = None):
        self.patience, self.drop_every, self.drop_at = patience, drop_every, drop_at or ()
        self.best, self.waited, self.epochs = float("-inf"), 0, 0

    def slows(self, accuracy: float) -> bool:
        """Called after every epoch, with its validation accuracy."""
        self.epochs += 1
        due = self.epochs in self.drop_at or self.drop_every is not None and self.epochs % self.drop_every == 0
        return self.plateau_reached(accuracy) or due

    def plateau_reached(self, accuracy: float) -> bool:
        if self.patience is None:
            return False
        self.waited = 0 if accuracy > self.best else self.waited + 1
        self.best = max(self.best, accuracy)
        if self.waited < self.patience:
            return False
        self.patience = None
        return True
