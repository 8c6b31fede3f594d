"""The exercises of notebook 08: a reservoir, a projected gradient, and aligned weights."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from ..methods.agem import projected
from .checking import Comparison, Mistake, drawn, exercise, seeded_settings


def reservoir(draws: list[int], capacity: int) -> list[int]:
    """Which image lies in each slot at the end (Vitter 1985, Algorithm R).

    Image i, from 0, comes with a whole number ``draws[i]`` from 0 to i. The first ``capacity`` images fill the slots;
    a later one takes the slot with its number, if there is one.
    """
    slots: list[int] = []
    for image, place in enumerate(draws):
        if len(slots) < capacity:
            slots.append(image)
        elif place < capacity:
            slots[place] = image
    return slots


def _filled(place: Callable[[int, int, int], int | None]) -> Callable[[list[int], int], list[int]]:
    """A memory in which image i, once all slots are full, takes the slot ``place(i, draw, capacity)``, if any."""

    def fill(draws: list[int], capacity: int) -> list[int]:
        slots = list(range(min(capacity, len(draws))))
        for image in range(capacity, len(draws)):
            if (slot := place(image, draws[image], capacity)) is not None:
                slots[slot] = image
        return slots

    return fill


_RESERVOIR_MISTAKES: tuple[Mistake, ...] = (
    (_filled(lambda image, draw, capacity: draw % capacity), "Every image gets in, so that old ones die out: take the "
     "slot only where the drawn number is below the capacity."),
    (_filled(lambda image, draw, capacity: image % capacity), "That is a memory of the newest images: the drawn number "
     "decides whether an image gets in, and where."),
    (_filled(lambda image, draw, capacity: None), "Nothing gets in once all slots are full: later tasks have none in "
     "memory."),
    (_filled(lambda image, draw, capacity: draw if draw <= capacity - 2 else None), "The last slot is never taken: "
     "it is slot capacity - 1."),
    (_filled(lambda image, draw, capacity: 0 if draw < capacity else None), "Every newcomer takes the same slot: take "
     "the one that was drawn."),
    (lambda draws, capacity: [draws[image] for image in reservoir(draws, capacity)], "Those are drawn numbers: return "
     "the numbers of the images, from 0."),
    (lambda draws, capacity: [image + 1 for image in reservoir(draws, capacity)], "You count images from 1: the first "
     "is image 0."),
)  # fmt: skip


def _streams() -> Iterator[tuple[list[int], int]]:
    """The number drawn for each image of a stream, and a capacity."""
    for draw, (count, capacity) in seeded_settings((40, 5), (25, 3), (60, 8), (12, 4)):
        yield [int(torch.randint(image + 1, (), generator=draw)) for image in range(count)], capacity


exercise(
    "08-reservoir",
    "for each image, counted from 0, and its number: append it while len(slots) < capacity; else, where the number is "
    "below capacity, slots[number] = image.",
    "Image n gets in with probability K / n, and each older one survives just as often: all have the same chance.",
    Comparison(reservoir, _streams, _RESERVOIR_MISTAKES),
)


def _always(g: Tensor, r: Tensor) -> Tensor:
    return g - (g @ r) / (r @ r) * r


_PROJECTION_MISTAKES: tuple[Mistake, ...] = (
    (_always, "You project always. Where g · r is not negative, the step already lowers the old loss: g stays."),
    (lambda g, r: g, "That is g itself: where g · r is negative, its part along r has to go."),
    (lambda g, r: _always(g, r) if g @ r > 0 else g, "The condition is turned round: project where g · r is negative."),
    (lambda g, r: g - (g @ r) * r if g @ r < 0 else g, "Divide by r · r: r does not have length one."),
    (lambda g, r: g - (g @ r) / r.norm() * r if g @ r < 0 else g, "Divide by r · r, the square of the length of r."),
    (lambda g, r: g + (g @ r) / (r @ r) * r if g @ r < 0 else g, "The sign: subtract the part along r."),
    (lambda g, r: g - (g @ r) / (g @ g) * g if g @ r < 0 else g, "You subtract a part along g: take the one along r."),
    (lambda g, r: r if g @ r < 0 else g, "That follows the old gradient alone, and the new task is not learned."),
    (lambda g, r: torch.zeros_like(g) if g @ r < 0 else g, "That gives the step up: only its part along r has to go."),
    (lambda g, r: g + r if g @ r < 0 else g, "That is replay, the sum of both gradients: only g's part along r goes."),
    (lambda g, r: (g @ r) / (r @ r) * r if g @ r < 0 else g, "That is the part along r: it is what has to go."),
)  # fmt: skip


def _gradients() -> list[tuple[Tensor, ...]]:
    """Gradients (P,) of the new task and of the memory, against each other and not."""
    pairs = drawn([(6,), (6,)], [(9,), (9,)], [(4,), (4,)])
    turned = [(g, r if g @ r < 0 else -r) for g, r in pairs]
    return [*turned, *((g, -r) for g, r in turned)]


exercise(
    "08-projection",
    "where g @ r < 0 return g - (g @ r) / (r @ r) * r, else g.",
    "That is the gradient nearest to g that does not raise the old loss, to first order.",
    Comparison(projected, _gradients, _PROJECTION_MISTAKES),
)


def aligned(old: Tensor, new: Tensor) -> Tensor:
    """The new classes' weight vectors (C, D), scaled to the mean length of the old ones (Zhao et al. 2020)."""
    return new * old.norm(dim=1).mean() / new.norm(dim=1).mean()


def _lengths(weights: Tensor) -> Tensor:
    return weights.norm(dim=1, keepdim=True)


_ALIGNING_MISTAKES: tuple[Mistake, ...] = (
    (lambda old, new: new * new.norm(dim=1).mean() / old.norm(dim=1).mean(), "The factor is upside down: long new "
     "vectors have to become shorter."),
    (lambda old, new: new * old.norm() / new.norm(), "You take the norm of a whole matrix, which grows with the number "
     "of classes: take the mean length of its rows."),
    (lambda old, new: new * old.norm(dim=0).mean() / new.norm(dim=0).mean(), "Those are norms of columns: a class is a "
     "row, dim=1."),
    (lambda old, new: new / _lengths(new) * _lengths(old).mean(), "You give every new vector the same length: one "
     "factor for all keeps the differences between them."),
    (lambda old, new: new * old.norm(dim=1).sum() / new.norm(dim=1).sum(), "You take sums, which grow with the number "
     "of classes: take means."),
    (lambda old, new: new / new.norm(dim=1).mean(), "The mean length of the old vectors is missing."),
    (lambda old, new: new * old.abs().mean() / new.abs().mean(), "Those are mean absolute values: take the lengths of "
     "the rows."),
    (lambda old, new: old.norm(dim=1).mean() / new.norm(dim=1).mean(), "That is the factor: multiply new by it."),
)  # fmt: skip


def _heads() -> list[tuple[Tensor, ...]]:
    """Weight vectors of old and of new classes; the new ones are longer."""
    return [(old, 2.5 * new) for old, new in drawn([(4, 6), (2, 6)], [(6, 3), (3, 3)], [(2, 5), (3, 5)])]


def _factor(shape: tuple, *case: Any) -> str | None:
    return "That is the factor: multiply new by it." if shape == () else None


exercise(
    "08-aligning",
    "the lengths are old.norm(dim=1) and new.norm(dim=1); multiply new by the mean of the first over the mean of the "
    "second.",
    "One number, without any training: weight aligning needs nothing but the last layer.",
    Comparison(aligned, _heads, _ALIGNING_MISTAKES, _factor),
)
