"""The exercises of notebook 03: importance image by image, where an anchored weight ends, and Hebb's rule."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from ..seeds import seeded
from .checking import Comparison, drawn, exercise, normal, seeded_settings, uniform


def _networks() -> Iterator[tuple[nn.Module, nn.Parameter, Tensor]]:
    """A network, the weight of one of its layers, and images (N, 4)."""
    for seed, layer in enumerate((0, 2, 2)):
        with seeded(("03-omega", seed)):
            model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).double()
        images = normal(torch.Generator().manual_seed(seed), 9, 4)
        yield model, model.get_parameter(f"{layer}.weight"), images


def _of(
    measure: Callable[[Tensor], Tensor], scalar: Callable[[Tensor], Tensor] = lambda output: output.square().sum()
) -> Callable[[nn.Module, Tensor, Tensor], Tensor]:
    """A measure (*shape) of the gradients (N, *shape) of a scalar of each image's output."""

    def importance(model: nn.Module, weight: Tensor, images: Tensor) -> Tensor:
        return measure(torch.stack([torch.autograd.grad(scalar(model(one)), weight)[0] for one in images.split(1)]))

    return importance


# MAS, eq. 2, with section 4.1's squared norm: the mean of the absolute gradients of single images.
omega = _of(lambda g: g.abs().mean(0))

_OMEGA_MISTAKES = (
    (_of(lambda g: g.mean(0).abs()), "That is the absolute gradient of the whole batch, where images of opposite sign "
     "cancel. Take each image's absolute value before the mean."),
    (_of(lambda g: g.sum(0).abs()), "That is the absolute gradient of the whole batch, and not yet divided by N."),
    (_of(lambda g: g.mean(0)), "The absolute value is missing: an importance is never below zero."),
    (_of(lambda g: g.abs().sum(0)), "You sum over the images; eq. 2 divides by their number."),
    (_of(lambda g: g.cumsum(0).abs().mean(0)), "The gradients of earlier images are still in weight.grad: backward() "
     "adds up. Set it to None before each image."),
    (_of(lambda g: g.square().mean(0)), "You square the gradient; that is how the Fisher information begins."),
    (_of(lambda g: g.abs().mean(0), lambda output: output.norm()), "You left out the square of the norm in eq. 2."),
    (_of(lambda g: g.abs().mean(0), lambda output: output.square().mean()), "Sum the squares: a norm is no mean."),
    (_of(lambda g: g.abs().mean(0), lambda output: output.sum()), "That is the gradient of the sum of the outputs; "
     "take that of the sum of their squares."),
)  # fmt: skip

exercise(
    "03-omega",
    "for each image alone: torch.autograd.grad(model(image.unsqueeze(0)).square().sum(), weight)[0], then its "
    "absolute value; the mean of these.",
    "That is eq. 2, without a single label. cl.importance.mas computes the same without the loop.",
    Comparison(omega, _networks, _OMEGA_MISTAKES),
)


def compromise(new: Tensor, curvature: Tensor, last: Tensor, omegas: Tensor, lam: float) -> Tensor:
    """The weights (P,) at which curvature/2 (w - new)^2 + lam/2 sum_t Omega_t (w - last)^2 is least (MAS, eq. 3)."""
    pull = lam * omegas.sum(0)
    return (curvature * new + pull * last) / (curvature + pull)


def _compromises() -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor, float]]:
    for draw, (tasks, lam) in seeded_settings((2, 0.5), (3, 4.0), (1, 0.1)):
        new, last = normal(draw, 5), normal(draw, 5)
        curvature, omegas = 0.5 + uniform(draw, 5), uniform(draw, tasks, 5)
        omegas[:, 0] = 0  # a weight that no task needs
        yield new, curvature, last, omegas, lam


_ANCHOR_MISTAKES = (
    (lambda n, a, p, o, lam: compromise(n, a, p, o, 1.0), "λ does nothing yet."),
    (lambda n, a, p, o, lam: compromise(n, a, p, o, lam / 2), "The derivative of λ/2 Ω (θ - θ*)² is λ Ω (θ - θ*): no "
     "half is left, as none is left of the new task's."),
    (lambda n, a, p, o, lam: compromise(n, a, p, o, 2 * lam), "The factor 1/2 of the new task's loss is gone after the "
     "derivative; yours still has it."),
    (lambda n, a, p, o, lam: compromise(n, a, p, o, lam / len(o)), "You average the old Ω; MAS adds them up."),
    (lambda n, a, p, o, lam: compromise(n, a, p, o[-1:], lam), "Only the last task's Ω pulls: add up all of them."),
    (lambda n, a, p, o, lam: compromise(p, a, n, o, lam), "Old and new are swapped: a large Ω keeps the old place."),
    (lambda n, a, p, o, lam: a * n + lam * o.sum(0) * p, "Divide by the sum of the two weights, as a mean does."),
)  # fmt: skip

exercise(
    "03-anchor",
    "set the derivative to zero: curvature (w - new) + λ (sum of the tasks' Ω) (w - last) = 0, and solve for w.",
    "A weighted mean: where Ω is 0 the new task decides alone, where λΩ is large nothing moves.",
    Comparison(compromise, _compromises, _ANCHOR_MISTAKES),
)


def hebb(inputs: Tensor, outputs: Tensor) -> Tensor:
    """Omega (O, I) of a linear layer from its inputs (N, I) and its outputs after the ReLU (N, O) (MAS, eq. 6)."""
    return 2 * outputs.T @ inputs / len(inputs)


def _activities() -> list[tuple[Tensor, Tensor]]:
    """Inputs (N, I) and outputs (N, O) of a layer, after a ReLU."""
    settings = drawn([(8, 5), (8, 3)], [(6, 4), (6, 4)], [(5, 2), (5, 6)])
    return [(inputs.relu(), outputs.relu()) for inputs, outputs in settings]


_HEBB_MISTAKES = (
    (lambda x, y: hebb(x, y) / 2, "That is Hebb's rule itself, eq. 7. Eq. 6 has a factor 2."),
    (lambda x, y: len(x) * hebb(x, y), "You sum over the images: divide by their number."),
    (lambda x, y: 2 * y.mean(0).outer(x.mean(0)), "You multiply the means. Neurons that never fire together would "
     "count: multiply image by image, then take the mean."),
    (lambda x, y: 2 * (y > 0).to(y).T @ (x > 0).to(x) / len(x), "You count how often both fire; eq. 6 "
     "multiplies how strongly."),
)  # fmt: skip


def _transposed(shape: tuple, inputs: Tensor, outputs: Tensor) -> str | None:
    words = "Your Ω is transposed: a weight matrix has a row for each output and a column for each input."
    return words if shape == (inputs.shape[1], outputs.shape[1]) else None


exercise(
    "03-hebb",
    "a sum over images of products y_j y_i is one product of two matrices: outputs.T @ inputs.",
    "Eq. 6 from activations alone: no backward pass, no label, no other layer.",
    Comparison(hebb, _activities, _HEBB_MISTAKES, _transposed),
)
