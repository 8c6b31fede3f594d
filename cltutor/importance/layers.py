"""The gradient of every single sample, in closed form, layer by layer.

A layer's input ``a`` and the gradient ``g`` of a scalar with respect to its output are enough: the gradient of a weight
is an outer product for a linear layer, a sum of outer products over the positions of a convolution, and a product with
the normalised input for a normalisation layer. The dimension of samples is kept throughout.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight


def linear(layer: nn.Linear, a: Tensor, g: Tensor) -> dict[str, Tensor]:
    a, g = a.reshape(len(a), -1, a.shape[-1]), g.reshape(len(g), -1, g.shape[-1])
    return {"weight": g.transpose(1, 2) @ a, "bias": g.sum(1)}


def convolution(layer: nn.Conv2d, a: Tensor, g: Tensor) -> dict[str, Tensor]:
    """A product of matrices per sample, or one convolution with a group per sample, so that samples stay separate.

    The product reads every patch of the input, k x k times its size. With no more positions than channels it is up to
    nine times as fast as the convolution, which works through its groups one by one.
    """
    padding: str | int | tuple[int, ...] = layer.padding
    if isinstance(padding, str) or layer.padding_mode != "zeros":
        mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
        a, padding = F.pad(a, layer._reversed_padding_repeated_twice, mode), 0
    n, size = len(a), layer.weight.shape
    if layer.groups == 1 and g.shape[2:].numel() <= size[1]:
        patches = F.unfold(a, layer.kernel_size, layer.dilation, padding, layer.stride)
        weight = g.flatten(2) @ patches.transpose(1, 2)
    else:
        apart, gradients = (values.reshape(1, -1, *values.shape[2:]) for values in (a, g))
        settings = (layer.stride, padding, layer.dilation, n * layer.groups)
        weight = conv2d_weight(apart, (n * size[0], *size[1:]), gradients, *settings)
    return {"weight": weight.view(n, *size), "bias": g.sum((2, 3))}


def batch_norm(layer: nn.modules.batchnorm._BatchNorm, a: Tensor, g: Tensor) -> dict[str, Tensor]:
    return scale_and_shift(F.batch_norm(a, layer.running_mean, layer.running_var, eps=layer.eps), g)


def group_norm(layer: nn.GroupNorm, a: Tensor, g: Tensor) -> dict[str, Tensor]:
    return scale_and_shift(F.group_norm(a, layer.num_groups, eps=layer.eps), g)


def scale_and_shift(normalised: Tensor, g: Tensor) -> dict[str, Tensor]:
    product, g = (value.reshape(*value.shape[:2], -1) for value in (normalised * g, g))
    return {"weight": product.sum(2), "bias": g.sum(2)}


def layer_norm(layer: nn.LayerNorm, a: Tensor, g: Tensor) -> dict[str, Tensor]:
    normalised = F.layer_norm(a, layer.normalized_shape, eps=layer.eps)
    product, g = (value.reshape(len(a), -1, *layer.normalized_shape) for value in (normalised * g, g))
    return {"weight": product.sum(1), "bias": g.sum(1)}


# The parameters' gradients, each (N, *shape), from a layer, its input and the gradient at its output.
Form = Callable[..., dict[str, Tensor]]
FORMS: dict[type[nn.Module], Form] = {
    nn.Linear: linear,
    nn.Conv2d: convolution,
    nn.BatchNorm1d: batch_norm,
    nn.BatchNorm2d: batch_norm,
    nn.GroupNorm: group_norm,
    nn.LayerNorm: layer_norm,
}


def has_closed_form(module: nn.Module) -> bool:
    """Whether the layer's gradients are known here; without running statistics, batch norm mixes samples."""
    return type(module) in FORMS and getattr(module, "running_mean", 0) is not None
