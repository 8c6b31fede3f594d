"""Which layers of a network have maps of positions (N, K, h, w), found by following one image through it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..checked import AnyOf, Many, Table, Text, checked
from ..seeds import own_settings
from .backbone import Backbone, Normalise
from .modules import evaluating
from .network import Network

# Side lengths in pixels to try when looking for the size that a model takes, the most common first.
COMMON_SIDES = (32, 28, 64, 96, 128, 224, *range(4, 225, 4))
_POOLING = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
_KINDS: dict[str, Any] = {"conv": nn.Conv2d, "hidden": nn.Linear, "ReLU": nn.ReLU, "pool": _POOLING}
_KINDS |= {"norm": (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)}
_SEQUENCES = (nn.Sequential, nn.ModuleList, Backbone)
_NO_BLOCKS = (Backbone, Normalise, nn.modules.dropout._DropoutNd, *_POOLING)

ROWS_LAST = (2, 3)  # the axes of rows and columns in (N, K, h, w), as after a convolution
ROWS_FIRST = (1, 2)  # in (N, h, w, K), as in Swin and ConvNeXt
_OF_MAPS = ("conv2d", "conv_transpose2d", "pool2d", "batch_norm", "instance_norm", "interpolate", "pixel_")
_MOVING = ("permute", "transpose", "swapaxes", "swapdims", "movedim", "view", "reshape", "flatten", "unflatten")
_PICKING = ("__getitem__", "pad", "cat", "concat", "concatenate")  # axes change in size, not in meaning
_MIXING = ("matmul", "bmm", "einsum", "attention", "tensordot", "__get__", "roll", "flip", "rot90", "gather", "sort")


class Placed(TorchFunctionMode):
    """Notes on every tensor of a forward pass which position of the image each of its values belongs to:
    ``tensor.places``, of the same shape.

    Windows and channels that are moved are followed there and back. After an operation that mixes positions, or that
    is not known, a tensor has no places.
    """

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        parts = [p for one in (*args, *kwargs.values()) for p in (one if isinstance(one, tuple | list) else (one,))]
        sources = [part for part in parts if isinstance(part, Tensor) and getattr(part, "places", None) is not None]
        name = getattr(func, "__name__", "")
        for made in result if isinstance(result, tuple | list) else (result,):
            if not isinstance(made, Tensor):
                continue
            if made.dim() == 4 and any(word in name for word in _OF_MAPS):
                made.places = grid(made.shape, ROWS_LAST)  # type: ignore[attr-defined]
            elif name in _MOVING and sources:
                move = torch.Tensor.reshape if name == "view" else func
                made.places = move(sources[0].places, *args[1:], **kwargs)  # type: ignore[attr-defined]
            elif sources:
                found = (places_after(name, source.places, made.shape) for source in sources)  # type: ignore[attr-defined]
                made.places = next((one for one in found if one is not None), None)  # type: ignore[attr-defined]
        return result


def grid(shape: Sequence[int], axes: tuple[int, int]) -> Tensor:
    """The positions, row by row from 0, in a tensor of four axes of which ``axes`` are rows and columns."""
    numbers = torch.arange(shape[axes[0]] * shape[axes[1]])
    return numbers.view([size if axis in axes else 1 for axis, size in enumerate(shape)]).expand(*shape)


def is_grid(places: Tensor | None, axes: tuple[int, int]) -> bool:
    return places is not None and places.dim() == 4 and places.equal(grid(places.shape, axes))


def places_after(name: str, places: Tensor, shape: Sequence[int]) -> Tensor | None:
    """The places of a tensor of ``shape`` that the operation ``name`` made of one with ``places``, None for unknown."""
    if any(word in name for word in _MIXING):
        return None
    if name == "linear":
        one = places[..., :1]
        return one.expand(*shape) if places.equal(one.expand_as(places)) else None
    if places.shape == shape:
        return places
    for axes in (ROWS_LAST, ROWS_FIRST):
        if len(shape) == 4 and is_grid(places, axes):
            same = all(places.shape[axis] == shape[axis] for axis in axes)
            return grid(shape, axes) if same or name in _PICKING else None
    return None


@checked
def layers(model: nn.Module, image: Tensor) -> dict[str, tuple[int, int]]:
    """The layers with maps (N, K, h, w) of more than one position, in order of use: name -> (h, w) for one ``image``
    (1, C, H, W).

    Of a ``Network``, only its shared layers. The normalised input does not count as a layer, and neither do outputs
    with channels last or tokens. Raises ValueError for an image that the model cannot take.
    """
    return _followed(model, image)[0]


@own_settings()
def _followed(model: nn.Module, image: Tensor) -> tuple[dict[str, tuple[int, int]], str]:
    """``layers``, and the name of one that comes after the last of them and makes tokens or windows of it, else ""."""
    check_images(image)
    shared = {id(m) for part in model.parts()["shared"] for m in part.modules()} if isinstance(model, Network) else None
    sizes: dict[str, tuple[int, int]] = {}
    channels, tokens = 0, ""

    def note(name: str, output: Any) -> None:
        nonlocal channels, tokens
        if not isinstance(output, Tensor) or output.dim() not in (3, 4):
            return
        shape, places = tuple(output.shape), getattr(output, "places", None)
        if places is not None and not places.any():
            return  # of a single position, wherever its channels are
        if shape[0] != 1 or not is_grid(places, ROWS_LAST):
            # (N, K, h * w) is a map as well, only flattened.
            tokens = tokens if len(shape) == 3 and shape[1] == channels != shape[2] else name
        else:
            sizes.pop(name, None)  # a layer that is used twice counts where it is used last
            sizes[name] = (shape[2], shape[3])
            channels, tokens = shape[1], ""

    image = image[:1].detach()  # another object, on which places are noted
    image.places = grid(image.shape, ROWS_LAST)  # type: ignore[attr-defined]
    with ExitStack() as stack:
        for name, module in model.named_modules():
            if name and not isinstance(module, Normalise) and (shared is None or id(module) in shared):
                hook = module.register_forward_hook(lambda _m, _i, output, name=name: note(name, output))
                stack.callback(hook.remove)
        with Placed():
            error = refusal(model, image)
    if isinstance(error, ValueError):
        raise error  # a sentence of the network's own
    if error:
        raise ValueError(misfit(model, image, error)) from error
    return sizes, tokens


def check_images(images: Tensor) -> None:
    """Raise ValueError unless ``images`` is a batch (N, C, H, W) of one image or more."""
    if not isinstance(images, Tensor):
        raise ValueError(f"Give images as a tensor of shape (N, C, H, W), not {type(images).__name__}.")
    if images.dim() != 4 or not len(images):
        raise ValueError(f"Give one image or more, of shape (N, C, H, W), not {tuple(images.shape)}.")


def refusal(model: nn.Module, image: Tensor) -> Exception | None:
    """The error of the model if it cannot take an image (1, C, H, W) in evaluation mode, else None."""
    try:
        with evaluating(model), torch.no_grad():
            model(image.to(next(model.parameters(), image).device))
    except Exception as error:  # PyTorch's own, an assertion of a vision transformer, or whatever a user's model raises
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


@checked(names=AnyOf((Many(Text()), Table())))
def outside_blocks(model: nn.Module, names: Iterable[str]) -> list[str]:
    """Those of the layers ``names`` that are nested in plain sequences only, not in a block such as a residual one;
    ValueError for a name that is no layer."""

    def parents(name: str) -> Iterator[nn.Module]:
        return map(model.get_submodule, accumulate(name.split(".")[:-1], "{}.{}".format))

    known = dict(model.named_modules())
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"{unknown[0]!r} is no layer of this model.")
    return [name for name in names if all(isinstance(parent, _SEQUENCES) for parent in parents(name))]


def readable(model: nn.Module, names: Iterable[str]) -> dict[str, str]:
    """What a reader calls the layers ``names``, by name: "conv 2", "pool 1", "block 3", counted by kind in their order.

    A block is any layer that is made of others; a layer of no kind that is known here keeps its name.
    """
    counts: dict[str, int] = {}
    words = {}
    for name in names:
        layer = model.get_submodule(name)
        kinds = (word for word, kind in _KINDS.items() if isinstance(layer, kind))
        kind = next(kinds, "block" if any(layer.children()) else "")
        counts[kind] = counts.get(kind, 0) + 1
        words[name] = f"{kind} {counts[kind]}" if kind else name
    return words


@checked
def last_block(model: nn.Module, image: Tensor) -> str:
    """The name of the last layer with maps, for an ``image`` (1, C, H, W): the last residual block, or the ReLU after
    the last convolution.

    Raises ValueError for a model without one, and for one that goes on with tokens, such as a vision transformer.
    """
    return checked_layer(model, image, None)


def checked_layer(model: nn.Module, image: Tensor, layer: str | None) -> str:
    """``layer``, or the last block for None. Raises ValueError for a layer without a map of positions."""
    found, tokens = _followed(model, image)
    blocks = [name for name in found if not isinstance(model.get_submodule(name), _NO_BLOCKS)]
    if not blocks:
        own, whose = ("shared layer", " that all tasks share") if isinstance(model, Network) else ("layer", "")
        raise ValueError(f"This model has no {own} with a map of positions: attention needs convolutions{whose}.")
    if layer is None:
        if tokens:
            raise ValueError(
                f"{tokens!r} of this model, after {blocks[-1]!r}, returns no map of features (N, K, h, w) but tokens "
                "or the like: attention needs a model with maps up to its end, such as resnet18 or swin_t."
            )
        return blocks[-1]
    if layer not in found:
        reason = "has no map of features" if layer in dict(model.named_modules()) else "is no layer of this model"
        raise ValueError(f"{layer!r} {reason}; those with one are {', '.join(found)}.")
    return layer
