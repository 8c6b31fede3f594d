"""Where a network looks: class-specific attention maps (Grad-CAM), and how far they drift between two models.

LwM, section 3.2, eq. 2, after Selvaraju et al. 2017. Maps are differentiable, through the features and through the
gradient that weights them, so that they can be part of a loss. They are those of evaluation mode (running statistics,
no dropout), in which an image's map does not depend on its batch, and computing them changes nothing in the model.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from .checked import AnyOf, Many, Table, Tensors, Text, checked, shaped
from .describe import Flag, Real, shown
from .networks import Network, Output
from .networks.maps import check_images, checked_layer, last_block, layers, outside_blocks
from .networks.modes import as_tested
from .seeds import own_settings

__all__ = [
    "activation_attention",
    "cam",
    "drift",
    "grad_cam",
    "grad_cams",
    "inside",
    "last_block",
    "layers",
    "maps_of",
    "most_attended",
    "normalised",
    "outside_blocks",
    "overlap",
    "rank_correlation",
    "watching",
]

SMALLEST = 1e-6  # an all-zero map, which the ReLU can leave, has a finite direction and a finite gradient


class Seen:
    """The output of a watched layer, set by the forward pass: ``maps`` (N, K, h, w)."""

    maps: Tensor


@contextmanager
def watching(model: nn.Module, layer: str) -> Iterator[Seen]:
    """Keep the output of ``layer`` during a forward pass inside the ``with`` block.

    Where nothing below the layer requires a gradient, a graph begins at its output, so that scores can be
    differentiated with respect to the maps at no other cost. The model goes on with a copy: a ReLU in place above the
    layer would change the maps. Raises ValueError for a layer that does not exist.
    """
    known = dict(model.named_modules()) if isinstance(model, nn.Module) and isinstance(layer, str) and layer else {}
    if not known or layer not in known:
        raise ValueError(f"{shown(layer)} is no layer of this model.")
    seen = Seen()

    def keep(_module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
        seen.maps = output.clone()
        if torch.is_grad_enabled() and not output.requires_grad:
            seen.maps = seen.maps.detach().requires_grad_()
        return seen.maps.clone()

    hook = model.get_submodule(layer).register_forward_hook(keep)
    try:
        with sdpa_kernel(SDPBackend.MATH):  # the other kernels of attention cannot be differentiated twice
            yield seen
    finally:
        hook.remove()


def look(network: Network, images: Tensor, layer: str | None) -> Output:
    """The network's output for ``images``, with the maps of ``layer`` unless that is None."""
    if layer is None:
        return network(images)
    with watching(network, layer) as seen:
        output = network(images)
    output.maps = seen.maps
    return output


def look_as_tested(network: Network, images: Tensor, layer: str | None, tasks: Iterable[int]) -> Output:
    """`look` in evaluation mode, with gradients; only the heads of ``tasks`` are in that mode as well."""
    with as_tested(network):
        output = look(network, images, layer)
        for task in tasks:
            output.head(task)  # computed here, and not when it is first read
    return output


def maps_of(output: Output) -> Tensor:
    """The maps (N, K, h, w) of the layer that was watched; ValueError where none was."""
    if (maps := getattr(output, "maps", None)) is None:
        raise ValueError("No layer was watched in this forward pass, so there are no maps.")
    return maps


@shaped({"create_graph": Flag()}, scores="N", maps="N, K, h, w")
def cam(scores: Tensor, maps: Tensor, create_graph: bool = False) -> Tensor:
    """Q = ReLU(alpha^T A), alpha the mean over positions of the scores' gradient (LwM, eq. 2).

    ``scores`` (N,) of one class per image, ``maps`` A (N, K, h, w); returns (N, h, w). With ``create_graph`` the result
    is differentiable, the gradient in alpha included. ValueError for scores that do not depend on the maps.
    """
    if scores.requires_grad and maps.requires_grad:
        (gradient,) = torch.autograd.grad(scores.sum(), maps, None, True, create_graph, allow_unused=True)
        if gradient is not None:
            return weighted(maps, gradient)
    raise ValueError("These scores do not depend on these maps, so they have no Grad-CAM.")


def weighted(maps: Tensor, gradient: Tensor) -> Tensor:
    """ReLU(alpha^T A) (N, h, w); ``maps`` A and the ``gradient`` of the score are (N, K, h, w) (LwM, eq. 2)."""
    alpha = gradient.mean((2, 3), keepdim=True)
    return F.relu((alpha * maps).sum(1))


