"""The exercises of notebook 02: the distillation loss, its gradient, and a recipe made of terms."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..losses import Anchor, CrossEntropy, Distillation, distillation
from ..losses.terms import Loss, Term
from ..recipe.recipe import Recipe
from .checking import Comparison, NotYet, call, drawn, exercise


def _cases() -> list[tuple[Tensor, Tensor, float]]:
    """Logits (N, C) of student and teacher, and a temperature."""
    logits = drawn(2 * [(8, 5)], 2 * [(3, 4)], 2 * [(6, 10)])
    return [(3 * student, 3 * teacher, t) for (student, teacher), t in zip(logits, (2.0, 5.0, 0.7), strict=True)]


Part = Callable[..., Tensor]  # of eq. 2


def _loss_with(
    soft: Part = lambda v, t: F.softmax(v / t, 1),
    log_soft: Part = lambda z, t: F.log_softmax(z / t, 1),
    end: Part = lambda x, y, t: x.mean(),
) -> Callable[..., Tensor]:
    """Eq. 2 with one of its parts replaced."""

    def loss(logits: Tensor, targets: Tensor, temperature: float) -> Tensor:
        y = soft(targets, temperature)
        return end(-(y * log_soft(logits, temperature)).sum(1), y, temperature)

    return loss


_LOSS_MISTAKES = (
    (_loss_with(end=lambda x, y, t: t * t * x.mean()), "There is no factor T² in eq. 2; that is Hinton's version."),
    (_loss_with(end=lambda x, y, t: -x.mean()), "The sign: eq. 2 is minus a sum of logarithms, and so is positive."),
    (_loss_with(end=lambda x, y, t: x.sum()), "You sum over the images; take the mean over the batch."),
    (_loss_with(end=lambda x, y, t: x.mean() / y.shape[1]), "Sum over the classes; the mean is over images only."),
    (_loss_with(end=lambda x, y, t: (x - torch.special.entr(y).sum(1)).mean()), "That is the Kullback-Leibler "
     "divergence. It has the same gradient, but eq. 2 is the cross-entropy: it keeps the teacher's entropy."),
    (_loss_with(soft=lambda v, t: F.softmax(v, 1)), "The teacher's probabilities need the temperature too (eq. 3)."),
    (_loss_with(log_soft=lambda z, t: F.log_softmax(z, 1)), "The student's probabilities need the temperature too."),
    (_loss_with(lambda v, t: F.softmax(v, 1), lambda z, t: F.log_softmax(z, 1)), "The temperature does nothing yet."),
    (_loss_with(lambda v, t: F.softmax(v * t, 1), lambda z, t: F.log_softmax(z * t, 1)), "Probabilities to the power "
     "1/T are the softmax of logits divided by T; you multiply."),
    (lambda z, v, t: distillation(v, z, t), "Student and teacher are swapped: the logarithm is of the student's."),
)  # fmt: skip


def _gradient_reaches_the_student_alone(answer: Any) -> None:
    for logits, targets, temperature in _cases():
        z, v = logits.requires_grad_(), targets.requires_grad_()
        loss = call(answer, (z, v, temperature))
        if not isinstance(loss, Tensor) or not loss.requires_grad:
            raise NotYet("The value is right, but no gradient reaches the student: stay in torch, and detach only "
                         "the teacher.")  # fmt: skip
        loss.backward()
        if z.grad is None:
            raise NotYet("The value is right, but no gradient reaches the student: detach only the teacher.")
        if v.grad is not None:
            raise NotYet("The value is right, but a gradient flows into the teacher: forgot targets.detach()?")


exercise(
    "02-distillation",
    "softmax(targets / T) are the teacher's probabilities of eq. 3; multiply by log_softmax(logits / T) and sum.",
    "That is eq. 2 and 3, and the teacher is a constant.",
    Comparison(distillation, _cases, _LOSS_MISTAKES),
    _gradient_reaches_the_student_alone,
)


def gradient(logits: Tensor, targets: Tensor, temperature: float, power: int = 1) -> Tensor:
    """Gradient of eq. 2, averaged over the batch, with respect to the logits (N, C)."""
    student, teacher = F.softmax(logits / temperature, 1), F.softmax(targets / temperature, 1)
    return (student - teacher) / temperature**power / len(logits)


_GRADIENT_MISTAKES = (
    (lambda z, v, t: gradient(z, v, t, 0), "The chain rule is missing: the logits enter as z / T."),
    (lambda z, v, t: gradient(z, v, t, 2), "Only one factor 1/T is written; the other is in the probabilities."),
    (lambda z, v, t: -gradient(z, v, t), "The sign: descending must bring the student towards the teacher."),
    (lambda z, v, t: len(z) * gradient(z, v, t), "The loss is a mean over images: divide by their number."),
    (lambda z, v, t: gradient(z, v, 1.0) / t, "The probabilities need the temperature too (eq. 3)."),
)

exercise(
    "02-gradient",
    "for cross-entropy and softmax the gradient is (student's minus teacher's probabilities); then the chain rule "
    "for z / T, and the mean over images.",
    "One 1/T comes from the chain rule, another from the softened probabilities: at high T the gradient falls as 1/T².",
    Comparison(gradient, _cases, _GRADIENT_MISTAKES),
)


def _recipe(answer: Any) -> None:
    if isinstance(answer, Loss | Term):
        raise NotYet("The loss alone is not yet a recipe: wrap it in cl.Recipe(name, loss=...).")
    if not isinstance(answer, Recipe):
        raise NotYet(f"The answer is a cl.Recipe, not a {type(answer).__name__}.")
    weights = {term: weight for weight, term in answer.loss.terms}
    kinds = {type(term) for term in weights}
    for kind in (CrossEntropy, Distillation, Anchor):
        if kind not in kinds:
            raise NotYet(f"The term {kind.__name__} is missing.")
    if len(answer.loss.terms) > 3:
        raise NotYet("There are more terms than the three of the equation.")
    soft = next(term for term in weights if isinstance(term, Distillation))
    if soft != replace(soft, temperature=4, kind="softmax"):
        raise NotYet(f"The distillation is eq. 2 at T = 4; yours is {soft!r}.")
    if not math.isclose(weights[soft], 0.5):
        raise NotYet(f"The weight of the distillation is 1/2, not {weights[soft]:g}.")
    penalty = next(term for term in weights if isinstance(term, Anchor))
    weight = weights[penalty]
    if math.isclose(weight, 0.01):
        raise NotYet("The penalty is λ/2 times a square: with λ = 0.01 its weight is 0.005.")
    if not math.isclose(weight, 0.005) or penalty != Anchor():
        raise NotYet(f"The penalty is 0.01 / 2 * Anchor(), not {weight:g} * {penalty!r}.")
    phases = answer.schedule.later
    if len(phases) < 2 or set(phases[0].rates) != {"new"}:
        raise NotYet("The warm-up is missing: first only the new head is trained (cl.methods.lwf().schedule).")
    if set(phases[-1].rates) != {"shared", "old", "new"}:
        raise NotYet("In the last phase everything is trained: shared weights, old heads and the new one.")


exercise(
    "02-recipe",
    "sum terms as in CrossEntropy() + 0.3 * Distillation(); the penalty on weights is cl.losses.Anchor().",
    "A method that the paper does not have, written as its equation.",
    _recipe,
)
