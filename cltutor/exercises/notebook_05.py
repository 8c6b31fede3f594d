"""The exercises of notebook 05: herding, the cross-distilled loss, and the nearest mean of exemplars."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..losses import distillation
from .checking import Comparison, NotYet, call, exercise, normal, numbers, seeded_settings, uniform

Gap = Callable[[Tensor, list[int], int], Tensor]  # (features, places chosen so far, place of a candidate)


def _chosen_by(gap: Gap, repeats: bool = False) -> Callable[[Tensor, int], list[int]]:
    """n times, the image not yet chosen (or any, with ``repeats``) for which ``gap`` is smallest."""

    def choose(features: Tensor, n: int) -> list[int]:
        chosen: list[int] = []
        for _ in range(n):
            left = [i for i in range(len(features)) if repeats or i not in chosen]
            chosen.append(min(left, key=lambda i: float(gap(features, chosen, i))))
        return chosen

    return choose


def _gap(f: Tensor, chosen: list[int], i: int) -> Tensor:
    return (f.mean(0) - f[[*chosen, i]].mean(0)).norm()


# Herding by brute force: try every remaining image (iCaRL, Algorithm 4; EEIL, section 3.1).
greedy = _chosen_by(_gap)


_HERDING_MISTAKES = (
    (lambda f, n: (f - f.mean(0)).norm(dim=1).argsort()[:n], "That sorts the images by their own distance to the class "
     "mean: right for the first, but all are alike then. Herding looks at the mean of the chosen together with the "
     "candidate."),
    (lambda f, n: (f - f.mean(0)).norm(dim=1).argsort(descending=True)[:n], "Those are the images farthest from the "
     "class mean."),
    (_chosen_by(_gap, repeats=True), "An image is chosen twice: leave out those that are chosen already."),
    (_chosen_by(lambda f, chosen, i: -_gap(f, chosen, i)), "You take the candidate whose mean is farthest; the nearest "
     "is wanted: min, not max."),
    (lambda f, n: greedy(f, n)[::-1], "The right images in the reverse order. The first chosen comes first: a memory "
     "that shrinks drops the end."),
    (lambda f, n: sorted(greedy(f, n)), "The right images, but sorted by their place. Keep the order of choice: a "
     "memory that shrinks drops the end."),
    (_chosen_by(lambda f, chosen, i: (f.mean(0) - f[[*chosen, i]].sum(0) / max(len(chosen), 1)).norm()), "With the "
     "candidate there are k images, so divide their sum by k, not by the number chosen before."),
    (_chosen_by(lambda f, chosen, i: (f.mean(0) - f[[*chosen, i]].sum(0)).norm()), "Compare means: divide the sum of "
     "the chosen and the candidate by their number."),
    (_chosen_by(lambda f, chosen, i: (f[chosen or [i]].mean(0) - f[i]).norm()), "You look for the image nearest to the "
     "mean of the chosen. The target is the mean of the whole class."),
)  # fmt: skip


def _classes() -> Iterator[tuple[Tensor, int]]:
    """Features of length one, (N, D), and how many to choose; no two choices are nearly tied."""
    for draw, (count, size, n) in seeded_settings((9, 3, 4), (12, 4, 6), (7, 5, 7), (15, 2, 5)):
        mean = normal(draw, size)
        yield F.normalize(mean + normal(draw, count, size), dim=1), n


def _places(answer: Any) -> None:
    for features, n in _classes():
        count, given = len(features), numbers(call(answer, (features, n)))
        if given.ndim != 1 or len(given) != n:
            raise NotYet(f"Give the places of the {n} chosen images, in order; yours has shape {tuple(given.shape)}.")
        if not bool(((given == given.round()) & (given >= 0) & (given < count)).all()):
            raise NotYet(f"Give places, whole numbers from 0 to {count - 1}, not distances or features.")


exercise(
    "05-herding",
    "n times: for each image i not chosen yet, the mean of features[chosen + [i]]; append the i whose mean has "
    "the least .norm() of its difference to features.mean(0).",
    "That is herding, by brute force. The package's form needs one matrix-vector product per choice.",
    _places,
    Comparison(greedy, _classes, _HERDING_MISTAKES),
)


Distance = Callable[[Tensor, Tensor], Tensor]  # of a head's logits and its teacher's (N, classes)
_distilled = partial(distillation, temperature=2.0)


def _heads(logits: Tensor, before: Tensor, sizes: list[int], distance: Distance = _distilled) -> Tensor:
    """L_D of each old head (F,)."""
    pairs = zip(logits[:, : sum(sizes)].split(sizes, 1), before.split(sizes, 1), strict=True)
    return torch.stack([distance(*pair) for pair in pairs])


def _with(
    distance: Distance = _distilled,
    learned: Callable[[Tensor, Tensor, int], Tensor] = lambda x, y, old: F.cross_entropy(x, y),
    heads: Callable[[Tensor], Tensor] = torch.sum,
    on: Callable[[Tensor, int], Tensor] = lambda labels, old: labels >= 0,
) -> Callable[..., Tensor]:
    """The loss with another L_D of a head, another L_C, another sum over the heads (F,), or distilled on some images.

    ``learned`` and ``on``, which returns the images (N,) bool, also get the number of old classes.
    """

    def loss(x: Tensor, y: Tensor, b: Tensor, s: list[int]) -> Tensor:
        own = on(y, sum(s))
        return learned(x, y, sum(s)) + heads(_heads(x[own], b[own], s, distance))

    return loss


# L_C over all classes, and an L_D for each old head at temperature 2 (EEIL, eq. 1 to 3).
cross_distilled = _with()
_NEW = (
    "The new images are missing from the distillation. In section 4 the old model is a teacher on every image, new "
    "ones too: all give both gradients."
)
_LOSS_MISTAKES = (
    (_with(heads=lambda found: 0 * found.sum()), "That is L_C alone: the sum over the old heads is missing."),
    (_with(learned=lambda x, y, old: 0 * x.sum()), "That is the distillation alone: L_C, the cross-entropy, is "
     "missing."),
    (_with(partial(distillation, temperature=1.0)), "The temperature is missing: eq. 3 compares the "
     "softmax of logits / 2."),
    (_with(lambda s, t: 4 * _distilled(s, t)), "You multiply by T squared, as other papers do; eq. 3 has no such "
     "factor."),
    (_with(partial(distillation, temperature=0.5)), "The temperature is upside down: divide the "
     "logits by 2, do not multiply."),
    (_with(lambda s, t: F.cross_entropy(s, (t / 2).softmax(1))), "Only the teacher has the temperature in yours."),
    (_with(lambda s, t: F.cross_entropy(s / 2, t.softmax(1))), "Only the student has the temperature in yours."),
    *((_with(partial(distillation, temperature=t)), f"Your temperature is {t}; the paper's T is 2.")
      for t in (3, 4, 5, 10)),
    *((_with(heads=heads), "An old head is missing: eq. 1 sums over all F of them.") for heads in
      (lambda d: d[0], lambda d: d[-1], lambda d: d[:-1].sum(), lambda d: d[1:].sum())),
    (_with(heads=torch.mean), "Eq. 1 sums the old heads; you average them."),
    (lambda x, y, b, s: cross_distilled(x, y, b, [sum(s)]), "One softmax over all old classes: eq. 1 gives each old "
     "head its own. Split by sizes first."),
    (_with(on=lambda y, old: y < old), _NEW),
    (lambda x, y, b, s: F.cross_entropy(x, y) + _heads(x[y < sum(s)], b[y < sum(s)], s).sum()
     * (y < sum(s)).double().mean(), _NEW),
    (_with(on=lambda y, old: y >= old), "The exemplars are missing from the distillation: it needs all images."),
    (_with(learned=lambda x, y, old: F.cross_entropy(x[y >= old], y[y >= old])), "L_C is of the new images only: eq. 2 "
     "is for the exemplars as well."),
    (_with(learned=lambda x, y, old: F.cross_entropy(x[y < old], y[y < old])), "L_C is of the exemplars only: eq. 2 is "
     "for the new images as well."),
    (_with(learned=lambda x, y, old: F.cross_entropy(x[y >= old, old:], y[y >= old] - old)), "L_C is over the new "
     "classes only, not over all."),
    (_with(lambda s, t: _distilled(s, t) - _distilled(t, t)), "You subtract the teacher's entropy (the "
     "Kullback-Leibler divergence). Its slope is the same, but eq. 3 is a cross-entropy."),
    (_with(lambda s, t: F.cross_entropy(s, t.argmax(1))), "You distil the teacher's best class. Eq. 3 takes all its "
     "probabilities, the small ones too."),
    (_with(lambda s, t: _distilled(t, s)), "Student and teacher are swapped: the targets, pdist, come from before."),
    (_with(lambda s, t: -_distilled(s, t)), "The sign of the distillation: it is minus the logarithm."),
    (_with(lambda s, t: _distilled(s, t) / s.shape[1]), "You take the mean over the classes; eq. 3 sums over them."),
    (_with(lambda s, t: _distilled(s, t) * len(s)), "You sum L_D over the images: take their mean."),
    (lambda x, y, b, s: cross_distilled(x, y, b, s) * len(y), "You sum over the images: take their mean, 1/N."),
    (_with(learned=lambda x, y, old: F.cross_entropy(x / 2, y)), "L_C has a temperature: only L_D has one."),
    (_with(learned=lambda x, y, old: F.cross_entropy(x, y, reduction="sum")), "You sum L_C over the images: take their "
     "mean."),
)  # fmt: skip


def _batches() -> Iterator[tuple[Tensor, Tensor, Tensor, list[int]]]:
    """Logits (N, C), labels (N,), the teacher's logits (N, old), and the sizes of the old heads."""
    settings = (([2, 3, 2], 3, 8), ([3, 2], 2, 6), ([2], 4, 7), ([2, 2, 3, 2], 2, 9))
    for draw, (sizes, new, count) in seeded_settings(*settings):
        old = sum(sizes)
        logits, before = 2 * normal(draw, count, old + new), 2 * normal(draw, count, old)
        labels = torch.randint(old + new, (count,), generator=draw)
        labels[0], labels[1] = 0, old  # exemplars and new images are both there
        yield logits, labels, before, sizes


