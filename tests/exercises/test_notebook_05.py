"""Notebook 05's exercises: a mistake that learners make is told apart from the others, and named."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from cltutor import memory
from cltutor.evaluation.predicting import class_means
from cltutor.exercises import check
from cltutor.exercises.notebook_05 import cross_distilled, greedy, nearest
from cltutor.losses import CrossEntropy, Distillation, distillation
from cltutor.losses.terms import Batch, Context
from cltutor.networks import MultiHead, SmallCNN


def hint(exercise, answer) -> str:
    told = check(exercise, answer)
    assert not told.passed
    return told.message


def herd(features, n, target=None, gap=lambda mean, own: (mean - own.mean(0)).norm(), best=min, repeats=False):
    mean, chosen = features.mean(0) if target is None else target, []
    for _ in range(n):
        left = [i for i in range(len(features)) if repeats or i not in chosen]
        chosen.append(best(left, key=lambda i: gap(mean, features[[*chosen, i]])))
    return chosen


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda f, n: memory.closest(f, n), "sorts the images by their own distance"),
        (lambda f, n: (f - f.mean(0)).norm(dim=1).argsort()[-n:].flip(0), "farthest from the class mean"),
        (lambda f, n: herd(f, n, repeats=True), "chosen twice"),
        (lambda f, n: herd(f, n, best=max), "min, not max"),
        (lambda f, n: herd(f, n)[::-1], "reverse order"),
        (lambda f, n: sorted(herd(f, n)), "Keep the order of choice"),
        (lambda f, n: herd(f, n, gap=lambda m, own: (m - own.sum(0)).norm()), "Compare means"),
        (lambda f, n: herd(f, n, gap=lambda m, own: (m - own.sum(0) / max(len(own) - 1, 1)).norm()),
         "divide their sum"),
        (lambda f, n: herd(f, n, gap=lambda m, own: (own[: max(len(own) - 1, 1)].mean(0) - own[-1]).norm()), "target"),
        (lambda f, n: herd(f, n, target=torch.zeros(f.shape[1]).double()), "differs"),
        (lambda f, n: memory.random(f, n), "differs"),
        (lambda f, n: herd(f, len(f))[-n:], "differs"),
        (lambda f, n: herd(f, n)[:-1], "in order; yours has shape"),
        (lambda f, n: f[herd(f, n)], "in order; yours has shape"),
        (lambda f, n: (f - f.mean(0)).norm(dim=1)[:n], "whole numbers from 0"),
        (lambda f, n: [i + 1 for i in herd(f, n)], "whole numbers from 0"),
        (lambda f, n: herd(f, n)[0], "in order; yours has shape ()"),
    ],
)  # fmt: skip
def test_typical_mistakes_of_herding_are_recognised(wrong, told):
    assert told in hint("05-herding", wrong)


def test_herding_by_brute_force_is_that_of_the_package():
    features = F.normalize(torch.rand(30, 5, dtype=torch.float64), dim=1)
    assert greedy(features, 12) == memory.herding(features, 12).tolist() == herd(features, 12)
    assert check("05-herding", herd).passed
    assert check("05-herding", memory.herding).passed
    assert check("05-herding", lambda f, n: tuple(herd(f, n))).passed


def held(one, other, temperature=2.0):
    return distillation(one, other, temperature)


def loss(x, y, b, s, held=held, heads=lambda found: found, end=sum, own=slice(None), learned=F.cross_entropy):
    old = x[own, : sum(s)]
    pairs = zip(old.split(s, 1), b[own].split(s, 1), strict=True)
    return learned(x, y) + end(heads([held(*pair) for pair in pairs]))


def distilled(held):
    return lambda x, y, b, s: loss(x, y, b, s, held)


def soft(one, other, student, teacher):
    return -((other / teacher).softmax(1) * (one / student).log_softmax(1)).sum(1).mean()


def new_classes(x, y, b, s):
    new = y >= sum(s)
    return loss(x, y, b, s, learned=lambda x, y: F.cross_entropy(x[new, sum(s) :], y[new] - sum(s)))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda x, y, b, s: F.cross_entropy(x, y), "L_C alone"),
        (lambda x, y, b, s: loss(x, y, b, s, learned=lambda x, y: 0), "the distillation alone"),
        (distilled(lambda one, other: held(one, other, 1.0)), "The temperature is missing"),
        (distilled(lambda one, other: 4 * held(one, other)), "T squared"),
        (distilled(lambda one, other: held(one, other, 0.5)), "upside down"),
        (distilled(lambda one, other: soft(one, other, 1, 2)), "Only the teacher has the temperature"),
        (distilled(lambda one, other: soft(one, other, 2, 1)), "Only the student has the temperature"),
        (distilled(lambda one, other: held(one, other, 4.0)), "Your temperature is 4"),
        (lambda x, y, b, s: loss(x, y, b, s, heads=lambda found: found[:1]), "An old head is missing"),
        (lambda x, y, b, s: loss(x, y, b, s, heads=lambda found: found[-1:]), "An old head is missing"),
        (lambda x, y, b, s: loss(x, y, b, s, heads=lambda found: found[:-1]), "An old head is missing"),
        (lambda x, y, b, s: loss(x, y, b, s, heads=lambda found: found[1:]), "An old head is missing"),
        (lambda x, y, b, s: loss(x, y, b, s, end=lambda found: sum(found) / len(found)), "the mean over the old heads"),
        (lambda x, y, b, s: loss(x, y, b, [sum(s)]), "One softmax over all old classes"),
        (lambda x, y, b, s: loss(x, y, b, s, own=y < sum(s)), "The new images are missing"),
        (lambda x, y, b, s: F.cross_entropy(x, y) + loss(x, y, b, s, own=y < sum(s), learned=lambda x, y: 0)
         * (y < sum(s)).double().mean(), "The new images are missing"),
        (lambda x, y, b, s: loss(x, y, b, s, own=y >= sum(s)), "The exemplars are missing"),
        (lambda x, y, b, s: loss(x, y, b, s, learned=lambda x, y: F.cross_entropy(x[y >= sum(s)], y[y >= sum(s)])),
         "of the new images only"),
        (lambda x, y, b, s: loss(x, y, b, s, learned=lambda x, y: F.cross_entropy(x[y < sum(s)], y[y < sum(s)])),
         "of the exemplars only"),
        (new_classes, "over the new classes only"),
        (distilled(lambda x, y: F.kl_div((x / 2).log_softmax(1), (y / 2).softmax(1), reduction="batchmean")),
         "Kullback-Leibler"),
        (distilled(lambda one, other: F.cross_entropy(one, other.argmax(1))), "the teacher's best class"),
        (distilled(lambda one, other: held(other, one)), "swapped"),
        (distilled(lambda one, other: -held(one, other)), "The sign"),
        (distilled(lambda one, other: held(one, other) / one.shape[1]), "the mean over the classes"),
        (distilled(lambda one, other: held(one, other) * len(one)), "You sum L_D over the images"),
        (lambda x, y, b, s: loss(x, y, b, s) * len(x), "You sum over the images"),
        (lambda x, y, b, s: loss(x, y, b, s, learned=lambda x, y: F.cross_entropy(x / 2, y)), "L_C has a temperature"),
        (lambda x, y, b, s: loss(x, y, b, s, learned=lambda x, y: F.cross_entropy(x, y, reduction="sum")),
         "You sum L_C"),
        (lambda x, y, b, s: loss(x, y, b.softmax(1), s), "differs"),
        (distilled(lambda one, other: (one - other).square().mean()), "differs"),
        (lambda x, y, b, s: loss(x, y, b, s, learned=lambda x, y: F.cross_entropy(x, y, reduction="none")),
         "shape (8,)"),
        (lambda x, y, b: F.cross_entropy(x, y), "stopped with TypeError"),
    ],
)  # fmt: skip
def test_typical_mistakes_of_the_cross_distilled_loss_are_recognised(wrong, told):
    assert told in hint("05-loss", wrong)


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
    assert float(loss(*inputs)) == pytest.approx(total)
    assert check("05-loss", loss).passed


def test_the_loss_that_is_asked_for_is_that_of_the_recipe():
    torch.manual_seed(0)
    student, teacher = (MultiHead(SmallCNN()).build((1, 8, 8)) for _ in range(2))
    for network, sizes in ((student, (2, 3, 2)), (teacher, (2, 3))):
        for size in sizes:
            network.grow(size, ["?"] * size)
    images, labels = torch.randint(256, (6, 1, 8, 8), dtype=torch.uint8), torch.tensor([0, 4, 5, 6, 2, 6])
    before = teacher(images)
    task_of = torch.tensor([0, 0, 1, 1, 1, 2, 2])
    batch = Batch(
        Context(student, 2, "class"), images, labels, torch.arange(6), [0, 1, 2], task_of, "class",
        {"task": lambda batch: before},
    )  # fmt: skip
    by_package = CrossEntropy()(batch, {}) + Distillation(2.0)(batch, {})
    torch.testing.assert_close(cross_distilled(batch.student.logits, labels, before.logits, [2, 3]), by_package)


def unit(rows):
    return rows / rows.norm(dim=1, keepdim=True)


def classify(f, e, y, images=unit, exemplars=unit, means=unit, mean=lambda rows: rows.mean(0)):
    found = torch.stack([mean(exemplars(e)[y == k]) for k in range(int(y.max()) + 1)])
    return torch.cdist(images(f), means(found)).argmin(1)


def same(rows):
    return rows


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda f, e, y: classify(f, e, y, same, same, same), "Make features and exemplars vectors of length one"),
        (lambda f, e, y: classify(f, e, y, unit, same, same), "not of length one before their mean"),
        (lambda f, e, y: classify(f, e, y, unit, same, unit), "afterwards is not enough"),
        (lambda f, e, y: classify(f, e, y, unit, unit, same), "make the means of length one, too"),
        (lambda f, e, y: classify(f, e, y, same, unit, same), "only the exemplars are"),
        (lambda f, e, y: (unit(f) @ torch.stack([unit(e)[y == k].mean(0) for k in y.unique()]).T).argmax(1),
         "grows with its length"),
        (lambda f, e, y: classify(f, e, y, unit, unit, same, lambda rows: rows.sum(0)), "sums of exemplars"),
        (lambda f, e, y: y[torch.cdist(unit(f), unit(e)).argmin(1)], "the nearest exemplar"),
        (lambda f, e, y: torch.cdist(unit(f), class_means(e, y, int(y.max()) + 1)).argmax(1), "farthest mean"),
        (lambda f, e, y: torch.cdist(unit(f), class_means(e, y, int(y.max()) + 1)), "Give the class"),
        (lambda f, e, y: classify(f, e, y).flip(0), "differs"),
        (lambda f, e, y: classify(f, e, y, mean=lambda rows: rows.median(0).values), "differs"),
        (lambda f, e, y: classify(f, e, y, mean=lambda rows: rows[0]), "differs"),
        (lambda f, e, y: classify(f, e, y)[:-1], "it should be (80,)"),
        (lambda f, e, y: "three", "numbers were expected"),
    ],
)  # fmt: skip
def test_typical_mistakes_of_the_nearest_mean_are_recognised(wrong, told):
    assert told in hint("05-nearest", wrong)


def test_the_nearest_mean_that_is_asked_for_is_that_of_the_package():
    features, exemplars, labels = torch.randn(50, 4), torch.randn(12, 4), torch.arange(12) % 3
    distances = torch.cdist(unit(features), class_means(exemplars, labels, 3))
    assert torch.equal(nearest(features, exemplars, labels), distances.argmin(1))
    assert check("05-nearest", classify).passed
    assert check("05-nearest", lambda f, e, y: classify(f, e, y, images=same)).passed, (
        "an image's own length is no matter"
    )


@pytest.mark.parametrize("exercise", ["05-herding", "05-loss", "05-nearest"])
def test_an_answer_that_is_not_begun_gets_the_hint(exercise):
    assert "There is no answer here yet. Hint:" in hint(exercise, lambda *inputs: ...)
