"""What happened at the layers of a model in a forward and a backward pass, and each sample's gradients from it."""

from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .layers import FORMS, has_closed_form


@dataclass
class Call:
    """One use of a layer: its input, and the gradient at its output."""

    layer: nn.Module
    input: Tensor
    version: int
    signal: Tensor | None = None

    def intact(self, samples: int) -> bool:
        """Whether the input has a row for each sample, and is still what the layer read."""
        return len(self.input) == samples and self.input._version == self.version

    def gradients(self) -> dict[str, Tensor]:
        """Each sample's gradient, (N, *shape) for "weight" and "bias"."""
        grads = FORMS[type(self.layer)](self.layer, self.input, self.signal)
        return {kind: grad for kind, grad in grads.items() if kind in own_parameters(self.layer)}

    def sums(self, power: int) -> dict[str, Tensor]:
        """Sum over samples of |gradient|^power; for a linear layer a product of two matrices, as |g a| = |g| |a|."""
        if isinstance(self.layer, nn.Linear) and self.input.dim() == 2:
            assert self.signal is not None, "the backward pass did not reach this layer"
            g, a = self.signal.abs() ** power, self.input.abs() ** power
            both = {"weight": g.T @ a, "bias": g.sum(0)}
            return {kind: total for kind, total in both.items() if kind in own_parameters(self.layer)}
        return {kind: power_sum(grad, power) for kind, grad in self.gradients().items()}


def own_parameters(layer: nn.Module) -> dict[str, nn.Parameter]:
    """A layer's weight and bias where they are parameters: a pruned weight is computed from others."""
    return dict(layer.named_parameters(recurse=False))


def power_sum(gradients: Tensor, power: int) -> Tensor:
    """Sum over samples of |gradient|^power, for a power of 1 or 2; the gradients are overwritten, in half the time."""
    return (gradients.abs_() if power == 1 else gradients.square_()).sum(0)  # a vector norm takes ten times as long


class Tape:
    """The calls, in one forward pass, of a model's layers with a parameter among ``names``; parameters need no
    gradient for it."""

    def __init__(self, model: nn.Module, names: Set[str]):
        first = next(model.parameters())
        self.root = torch.zeros((), device=first.device, dtype=first.dtype, requires_grad=True)
        self.calls: list[Call] = []
        self.names = {id(parameter): name for name, parameter in model.named_parameters() if name in names}
        self.layers = [
            module
            for module in model.modules()
            if has_closed_form(module) and any(id(p) in self.names for p in own_parameters(module).values())
        ]

    @contextmanager
    def recording(self) -> Iterator[None]:
        hooks = [layer.register_forward_hook(self.note) for layer in self.layers]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def note(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        call = Call(layer, inputs[0].detach(), inputs[0]._version)
        self.calls.append(call)
        if not output.requires_grad:  # the first layers: a graph that begins here spares the weights' own gradients
            output = output + self.root
        if output.requires_grad:  # not where the model itself computes without gradients
            output.register_hook(lambda gradient: setattr(call, "signal", gradient))
        return output

    def backward(self, scalar: Tensor, again: bool = False) -> None:
        """Record the gradient of ``scalar`` at every call's output; None where it does not reach."""
        for call in self.calls:
            call.signal = None
        if scalar.requires_grad:
            torch.autograd.grad(scalar, self.root, retain_graph=again, allow_unused=True)

    def reached(self) -> list[Call]:
        return [call for call in self.calls if call.signal is not None]

    def named(self, call: Call, values: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
        """A call's values by the names of the parameters that are measured here."""
        own = own_parameters(call.layer)
        return ((self.names[id(own[kind])], value) for kind, value in values.items() if id(own[kind]) in self.names)

    def gradients(self) -> dict[str, Tensor]:
        """Each sample's gradient by parameter, (N, *shape), summed over the uses of a parameter."""
        found: dict[str, Tensor] = {}
        for call in self.reached():
            for name, gradient in self.named(call, call.gradients()):
                found[name] = found[name] + gradient if name in found else gradient
        return found

    def sums(self, power: int) -> dict[str, Tensor]:
        """Sum over samples of |gradient|^power by parameter."""
        calls = self.reached()
        used = [id(p) for call in calls for p in own_parameters(call.layer).values()]
        if len(used) > len(set(used)):
            return {name: power_sum(gradient, power) for name, gradient in self.gradients().items()}
        return {name: total for call in calls for name, total in self.named(call, call.sums(power))}
