"""The gradient of every single sample, in closed form, a layer at a time.

A layer's input ``a`` and the gradient ``g`` of a scalar with respect to its output are enough: the gradient of a weight
is an outer product for a linear layer, a sum of outer products over the positions of a convolution, and a product with
the normalised input for a normalisation layer. The sample stays a dimension of its own throughout.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F


def linear(layer: nn.Linear, a: Tensor, g: Tensor) -> dict[str, Tensor]:
    a, g = a.reshape(len(a), -1, a.shape[-1]), g.reshape(len(g), -1, g.shape[-1])
    return {"weight": g.transpose(1, 2) @ a, "bias": g.sum(1)}


def convolution(layer: nn.Conv2d, a: Tensor, g: Tensor) -> dict[str, Tensor]:
    patches = patches_of(layer, a, g.shape[2:]).unflatten(1, (layer.groups, -1))
    weight = g.flatten(2).unflatten(1, (layer.groups, -1)) @ patches.transpose(2, 3)
    return {"weight": weight.reshape(len(a), *layer.weight.shape), "bias": g.sum((2, 3))}


def patches_of(layer: nn.Conv2d, a: Tensor, positions: Sequence[int]) -> Tensor:
    """What the kernel sees at each position, (N, C * kernel, positions). ``F.unfold`` makes the same, slower."""
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    a = F.pad(a, layer._reversed_padding_repeated_twice, mode).contiguous()
    (n, c, _, _), (of_image, of_channel, of_row, of_column) = a.shape, a.stride()
    down, right = layer.dilation[0] * of_row, layer.dilation[1] * of_column
    shape = (n, c, *layer.kernel_size, *positions)
    strides = (of_image, of_channel, down, right, layer.stride[0] * of_row, layer.stride[1] * of_column)
    return a.as_strided(shape, strides).reshape(n, -1, positions[0] * positions[1])


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


FORMS = {
    nn.Linear: linear,
    nn.Conv2d: convolution,
    nn.BatchNorm1d: batch_norm,
    nn.BatchNorm2d: batch_norm,
    nn.GroupNorm: group_norm,
    nn.LayerNorm: layer_norm,
}


def has_closed_form(module: nn.Module) -> bool:
    """Whether the layer's gradients are known here; a batch-norm without running statistics has none a sample."""
    return type(module) in FORMS and getattr(module, "running_mean", 0) is not None
