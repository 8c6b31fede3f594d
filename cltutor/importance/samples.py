"""Means over images of each image's own gradient, exact for any module, or refused."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..describe import Rule, Whole
from ..networks import Network, evaluating
from ..networks.modules import check_images, chunk_of
from ..seeds import apart, own_settings
from .gradients import Scalars, provable, requiring, sums

FEW = 4  # samples together, of which the first and the last are measured alone
RULES: dict[str, Rule] = {
    "task": Whole(or_none=True),
    "chunk": Whole(at_least=1, or_none=True),
}  # of every importance's arguments


def vector(model: nn.Module, output, task: int | None, samples: int) -> Tensor:
    """The output as one vector per sample (N, D): a ``Network``'s response for ``task``, or that of any other model."""
    if isinstance(model, Network):
        output = model.response(output, task)
    if not isinstance(output, Tensor) or not output.is_floating_point() or not output.dim() or len(output) != samples:
        what = f"{output.dtype} {tuple(output.shape)}" if isinstance(output, Tensor) else f"a {type(output).__name__}"
        raise ValueError(
            f"Importance needs a model that returns one tensor of real numbers with a row for each of {samples} "
            f"image(s), not {what}: wrap it in a module that returns the output that counts."
        )
    return output.reshape(samples, -1)


class Responding(nn.Module):
    """A model and its response (N, D) as one module: a network's ``Output`` computes a head when it is first used,
    which would be after ``functional_call`` has put the model's own parameters back."""

    def __init__(self, model: nn.Module, task: int | None):
        super().__init__()
        self.model, self.task = model, task

    def forward(self, images: Tensor) -> Tensor:
        return vector(self.model, self.model(images), self.task, len(images))


def mean_over_samples(
    model: Responding,
    images: Tensor,
    function: Scalars,
    targets: Sequence[Tensor] = (),
    power: int = 1,
    chunk: int | None = None,
) -> dict[str, Tensor]:
    r"""Mean over samples of |d function / d theta|^power, a tensor of its shape for every parameter.

    ``function(outputs, *targets)`` returns one row per sample. Where a row has several numbers, their norm is taken per
    sample, with one backward pass each (MAS, eq. 2). ``chunk`` images at a time bound the memory, None for
    ``usual_chunk``.
    """
    check(model.model, images, model.task)
    device = next(model.parameters()).device
    chunk = chunk or usual_chunk(images, device)
    with measuring(model):
        totals = {name: torch.zeros_like(parameter) for name, parameter in model.named_parameters()}
        images = images.clone() if images.is_inference() else images
        exact, rest = provable(model, images[: min(FEW, max(chunk, 2))].to(device))
        for part, *own in zip(images.split(chunk), *(target.split(chunk) for target in targets), strict=True):
            part, own = part.to(device), [target.to(device) for target in own]
            for name, total in sums(model, part, function, own, power, exact, rest).items():
                totals[name] += total
    if bad := [name for name, total in totals.items() if not total.isfinite().all()]:
        raise ValueError(f"The gradient of {bad[0].removeprefix('model.')} is NaN or infinite for some image.")
    return {name.removeprefix("model."): total / len(images) for name, total in totals.items()}


def usual_chunk(images: Tensor, device: torch.device) -> int:
    """64 images at a time on a CPU, up to 512 on an accelerator."""
    return chunk_of(images, device, 64, 512)


def check(model: nn.Module, images: Tensor, task: int | None = None) -> None:
    """Refuse what has no importance before any time is spent on it."""
    for name, parameter in model.named_parameters():
        if parameter.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"Importance needs float32 or float64 parameters, and {name} is {parameter.dtype}.")
    if next(model.parameters(), None) is None:
        raise ValueError("This model has no parameter whose importance could be measured.")
    if images.dim() == 0 or len(images) == 0:
        raise ValueError("Importance is a mean over images, and there is no image here.")
    if isinstance(model, Network):
        check_images(images)
        if not model.classes:
            raise ValueError("This network has no head yet: let it grow by a task first.")
        Whole(0, len(model.classes) - 1, or_none=True).check("task", task)
    elif task is not None:
        raise ValueError(f"task chooses a head of a cltutor network, and a {type(model).__name__} has none: use None.")


@contextmanager
def measuring(model: nn.Module) -> Iterator[None]:
    """Inside, cltutor's own settings, evaluation mode, no parameter that requires a gradient; afterwards no trace."""
    with own_settings(), evaluating(model), requiring(model, False), apart():
        yield
