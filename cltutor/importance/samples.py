"""Sums over samples of each sample's own gradient, without a loop over samples.

A forward pass records the input and output of every layer, a backward pass the gradient at that output; from the two,
the closed forms of ``layers`` compute the gradients of single samples. Parameters of other layers go through
``torch.func``.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from ..networks import Network, evaluating
from .layers import FORMS, has_closed_form

Scalars = Callable[..., Tensor]  # (outputs (N, D), targets (N,) ...) -> (N,) or (N, C), one row per sample


@dataclass
class Call:
    """One use of a layer: its input, and the signal (usually the gradient) at its output."""

    layer: nn.Module
    input: Tensor
    version: int
    signal: Tensor | None = None

    def gradients(self) -> dict[str, Tensor]:
        """Each sample's gradient, (N, *shape) for "weight" and "bias"."""
        if self.input._version != self.version:
            raise ValueError(f"Something changes the input of a {type(self.layer).__name__} in place after its use.")
        grads = FORMS[type(self.layer)](self.layer, self.input, self.signal)
        return {kind: grad for kind, grad in grads.items() if getattr(self.layer, kind) is not None}

    def sums(self, power: int) -> dict[str, Tensor]:
        """Sum over samples of |gradient|^power; for a linear layer a product of two matrices, as |g a| = |g| |a|."""
        if isinstance(self.layer, nn.Linear) and self.input.dim() == 2 and self.input._version == self.version:
            assert self.signal is not None, "the backward pass did not reach this layer"
            g, a = self.signal.abs() ** power, self.input.abs() ** power
            return {"weight": g.T @ a, "bias": g.sum(0)} if self.layer.bias is not None else {"weight": g.T @ a}
        return {kind: power_sum(grad, power) for kind, grad in self.gradients().items()}


def power_sum(gradients: Tensor, power: int) -> Tensor:
    """Sum over samples of |gradient|^power, for a power of 1 or 2."""
    return (gradients.abs() if power == 1 else gradients.square()).sum(0)  # a vector norm takes ten times as long


class Tape:
    """The calls of a model's layers in one forward pass; parameters need no gradient for it."""

    def __init__(self, model: nn.Module):
        first = next(model.parameters())
        self.root = torch.zeros((), device=first.device, dtype=first.dtype, requires_grad=True)
        self.calls: list[Call] = []
        self.layers = [module for module in model.modules() if has_closed_form(module)]
        self.names = {id(parameter): name for name, parameter in model.named_parameters()}

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
        output.register_hook(lambda gradient: setattr(call, "signal", gradient))
        return output

    def backward(self, scalar: Tensor, again: bool = False) -> None:
        """Record the gradient of ``scalar`` at every call's output; None where it does not reach."""
        for call in self.calls:
            call.signal = None
        if scalar.requires_grad:
            torch.autograd.grad(scalar, self.root, retain_graph=again)

    def name(self, call: Call, kind: str) -> str:
        return self.names[id(getattr(call.layer, kind))]

    def reached(self) -> list[Call]:
        return [call for call in self.calls if call.signal is not None]

    def gradients(self) -> dict[str, Tensor]:
        """Each sample's gradient by parameter, (N, *shape), summed over the uses of a parameter."""
        found: dict[str, Tensor] = {}
        for call in self.reached():
            for kind, gradient in call.gradients().items():
                name = self.name(call, kind)
                found[name] = found[name] + gradient if name in found else gradient
        return found

    def sums(self, power: int) -> dict[str, Tensor]:
        """Sum over samples of |gradient|^power by parameter."""
        used = [self.name(call, kind) for call in self.reached() for kind in ("weight", "bias") if has(call, kind)]
        if len(used) > len(set(used)):
            return {name: power_sum(gradient, power) for name, gradient in self.gradients().items()}
        return {self.name(call, kind): total for call in self.reached() for kind, total in call.sums(power).items()}


def has(call: Call, kind: str) -> bool:
    return getattr(call.layer, kind) is not None


def vector(model: nn.Module, output, task: int | None) -> Tensor:
    """The output as one vector per sample (N, D): a ``Network``'s response for ``task``, or that of any other model."""
    return (model.response(output, task) if isinstance(model, Network) else output).flatten(1)