def _one_number(shape: tuple, *case: Any) -> str:
    return f"Give one number for the batch, the mean over its images; yours has shape {shape}."


exercise(
    "05-loss",
    "F.cross_entropy(logits, labels), plus, for each old head (split logits[:, :sum(sizes)] and before by sizes "
    "along dimension 1): minus the sum over classes of softmax(before / 2) times log_softmax(logits / 2), then the "
    "mean over images.",
    "That is eq. 1: every image trains the old classes, by its label and by the outputs of the old model.",
    Comparison(cross_distilled, _batches, _LOSS_MISTAKES, _one_number),
)


def nearest(features: Tensor, exemplars: Tensor, labels: Tensor) -> Tensor:
    """The class (N,) whose mean of exemplars, all of length one, is nearest (iCaRL, Algorithm 1)."""
    return _nearest_to(_unit(features), _unit(_means(_unit(exemplars), labels)))


def _means(rows: Tensor, labels: Tensor, of: Callable[..., Tensor] = torch.mean) -> Tensor:
    return torch.stack([of(rows[labels == k], 0) for k in range(int(labels.max()) + 1)])


def _nearest_to(rows: Tensor, means: Tensor) -> Tensor:
    return torch.cdist(rows, means).argmin(1)


def _unit(rows: Tensor) -> Tensor:
    return F.normalize(rows, dim=1)


