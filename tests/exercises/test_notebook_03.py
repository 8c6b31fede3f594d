"""Notebook 03's exercises: a mistake that learners make is told apart from the others, and named."""

import pytest
import torch

import cltutor as cl
from cltutor.exercises import check
from cltutor.exercises.notebook_03 import omega
from cltutor.losses.anchor import anchor


def hint(exercise, answer) -> str:
    told = check(exercise, answer)
    assert not told.passed
    return told.message


def loop(scalar=lambda output: output.square().sum(), each=torch.abs, end=lambda total, n: total / n):
    def written(model, weight, images):
        total = torch.zeros_like(weight)
        for image in images:
            total += each(torch.autograd.grad(scalar(model(image.unsqueeze(0))), weight)[0])
        return end(total, len(images))

    return written


def batch(model, weight, images, end=torch.mean):
    return torch.autograd.grad(end(model(images).square().sum(1)), weight)[0].abs()


def never_cleared(model, weight, images):
    total = torch.zeros_like(weight)
    for image in images:
        model(image.unsqueeze(0)).square().sum().backward()
        total += weight.grad.abs()
    return total / len(images)


def cleared(model, weight, images):
    total = torch.zeros_like(weight)
    for image in images:
        weight.grad = None
        model(image.unsqueeze(0)).square().sum().backward()
        total += weight.grad.abs()
    return total / len(images)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (batch, "where images of opposite sign cancel"),
        (lambda *a: batch(*a, end=torch.sum), "not yet divided by N"),
        (loop(each=lambda g: g), "The absolute value is missing"),
        (loop(end=lambda total, n: total), "divides by their number"),
        (never_cleared, "still in weight.grad"),
        (loop(each=torch.square), "how the Fisher information begins"),
        (loop(lambda output: output.norm()), "left out the square"),
        (loop(lambda output: output.square().mean()), "a norm has no mean in it"),
        (loop(lambda output: output.sum()), "the gradient of the sum of the outputs"),
        (lambda model, weight, images: weight.abs(), "differs"),
        (lambda model, weight, images: weight.sum(), "shape ()"),
        (lambda model, weight: weight, "stopped with TypeError"),
        (3.0, "Give the function itself"),
    ],
)
def test_typical_mistakes_of_importance_are_recognised(wrong, told):
    assert told in hint("03-omega", wrong)


def test_importance_may_be_written_with_backward_as_well_and_is_asked_twice_alike():
    for _ in range(2):
        assert check("03-omega", cleared).passed


def test_the_importance_that_is_asked_for_is_that_of_the_package():
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(6, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3))
    images = torch.randn(7, 1, 2, 3)
    found = cl.importance.mas(model, images)
    for name in ("1.weight", "3.weight"):
        torch.testing.assert_close(omega(model, model.get_parameter(name), images), found[name])


def compromise(pull=lambda lam, omegas: lam * omegas.sum(0), swap=False, mean=True):
    def written(new, curvature, last, omegas, lam):
        p = pull(lam, omegas)
        new, last = (last, new) if swap else (new, last)
        return (curvature * new + p * last) / ((curvature + p) if mean else 1)

    return written


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (compromise(lambda lam, o: o.sum(0)), "λ does nothing yet"),
        (compromise(lambda lam, o: lam / 2 * o.sum(0)), "no half is left"),
        (compromise(lambda lam, o: 2 * lam * o.sum(0)), "you kept it"),
        (compromise(lambda lam, o: lam * o.mean(0)), "MAS adds their Ω up"),
        (compromise(lambda lam, o: lam * o[-1]), "Only the last task's Ω"),
        (compromise(swap=True), "swapped"),
        (compromise(mean=False), "Divide by the sum of the two weights"),
        (lambda new, curvature, last, omegas, lam: new, "differs"),
        (lambda new, curvature, last, omegas, lam: omegas, "it should be (5,)"),
    ],
)
def test_typical_mistakes_of_the_anchor_are_recognised(wrong, told):
    assert told in hint("03-anchor", wrong)


def test_where_a_weight_ends_is_where_the_slope_of_the_loss_is_zero():
    draw = torch.Generator().manual_seed(0)
    new, last = torch.randn(2, 6, generator=draw, dtype=torch.float64)
    curvature, omegas = torch.rand(6, generator=draw).double(), torch.rand(3, 6, generator=draw).double()
    theta = compromise()(new, curvature, last, omegas, 2.0).requires_grad_()
    loss = (curvature / 2 * (theta - new).square()).sum() + 2.0 / 2 * anchor(theta, last, omegas)
    assert torch.autograd.grad(loss, theta)[0].abs().max() < 1e-12
    assert check("03-anchor", compromise()).passed


def hebb(inputs, outputs):
    return 2 * outputs.T @ inputs / len(inputs)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda x, y: y.T @ x / len(x), "Hebb's rule itself"),
        (lambda x, y: 2 * y.T @ x, "divide by their number"),
        (lambda x, y: 2 * y.mean(0).outer(x.mean(0)), "Neurons that never fire together would count"),
        (lambda x, y: 2 * (y > 0).double().T @ (x > 0).double() / len(x), "how strongly"),
        (lambda x, y: hebb(x, y).T, "transposed"),
        (lambda x, y: hebb(x, y).sum(), "shape ()"),
        (lambda x, y: hebb(x, y).square(), "differs"),
    ],
)
def test_typical_mistakes_of_hebbs_rule_are_recognised(wrong, told):
    assert told in hint("03-hebb", wrong)


def test_hebbs_rule_is_the_local_importance_of_the_package():
    layer = torch.nn.Linear(5, 4, bias=False)
    inputs = torch.rand(6, 5)
    found = cl.importance.mas_local(torch.nn.Sequential(layer, torch.nn.ReLU()), inputs)["0.weight"]
    torch.testing.assert_close(hebb(inputs, layer(inputs).relu()).detach(), found)
    assert check("03-hebb", hebb).passed


def test_checking_leaves_the_random_state_and_the_answers_inputs_alone():
    def greedy(inputs, outputs):
        value = hebb(inputs, outputs)
        inputs.zero_()
        return value

    state = torch.get_rng_state()
    assert check("03-hebb", greedy).passed
    assert check("03-omega", cleared).passed
    assert torch.equal(state, torch.get_rng_state())
