"""Where a network looks: class-specific attention maps (Grad-CAM), and how far they drift between two models.

LwM, section 3.2, eq. 2, after Selvaraju et al. 2017. Maps are differentiable, through the features and through the
gradient that weights them, so that a loss can hold them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .networks import Backbone, Network, Output, evaluating
from .networks.backbone import Normalise

SMALLEST = 1e-6  # an all-zero map, which the ReLU can leave, has a finite direction and a finite gradient

_POOLING = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
_NO_BLOCKS = (Backbone, Normalise, nn.modules.dropout._DropoutNd, *_POOLING)


class Seen:
    """What a watched layer put out: ``maps`` (N, K, h, w)."""

    maps: Tensor | None = None


@contextmanager
def watching(model: nn.Module, layer: str) -> Iterator[Seen]:
    """Keep the output of ``layer`` in a forward pass inside. Where nothing below it asks for a gradient, a graph begins
    there, so that scores can be derived by the maps at no other cost."""
    seen = Seen()

    def keep(_module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
        if torch.is_grad_enabled() and not output.requires_grad:
            output = output.detach().requires_grad_()
        seen.maps = output
        return output

    hook = model.get_submodule(layer).register_forward_hook(keep)
    try:
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


def layers(model: nn.Module, image: Tensor) -> dict[str, tuple[int, int]]:
    """The layers with maps of more than one position, in order of use: name -> (h, w) for one ``image`` (1, C, H, W).

    Of a ``Network``, its shared layers.
    """
    shared = {id(m) for part in model.parts()["shared"] for m in part.modules()} if isinstance(model, Network) else None
    sizes: dict[str, tuple[int, int]] = {}

    def note(name: str, output: Tensor) -> None:
        if isinstance(output, Tensor) and output.dim() == 4 and output.shape[2] * output.shape[3] > 1:
            sizes.pop(name, None)
            sizes[name] = tuple(output.shape[2:])

    hooks = [
        module.register_forward_hook(lambda _module, _inputs, output, name=name: note(name, output))
        for name, module in model.named_modules()
        if name and (shared is None or id(module) in shared)
    ]
    try:
        with evaluating(model), torch.no_grad():
            model(image.to(next(model.parameters()).device))
    finally:
        for hook in hooks:
            hook.remove()
    return sizes


def last_block(model: nn.Module, image: Tensor) -> str:
    """The name of the last layer with maps: the last residual block, or the ReLU after the last convolution."""
    found = [name for name in layers(model, image) if not isinstance(model.get_submodule(name), _NO_BLOCKS)]
    if not found:
        raise ValueError("This model has no layer with a map of positions: attention needs convolutions.")
    return found[-1]


def checked_layer(model: nn.Module, image: Tensor, layer: str | None) -> str:
    """``layer``, or the last block for None; refused where it has no map of positions."""
    if layer is None:
        return last_block(model, image)
    found = layers(model, image)
    if layer not in found:
        reason = "has no map of positions" if layer in dict(model.named_modules()) else "is no layer of this model"
        raise ValueError(f"{layer!r} {reason}; those with one are {', '.join(found) or 'none'}.")
    return layer


def cam(scores: Tensor, maps: Tensor, create_graph: bool = False) -> Tensor:
    """Q = ReLU(alpha^T A), alpha the mean over positions of the scores' gradient (LwM, eq. 2).

    ``scores`` (N,) of one class an image, ``maps`` A (N, K, h, w); gives (N, h, w). With ``create_graph`` the maps can
    be derived, the gradient in alpha included.
    """
    (gradient,) = torch.autograd.grad(scores.sum(), maps, create_graph=create_graph, retain_graph=True)
    alpha = gradient.mean((2, 3), keepdim=True)
    return F.relu((alpha * maps).sum(1))


def grad_cam(
    model: nn.Module,
    images: Tensor,
    targets: Tensor | Sequence[int] | int,
    layer: str | None = None,
    create_graph: bool = False,
) -> Tensor:
    """Grad-CAM (N, h, w) of ``images`` (N, C, H, W) for a class each: columns of the logits (LwM, eq. 2).

    ``layer``: a name as in ``model.named_modules()``, the last block if None. The mode of the model is kept as it is:
    in training mode batch-norm makes an image's map depend on its batch. ``create_graph`` keeps what a loss needs.
    Raises ValueError for a layer that does not exist or has no map, a class that does not, or a model without
    convolutions.
    """
    layer = checked_layer(model, images[:1], layer)
    with torch.enable_grad(), watching(model, layer) as seen:
        output = model(images)
        logits = output.logits if isinstance(model, Network) else output
    targets = torch.as_tensor(targets, device=logits.device).expand(len(images))
    if len(targets) and not 0 <= int(targets.min()) <= int(targets.max()) < logits.shape[1]:
        raise ValueError(f"targets are columns of the logits, 0 to {logits.shape[1] - 1}.")
    found = cam(logits.gather(1, targets.unsqueeze(1)).squeeze(1), seen.maps, create_graph)
    return found if create_graph else found.detach()


def activation_attention(maps: Tensor) -> Tensor:
    """Mean over channels of squared activations (N, h, w): attention that knows no class (Zagoruyko and Komodakis
    2017), which LwM, section 2 sets its own apart from."""
    return maps.square().mean(1)


def normalised(attention: Tensor) -> Tensor:
    """Maps (N, h, w) as vectors (N, h * w) of length one (LwM, eq. 6); an all-zero map stays zero."""
    flat = attention.flatten(1)
    return flat / (flat.square().sum(1, keepdim=True) + SMALLEST**2).sqrt()


def drift(before: Tensor, now: Tensor) -> Tensor:
    """L1 distance (N,) of two models' normalised maps (N, h, w) (LwM, eq. 6)."""
    return (normalised(before) - normalised(now)).abs().sum(1)