@checked
def grad_cam(
    model: nn.Module,
    images: Tensor,
    targets: Tensor | Sequence[int] | int,
    layer: str | None = None,
    create_graph: bool = False,
) -> Tensor:
    """Grad-CAM (N, h, w) of ``images`` (N, C, H, W) for one class per image (LwM, eq. 2).

    ``targets`` (N,): the columns of the classes in the logits. ``layer``: a name as in ``model.named_modules()``, the
    last block if None. ``create_graph`` makes the maps differentiable.

    Raises:
        ValueError: a layer that does not exist or has no map, a class that does not exist, a model without
            convolutions, one that returns no logits (N, classes), or images that it cannot take.
    """
    check_images(images)
    layer = checked_layer(model, images[:1], layer)
    return _grad_cams(model, images, targets, [layer], create_graph)[layer]


@checked(names=AnyOf((Many(Text(), least=1), Table(least=1))))
def grad_cams(
    model: nn.Module,
    images: Tensor,
    targets: Tensor | Sequence[int] | int,
    names: Sequence[str],
    create_graph: bool = False,
) -> dict[str, Tensor]:
    """`grad_cam` of several layers in one forward and one backward pass, ``images`` (N, C, H, W) and ``targets`` (N,):
    name, as in `layers` -> (N, h, w)."""
    check_images(images)
    found = layers(model, images[:1])
    for name in names:
        if name not in found:
            checked_layer(model, images[:1], name)
    return _grad_cams(model, images, targets, names, create_graph)


def _grad_cams(
    model: nn.Module, images: Tensor, targets: Any, names: Sequence[str], create_graph: bool
) -> dict[str, Tensor]:
    if any(tensor.is_inference() for tensor in (*model.parameters(), *model.buffers())):
        raise ValueError("This model was made in torch.inference_mode(), which allows no gradient: make it outside.")
    with own_settings(), as_tested(model), ExitStack() as stack:
        images = images.clone() if images.is_inference() else images
        seen = [stack.enter_context(watching(model, name)) for name in names]
        logits = logits_of(model(images.to(next(model.parameters(), images).device)), len(images))
        scores = chosen(logits, targets).sum()
        maps = [one.maps for one in seen]
        if not scores.requires_grad:
            raise ValueError("The model's logits have no gradient: its forward pass detaches them.")
        gradients = torch.autograd.grad(scores, maps, create_graph=create_graph, allow_unused=True)
        if unused := [name for name, gradient in zip(names, gradients, strict=True) if gradient is None]:
            raise ValueError(f"{unused[0]!r} does not lead to the model's logits, so it has no Grad-CAM.")
        found = [weighted(one, gradient) for one, gradient in zip(maps, gradients, strict=True)]
        return {name: own if create_graph else own.detach() for name, own in zip(names, found, strict=True)}


def logits_of(output: Any, count: int) -> Tensor:
    """The logits (N, classes) of ``count`` images in what a model returns: a tensor, or an object with ``logits``."""
    logits = output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", output)
    if isinstance(logits, Tensor) and logits.dim() == 2 and len(logits) == count:
        return logits
    kind = f"a tensor {tuple(output.shape)}" if isinstance(output, Tensor) else type(output).__name__
    raise ValueError(
        f"Grad-CAM needs logits ({count}, classes), one row for each image, and this model returns {kind}: wrap it in "
        "a module that returns its logits."
    )


def chosen(logits: Tensor, targets: Any) -> Tensor:
    """The logit (N,) of each image's class: ``targets`` (N,), or one for all."""
    columns = torch.as_tensor(targets).clone()
    if columns.is_meta or columns.dim() > 1 or not Tensors(whole=True).accepts(columns):
        raise ValueError(f"targets are whole numbers, one for each image or one for all, not {shown(targets)}.")
    if columns.dim() and len(columns) != len(logits):
        raise ValueError(f"Give one class for each of the {len(logits)} images, or one for all, not {len(columns)}.")
    if not 0 <= int(columns.min()) <= int(columns.max()) < logits.shape[1]:
        raise ValueError(f"targets are columns of the logits, 0 to {logits.shape[1] - 1}.")
    return logits.gather(1, columns.long().to(logits.device).expand(len(logits)).unsqueeze(1)).squeeze(1)


