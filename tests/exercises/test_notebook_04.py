"""Notebook 04's exercises: mistakes written as learners write them, and the package's own functions."""

import pytest
import torch
from torch.nn import functional as F

from cltutor.exercises import check


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
        ("04-held", lambda s, t: -(t.sigmoid() * s.sigmoid().log()).sum(1).mean(), "eq. 1 as printed"),
        ("04-held", lambda s, t: F.cross_entropy(s, t.softmax(1)), "That is a softmax"),
        ("04-held", lambda s, t: held(s, t.sigmoid()), "twice"),
        ("04-drift", lambda b, n: drift(b, n, lambda q: q.sum(1, keepdim=True)), "by the sum of a map"),
        ("04-drift", lambda b, n: drift(b, n, lambda q: q.norm()), "that of the whole batch"),
        ("04-drift", lambda b, n: drift(b, n, end=lambda gap: gap.norm(dim=1)), "That is the L2 distance"),
        ("04-drift", lambda b, n: drift(b, n).mean(), "Give one number per image"),
        ("04-drift", lambda b, n: drift(b, n, lambda q: q.norm(dim=1, keepdim=True)), "0 / 0 is not a number"),
    ],
)
def test_a_mistake_is_recognised(hint, exercise, wrong, words):
    assert words in hint(exercise, wrong)


@pytest.mark.parametrize(("exercise", "written"), [("04-cam", cam), ("04-held", held), ("04-drift", drift)])
def test_what_a_learner_writes_after_the_equation_is_right(exercise, written):
    assert check(exercise, written).passed


def test_distillation_in_full_is_least_at_the_teacher():
    teacher = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.grad(held(teacher, teacher.detach()), teacher)[0].abs().max() < 1e-12