class Responding(nn.Module):
    """A model and its response (N, D) as one module: a network's ``Output`` computes a head when it is first used,
    which would be after ``functional_call`` has put the model's own parameters back."""

    def __init__(self, model: nn.Module, task: int | None):
        super().__init__()
        self.model, self.task = model, task

    def forward(self, images: Tensor) -> Tensor:
        return vector(self.model, self.model(images), self.task)


def mean_over_samples(
    model: nn.Module,
    images: Tensor,
    function: Scalars,
    targets: Sequence[Tensor] = (),
    power: int = 1,
    task: int | None = None,
    chunk: int = 64,
) -> dict[str, Tensor]:
    r"""Mean over samples of |d function / d theta|^power, a tensor of its shape for every parameter.

    ``function(outputs, *targets)`` returns one row per sample. Where a row has several numbers, their norm is taken per
    sample, with one backward pass each (MAS, eq. 2). ``chunk`` images at a time bound the memory.
    """
    check(model, images)
    totals = {name: torch.zeros_like(parameter) for name, parameter in model.named_parameters()}
    device = next(model.parameters()).device
    with evaluating(model), frozen(model), torch.enable_grad():
        for part, *own in zip(images.split(chunk), *(target.split(chunk) for target in targets), strict=True):
            part, own = part.to(device), [target.to(device) for target in own]
            for way in (closed, others):
                for name, total in way(model, part, function, own, power, task).items():
                    totals[name] += total
    return {name: total / len(images) for name, total in totals.items()}


def check(model: nn.Module, images: Tensor) -> None:
    if next(model.parameters(), None) is None:
        raise ValueError("This model has no parameter whose importance could be measured.")
    if len(images) == 0:
        raise ValueError("Importance is a mean over images, and there is no image here.")


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Inside, no parameter requires a gradient; afterwards ``requires_grad`` is as before."""
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    model.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)


def closed(model, images: Tensor, function: Scalars, targets: list, power: int, task: int | None) -> dict[str, Tensor]:
    """The sums over these images for the layers with a closed form."""
    tape = Tape(model)
    with tape.recording():
        outputs = vector(model, model(images), task)
    if not outputs.isfinite().all():
        raise ValueError("The model's output holds NaN or infinity: train it anew with a lower rate.")
    columns = function(outputs, *targets).reshape(len(images), -1).sum(0)
    if len(columns) == 1:
        tape.backward(columns[0])
        return tape.sums(power)
    squares: dict[str, Tensor] = {}
    for column in columns:
        tape.backward(column, again=True)
        for name, gradient in tape.gradients().items():
            squares[name] = squares[name] + gradient.square() if name in squares else gradient.square()
    return {name: (square ** (power / 2)).sum(0) for name, square in squares.items()}


def others(model, images: Tensor, function: Scalars, targets: list, power: int, task: int | None) -> dict[str, Tensor]:
    """The same by ``torch.func`` for the parameters that no closed form reaches."""
    known = {id(p) for module in model.modules() if has_closed_form(module) for p in module.parameters(recurse=False)}
    own = {name: p for name, p in model.named_parameters() if id(p) not in known}
    if not own:
        return {}
    responding = Responding(model, task)

    def row(parameters: dict[str, Tensor], image: Tensor, *target: Tensor) -> Tensor:
        output = functional_call(responding, parameters, (image.unsqueeze(0),))
        return function(output, *(t.unsqueeze(0) for t in target)).reshape(-1)

    try:
        jacobians = vmap(jacrev(row), in_dims=(None, 0, *(0 for _ in targets)))(
            {f"model.{name}": parameter for name, parameter in own.items()}, images, *targets
        )
    except (RuntimeError, ValueError) as error:
        layers = {name.rpartition(".")[0] for name in own}
        kinds = sorted({f"{layer} ({type(model.get_submodule(layer)).__name__})" for layer in layers})
        raise ValueError(f"Importance of a single sample cannot be measured in {', '.join(kinds)}.") from error
    return {name: (jacobians[f"model.{name}"].square().sum(1) ** (power / 2)).sum(0) for name in own}
