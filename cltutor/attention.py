"""Where a network looks: class-specific attention maps (Grad-CAM), and how far they drift between two models.

LwM, section 3.2, eq. 2, after Selvaraju et al. 2017. Maps are differentiable, through the features and through the
gradient that weights them, so that they can be part of a loss.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .networks import Backbone, Network, Output, evaluating
from .networks.backbone import Normalise

SMALLEST = 1e-6  # an all-zero map, which the ReLU can leave, has a finite direction and a finite gradient

# Side lengths in pixels to try when looking for the size that a model takes, the most common first.
COMMON_SIDES = (32, 28, 64, 96, 128, 224, *range(4, 225, 4))
_POOLING = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
_SEQUENCES = (nn.Sequential, nn.ModuleList, Backbone)
_NO_BLOCKS = (Backbone, Normalise, nn.modules.dropout._DropoutNd, *_POOLING)


class Seen:
    """The output of a watched layer, set by the forward pass: ``maps`` (N, K, h, w)."""

    maps: Tensor


@contextmanager
def watching(model: nn.Module, layer: str) -> Iterator[Seen]:
    """Keep the output of ``layer`` during a forward pass inside the ``with`` block.

    Where nothing below the layer requires a gradient, a graph begins at its output, so that scores can be
    differentiated with respect to the maps at no other cost.
    """
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


def maps_of(output: Output) -> Tensor:
    """The maps (N, K, h, w) of the layer that was watched; ValueError where none was."""
    if output.maps is None:
        raise ValueError("No layer was watched in this forward pass, so there are no maps.")
    return output.maps


def layers(model: nn.Module, image: Tensor) -> dict[str, tuple[int, int]]:
    """The layers with maps of more than one position, in order of use: name -> (h, w) for one ``image`` (1, C, H, W).

    Of a ``Network``, only its shared layers. The normalised input does not count as a layer. Raises ValueError for an
    image that the model cannot take.
    """
    check_images(image)
    shared = {id(m) for part in model.parts()["shared"] for m in part.modules()} if isinstance(model, Network) else None
    sizes: dict[str, tuple[int, int]] = {}

    def note(name: str, output: Tensor) -> None:
        if isinstance(output, Tensor) and output.dim() == 4 and output.shape[2] * output.shape[3] > 1:
            sizes.pop(name, None)  # a layer that is used twice counts where it is used last
            sizes[name] = (output.shape[2], output.shape[3])

    with ExitStack() as hooks:
        for name, module in model.named_modules():
            if name and not isinstance(module, Normalise) and (shared is None or id(module) in shared):
                hook = module.register_forward_hook(lambda _m, _i, output, name=name: note(name, output))
                hooks.callback(hook.remove)
        error = refusal(model, image)
    if error:
        raise ValueError(misfit(model, image, error)) from error
    return sizes


def check_images(images: Tensor) -> None:
    """Raise ValueError unless ``images`` is a batch (N, C, H, W) of one image or more."""
    if images.dim() != 4 or not len(images):
        raise ValueError(f"Give one image or more, of shape (N, C, H, W), not {tuple(images.shape)}.")


def refusal(model: nn.Module, image: Tensor) -> Exception | None:
    """The error of PyTorch if the model cannot take an image (1, C, H, W) in evaluation mode, else None."""
    try:
        with evaluating(model), torch.no_grad():
            model(image.to(next(model.parameters(), image).device))
    except (RuntimeError, AssertionError) as error:  # vision transformers assert their size
        return error
    return None


def misfit(model: nn.Module, image: Tensor, error: Exception) -> str:
    """Why the model does not take an image (1, C, H, W), found by trying other sizes."""
    depth, *size = image.shape[1:]
    wanted = next((module.in_channels for module in model.modules() if isinstance(module, nn.Conv2d)), depth)
    if not refusal(model, image.new_zeros(1, wanted, *size)):
        return f"This model takes images of {wanted} channel(s), not {depth}."
    given = "x".join(map(str, size))
    for side in COMMON_SIDES:
        if not refusal(model, image.new_zeros(1, wanted, side, side)):
            return f"This model takes images of {wanted} channel(s) and {side}x{side} pixels, not {depth} and {given}."
    return f"This model does not take images of {depth} channel(s) and {given} pixels: {error}"


def outside_blocks(model: nn.Module, names: Iterable[str]) -> list[str]:
    """Those of the layers ``names`` that are nested in plain sequences only, not in a block such as a residual one."""

    def parents(name: str) -> Iterator[nn.Module]:
        return map(model.get_submodule, accumulate(name.split(".")[:-1], "{}.{}".format))

    return [name for name in names if all(isinstance(parent, _SEQUENCES) for parent in parents(name))]


def last_block(model: nn.Module, image: Tensor) -> str:
    """The name of the last layer with maps: the last residual block, or the ReLU after the last convolution."""
    return checked_layer(model, image, None)


def checked_layer(model: nn.Module, image: Tensor, layer: str | None) -> str:
    """``layer``, or the last block for None. Raises ValueError for a layer without a map of positions."""
    found = layers(model, image)
    blocks = [name for name in found if not isinstance(model.get_submodule(name), _NO_BLOCKS)]
    if not blocks:
        raise ValueError("This model has no layer with a map of positions: attention needs convolutions.")
    if layer is None:
        return blocks[-1]
    if layer not in found:
        reason = "has no map of features" if layer in dict(model.named_modules()) else "is no layer of this model"
        raise ValueError(f"{layer!r} {reason}; those with one are {', '.join(found)}.")
    return layer


def cam(scores: Tensor, maps: Tensor, create_graph: bool = False) -> Tensor:
    """Q = ReLU(alpha^T A), alpha the mean over positions of the scores' gradient (LwM, eq. 2).

    ``scores`` (N,) of one class per image, ``maps`` A (N, K, h, w); returns (N, h, w). With ``create_graph`` the result
    is differentiable, the gradient in alpha included.
    """
    (gradient,) = torch.autograd.grad(scores.sum(), maps, create_graph=create_graph, retain_graph=True)
    return weighted(maps, gradient)


def weighted(maps: Tensor, gradient: Tensor) -> Tensor:
    """ReLU(alpha^T A) (N, h, w); ``maps`` A and the ``gradient`` of the score are (N, K, h, w) (LwM, eq. 2)."""
    alpha = gradient.mean((2, 3), keepdim=True)
    return F.relu((alpha * maps).sum(1))


def grad_cam(
    model: nn.Module,
    images: Tensor,
    targets: Tensor | Sequence[int] | int,
    layer: str | None = None,
    create_graph: bool = False,
) -> Tensor:
    """Grad-CAM (N, h, w) of ``images`` (N, C, H, W) for one class per image (LwM, eq. 2).

    ``targets``: the columns of the classes in the logits. ``layer``: a name as in ``model.named_modules()``, the last
    block if None. The mode of the model stays as it is: in training mode batch norm makes the map of an image depend
    on its batch. ``create_graph`` makes the maps differentiable.

    Raises:
        ValueError: a layer that does not exist or has no map, a class that does not exist, a model without
            convolutions, or images that it cannot take.
    """
    check_images(images)
    layer = checked_layer(model, images[:1], layer)
    return grad_cams(model, images, targets, [layer], create_graph)[layer]


def grad_cams(
    model: nn.Module,
    images: Tensor,
    targets: Tensor | Sequence[int] | int,
    names: Sequence[str],
    create_graph: bool = False,
) -> dict[str, Tensor]:
    """`grad_cam` of several layers, those of `layers`, in one forward and one backward pass: name -> (N, h, w)."""
    with torch.enable_grad(), ExitStack() as stack:
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.training:
                stack.callback(module.register_forward_pre_hook(_check_batch_norm).remove)
        seen = [stack.enter_context(watching(model, name)) for name in names]
        output = model(images)
        logits = output.logits if isinstance(model, Network) else output
    scores = chosen(logits, torch.as_tensor(targets, device=logits.device))
    gradients = torch.autograd.grad(scores.sum(), [one.maps for one in seen], create_graph=create_graph)
    found = [weighted(one.maps, gradient) for one, gradient in zip(seen, gradients, strict=True)]
    return {name: maps if create_graph else maps.detach() for name, maps in zip(names, found, strict=True)}


def _check_batch_norm(_module: nn.Module, inputs: tuple[Tensor]) -> None:
    """Raise ValueError for an input with one value per channel, whose variance is not defined."""
    if inputs[0].numel() == inputs[0].shape[1]:
        raise ValueError("One image is too few for batch norm in training mode: give several, or call model.eval().")


def chosen(logits: Tensor, targets: Tensor) -> Tensor:
    """The logit (N,) of each image's class: ``targets`` (N,), or one for all."""
    if targets.dim() and len(targets) != len(logits):
        raise ValueError(f"Give one class for each of the {len(logits)} images, or one for all, not {len(targets)}.")
    if not 0 <= int(targets.min()) <= int(targets.max()) < logits.shape[1]:
        raise ValueError(f"targets are columns of the logits, 0 to {logits.shape[1] - 1}.")
    return logits.gather(1, targets.expand(len(logits)).unsqueeze(1)).squeeze(1)


def activation_attention(maps: Tensor) -> Tensor:
    """Mean over channels of squared activations (N, h, w): attention that does not depend on a class.

    Source: Zagoruyko and Komodakis 2017; LwM, section 2, distinguishes its own maps from it.
    """
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
    """Ranks (N, D) from 0 of each row, equal values get the mean of their ranks."""
    below = (values.unsqueeze(1) < values.unsqueeze(2)).sum(2)
    equal = (values.unsqueeze(1) == values.unsqueeze(2)).sum(2)
    return below + (equal - 1) / 2


def most_attended(attention: Tensor, share: float = 0.2) -> Tensor:
    """The ``share`` of positions with the most attention, (N, h * w) bool; among equal values those that come first."""
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

    Maps are first enlarged to the size of the masks, as when they are shown over an image.
    """
    large = F.interpolate(attention.unsqueeze(1), masks.shape[1:], mode="bilinear", align_corners=False).squeeze(1)
    return (large * masks).sum((1, 2)) / large.sum((1, 2))
