"""The exercises of notebook 05: herding, the cross-distilled loss, and the nearest mean of exemplars."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .checking import NotYet, call, examine, exercise, numbers


def _gaps(rows: Tensor, n: int, gap) -> list[int]:
    """One of the images not chosen yet, n times: that for which ``gap(rows, chosen, candidate)`` is least."""
    chosen: list[int] = []
    for _ in range(n):
        left = [i for i in range(len(rows)) if i not in chosen]
        chosen.append(min(left, key=lambda i: float(gap(rows, chosen, i))))
    return chosen


def greedy(features: Tensor, n: int) -> list[int]:
    """Herding by brute force: try every image that is left (iCaRL, Algorithm 4; EEIL, section 3.1)."""
    return _gaps(features, n, lambda f, chosen, i: (f.mean(0) - f[[*chosen, i]].mean(0)).norm())


def _by_distance(features: Tensor, n: int, farthest: bool = False) -> Tensor:
    return (features - features.mean(0)).norm(dim=1).argsort(descending=farthest)[:n]


def _with_repeats(features: Tensor, n: int) -> list[int]:
    chosen: list[int] = []
    for _ in range(n):
        gaps = [(features.mean(0) - features[[*chosen, i]].mean(0)).norm() for i in range(len(features))]
        chosen.append(int(torch.stack(gaps).argmin()))
    return chosen


def _sum_divided_late(f: Tensor, chosen: list[int], i: int) -> Tensor:
    return (f.mean(0) - f[[*chosen, i]].sum(0) / max(len(chosen), 1)).norm()


_HERDING_MISTAKES = (
    (_by_distance, "That sorts the images by their own distance to the class mean: right for the first, but all are "
     "alike then. Herding looks at the mean of the chosen together with the candidate."),
    (lambda f, n: _by_distance(f, n, True), "Those are the images farthest from the class mean."),
    (_with_repeats, "An image is chosen twice: leave out those that are chosen already."),
    (lambda f, n: _gaps(f, n, lambda f, chosen, i: -(f.mean(0) - f[[*chosen, i]].mean(0)).norm()), "You take the "
     "candidate whose mean is farthest; the nearest is wanted: min, not max."),
    (lambda f, n: greedy(f, n)[::-1], "The right images in the reverse order. The first chosen comes first: a memory "
     "that shrinks drops the end."),
    (lambda f, n: sorted(greedy(f, n)), "The right images, but sorted by their place. Keep the order of choice: a "
     "memory that shrinks drops the end."),
    (lambda f, n: _gaps(f, n, _sum_divided_late), "With the candidate there are k images, so divide their sum by k, "
     "not by the number chosen before."),
    (lambda f, n: _gaps(f, n, lambda f, chosen, i: (f.mean(0) - f[[*chosen, i]].sum(0)).norm()), "Compare means: "
     "divide the sum of the chosen and the candidate by their number."),
    (lambda f, n: _gaps(f, n, lambda f, chosen, i: (f[chosen or [i]].mean(0) - f[i]).norm()), "You look for the image "
     "nearest to the mean of the chosen. The target is the mean of the whole class."),
)  # fmt: skip


def _classes() -> list[tuple[Tensor, int]]:
    """Features of length one, (N, D), and how many to choose; no two choices are nearly tied."""
    cases = []
    for seed, (count, size, n) in enumerate(((9, 3, 4), (12, 4, 6), (7, 5, 7), (15, 2, 5))):
        draw = torch.Generator().manual_seed(seed)
        mean = torch.randn(size, generator=draw, dtype=torch.float64)
        cases.append((F.normalize(mean + torch.randn((count, size), generator=draw, dtype=torch.float64), dim=1), n))
    return cases


@exercise(
    "05-herding",
    "n times: for each image i not chosen yet, the mean of features[chosen + [i]]; append the i whose mean has the "
    "least .norm() of its difference to features.mean(0).",
    "That is herding, by brute force. The package's form needs one product of a matrix with a vector a choice.",
)
def _herding(answer: object) -> None:
    for features, n in _classes():
        given = numbers(call(answer, (features.clone(), n)))
        if given.ndim != 1 or len(given) != n:
            raise NotYet(f"Give the places of the {n} chosen images, in order; yours has shape {tuple(given.shape)}.")
        if not bool(((given == given.round()) & (given >= 0) & (given < len(features))).all()):
            raise NotYet(f"Give places, whole numbers from 0 to {len(features) - 1}, not distances or features.")
    examine(answer, greedy, _classes(), _HERDING_MISTAKES)


Batch = tuple[Tensor, Tensor, Tensor, list[int]]  # logits (N, C), labels (N,), teacher's (N, old), sizes of old heads


def softened(logits: Tensor, temperature: float) -> Tensor:
    """Probabilities raised to 1/T and made to sum to one again (EEIL, eq. 3)."""
    raised = torch.softmax(logits, 1) ** (1 / temperature)
    return raised / raised.sum(1, keepdim=True)


def _held(one: Tensor, other: Tensor, temperature: float = 2.0) -> Tensor:
    return -(softened(other, temperature) * softened(one, temperature).log()).sum(1).mean()


def _heads(logits: Tensor, before: Tensor, sizes: list[int], held=_held) -> list[Tensor]:
    """The distillation of each old head."""
    old = logits[:, : sum(sizes)]
    return [held(*pair) for pair in zip(old.split(sizes, 1), before.split(sizes, 1), strict=True)]


def cross_distilled(logits: Tensor, labels: Tensor, before: Tensor, sizes: list[int]) -> Tensor:
    """L_C over all classes, and an L_D for each old head at temperature 2 (EEIL, eq. 1 to 3)."""
    return _entropy(logits, labels) + sum(_heads(logits, before, sizes))


def _entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return -torch.softmax(logits, 1)[range(len(labels)), labels].log().mean()


def _with(held, entropy=_entropy):
    """The loss with another distance between a head and its teacher, or another L_C."""
    return lambda x, y, b, s: entropy(x, y) + sum(_heads(x, b, s, held))


def _only(which):
    """The loss with the heads that ``which`` leaves, out of the list of their distillations."""
    return lambda x, y, b, s: _entropy(x, y) + sum(which(_heads(x, b, s)))


def _held_on(which):
    """The loss with distillation on the images that ``which(labels, old)`` leaves."""
    return lambda x, y, b, s: _entropy(x, y) + sum(_heads(x[own := which(y, sum(s))], b[own], s))


def _learned_on(which):
    """The loss with L_C on the images that ``which(labels, old)`` leaves."""
    return lambda x, y, b, s: _entropy(x[own := which(y, sum(s))], y[own]) + sum(_heads(x, b, s))


def _spread_over(x: Tensor, y: Tensor, b: Tensor, s: list[int]) -> Tensor:
    """Distillation summed over the exemplars only, divided by the whole batch."""
    own = y < sum(s)
    return _entropy(x, y) + sum(_heads(x[own], b[own], s)) * own.sum() / len(y)


def _new_alone(x: Tensor, y: Tensor, b: Tensor, s: list[int]) -> Tensor:
    """L_C over the new classes, on the images that show one."""
    old = sum(s)
    return _entropy(x[y >= old, old:], y[y >= old] - old) + sum(_heads(x, b, s))


def _sides(student: float, teacher: float):
    return lambda one, other: -(softened(other, teacher) * softened(one, student).log()).sum(1).mean()


_T = (
    "The temperature is missing: eq. 3 compares probabilities raised to 1/T, T = 2, which is the softmax of logits / 2."
)
_NEW = (
    "The new images are missing from the distillation. Section 4 asks the old model about every image, new ones too: "
    "all give both gradients."
)
_LOSS_MISTAKES = (
    (lambda x, y, b, s: _entropy(x, y), "That is L_C alone: the sum over the old heads is missing."),
    (lambda x, y, b, s: sum(_heads(x, b, s)), "That is the distillation alone: L_C, the cross-entropy, is missing."),
    (_with(_sides(1, 1)), _T),
    (_with(lambda one, other: 4 * _held(one, other)), "Distillation is multiplied by T squared, as other papers do; "
     "eq. 3 has no such factor."),
    (_with(lambda one, other: _held(one, other, 0.5)), "The temperature is upside down: divide the logits by 2 (or "
     "raise probabilities to 1/2), do not multiply."),
    (_with(_sides(1, 2)), "Only the teacher has the temperature: qdist, of the student, has it as well."),
    (_with(_sides(2, 1)), "Only the student has the temperature: pdist, of the teacher, has it as well."),
    *((_with(lambda one, other, t=t: _held(one, other, t)), f"Your temperature is {t}; the paper's T is 2.")
      for t in (3, 4, 5, 10)),
    *((_only(lambda heads, which=which: heads[which]), "An old head is missing: eq. 1 sums over all F of them.")
      for which in (slice(1), slice(-1, None), slice(-1), slice(1, None))),
    (_only(lambda heads: [sum(heads) / len(heads)]), "You take the mean over the old heads; eq. 1 sums them."),
    (lambda x, y, b, s: _entropy(x, y) + _held(x[:, : sum(s)], b), "One softmax over all old classes: "
     "eq. 1 gives each old head its own. Split by sizes first."),
    (_held_on(lambda y, old: y < old), _NEW),
    (_spread_over, _NEW),
    (_held_on(lambda y, old: y >= old), "The exemplars are missing from the distillation: it runs "
     "over all images."),
    (_learned_on(lambda y, old: y >= old), "L_C is of the new images only: eq. 2 is for the exemplars as well."),
    (_learned_on(lambda y, old: y < old), "L_C is of the exemplars only: eq. 2 is for the new images as well."),
    (_new_alone, "L_C is over the new classes only: in eq. 2 all classes seen compete, on all images."),
    (_with(lambda one, other: _held(one, other) - _held(other, other)), "You subtract the teacher's entropy (the "
     "Kullback-Leibler divergence). Its slope is the same, but eq. 3 is a cross-entropy."),
    (_with(lambda one, other: F.cross_entropy(one, other.argmax(1))), "You distil the teacher's best class. Eq. "
     "3 takes all its probabilities, the small ones too."),
    (_with(lambda one, other: _held(other, one)), "Student and teacher are swapped: pdist, the targets, come from the "
     "old model, which is before."),
    (_with(lambda one, other: -_held(one, other)), "The sign of the distillation: it is minus the logarithm."),
    (_with(lambda one, other: _held(one, other) / one.shape[1]), "You take the mean over the classes of a head; eq. 3 "
     "sums over them."),
    (_with(lambda one, other: _held(one, other) * len(one)), "You sum L_D over the images: take their mean, 1/N."),
    (lambda x, y, b, s: cross_distilled(x, y, b, s) * len(y), "You sum over the images: take their mean, 1/N."),
    (_with(_held, lambda x, y: _entropy(x / 2, y)), "L_C has a temperature in yours: only the distillation has one."),
    (_with(_held, lambda x, y: _entropy(x, y) * len(y)), "You sum L_C over the images: take their mean, 1/N."),
)  # fmt: skip


def _batches() -> list[Batch]:
    cases = []
    for seed, (sizes, new, count) in enumerate((([2, 3, 2], 3, 8), ([3, 2], 2, 6), ([2], 4, 7), ([2, 2, 3, 2], 2, 9))):
        draw, old = torch.Generator().manual_seed(seed), sum(sizes)
        logits = 2 * torch.randn((count, old + new), generator=draw, dtype=torch.float64)
        before = 2 * torch.randn((count, old), generator=draw, dtype=torch.float64)
        labels = torch.randint(old + new, (count,), generator=draw)
        labels[0], labels[1] = 0, old  # exemplars and new images are both there
        cases.append((logits, labels, before, sizes))
    return cases


@exercise(
    "05-loss",
    "F.cross_entropy(logits, labels), plus, for each old head (split logits[:, :sum(sizes)] and before by sizes along "
    "dimension 1): minus the sum over classes of softmax(before / 2) times log_softmax(logits / 2), then the mean over "
    "images.",
    "That is eq. 1: an old class is asked of on every image, by its label and by what the old model said.",
)
def _loss(answer: object) -> None:
    given = numbers(call(answer, [v.clone() if isinstance(v, Tensor) else list(v) for v in _batches()[0]]))
    if given.shape != ():
        raise NotYet(f"Give one number for the batch, the mean over its images; yours has shape {tuple(given.shape)}.")
    examine(answer, cross_distilled, _batches(), _LOSS_MISTAKES)


def nearest(features: Tensor, exemplars: Tensor, labels: Tensor) -> Tensor:
    """The class (N,) whose mean of exemplars, all of length one, is nearest (iCaRL, Algorithm 1)."""
    means = _means(F.normalize(exemplars, dim=1), labels)
    return _nearest_to(F.normalize(features, dim=1), F.normalize(means, dim=1))


def _means(rows: Tensor, labels: Tensor) -> Tensor:
    return torch.stack([rows[labels == k].mean(0) for k in range(int(labels.max()) + 1)])


def _nearest_to(rows: Tensor, means: Tensor) -> Tensor:
    return torch.cdist(rows, means).argmin(1)


def _unit(rows: Tensor) -> Tensor:
    return F.normalize(rows, dim=1)


def _farthest(features: Tensor, exemplars: Tensor, labels: Tensor) -> Tensor:
    return torch.cdist(_unit(features), _unit(_means(_unit(exemplars), labels))).argmax(1)


def _sums(rows: Tensor, labels: Tensor) -> Tensor:
    return torch.stack([rows[labels == k].sum(0) for k in range(int(labels.max()) + 1)])


_NEAREST_MISTAKES = (
    (lambda f, e, y: _nearest_to(f, _means(e, y)), "Make features and exemplars vectors of length one first: an image "
     "with large features would otherwise weigh more."),
    (lambda f, e, y: _nearest_to(_unit(f), _means(e, y)), "The exemplars are not of length one before their mean is "
     "taken."),
    (lambda f, e, y: _nearest_to(_unit(f), _unit(_means(e, y))), "The exemplars are not of length one before their "
     "mean is taken; afterwards is not enough."),
    (lambda f, e, y: _nearest_to(_unit(f), _means(_unit(e), y)), "The mean of vectors of length one is shorter than "
     "one, and the shorter the more its class is spread: make the means of length one, too."),
    (lambda f, e, y: _nearest_to(f, _means(_unit(e), y)), "Make the images' features and the means of length one, too: "
     "only the exemplars are."),
    (lambda f, e, y: (_unit(f) @ _means(_unit(e), y).T).argmax(1), "The means are not of length one: the product with "
     "a mean grows with its length."),
    (lambda f, e, y: _nearest_to(_unit(f), _sums(_unit(e), y)), "You compare with sums of exemplars: take means, and "
     "make them of length one."),
    (lambda f, e, y: y[_nearest_to(_unit(f), _unit(e))], "That is the nearest exemplar. Take the mean of each class's "
     "exemplars first."),
    (_farthest, "That is the farthest mean: argmin for distances, argmax only for products."),
)  # fmt: skip


def _memories() -> list[tuple[Tensor, Tensor, Tensor]]:
    """Features (N, D), exemplars (M, D) and their classes (M,), whose lengths and spreads differ by class."""
    cases = []
    for seed, (classes, size) in enumerate(((4, 3), (3, 2), (6, 4))):
        draw = torch.Generator().manual_seed(seed)
        centres = torch.randn((classes, size), generator=draw, dtype=torch.float64)
        labels = torch.cat([torch.full((2 + 3 * k,), k) for k in range(classes)])
        labels = labels[torch.randperm(len(labels), generator=draw)]
        spread = 0.3 + torch.rand((classes, 1), generator=draw, dtype=torch.float64)
        noise = torch.randn((len(labels), size), generator=draw, dtype=torch.float64)
        lengths = (1.5 * torch.randn((len(labels), 1), generator=draw, dtype=torch.float64)).exp()
        features = torch.randn((80, size), generator=draw, dtype=torch.float64)
        cases.append((3 * features, lengths * (centres[labels] + spread[labels] * noise), labels))
    return cases


@exercise(
    "05-nearest",
    "make rows of length one by x / x.norm(dim=1, keepdim=True); the mean of exemplars[labels == k] for each class k, "
    "of length one again; then torch.cdist(features, means).argmin(dim=1).",
    "That is iCaRL's classifier: no weight of the last layer takes part in it.",
)
def _nearest(answer: object) -> None:
    features, exemplars, labels = (value.clone() for value in _memories()[0])
    given, count = numbers(call(answer, (features, exemplars, labels))), int(labels.max()) + 1
    if given.shape == (len(features), count):
        raise NotYet("Those are distances to all classes, (N, classes). Give the class of the nearest mean, (N,).")
    examine(answer, nearest, _memories(), _NEAREST_MISTAKES)
