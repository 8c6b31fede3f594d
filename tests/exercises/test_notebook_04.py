"""Notebook 04's exercises: mistakes written as learners write them, and the package's own functions."""

import pytest
import torch
from torch.nn import functional as F

from cltutor import attention
from cltutor.exercises import check
from cltutor.exercises.notebook_04 import grad_cam
from cltutor.losses.distillation import sigmoid


def cam(maps, gradient):
    return (gradient.mean((2, 3), keepdim=True) * maps).sum(1).relu()


def held(student, teacher):
    y, p = teacher.sigmoid(), student.sigmoid()
    return -(y * p.log() + (1 - y) * (1 - p).log()).sum(1).mean()


def drift(before, now, norm=lambda q: q.norm(dim=1, keepdim=True).clamp(min=1e-6), end=lambda gap: gap.abs().sum(1)):
    before, now = before.flatten(1), now.flatten(1)
    return end(before / norm(before) - now / norm(now))


@pytest.mark.parametrize(
    ("exercise", "wrong", "words"),
    [
        ("04-cam", lambda m, g: (g.mean((0, 2, 3), keepdim=True) * m).sum(1).relu(), "every image has its own"),
        ("04-cam", lambda m, g: cam(g, m), "swapped"),
        ("04-cam", lambda m, g: cam(m, g).square(), "differs"),
        ("04-cam", lambda m, g: cam(m, g).sum(), "shape ()"),
        ("04-held", lambda s, t: -(t.sigmoid() * s.sigmoid().log()).sum(1).mean(), "eq. 1 as printed"),
        ("04-held", lambda s, t: F.cross_entropy(s, t.softmax(1)), "That is a softmax"),
        ("04-held", lambda s, t: held(s, t.sigmoid()), "twice"),
        ("04-held", lambda s, t: (s - t).square().mean(), "differs"),
        ("04-drift", lambda b, n: drift(b, n, lambda q: q.sum(1, keepdim=True)), "by the sum of a map"),
        ("04-drift", lambda b, n: drift(b, n, lambda q: q.norm()), "that of the whole batch"),
        ("04-drift", lambda b, n: drift(b, n, end=lambda gap: gap.norm(dim=1)), "That is the L2 distance"),
        ("04-drift", lambda b, n: drift(b, n).mean(), "Give one number per image"),
        ("04-drift", lambda b, n: drift(b, n, lambda q: q.norm(dim=1, keepdim=True)), "0 / 0 is not a number"),
        ("04-drift", lambda b, n: b - n, "it should be (3,)"),
        ("04-drift", lambda b, n: drift(b, n).exp(), "differs"),
    ],
)
def test_a_mistake_is_recognised(hint, exercise, wrong, words):
    assert words in hint(exercise, wrong)


def test_the_right_map_is_that_of_the_package():
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(64, 3))
    images = torch.rand(5, 1, 6, 6)
    maps = model[:2](images)
    (gradient,) = torch.autograd.grad(model[2:](maps)[:, 1].sum(), maps)
    torch.testing.assert_close(grad_cam(maps, gradient), attention.grad_cam(model, images, 1, "1"))
    assert check("04-cam", cam).passed


def test_distillation_in_full_is_least_at_the_teacher():
    student, teacher = torch.randn(2, 3, 4, dtype=torch.float64)
    torch.testing.assert_close(held(student, teacher), sigmoid(student, teacher))
    at = teacher.clone().requires_grad_()
    assert torch.autograd.grad(held(at, teacher), at)[0].abs().max() < 1e-12
    assert check("04-held", held).passed


def test_the_right_drift_is_that_of_the_package():
    before, now = torch.rand(2, 4, 3, 3)
    torch.testing.assert_close(drift(before, now), attention.drift(before, now))
    assert check("04-drift", drift).passed
    assert check("04-drift", attention.drift).passed