_NEAREST_MISTAKES = (
    (lambda f, e, y: _nearest_to(f, _means(e, y)), "Make features and exemplars vectors of length one first: an image "
     "with large features would otherwise weigh more."),
    (lambda f, e, y: _nearest_to(_unit(f), _means(e, y)), "The exemplars are not of length one before their mean."),
    (lambda f, e, y: _nearest_to(_unit(f), _unit(_means(e, y))), "The exemplars are not of length one before their "
     "mean is taken; afterwards is not enough."),
    (lambda f, e, y: _nearest_to(_unit(f), _means(_unit(e), y)), "The mean of vectors of length one is shorter than "
     "one, and the shorter the more its class is spread: make the means of length one, too."),
    (lambda f, e, y: _nearest_to(f, _means(_unit(e), y)), "Make the images' features and the means of length one, too: "
     "only the exemplars are."),
    (lambda f, e, y: (_unit(f) @ _means(_unit(e), y).T).argmax(1), "The means are not of length one: the product with "
     "a mean grows with its length."),
    (lambda f, e, y: _nearest_to(_unit(f), _means(_unit(e), y, torch.sum)), "You use sums of exemplars: take means of "
     "length one."),
    (lambda f, e, y: y[_nearest_to(_unit(f), _unit(e))], "That is the nearest exemplar: take class means first."),
    (lambda f, e, y: torch.cdist(_unit(f), _unit(_means(_unit(e), y))).argmax(1), "That is the farthest mean: argmin "
     "for distances, argmax only for products."),
)  # fmt: skip


def _memories() -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Features (N, D), exemplars (M, D) and their classes (M,), whose lengths and spreads differ by class."""
    for draw, (classes, size) in seeded_settings((4, 3), (3, 2), (6, 4)):
        centres = normal(draw, classes, size)
        labels = torch.cat([torch.full((2 + 3 * k,), k) for k in range(classes)])
        labels = labels[torch.randperm(len(labels), generator=draw)]
        spread = 0.3 + uniform(draw, classes, 1)
        noise = normal(draw, len(labels), size)
        lengths = (1.5 * normal(draw, len(labels), 1)).exp()
        features = 3 * normal(draw, 80, size)
        yield features, lengths * (centres[labels] + spread[labels] * noise), labels


def _distances(shape: tuple, features: Tensor, exemplars: Tensor, labels: Tensor) -> str | None:
    words = "Those are distances to all classes, (N, classes). Give the class of the nearest mean, (N,)."
    return words if shape == (len(features), int(labels.max()) + 1) else None


exercise(
    "05-nearest",
    "make rows of length one by x / x.norm(dim=1, keepdim=True); the mean of exemplars[labels == k] for each "
    "class k, of length one again; then torch.cdist(features, means).argmin(dim=1).",
    "That is iCaRL's classifier: no weight of the last layer takes part in it.",
    Comparison(nearest, _memories, _NEAREST_MISTAKES, _distances),
)
