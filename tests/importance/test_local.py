"""Local MAS, eq. 4 to 6: activations alone, against autograd of each layer's own squared norm."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from cltutor.importance import mas_local


def layer_by_layer(model: nn.Sequential, images: Tensor, groups: list[list[int]]) -> dict[str, Tensor]:
    """Eq. 4 with autograd: the gradient of the squared norm of every layer, for its given input. ``groups``: the places
    in ``model`` of each layer's modules, and those of modules between layers."""
    model.eval()
    found = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for image in images:
        x = image.unsqueeze(0)
        for group in groups:
            layer = nn.Sequential(*(model[i] for i in group))
            own = list(layer.parameters())
            x = layer(x.detach())
            if own:
                for parameter, grad in zip(own, torch.autograd.grad(x.square().sum(), own), strict=True):
                    (name,) = (name for name, p in model.named_parameters() if p is parameter)
                    found[name] += grad.abs() / len(images)
    return found


def normed() -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 3, 2),
        nn.MaxPool2d(2),
        nn.Tanh(),
        nn.Flatten(),
        nn.LayerNorm(3),
        nn.Linear(3, 5),
        nn.GELU(),
        nn.Linear(5, 2),
    ).double()
    nn.init.normal_(model[1].weight)
    model[1].running_mean.normal_()
    return model


def test_it_is_the_gradient_of_the_squared_norm_of_every_layer_after_its_norm_and_activation():
    model, images = normed(), torch.randn(7, 2, 6, 6, dtype=torch.float64)
    expected = layer_by_layer(model, images, [[0, 1, 2], [3, 4, 5], [6], [7], [8, 9], [10]])
    found = mas_local(model, images, chunk=3)
    for name, value in expected.items():
        assert value.max() > 0, name
        torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-12)


class Written(nn.Module):
    """Two convolutions and a linear layer, with an activation as a function."""

    def __init__(self, activation: Callable[[Tensor], Tensor]):
        super().__init__()
        self.first, self.norm, self.second = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 2)
        self.out, self.activation = nn.Linear(3 * 9, 2), activation

    def forward(self, x: Tensor) -> Tensor:
        x = self.activation(self.norm(self.first(x)))
        x = F.max_pool2d(self.activation(self.second(x)), 1)
        return self.out(x.flatten(1))


@pytest.mark.parametrize(
    ("activation", "module"),
    [
        (F.relu, nn.ReLU()),
        (torch.relu, nn.ReLU()),
        (lambda x: x.relu(), nn.ReLU()),
        (lambda x: x.relu_(), nn.ReLU()),
        (lambda x: F.relu(x, inplace=True), nn.ReLU()),
        (lambda x: x.clamp(min=0), nn.ReLU()),
        (F.silu, nn.SiLU()),
        (lambda x: F.leaky_relu(x, 0.2, inplace=True), nn.LeakyReLU(0.2)),
        (torch.sigmoid, nn.Sigmoid()),
        (lambda x: x.reshape(len(x), -1).tanh_().reshape(x.shape), nn.Tanh()),
    ],
)
def test_an_activation_is_found_in_whatever_form_it_is_called(activation, module):
    torch.manual_seed(2)
    model = Written(activation).double()
    images = torch.randn(5, 1, 6, 6, dtype=torch.float64)
    plain = nn.Sequential(model.first, model.norm, module, model.second, module, nn.Flatten(), model.out)
    expected = layer_by_layer(plain, images, [[0, 1, 2], [3, 4], [5], [6]])
    found = mas_local(model, images)
    for (name, value), other in zip(found.items(), expected.values(), strict=True):
        torch.testing.assert_close(value, other, rtol=1e-10, atol=1e-12, msg=name)


def test_a_layer_that_goes_to_a_sum_ends_before_it_also_where_the_sum_is_made_in_place():
    class Residual(nn.Module):
        def __init__(self, add: Callable[[Tensor, Tensor], Tensor]):
            super().__init__()
            self.one, self.norm, self.two, self.add = nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 2), add

        def forward(self, x: Tensor) -> Tensor:
            return self.two(self.add(self.norm(self.one(x)), x).relu())

    torch.manual_seed(0)
    model, images = Residual(torch.add).double(), torch.randn(6, 4, dtype=torch.float64)
    beside = nn.Sequential(model.one, model.norm)
    expected = layer_by_layer(beside, images, [[0, 1]])
    for add in (torch.add, Tensor.add_):
        model.add = add
        found = mas_local(model, images)
        for name, value in zip(("one.weight", "one.bias", "norm.weight", "norm.bias"), expected.values(), strict=True):
            torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-12, msg=name)


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


class Odd(nn.Module):
    def __init__(self, use: Callable[[nn.Linear, Tensor], Tensor]):
        super().__init__()
        self.layer, self.use = nn.Linear(3, 3), use

    def forward(self, x: Tensor) -> Tensor:
        return self.use(self.layer, x)


def both(layer: nn.Linear, x: Tensor) -> Tensor:
    y = layer(x)
    return y.relu() + y


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (nn.Sequential(nn.Linear(3, 2), nn.PReLU()), r"no rule for 1 \(PReLU\)"),
        (Odd(lambda layer, x: F.linear(x, layer.weight)), "layer layer computes: linear reads its weight"),
        (Odd(lambda layer, x: layer(x) * torch.sigmoid(layer(x))), "layer layer computes: what mul makes"),
        (Odd(both), "layer layer computes: its output goes to its activation and to add"),
        (Odd(lambda layer, x: (y := layer(x)) * (y > 0)), "layer layer computes: what gt makes"),
        (Odd(lambda layer, x: torch.maximum(layer(x), x)), "layer layer computes: what maximum makes"),
        (
            nn.Sequential(parametrizations.weight_norm(nn.Linear(3, 2))),
            r"no rule for 0 \(ParametrizedLinear\)",
        ),
    ],
)
def test_what_cannot_be_followed_is_refused_in_one_sentence_that_names_the_layer(model, sentence):
    with pytest.raises(ValueError, match=sentence):
        mas_local(model, torch.randn(4, 3))
