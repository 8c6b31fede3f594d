"""The sum over samples of each sample's own gradient: three ways, and which of them is right for a model.

Closed forms of ``layers`` compute the gradients of single samples from every layer's input and the gradient at its
output; other parameters go through ``torch.func``; a loop over samples is always right, and slow. The first two are not
trusted: some samples are measured alone, by plain autograd through the whole model, and a parameter for which the two
differ, such as a weight that is used other than by calling its layer, is measured that way on all samples.
"""

import warnings
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from .layers import has_closed_form
from .tape import Tape, own_parameters

Scalars = Callable[..., Tensor]  # (outputs (N, D), targets (N,) ...) -> (N,) or (N, C), one row per sample
Sums = dict[str, Tensor]
Names = Set[str]

CLOSE = 1e-4  # of the largest gradient in a layer: float32 sums in another order differ by less, a wrong one by more
ROOM = 2**26  # numbers that torch.func may hold at a time, 256 MB


@contextmanager
def requiring(model: nn.Module, gradient: bool) -> Iterator[None]:
    """Inside, every parameter requires a gradient, or none; afterwards ``requires_grad`` is as before."""
    before = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    model.requires_grad_(gradient)
    try:
        yield
    finally:
        for parameter, required in before:
            parameter.requires_grad_(required)


def provable(model: nn.Module, few: Tensor) -> tuple[Names, Names | None]:
    """The names of the parameters whose closed forms are right on samples alone, and of the rest, for ``torch.func``;
    None instead of the rest where that is wrong or impossible, and a loop has to do.

    Right is what autograd says of a weighted sum of all outputs, which is never as flat as a likelihood can be.

    Raises:
        ValueError: a sample is answered otherwise alone than beside others, so that no gradient is its own.
    """
    with torch.no_grad():
        together = finite(model(few))
    probes = [(few[k : k + 1], together[k]) for k in {0, len(few) - 1}]
    truths = [(image, alone(model, image, beside, together.abs().max())) for image, beside in probes]
    names = {name for name, parameter in model.named_parameters() if parameter.numel()}
    exact = {name for name in names if has_form(model, name)}
    rest = names - exact
    for image, truth in truths:
        wrong = differing(closed(model, image, weighted_sum, [], 1, exact) or {}, truth, exact)
        exact, rest = exact - wrong, rest | wrong
    if any(not any(truth[name].any() for _, truth in truths) for name in reached(model, truths[0][0])):
        return exact, None  # behind units that are dead on all samples, zero is right whatever was forgotten
    if rest:  # on both at once, since torch.func may fail only on several
        images, (first, *second) = torch.cat([image for image, _ in truths]), [truth for _, truth in truths]
        both = {name: value + second[0][name] if second else value for name, value in first.items()}
        found = apart(model, images, weighted_sum, [], 1, rest)
        if found is None or differing(found, both, rest):
            return exact, None
    return exact, rest


def alone(model: nn.Module, image: Tensor, beside: Tensor, scale: Tensor) -> Sums:
    """What autograd says of an image (1, ...), whose output (D,) ``beside`` others must be what it is alone."""
    rows = []

    def noted(outputs: Tensor) -> Tensor:
        rows.append(outputs[0].detach())
        return weighted_sum(outputs)

    try:
        truth = one_by_one(model, image, noted, [], 1)
        if (rows[0] - beside).abs().max() <= 10 * CLOSE * scale:
            return truth
        why, cause = "it answers an image otherwise alone than beside others, by mixing images or by chance", None
    except (RuntimeError, ValueError) as error:
        why, cause = f"on a single image PyTorch says {str(error).splitlines()[0]!r}", error
    for name, module in model.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is None:
            why = f"{name.removeprefix('model.')} ({type(module).__name__}) without running statistics mixes images"
    raise ValueError(f"The importance of a single image cannot be measured with this model: {why}.") from cause


def reached(model: nn.Module, image: Tensor) -> Names:
    """The names of the parameters that the answer to an image (1, ...) is computed from, be it with a derivative of
    zero."""
    parameters = {name: parameter for name, parameter in model.named_parameters() if parameter.numel()}
    with requiring(model, True):
        answer = weighted_sum(model(image)).sum()
        used = answer.requires_grad
        found = torch.autograd.grad(answer, list(parameters.values()), allow_unused=True) if used else [None]
    return {name for name, gradient in zip(parameters, found, strict=used) if gradient is not None}


def weighted_sum(outputs: Tensor) -> Tensor:
    return outputs @ torch.linspace(1, 2, outputs.shape[1]).to(outputs)


def has_form(model: nn.Module, name: str) -> bool:
    layer, _, kind = name.rpartition(".")
    module = model.get_submodule(layer)
    return has_closed_form(module) and kind in own_parameters(module)