def rank_correlation(before: Tensor, now: Tensor) -> Tensor:
    """Spearman's rank correlation (N,) of two models' maps (N, h, w); nan where a map is constant."""
    first, second = (mean_ranks(attention.flatten(1)) for attention in (before, now))
    first, second = first - first.mean(1, keepdim=True), second - second.mean(1, keepdim=True)
    return (first * second).sum(1) / (first.square().sum(1) * second.square().sum(1)).sqrt()


def mean_ranks(values: Tensor) -> Tensor:
    """Ranks (N, D) from 0 of each row, equal values sharing the mean of their ranks."""
    below = (values.unsqueeze(1) < values.unsqueeze(2)).sum(2)
    equal = (values.unsqueeze(1) == values.unsqueeze(2)).sum(2)
    return below + (equal - 1) / 2


def most_attended(attention: Tensor, share: float = 0.2) -> Tensor:
    """The ``share`` of positions with the most attention, (N, h * w) bool; of equals those that come first."""
    flat = attention.flatten(1)
    count = max(1, round(share * flat.shape[1]))
    places = flat.argsort(dim=1, descending=True, stable=True)[:, :count]
    return torch.zeros_like(flat, dtype=torch.bool).scatter(1, places, True)


def overlap(before: Tensor, now: Tensor, share: float = 0.2) -> Tensor:
    """Intersection over union (N,) of the most attended ``share`` of two models' maps (N, h, w)."""
    first, second = most_attended(before, share), most_attended(now, share)
    return (first & second).sum(1) / (first | second).sum(1)


def inside(attention: Tensor, masks: Tensor) -> Tensor:
    """The share (N,) of attention (N, h, w) inside objects' ``masks`` (N, H, W) bool; nan for an all-zero map.

    Maps are first enlarged to the masks' size, as they are shown over an image.
    """
    large = F.interpolate(attention.unsqueeze(1), masks.shape[1:], mode="bilinear", align_corners=False).squeeze(1)
    return (large * masks).sum((1, 2)) / large.sum((1, 2))