def check_distillable(before: Network, after: Network, image: Tensor) -> None:
    """Raise ValueError unless the attention of a network ``before`` a task can be kept in the one ``after`` it has
    grown, a copy to throw away: both have the last block, and a Grad-CAM of the first head can be differentiated.
    ``image``: (1, C, H, W)."""
    layer = last_block(after, image)
    if layer not in dict(before.named_modules()):
        raise ValueError(f"Attention cannot be kept: {layer!r} is new in this task, so the network before has no maps.")
    with own_settings():
        output = look_as_tested(after, image, layer, [0])
        try:
            cam(output.head(0)[:, 0], maps_of(output), create_graph=True).sum().backward()
        except RuntimeError as error:
            why = f"whose Grad-CAM has no gradient: {error}"
            raise ValueError(f"Attention cannot be kept in this network, {why}") from error


@shaped(maps="N, K, h, w")
def activation_attention(maps: Tensor) -> Tensor:
    """Mean over channels of squared activations (N, h, w): attention that does not depend on a class.

    Source: Zagoruyko and Komodakis 2017; LwM, section 2, distinguishes its own maps from it.
    """
    return maps.square().mean(1)


@shaped(attention="N, h, w")
def normalised(attention: Tensor) -> Tensor:
    """Maps (N, h, w) as vectors (N, h * w) of length one (LwM, eq. 6); an all-zero map stays zero."""
    flat = attention.flatten(1)
    return flat / (flat.square().sum(1, keepdim=True) + SMALLEST**2).sqrt()


def check_finite(*maps: Tensor) -> None:
    if not all(one.isfinite().all() for one in maps):
        raise ValueError("Attention maps are finite numbers, and there are nan or infinite values in these.")


@shaped(before="N, h, w", now="N, h, w")
def drift(before: Tensor, now: Tensor) -> Tensor:
    """L1 distance (N,) of two models' normalised maps (N, h, w) (LwM, eq. 6)."""
    check_finite(before, now)
    return (normalised(before) - normalised(now)).abs().sum(1)


@shaped(before="N, h, w", now="N, h, w")
def rank_correlation(before: Tensor, now: Tensor) -> Tensor:
    """Spearman's rank correlation (N,) of two models' maps (N, h, w); nan where a map is constant."""
    check_finite(before, now)
    first, second = (mean_ranks(attention.flatten(1)) for attention in (before, now))
    first, second = first - first.mean(1, keepdim=True), second - second.mean(1, keepdim=True)
    return (first * second).sum(1) / (first.square().sum(1) * second.square().sum(1)).sqrt()


def mean_ranks(values: Tensor) -> Tensor:
    """Ranks (N, D) from 0 of each row, equal values get the mean of their ranks."""
    below = (values.unsqueeze(1) < values.unsqueeze(2)).sum(2)
    equal = (values.unsqueeze(1) == values.unsqueeze(2)).sum(2)
    return below + (equal - 1) / 2


@shaped({"share": Real(above=0, at_most=1)}, attention="N, h, w")
def most_attended(attention: Tensor, share: float = 0.2) -> Tensor:
    """The ``share`` of positions with the most attention, (N, h * w) bool; among equal values those that come first."""
    check_finite(attention)
    flat = attention.flatten(1)
    count = max(1, round(share * flat.shape[1]))
    places = flat.argsort(dim=1, descending=True, stable=True)[:, :count]
    return torch.zeros_like(flat, dtype=torch.bool).scatter(1, places, True)


@shaped(before="N, h, w", now="N, h, w")
def overlap(before: Tensor, now: Tensor, share: float = 0.2) -> Tensor:
    """Intersection over union (N,) of the most attended ``share`` of two models' maps (N, h, w)."""
    check_finite(before, now)
    first, second = most_attended(before, share), most_attended(now, share)
    return (first & second).sum(1) / (first | second).sum(1)


@shaped(attention="N, h, w")
def inside(attention: Tensor, masks: Tensor) -> Tensor:
    """The share (N,) of attention (N, h, w) inside objects' ``masks`` (N, H, W) bool; nan for an all-zero map.

    Maps are first enlarged to the size of the masks, as when they are shown over an image. Raises ValueError for a
    map with negative values, and for masks that are not one for each map.
    """
    check_finite(attention)
    if attention.numel() and attention.min() < 0:
        raise ValueError("A share of attention needs maps without negative values.")
    right = isinstance(masks, Tensor) and masks.dtype == torch.bool and masks.dim() == 3
    if not right or len(masks) != len(attention):
        raise ValueError(f"masks are (N, H, W) bool, one for each of the {len(attention)} maps, not {shown(masks)}.")
    large = F.interpolate(attention.unsqueeze(1), masks.shape[1:], mode="bilinear", align_corners=False).squeeze(1)
    return (large * masks).sum((1, 2)) / large.sum((1, 2))
