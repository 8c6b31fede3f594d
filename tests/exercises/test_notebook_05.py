"""Notebook 05's exercises: mistakes written as learners write them, and the package's own functions."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from cltutor import memory
from cltutor.evaluation.predicting import class_means
from cltutor.exercises import check
from cltutor.exercises.notebook_05 import cross_distilled, greedy, nearest
from cltutor.losses import distillation


def herd(features, n, gap=lambda mean, own: (mean - own.mean(0)).norm(), best=min, repeats=False):
    mean, chosen = features.mean(0), []
    for _ in range(n):
        left = [i for i in range(len(features)) if repeats or i not in chosen]
        chosen.append(best(left, key=lambda i: gap(mean, features[[*chosen, i]])))
    return chosen


def loss(x, y, b, s, held=distillation, heads=lambda found: found, own=slice(None)):
    old = x[own, : sum(s)]
    pairs = zip(old.split(s, 1), b[own].split(s, 1), strict=True)
    return F.cross_entropy(x, y) + sum(heads([held(*pair, 2.0) for pair in pairs]))


def kl(one, other, t):
    return F.kl_div((one / t).log_softmax(1), (other / t).softmax(1), reduction="batchmean")


def unit(rows):
    return rows / rows.norm(dim=1, keepdim=True)


def same(rows):
    return rows


def classify(f, e, y, images=unit, exemplars=unit, means=unit):
    found = torch.stack([exemplars(e)[y == k].mean(0) for k in range(int(y.max()) + 1)])
    return torch.cdist(images(f), means(found)).argmin(1)


@pytest.mark.parametrize(
    ("exercise", "wrong", "words"),
    [
        ("05-herding", lambda f, n: memory.closest(f, n), "sorts the images by their own distance"),
        ("05-herding", lambda f, n: herd(f, n, repeats=True), "chosen twice"),
        ("05-herding", lambda f, n: herd(f, n, best=max), "min, not max"),
        ("05-herding", lambda f, n: herd(f, n, gap=lambda m, own: (m - own.sum(0)).norm()), "Compare means"),
        ("05-herding", lambda f, n: f[herd(f, n)], "in order; yours has shape"),
        ("05-herding", lambda f, n: (f - f.mean(0)).norm(dim=1)[:n], "whole numbers from 0"),
        ("05-herding", lambda f, n: [i + 1 for i in herd(f, n)], "whole numbers from 0"),
        ("05-loss", lambda x, y, b, s: loss(x, y, b, s, heads=lambda found: found[:-1]), "An old head is missing"),
        ("05-loss", lambda x, y, b, s: loss(x, y, b, [sum(s)]), "One softmax over all old classes"),
        ("05-loss", lambda x, y, b, s: loss(x, y, b, s, own=y < sum(s)), "The new images are missing"),
        ("05-loss", lambda x, y, b, s: loss(x, y, b, s, own=y >= sum(s)), "The exemplars are missing"),
        ("05-loss", lambda x, y, b, s: loss(x, y, b, s, kl), "Kullback-Leibler"),
        ("05-nearest", lambda f, e, y: classify(f, e, y, same, same, same), "Make features and exemplars vectors of"),
        ("05-nearest", lambda f, e, y: classify(f, e, y, unit, same, same), "not of length one before their mean"),
        ("05-nearest", lambda f, e, y: classify(f, e, y, unit, same, unit), "afterwards is not enough"),
        ("05-nearest", lambda f, e, y: classify(f, e, y, unit, unit, same), "make the means of length one, too"),
        ("05-nearest", lambda f, e, y: classify(f, e, y, same, unit, same), "only the exemplars are"),
        ("05-nearest", lambda f, e, y: torch.cdist(unit(f), class_means(e, y, int(y.max()) + 1)), "Give the class"),
    ],
)
def test_a_mistake_is_recognised(hint, exercise, wrong, words):
    assert words in hint(exercise, wrong)


def test_herding_by_brute_force_is_that_of_the_package():
    features = F.normalize(torch.rand(30, 5, dtype=torch.float64), dim=1)
    assert greedy(features, 12) == memory.herding(features, 12).tolist() == herd(features, 12)
    assert check("05-herding", herd).passed
    assert check("05-herding", memory.herding).passed


def test_the_loss_by_hand():
    logits, before = np.array([[1.0, 0.0, 2.0], [0.5, -1.0, 0.0]]), np.array([[2.0, 0.0], [0.0, 1.0]])
    labels = [2, 0]
    total = 0.0
    for x, y, b in zip(logits, labels, before, strict=True):
        total -= np.log(np.exp(x[y]) / np.exp(x).sum()) / 2
        p, q = (np.sqrt(np.exp(v) / np.exp(v).sum()) for v in (b, x[:2]))
        total -= (p / p.sum() * np.log(q / q.sum())).sum() / 2
    inputs = (torch.tensor(logits), torch.tensor(labels), torch.tensor(before), [2])
    assert float(cross_distilled(*inputs)) == pytest.approx(total)
    assert check("05-loss", loss).passed


def test_the_right_nearest_mean_is_that_of_the_package():
    features, exemplars, labels = torch.randn(50, 4), torch.randn(12, 4), torch.arange(12) % 3
    distances = torch.cdist(unit(features), class_means(exemplars, labels, 3))
    assert torch.equal(nearest(features, exemplars, labels), distances.argmin(1))
    assert check("05-nearest", classify).passed
    assert check("05-nearest", lambda f, e, y: classify(f, e, y, images=same)).passed, "an image's length is irrelevant"
