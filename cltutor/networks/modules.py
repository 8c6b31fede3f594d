"""Building blocks of networks: typed lists of modules, initialisation, and evaluation that leaves no trace."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..describe import shown

M = TypeVar("M", bound=nn.Module)
T = TypeVar("T")

NORMALISED = 5  # no value of an image in [0, 1], or of zero mean and unit deviation, is larger


class Modules(nn.ModuleList, Generic[M]):
    """A ``ModuleList`` whose modules are of one type, so that their methods are known when they are looked up."""

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, idx: slice) -> "Modules[M]": ...

        @overload
        def __getitem__(self, idx: int) -> M: ...

        def __getitem__(self, idx: int | slice) -> Any: ...

        def __iter__(self) -> Iterator[M]: ...


def check_images(images: Tensor, shape: Sequence[int] = ()) -> None:
    """Refuse images that are no batch (N, C, H, W), not of the ``shape`` that a network was built for, or not from 0 to
    255. The shape is (C, H, W), or (C,) where any size will do, and a grey image is shown to all C channels.

    Of uint8, in which images are trained on, no value is read, so that a GPU need not wait. Other types, which
    gradients with respect to pixels need, must be brighter than ``NORMALISED``, or black.
    """
    if not isinstance(images, Tensor):
        raise ValueError(f"Images are a tensor (N, C, H, W) of torch.uint8, not {type(images).__name__}.")
    if images.dim() != 4:
        one = "; images[None] is a batch of one" if images.dim() == 3 else ""
        raise ValueError(f"Images are a batch (N, C, H, W), not {tuple(images.shape)}{one}.")
    given, known = tuple(images.shape[1 : 1 + len(shape)]), tuple(shape)
    if given != known and (len(known) > 1 or given != (1,)):
        what = "(channels, height, width)" if len(known) > 1 else "channel(s)"
        shown, built = ("x".join(map(str, sizes)) for sizes in (given, known))
        raise ValueError(f"This network was built for images of {built} {what}, not {shown}.")
    if images.dtype == torch.uint8 or not images.numel():
        return
    if images.is_complex():
        raise ValueError(f"Images are torch.uint8 from 0 to 255, not {images.dtype}.")
    low, top = (float(value) for value in images.detach().float().aminmax())
    if not 0 <= low <= top <= 255 or 0 < top < NORMALISED:
        raise ValueError(
            f"Images are torch.uint8 from 0 to 255, and these {images.dtype} go from {low:.3g} to {top:.3g}: convert "
            "those from 0 to 1 by (255 * images).round().to(torch.uint8)."
        )


def channel_statistics(images: Tensor, chunk: int) -> tuple[Tensor, Tensor]:
    """Mean and deviation (C,) of each channel of ``images`` (N, C, H, W) uint8, by exact sums of pixels and of their
    squares over ``chunk`` images at a time."""
    count = images.numel() // images.shape[1]
    total, squares = torch.zeros(2, images.shape[1], dtype=torch.int64)
    for some in images.split(chunk):
        pixels = some.transpose(0, 1).flatten(1).long().cpu()
        total, squares = total + pixels.sum(1), squares + pixels.square().sum(1)
    mean = total.double() / count
    return mean, ((squares.double() - count * mean.square()) / (count - 1)).clamp(min=0).sqrt()


def chunk_of(images: Tensor, device: torch.device, on_cpu: int, elsewhere: int) -> int:
    """How many ``images`` (N, ...) a network on ``device`` is shown at a time.

    A core's cache has room for few: twice as many made a small CNN half as fast on images of 32 pixels. An accelerator
    would be idle between few: there it is ``elsewhere`` of 3x32x32 values, and fewer larger ones, for its memory.
    """
    if device.type == "cpu":
        return on_cpu
    return max(on_cpu, min(elsewhere, elsewhere * 3 * 32 * 32 // max(1, images.shape[1:].numel())))


def linear_of(layer: nn.Sequential) -> nn.Linear:
    """The fully connected layer inside a group like (Linear, ReLU, Dropout)."""
    return next(module for module in layer if isinstance(module, nn.Linear))


def side_by_side(layers: Sequence[nn.Module], features: Tensor) -> Tensor:
    """The outputs (N, outputs of all ``layers``) for ``features`` (N, D): one product where all are plain fully
    connected layers, since a hundred small heads take a hundred times the time of one."""
    plain = [layer for layer in layers if type(layer) is nn.Linear and layer.bias is not None and not hooked(layer)]
    if len(plain) < len(layers):
        return torch.cat([layer(features) for layer in layers], dim=1)
    weight, bias = torch.cat([layer.weight for layer in plain]), torch.cat([layer.bias for layer in plain])
    return F.linear(features, weight, bias)


def hooked(layer: nn.Module) -> bool:
    """Whether something waits for a call of ``layer`` itself."""
    return bool(layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks or layer._backward_pre_hooks)


def initialise(module: M, mode: Literal["fan_in", "fan_out"] = "fan_in") -> M:
    """Draw the weights below ReLUs with the variance that keeps signals alive through them (He et al. 2015)."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, mode=mode, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return module


def draw_small(module: M) -> M:
    """Draw weights from a normal of deviation 0.05 that is cut off at two deviations, with biases of 0.2, as the DF-CNN
    authors' program does for all layers but the rebuilt ones (Lifelong-ML/DF-CNN, utils/utils.py)."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.trunc_normal_(layer.weight, std=0.05, a=-0.1, b=0.1)
            if layer.bias is not None:
                nn.init.constant_(layer.bias, 0.2)
    return module


def small_linear(inputs: int, outputs: int) -> nn.Linear:
    """A fully connected layer drawn so."""
    return draw_small(nn.Linear(inputs, outputs))


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
    """Evaluation mode inside; afterwards every module is in the mode that it was in. ValueError for no module.

    Nothing may learn inside: a ``Rebuilding`` module caches its weights until the outermost block ends.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is a torch.nn.Module, such as the model of a run, not {shown(model)}.")
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
