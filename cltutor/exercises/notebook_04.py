"""The exercises of notebook 04: a Grad-CAM map, distillation by sigmoids in full, and the drift of attention."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..attention import drift, weighted
from ..losses.distillation import sigmoid, sigmoid_as_printed
from .checking import Comparison, NotYet, call, drawn, exercise, numbers, uniform


def _weighted(maps: Tensor, gradient: Tensor) -> Tensor:
    return gradient.mean((2, 3), keepdim=True) * maps


_CAM_MISTAKES = (
    (lambda m, g: _weighted(m, g).sum(1), "The ReLU is missing: evidence against the class is not attention."),
    (lambda m, g: F.relu(_weighted(m, g)).sum(1), "Add up the channels first, then take the ReLU: a channel that "
     "speaks against the class must be able to cancel one that speaks for it."),
    (lambda m, g: F.relu(_weighted(m, g).mean(1)), "Sum over the channels; α·A is a dot product, not a mean."),
    (lambda m, g: F.relu((g.sum((2, 3), keepdim=True) * m).sum(1)), "You sum the gradient over positions; global "
     "average pooling takes the mean."),
    (lambda m, g: F.relu((g * m).sum(1)), "You multiply position by position. Take the mean of the gradient over all "
     "positions first: each channel has one α."),
    (lambda m, g: F.relu((g.mean((0, 2, 3), keepdim=True) * m).sum(1)), "Your α is a mean over images: every image has "
     "its own."),
    (lambda m, g: _weighted(m, g).sum(1).abs(), "That is an absolute value; a ReLU sets what is below zero to zero."),
    (lambda m, g: weighted(g, m), "The two are swapped: α is the mean of the gradient, and it weights the maps."),
)  # fmt: skip

exercise(
    "04-cam",
    "alpha = gradient.mean((2, 3), keepdim=True) is one number per channel; weight the maps by it, sum over the "
    "channels (dimension 1), then torch.relu.",
    "That is eq. 2. cl.attention.grad_cam also gets the maps and the gradient out of the network.",
    Comparison(weighted, lambda: drawn(2 * [(3, 4, 2, 3)], 2 * [(2, 5, 4, 4)], 2 * [(4, 3, 3, 2)]), _CAM_MISTAKES),
)


def _logits() -> list[tuple[Tensor, Tensor]]:
    return [(2 * student, 2 * teacher) for student, teacher in drawn(2 * [(4, 3)], 2 * [(2, 6)], 2 * [(5, 2)])]


_HELD_MISTAKES = (
    (sigmoid_as_printed, "That is eq. 1 as printed, lowest for a student that says yes to everything. Add the other "
     "half, (1 - y') log (1 - ŷ')."),
    (lambda s, t: -sigmoid(s, t), "The sign: a loss is minus the logarithm of a probability."),
    (lambda s, t: sigmoid(t, s), "Student and teacher are swapped: the teacher's answers are the targets."),
    (lambda s, t: sigmoid(s, t) / s.shape[1], "You take the mean over the classes; eq. 1 sums over them."),
    (lambda s, t: sigmoid(s, t) * s.shape[0], "You sum over the images: take their mean."),
    (lambda s, t: F.cross_entropy(s, t.softmax(1)), "That is a softmax, in which the classes compete. Here each class "
     "has its own sigmoid."),
    (lambda s, t: sigmoid(s, t.sigmoid()), "The teacher's sigmoid is taken twice."),
    (lambda s, t: F.binary_cross_entropy_with_logits(s, t, reduction="none").sum(1).mean(), "The teacher's logits are "
     "no probabilities yet: take their sigmoid."),
)  # fmt: skip

exercise(
    "04-held",
    "with y = teacher.sigmoid() and p = student.sigmoid(): -(y * p.log() + (1 - y) * (1 - p).log()), summed over "
    "classes (dimension 1), then the mean over images.",
    "Its slope is ŷ' - y', zero only where student and teacher agree.",
    Comparison(sigmoid, _logits, _HELD_MISTAKES),
)


def _pairs() -> list[tuple[Tensor, ...]]:
    return drawn(2 * [(3, 4, 4)], 2 * [(5, 2, 3)], 2 * [(2, 3, 3)], by=uniform)


def _distance(
    norm: Callable[[Tensor], Tensor | int] = lambda flat: flat.norm(dim=1, keepdim=True),
    end: Callable[[Tensor], Tensor] = lambda gap: gap.abs().sum(1),
) -> Callable[[Tensor, Tensor], Tensor]:
    """Eq. 6 with another norm of a map, or another sum of the difference."""

    def distance(before: Tensor, now: Tensor) -> Tensor:
        one, other = before.flatten(1), now.flatten(1)
        return end(one / norm(one) - other / norm(other))

    return distance


_DRIFT_MISTAKES = (
    (_distance(lambda flat: 1), "Normalise each map first: larger activations alone are no change of attention."),
    (_distance(lambda flat: flat.sum(1, keepdim=True)), "You divide by the sum of a map; eq. 6 divides by its L2 norm, "
     "the root of the sum of squares."),
    (_distance(lambda flat: flat.amax(1, keepdim=True)), "You divide by the largest value; eq. 6 takes the L2 norm."),
    (_distance(lambda flat: flat.norm()), "Your norm is that of the whole batch: every map is divided by its own."),
    (_distance(lambda flat: flat.square().sum(1, keepdim=True)), "You divide by the squared norm: take the root."),
    (_distance(end=lambda gap: gap.square().sum(1)), "You square the differences; eq. 6 takes absolute values."),
    (_distance(end=lambda gap: gap.norm(dim=1)), "That is the L2 distance; eq. 6 takes L1, the sum of absolute "
     "values. L2 only normalises."),
    (_distance(end=lambda gap: gap.abs().mean(1)), "Eq. 6 sums over the positions; you take the mean."),
    (_distance(end=lambda gap: gap.sum(1)), "The absolute value is missing: differences of opposite sign cancel."),
)  # fmt: skip


def _one_number(shape: tuple, *case: Tensor) -> str | None:
    return None if shape else "Give one number per image, (N,); the mean over the batch comes later."


def _finite_for_a_zero_map(answer: Any) -> None:
    before, now = _pairs()[0]
    now[0] = 0
    if not torch.isfinite(numbers(call(answer, (before, now)))).all():
        raise NotYet("Right, but for a map that is zero everywhere, as the ReLU can leave it: 0 / 0 is not a number. "
                     "Keep the norm above zero, by .clamp(min=1e-6) for instance.")  # fmt: skip


exercise(
    "04-drift",
    "flatten(1) makes each map a vector; divide it by its norm (dim=1, keepdim=True), kept above zero by "
    ".clamp(min=1e-6); then the sum of absolute differences.",
    "That is eq. 6 for each image. Its mean over a batch is the loss, its mean over test images the drift.",
    Comparison(drift, _pairs, _DRIFT_MISTAKES, _one_number),
    _finite_for_a_zero_map,
)
