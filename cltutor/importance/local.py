"""Local Memory Aware Synapses: the Hebbian form, what fires together is important (MAS, section 4.3)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..describe import choice
from ..networks import Network, evaluating
from .layers import has_closed_form
from .mas import MAS
from .samples import Call, check, power_sum

if TYPE_CHECKING:
    from ..losses.terms import Context


def mas_local(model: nn.Module, images: Tensor, task: int | None = None, chunk: int = 64) -> dict[str, Tensor]:
    """Omega_ij = 2/N sum_k y_i^k y_j^k from activations alone, for every parameter (MAS, eq. 6).

    y_i is a layer's input and y_j its output after the ReLU that follows it: the product is the gradient of the
    squared L2 norm of that output. A bias is the weight of a neuron whose activity is 1, a convolution sums over its
    positions, and of every sample the absolute value is taken, which matters where inputs or outputs are negative (no
    ReLU). Factor 2 is kept. ``images`` (N, C, H, W); ``task`` selects one head of a network with a head per task.
    """
    check(model, images)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    layers = {module: name for name, module in model.named_modules() if has_closed_form(module)}
    refuse_others(model, layers)
    totals = {name: torch.zeros_like(parameter) for name, parameter in model.named_parameters()}
    device = next(model.parameters()).device
    with evaluating(model), torch.no_grad():
        for part in images.split(chunk):
            for call in calls_of(model, part.to(device), list(layers), task):
                for kind, gradient in call.gradients().items():
                    totals[names[id(getattr(call.layer, kind))]] += power_sum(gradient, 1)
    return {name: total / len(images) for name, total in totals.items()}


def refuse_others(model: nn.Module, layers: dict[nn.Module, str]) -> None:
    known = {id(parameter) for layer in layers for parameter in layer.parameters(recurse=False)}
    for name, module in model.named_modules():
        if any(id(parameter) not in known for parameter in module.parameters(recurse=False)):
            raise ValueError(f"Local importance has no rule for {name or 'the model'} ({type(module).__name__}).")


def calls_of(model: nn.Module, images: Tensor, layers: list[nn.Module], task: int | None) -> list[Call]:
    """Every layer's call, whose signal is twice its output, after its ReLU where one follows."""
    calls: list[Call] = []
    outputs: dict[int, Call] = {}

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        calls.append(Call(layer, inputs[0], inputs[0]._version, 2 * output))
        outputs[id(output)] = calls[-1]
        alive.append(output)

    def rectify(relu: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        call = outputs.get(id(inputs[0]))
        if call is not None and call.signal is not None:
            call.signal.clamp_(min=0)

    alive: list[Tensor] = []  # an id names a tensor only as long as the tensor lives
    hooks = [layer.register_forward_hook(note) for layer in layers]
    hooks += [m.register_forward_pre_hook(rectify) for m in model.modules() if isinstance(m, nn.ReLU)]
    try:
        output = model(images)
        if isinstance(model, Network):
            output = model.response(output, task)
    finally:
        for hook in hooks:
            hook.remove()
    if not output.isfinite().all():
        raise ValueError("The model's output holds NaN or infinity: train it anew with a lower rate.")
    return calls


@dataclass(frozen=True, repr=False)
class LocalMAS(MAS):
    """The Hebbian Omega, from activations alone (MAS, eq. 6); its only ``output`` is the norm."""

    output: str = choice("norm", ("norm",))

    def measure(self, context: "Context", images: Tensor) -> dict[str, Tensor]:
        return mas_local(context.network, images, context.head)
