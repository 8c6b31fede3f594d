"""Notebook 03's exercises: mistakes written as learners write them, and the package's own importance."""

import pytest
import torch

import cltutor as cl
from cltutor.exercises import check
from cltutor.exercises.notebook_03 import compromise, hebb, omega
from cltutor.losses.anchor import anchor


def loop(scalar=lambda output: output.square().sum(), each=torch.abs):
    def written(model, weight, images):
        total = torch.zeros_like(weight)
        for image in images:
            total += each(torch.autograd.grad(scalar(model(image.unsqueeze(0))), weight)[0])
        return total / len(images)

    return written


def batch(model, weight, images, end=torch.mean):
    return torch.autograd.grad(end(model(images).square().sum(1)), weight)[0].abs()


def backward(model, weight, images, cleared=True):
    total = torch.zeros_like(weight)
    for image in images:
        weight.grad = None if cleared else weight.grad
        model(image.unsqueeze(0)).square().sum().backward()
        total += weight.grad.abs()
    return total / len(images)


@pytest.mark.parametrize(
    ("exercise", "wrong", "words"),
    [
        ("03-omega", batch, "where images of opposite sign cancel"),
        ("03-omega", lambda *a: batch(*a, end=torch.sum), "not yet divided by N"),
        ("03-omega", loop(each=lambda g: g), "The absolute value is missing"),
        ("03-omega", lambda *a: backward(*a, cleared=False), "still in weight.grad"),
        ("03-omega", loop(each=torch.square), "how the Fisher information begins"),
        ("03-omega", loop(lambda output: output.norm()), "left out the square"),
        ("03-hebb", lambda x, y: 2 * x.T @ y / len(x), "transposed"),
    ],
)
def test_a_mistake_is_recognised(hint, exercise, wrong, words):
    assert words in hint(exercise, wrong)


def test_importance_may_be_written_with_backward_as_well():
    assert check("03-omega", backward).passed
    assert check("03-omega", loop()).passed


def test_the_right_importance_is_that_of_the_package():
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(6, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3))
    images = torch.randn(7, 1, 2, 3)
    found = cl.importance.mas(model, images)
    for name in ("1.weight", "3.weight"):
        torch.testing.assert_close(omega(model, model.get_parameter(name), images), found[name])


def test_where_a_weight_ends_is_where_the_slope_of_the_loss_is_zero():
    draw = torch.Generator().manual_seed(0)
    new, last = torch.randn(2, 6, generator=draw, dtype=torch.float64)
    curvature, omegas = torch.rand(6, generator=draw).double(), torch.rand(3, 6, generator=draw).double()
    theta = compromise(new, curvature, last, omegas, 2.0).requires_grad_()
    loss = (curvature / 2 * (theta - new).square()).sum() + 2.0 / 2 * anchor(theta, last.expand(3, 6), omegas)
    assert torch.autograd.grad(loss, theta)[0].abs().max() < 1e-12


def test_hebbs_rule_is_the_local_importance_of_the_package():
    layer = torch.nn.Linear(5, 4, bias=False)
    inputs = torch.rand(6, 5)
    found = cl.importance.mas_local(torch.nn.Sequential(layer, torch.nn.ReLU()), inputs)["0.weight"]
    torch.testing.assert_close(hebb(inputs, layer(inputs).relu()).detach(), found)