def differing(found: Sums, truth: Sums, names: Names) -> set[str]:
    """The names whose values differ by more than rounding, which is judged by the largest value in the layer."""
    largest: dict[str, Tensor] = {}
    for name, value in truth.items():
        if value.numel():
            layer = name.rpartition(".")[0]
            largest[layer] = torch.maximum(value.max(), largest.get(layer, value.max()))

    def close(name: str) -> bool:
        gap, scale = (found.get(name, 0) - truth[name]).abs().max(), largest[name.rpartition(".")[0]]
        return bool(gap <= CLOSE * scale + torch.finfo(gap.dtype).tiny)

    return {name for name in names if not close(name)}


def columns_of(model: nn.Module, images: Tensor, function: Scalars, targets: list) -> Tensor:
    """The sums over samples of each of the function's numbers (C,)."""
    return function(finite(model(images)), *targets).reshape(len(images), -1).sum(0)


def finite(outputs: Tensor) -> Tensor:
    if not outputs.isfinite().all():
        raise ValueError("The model's output holds NaN or infinity: train it anew with a lower rate.")
    return outputs


def one_by_one(model: nn.Module, images: Tensor, function: Scalars, targets: list, power: int) -> Sums:
    """The sums over these images for every parameter, by autograd on one image after the other."""
    parameters = dict(model.named_parameters())
    totals: Sums = {}
    with requiring(model, True):
        for k in range(len(images)):
            columns = columns_of(model, images[k : k + 1], function, [target[k : k + 1] for target in targets])
            squares: Sums = {name: torch.zeros_like(p, requires_grad=False) for name, p in parameters.items()}
            for column in columns if columns.requires_grad else ():
                grads = torch.autograd.grad(column, list(parameters.values()), retain_graph=True, allow_unused=True)
                for name, grad in zip(parameters, grads, strict=True):
                    if grad is not None:
                        squares[name] += grad.abs() if len(columns) == 1 else grad.square()
            root = 1 if len(columns) == 1 else 2
            for name, square in squares.items():
                totals[name] = totals.get(name, 0) + square ** (power / root)
    return totals


def closed(model: nn.Module, images: Tensor, function: Scalars, targets: list, power: int, names: Names) -> Sums | None:
    """The sums over these images for the parameters among ``names``, all of which have a closed form; None where a
    layer's input has not a row for each image, or was changed in place after its use."""
    tape = Tape(model, names)
    with tape.recording():
        columns = columns_of(model, images, function, targets)
    if not all(call.intact(len(images)) for call in tape.calls):
        return None
    if len(columns) == 1:
        tape.backward(columns[0])
        return tape.sums(power)
    squares: Sums = {}
    for column in columns:
        tape.backward(column, again=True)
        for name, gradient in tape.gradients().items():
            squares[name] = squares[name] + gradient.square() if name in squares else gradient.square()
    return {name: (square ** (power / 2)).sum(0) for name, square in squares.items()}


def apart(model: nn.Module, images: Tensor, function: Scalars, targets: list, power: int, names: Names) -> Sums | None:
    """The same by ``torch.func`` for the parameters ``names``, as many images at a time as there is room for; None
    where it cannot follow the model."""
    own = {name: parameter for name, parameter in model.named_parameters() if name in names}

    def row(parameters: Sums, image: Tensor, *target: Tensor) -> Tensor:
        output = functional_call(model, parameters, (image.unsqueeze(0),))
        return function(output, *(t.unsqueeze(0) for t in target)).reshape(-1)

    numbers = function(model(images[:1]), *(target[:1] for target in targets)).numel()
    size = max(1, ROOM // (numbers * sum(parameter.numel() for parameter in own.values())))
    totals: Sums = {}
    for part, *some in zip(images.split(size), *(target.split(size) for target in targets), strict=True):
        try:
            with warnings.catch_warnings(action="ignore"):  # it is slow for some layers, and says so
                jacobians = vmap(jacrev(row), in_dims=(None, 0, *(0 for _ in some)))(own, part, *some)
        except (AttributeError, RuntimeError, ValueError):  # a network may look for a parameter, and find a tensor
            return None
        for name, jacobian in jacobians.items():
            totals[name] = totals.get(name, 0) + (jacobian.square().sum(1) ** (power / 2)).sum(0)
    return totals


def sums(
    model: nn.Module, images: Tensor, function: Scalars, targets: list, power: int, exact: Names, rest: Names | None
) -> Sums:
    """The sums over these images by the fastest way that is right, as ``provable`` found."""
    found = None if rest is None else closed(model, images, function, targets, power, exact)
    if found is not None:
        more = apart(model, images, function, targets, power, rest) if rest else {}
        if more is not None:
            return found | more
    return one_by_one(model, images, function, targets, power)
