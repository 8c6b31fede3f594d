"""Small models with every kind of layer, in double precision."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn


class Scale(nn.Module):
    """A layer whose parameter has no closed form."""

    def __init__(self, size: int):
        super().__init__()
        self.scale = nn.Parameter(torch.rand(size) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


class Twice(nn.Module):
    """One linear layer, used twice in a forward pass."""

    def __init__(self):
        super().__init__()
        self.layer, self.out = nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.relu(self.layer(torch.relu(self.layer(x.flatten(1))))))


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 4, (3, 1), dilation=(2, 1), padding=(2, 0), groups=2),
        nn.GroupNorm(2, 4),
        nn.ReLU(),
        nn.Conv2d(4, 3, 3, padding="same", padding_mode="circular"),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(3 * 9, 5),
        nn.ReLU(inplace=True),
        nn.Linear(5, 3),
    )


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "convolutions and norms": (convolutional, (2, 6, 6)),
    "linear layers": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 7), nn.ReLU(), nn.Linear(7, 3)), (6,)),
    "a layer norm over positions": (
        lambda: nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.ReLU(), nn.Linear(6, 2), nn.Flatten()),
        (3, 4),
    ),
    "a batch norm of features": (
        lambda: nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.LayerNorm(5), nn.Linear(5, 3)),
        (6,),
    ),
    "a layer used twice": (Twice, (6,)),
    "a layer without closed form": (lambda: nn.Sequential(nn.Linear(6, 5), Scale(5), nn.ReLU(), nn.Linear(5, 3)), (6,)),
}


@pytest.fixture(params=MODELS)
def case(request) -> tuple[nn.Module, Tensor]:
    """A model with moved batch-norm statistics, and 9 images."""
    torch.manual_seed(0)
    make, shape = MODELS[request.param]
    model = make().double()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight)
    return model.train(), torch.randn(9, *shape, dtype=torch.float64)
