"""The closed forms of layers against autograd on one sample at a time."""

import pytest
import torch
from torch import nn

from cltutor.importance.layers import convolution

CONVOLUTIONS = {  # the size of the map beside it: with few positions for its channels, or with many
    "few positions": (nn.Conv2d(8, 5, 3, padding=1), 2),
    "as many positions as channels": (nn.Conv2d(4, 5, 3, padding=1), 2),
    "many positions": (nn.Conv2d(2, 5, 3, padding=1), 6),
    "a stride that leaves a border out": (nn.Conv2d(9, 4, 3, stride=2), 6),
    "dilation and unlike sides": (nn.Conv2d(12, 4, (3, 1), dilation=(2, 1), padding=(2, 0)), 3),
    "padding by name": (nn.Conv2d(16, 4, 3, padding="same", padding_mode="circular"), 4),
    "groups": (nn.Conv2d(16, 4, 3, padding=1, groups=2), 2),
    "no bias": (nn.Conv2d(8, 4, 2, bias=False), 3),
}


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_each_samples_gradient_of_a_convolution_is_that_of_autograd_on_the_sample_alone(kind):
    layer, side = CONVOLUTIONS[kind]
    layer, draw = layer.double(), torch.Generator().manual_seed(0)
    a = torch.randn(3, layer.in_channels, side, side, generator=draw, dtype=torch.double)
    with torch.no_grad():
        g = torch.randn(layer(a).shape, generator=draw, dtype=torch.double)
    found = convolution(layer, a, g)
    for sample in range(3):
        weights = dict(layer.named_parameters())
        alone = torch.autograd.grad(layer(a[sample : sample + 1]), list(weights.values()), g[sample : sample + 1])
        for name, expected in zip(weights, alone, strict=True):
            torch.testing.assert_close(found[name][sample], expected)
