"""Local MAS, eq. 4 to 6: activations alone, against autograd of each layer's own squared norm."""

import pytest
import torch
from torch import nn

from cltutor.importance import mas_local


def layer_by_layer(model: nn.Sequential, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Eq. 4 with autograd: the gradient of the squared norm of every layer, after its ReLU, for its given input."""
    model.eval()
    found = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for image in images:
        x = image.unsqueeze(0)
        for i, layer in enumerate(model):
            after = model[i + 1] if i + 1 < len(model) and isinstance(model[i + 1], nn.ReLU) else nn.Identity()
            own = dict(layer.named_parameters())
            if own:
                value = torch.relu(layer(x)) if isinstance(after, nn.ReLU) else layer(x)
                grads = torch.autograd.grad(value.square().sum(), list(own.values()))
                for name, grad in zip(own, grads, strict=True):
                    found[f"{i}.{name}"] += grad.abs() / len(images)
            x = layer(x).detach()
    return found


def test_it_is_the_gradient_of_every_layers_own_squared_norm():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 3, 2, groups=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(3, 5),
        nn.ReLU(inplace=True),
        nn.Linear(5, 2),
    ).double()
    images = torch.randn(7, 2, 6, 6, dtype=torch.float64)
    expected = layer_by_layer(model, images)
    found = mas_local(model, images, chunk=3)
    for name, value in expected.items():
        assert value.max() > 0, name
        torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-12)


def test_below_a_relu_it_is_hebbs_rule_twice_the_mean_product_of_activities():
    torch.manual_seed(1)
    layer = nn.Linear(3, 2).double()
    model = nn.Sequential(layer, nn.ReLU())
    images = torch.rand(5, 3, dtype=torch.float64)
    found = mas_local(model, images)
    for j in range(2):
        activity = [max(0.0, (layer.weight[j] @ x + layer.bias[j]).item()) for x in images]
        for i in range(3):
            product = 2 * sum(y * x[i].item() for y, x in zip(activity, images, strict=True)) / 5
            assert found["0.weight"][j, i].item() == pytest.approx(product)
        assert found["0.bias"][j].item() == pytest.approx(2 * sum(activity) / 5)


def test_an_activation_other_than_relu_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"1 \(PReLU\)"):
        mas_local(nn.Sequential(nn.Linear(3, 2), nn.PReLU()), torch.randn(4, 3))
