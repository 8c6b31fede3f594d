"""Notebook 04's exercises: a mistake that learners make is told apart from the others, and named."""

import pytest
import torch
from torch.nn import functional as F

from cltutor import attention
from cltutor.exercises import check
from cltutor.exercises.notebook_04 import grad_cam
from cltutor.losses.distillation import sigmoid


def hint(exercise, answer) -> str:
    told = check(exercise, answer)
    assert not told.passed
    return told.message


def cam(maps, gradient):
    alpha = gradient.mean((2, 3), keepdim=True)
    return (alpha * maps).sum(1).relu()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda m, g: (g.mean((2, 3), keepdim=True) * m).sum(1), "The ReLU is missing"),
        (lambda m, g: (g.mean((2, 3), keepdim=True) * m).relu().sum(1), "Add up the channels first"),
        (lambda m, g: cam(m, g) / m.shape[1], "Sum over the channels"),
        (lambda m, g: cam(m, g) * m.shape[2] * m.shape[3], "global average pooling takes the mean"),
        (lambda m, g: (g * m).sum(1).relu(), "position by position"),
        (lambda m, g: (g.mean((0, 2, 3), keepdim=True) * m).sum(1).relu(), "every image has its own"),
        (lambda m, g: (g.mean((2, 3), keepdim=True) * m).sum(1).abs(), "an absolute value"),
        (lambda m, g: cam(g, m), "swapped"),
        (lambda m, g: cam(m, g).square(), "differs"),
        (lambda m, g: cam(m, g).sum(), "shape ()"),
    ],
)
def test_typical_mistakes_of_grad_cam_are_recognised(wrong, told):
    assert told in hint("04-cam", wrong)


def test_the_map_that_is_asked_for_is_that_of_the_package():
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(64, 3))
    images = torch.rand(5, 1, 6, 6)
    maps = model[:2](images)
    (gradient,) = torch.autograd.grad(model[2:](maps)[:, 1].sum(), maps)
    torch.testing.assert_close(grad_cam(maps, gradient), attention.grad_cam(model, images, 1, "1"))
    assert check("04-cam", cam).passed


def held(student, teacher):
    y, p = teacher.sigmoid(), student.sigmoid()
    return -(y * p.log() + (1 - y) * (1 - p).log()).sum(1).mean()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda s, t: -(t.sigmoid() * s.sigmoid().log()).sum(1).mean(), "eq. 1 as printed"),
        (lambda s, t: -held(s, t), "The sign"),
        (lambda s, t: held(t, s), "swapped"),
        (lambda s, t: held(s, t) / s.shape[1], "eq. 1 sums over them"),
        (lambda s, t: held(s, t) * len(s), "You sum over the images"),
        (lambda s, t: F.cross_entropy(s, t.softmax(1)), "That is a softmax"),
        (lambda s, t: held(s, t.sigmoid()), "twice"),
        (lambda s, t: F.binary_cross_entropy_with_logits(s, t, reduction="none").sum(1).mean(), "no probabilities yet"),
        (lambda s, t: (s - t).square().mean(), "differs"),
    ],
)
def test_typical_mistakes_of_distillation_by_sigmoids_are_recognised(wrong, told):
    assert told in hint("04-held", wrong)


def test_distillation_in_full_is_least_at_the_teacher():
    student, teacher = torch.randn(2, 3, 4, dtype=torch.float64)
    torch.testing.assert_close(held(student, teacher), sigmoid(student, teacher))
    at = teacher.clone().requires_grad_()
    assert torch.autograd.grad(held(at, teacher), at)[0].abs().max() < 1e-12
    assert check("04-held", held).passed


def drift(before, now, norm=lambda q: q.norm(dim=1, keepdim=True).clamp(min=1e-6), end=lambda gap: gap.abs().sum(1)):
    before, now = before.flatten(1), now.flatten(1)
    return end(before / norm(before) - now / norm(now))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda b, n: drift(b, n, lambda q: 1), "Normalise each map first"),
        (lambda b, n: drift(b, n, lambda q: q.sum(1, keepdim=True)), "by the sum of a map"),
        (lambda b, n: drift(b, n, lambda q: q.amax(1, keepdim=True)), "by the largest value"),
        (lambda b, n: drift(b, n, lambda q: q.norm()), "that of the whole batch"),
        (lambda b, n: drift(b, n, lambda q: q.square().sum(1, keepdim=True)), "the root is missing"),
        (lambda b, n: drift(b, n, end=lambda gap: gap.square().sum(1)), "You square the differences"),
        (lambda b, n: drift(b, n, end=lambda gap: gap.norm(dim=1)), "That is the L2 distance"),
        (lambda b, n: drift(b, n, end=lambda gap: gap.abs().mean(1)), "you take the mean"),
        (lambda b, n: drift(b, n, end=lambda gap: gap.sum(1)), "opposite sign cancel"),
        (lambda b, n: drift(b, n).mean(), "Give one number an image"),
        (lambda b, n: drift(b, n, lambda q: q.norm(dim=1, keepdim=True)), "0 / 0 is not a number"),
        (lambda b, n: b - n, "it should be (3,)"),
        (lambda b, n: drift(b, n).exp(), "differs"),
    ],
)
def test_typical_mistakes_of_drift_are_recognised(wrong, told):
    assert told in hint("04-drift", wrong)


def test_the_drift_that_is_asked_for_is_that_of_the_package():
    before, now = torch.rand(2, 4, 3, 3)
    torch.testing.assert_close(drift(before, now), attention.drift(before, now))
    assert check("04-drift", drift).passed
    assert check("04-drift", attention.drift).passed


@pytest.mark.parametrize("exercise", ["04-cam", "04-held", "04-drift"])
def test_an_answer_that_is_not_begun_gets_the_hint(exercise):
    assert "There is no answer here yet. Hint:" in hint(exercise, lambda one, other: ...)
