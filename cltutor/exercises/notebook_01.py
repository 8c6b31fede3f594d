"""The exercises of notebook 01: two evaluations, the accuracy matrix, and what an unknown task costs."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..evaluation import metrics
from ..evaluation.answers import hits
from ..losses import compete
from .checking import Comparison, NotYet, exercise, normal, seeded_settings

# The accuracy matrix of exercise 01-forgetting: four tasks, in which an old task also improves.
MATRIX = np.array(
    [
        [0.92, np.nan, np.nan, np.nan],
        [0.80, 0.85, np.nan, np.nan],
        [0.95, 0.70, 0.90, np.nan],
        [0.75, 0.88, 0.80, 0.97],
    ]
)


def _cases() -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Logits (N, C) that are right more often than chance, labels (N,), and the task of each column (C,)."""
    for draw, sizes in seeded_settings((2, 2, 2), (3, 1, 4), (5, 5)):
        task_of = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
        labels = torch.randint(len(task_of), (60,), generator=draw)
        logits = normal(draw, 60, len(task_of))
        logits[torch.arange(60), labels] += 1.0
        yield logits, labels, task_of


def accuracy(logits: Tensor, labels: Tensor, task_of: Tensor, known_task: bool) -> Tensor:
    """Accuracy with the task known or unknown at test (LwM, section 2: multi-headed and single-headed)."""
    competing = compete(logits, labels, task_of, "task" if known_task else "class")
    return hits(competing, labels, 1).double().mean()


_UNKNOWN_MISTAKES = (
    (lambda s, y, t, k: accuracy(s, y, t, True), "You let only the image's own task compete, also when unknown."),
    (lambda s, y, t, k: accuracy(s, y, t, False), "All columns compete in yours, also when the task is known."),
    (lambda s, y, t, k: accuracy(s, y, t, not k), "The two cases are swapped."),
    (lambda s, y, t, k: 100 * accuracy(s, y, t, k), "Right, but in percent: return a share between 0 and 1."),
    (lambda s, y, t, k: len(s) * accuracy(s, y, t, k), "You count the images: divide by their number."),
)

exercise(
    "01-unknown",
    "the prediction is the column of the largest logit; if the task is known, columns of other tasks do not take part.",
    "These are the two evaluations: the only difference is which columns compete.",
    Comparison(accuracy, lambda: [(*case, known) for case in _cases() for known in (False, True)], _UNKNOWN_MISTAKES),
)


def _mistakes_by_hand(right: dict[str, float]) -> dict[str, list[tuple[float, str]]]:
    """Wrong values for each number, and what led to them."""
    last, old = MATRIX[-1], MATRIX[-1, :-1]
    best = np.nanmax(MATRIX[:-1, :-1], axis=0)
    ever = np.nanmax(MATRIX, axis=0)[:-1]
    return {
        "average_accuracy": [
            (old.mean(), "The average is over all tasks, the last one too."),
            (np.nanmean(MATRIX), "The average is over the last row only: the network at the end."),
        ],
        "forgetting": [
            ((old - best).mean(), "The sign: forgetting is positive when accuracy was lost."),
            (right["drop"], "You compare with the diagonal. Forgetting compares with the best before the last row."),
            ((ever - old).mean(), "The best is taken over the rows before the last one, so a gain counts as negative."),
            ((best - old).sum(), "That is the sum over the old tasks: take their mean."),
            ((best - old).sum() / len(last), "The mean is over the old tasks only: the last one cannot be forgotten."),
        ],
        "backward_transfer": [
            (right["drop"], "The sign: backward transfer is negative when accuracy was lost."),
            (-right["forgetting"], "Backward transfer compares the last row with the diagonal, not with the best."),
            (-3 * right["drop"], "That is the sum over the old tasks: take their mean."),
            (-0.75 * right["drop"], "The mean is over the old tasks only: the last one has no later task."),
        ],
    }


def _forgetting(answer: Any) -> None:
    right = metrics.summary(MATRIX)
    mistakes = _mistakes_by_hand(right)
    if not isinstance(answer, Mapping) or set(answer) != set(mistakes):
        raise NotYet(f"The answer is a dict with the keys {', '.join(mistakes)}.")
    for name, wrong in mistakes.items():
        try:
            given = float(answer[name])
        except (TypeError, ValueError):
            raise NotYet(f"{name} should be a number, not {answer[name]!r}.") from None
        if math.isclose(given, right[name], abs_tol=0.0006):
            continue
        if math.isclose(given, 100 * right[name], abs_tol=0.06):
            raise NotYet(f"{name} is right in percent; give shares between 0 and 1, as in the matrix.")
        for value, words in wrong:
            if math.isclose(given, value, abs_tol=0.0006):
                raise NotYet(f"{name}: {words}")
        raise NotYet(f"{name} is not {given:g}: look at its formula above once more.")


exercise(
    "01-forgetting",
    "for each old task find the best number in its column before the last row, and subtract the last row's.",
    "Forgetting is more than minus backward transfer here, because task 1 was at its best only after task 3.",
    _forgetting,
)


def confusion(logits: Tensor, labels: Tensor, task_of: Tensor) -> tuple[Tensor, Tensor]:
    """Share of images whose largest logit belongs to their own task, and accuracy among these."""
    found = logits.argmax(dim=1)
    task_right = task_of[found] == task_of[labels]
    return task_right.double().mean(), (found == labels)[task_right].double().mean()


def _with_second(second: Callable[..., Tensor]) -> Callable[..., tuple[Tensor, Tensor]]:
    """The right first number, and another second one."""
    return lambda s, y, t: (confusion(s, y, t)[0], second(s, y, t))


_CONFUSION_MISTAKES = (
    (_with_second(lambda s, y, t: accuracy(s, y, t, True)), "The second number is the known-task accuracy of all "
     "images: keep those whose task was found."),
    (_with_second(lambda s, y, t: accuracy(s, y, t, False)), "The second number is a share of all images: divide by "
     "the number of those whose task was found."),
    (lambda s, y, t: confusion(s, y, t)[::-1], "Right, but the other way round: the task first."),
    (lambda s, y, t: [1 - confusion(s, y, t)[0], confusion(s, y, t)[1]], "The first number is the share of images "
     "whose task is right, not wrong."),
    (lambda s, y, t: [100 * v for v in confusion(s, y, t)], "Right, but in percent: return shares."),
)  # fmt: skip

exercise(
    "01-confusion",
    "task_of[logits.argmax(dim=1)] is the task that the network predicts for each image.",
    "Their product is the accuracy with the task unknown: the network must find the task before the class.",
    Comparison(confusion, _cases, _CONFUSION_MISTAKES),
)
