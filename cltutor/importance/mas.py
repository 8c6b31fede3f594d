"""Memory Aware Synapses: how much the learned function changes with each parameter (MAS, sections 4.1 and 4.2), and
its local, Hebbian form: what fires together is important (section 4.3)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from ..describe import Choice, State, Whole, choice, flag, ruled, several
from ..networks import Network, evaluating
from .base import Importance, images_of, shared_part
from .layers import has_closed_form
from .samples import Responding, check, mean_over_samples
from .tape import Call, power_sum

if TYPE_CHECKING:
    from ..losses.terms import Context

SETS = Choice(("train", "test", "both"))
OUTPUTS = Choice(("norm", "vector"))


def squared_norm(outputs: Tensor) -> Tensor:
    """The squared L2 norm (N,) of each output (N, D): section 4.1's scalar in place of a vector."""
    return outputs.square().sum(1)


def mas(
    model: nn.Module, images: Tensor, task: int | None = None, output: str = "norm", chunk: int = 64
) -> dict[str, Tensor]:
    """Omega = 1/N sum_k ||g(x_k)||, the mean over images of each image's own absolute gradient (MAS, eq. 2).

    ``images`` (N, C, H, W), no labels. ``output="norm"``: g is the gradient of the squared L2 norm of the logits, one
    backward pass (section 4.1); ``"vector"``: of the logits themselves, one backward pass each, with their norm
    taken per sample. ``task`` selects one head of a network with a head per task, None all logits. ``chunk`` images
    are in memory at a time. Exact, not the gradient of a batch; a tensor of its shape for every parameter.

    Raises:
        ValueError: no image, no parameter, an output that is no number, or a layer without single-sample gradients.
    """
    OUTPUTS.check("output", output)
    function = squared_norm if output == "norm" else (lambda outputs: outputs)
    return mean_over_samples(Responding(model, task), images, function, chunk=chunk)


@dataclass(frozen=True, repr=False)
class MAS(Importance):
    """Omega of the network's outputs on images, without their labels (MAS, section 4.1).

    ``on`` is "train", "test" or "both" (Table 2). ``classes`` takes only images of these classes, those that will be
    met again (section 5.1, adaptation test): measured once, after the task with these classes, where the paper
    measures them again after each; a task without them adds nothing. Tasks add up; ``average=True`` takes their mean.
    """

    output: str = ruled(OUTPUTS, "norm")
    on: str = ruled(SETS, "train")
    classes: tuple[int, ...] | None = several(None, Whole(at_least=0), or_none=True)
    average: bool = flag(False)

    needs_labels: ClassVar[bool | None] = False

    def measure(self, context: "Context", images: Tensor) -> dict[str, Tensor]:
        return mas(context.network, images, context.head, self.output)

    def of_task(self, context: "Context", state: State) -> Tensor:
        images = images_of(context, self.on, self.classes)
        if self.classes and len(images) == 0:
            return torch.zeros_like(context.flat_shared())
        return shared_part(self.measure(context, images), context)

    def accumulate(self, before: Tensor | None, new: Tensor, tasks: int) -> Tensor:
        if before is None:
            return new
        return (before * (tasks - 1) + new) / tasks if self.average else before + new


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
