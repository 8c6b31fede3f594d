"""The exercises of notebook 07: your own term, a verdict from paired differences, and an unfair comparison."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..losses import Batch, Context, Term
from ..losses.terms import Teacher
from ..networks import Output
from .checking import Comparison, Mistake, NotYet, call, drawn, exercise, normal, seeded_settings


def l1_of_features(now: Tensor, before: Tensor, head: Tensor) -> Tensor:
    """Sum of absolute differences of two networks' features (N, D), averaged over the batch."""
    return (now - before).abs().sum(1).mean()


def _pairs() -> list[tuple[Tensor, ...]]:
    """Features (N, D) of student and teacher, and the weights (C, D) of a head on top of either."""
    return drawn([(4, 3), (4, 3), (2, 3)], [(2, 5), (2, 5), (4, 5)], [(6, 4), (6, 4), (3, 4)])


def _batch(now: Tensor, before: Tensor, head: Tensor) -> Batch:
    """A batch of the second task: a student of two heads on features ``now``, a teacher of one on ``before``."""
    count, classes = len(now), len(head)
    images, labels = torch.zeros(count, 1, 8, 8, dtype=torch.uint8), torch.full((count,), classes)
    columns = torch.arange(2).repeat_interleave(classes)
    old = Output(before, lambda task: before @ head.T, 1)
    teachers: dict[Any, Teacher] = dict.fromkeys(("task", "phase", None), lambda batch: old)
    context = Context(None, 1)  # type: ignore[arg-type]  # student and teacher are set here: no network is run
    batch = Batch(context, images, labels, torch.arange(count), (1,), columns, "task", teachers)
    batch.student = Output(now, lambda task: now @ (head if task == 0 else -head).T, 2)
    return batch


_TERM_MISTAKES = (
    (lambda n, b, h: (n - b).abs().sum(), "You sum over the images: take the mean over the batch."),
    (lambda n, b, h: (n - b).abs().mean(), "You take the mean over the features as well: the L1 norm sums over them."),
    (lambda n, b, h: (n - b).square().sum(1).mean(), "You square the differences; L1 is the sum of absolute values."),
    (lambda n, b, h: (n - b).norm(dim=1).mean(), "That is the L2 norm; L1 is the sum of absolute values."),
    (lambda n, b, h: (n - b).sum(1).mean(), "The absolute value is missing: differences of opposite sign cancel."),
    (lambda n, b, h: -l1_of_features(n, b, h), "The sign: a loss falls when student and teacher come together."),
    (lambda n, b, h: (n @ h.T - b @ h.T).abs().sum(1).mean(), "Those are logits of the old head: use .features."),
    (lambda n, b, h: n.abs().sum(1).mean(), "The teacher is missing: batch.teacher(\"task\").features."),
    (lambda n, b, h: torch.zeros(()), "It is 0 whatever the networks compute: the teacher is batch.teacher(\"task\")."),
)  # fmt: skip


def _term(answer: Any) -> None:
    if isinstance(answer, type):
        answer = call(answer, ())
    if not isinstance(answer, Term):
        raise NotYet(f"A term is a class made from cl.losses.Term; this is a {type(answer).__name__}.")
    Comparison(l1_of_features, _pairs, _TERM_MISTAKES)(lambda *case: answer(_batch(*case), {}))
    now, before, head = _pairs()[0]
    loss = answer(_batch(now.requires_grad_(), before, head), {})
    if not isinstance(loss, Tensor) or not loss.requires_grad:
        raise NotYet("The value is right, but no gradient reaches the student: stay in torch, and do not detach it.")
    if answer.teacher is None:
        raise NotYet('The value is right, but a teacher is made only for a term that declares one: teacher = "task".')
    if answer.teacher != "task":
        raise NotYet(f'teacher = "task" is the model before this task; yours is {answer.teacher!r}.')
    if not answer.reads_features:
        raise NotYet("The value is right, but a recorded teacher stores its logits alone: reads_features = True.")
    if answer.first_task != 1:
        raise NotYet("There is no teacher in task 0: with first_task = 1 the term begins to act in the second task.")
    if type(answer).latex is Term.latex:
        raise NotYet("It works; give it a latex(self, heads) as well: without it the equation shows its name alone.")


exercise(
    "07-term",
    'above __call__ write teacher = "task", reads_features = True and first_task = 1; __call__ returns '
    '(batch.student.features - batch.teacher("task").features).abs(), summed over dimension 1, then the mean.',
    "A term that none of the five papers has. It adds to any loss: CrossEntropy() + 0.02 * FeatureDistillation().",
    _term,
)


def _word(mean: Tensor, half: Tensor) -> Tensor:
    return mean.sign() * (mean.abs() > half)


def verdict(
    a: Tensor,
    b: Tensor,
    t: float,
    root: bool = True,
    correction: int = 1,
    word: Callable[[Tensor, Tensor], Tensor] = _word,
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean of a - b, half width of its t-interval, and 1, -1 or 0: above zero, below it, or undecided."""
    gaps = a - b
    mean, half = gaps.mean(), t * gaps.std(correction=correction) / (math.sqrt(len(gaps)) if root else 1)
    return mean, half, word(mean, half)


def _unpaired(a: Tensor, b: Tensor, t: float) -> tuple[Tensor, Tensor, Tensor]:
    mean, half = a.mean() - b.mean(), t * (a.var() / len(a) + b.var() / len(b)).sqrt()
    return mean, half, _word(mean, half)


_UNPAIRED = (
    "That is the interval of two unpaired groups. A class order makes both methods better or worse together: take the "
    "differences order by order first, then their mean and spread."
)
_VERDICT_MISTAKES: tuple[Mistake, ...] = (
    (_unpaired, _UNPAIRED),
    (lambda a, b, t: (*_unpaired(a, b, t)[:2], verdict(a, b, t)[2]), _UNPAIRED),
    (lambda a, b, t: verdict(b, a, t), "The sign: take a - b, so that more is better for a."),
    (lambda a, b, t: verdict(a, b, 1.0), "That is the standard error: multiply it by t. One standard error contains "
     "the true mean about two times in three, not 95 in a hundred."),
    (lambda a, b, t: verdict(a, b, 1.96), "1.96 is the quantile of the normal distribution, for a spread that is "
     "known. Yours is estimated from a few differences: take t."),
    (lambda a, b, t: verdict(a, b, t, root=False), "You leave out the root of n: the mean of n differences spreads "
     "less than one of them, s / sqrt(n)."),
    (lambda a, b, t: verdict(a, b, 1.0, root=False), "That is the standard deviation s: take t * s / sqrt(n)."),
    (lambda a, b, t: verdict(a, b, t / len(a), root=False), "You divide by n; the spread is s / sqrt(n)."),
    (lambda a, b, t: verdict(a, b, t, correction=0), "Your standard deviation divides by n; the mean was estimated "
     "from the same differences, so it is n - 1 (torch's std does so by itself)."),
    (lambda a, b, t: (verdict(a, b, t)[0], 2 * verdict(a, b, t)[1], verdict(a, b, t)[2]), "That is the whole width of "
     "the interval: return half of it."),
    *((partial(verdict, word=word), f"Your verdict {words}") for word, words in (
        (lambda mean, half: mean.sign(), "looks at the mean alone: it is 0, undecided, unless the whole interval "
         "lies on one side of zero."),
        (lambda mean, half: -_word(mean, half), "is turned round: 1 means that a is better."),
        (lambda mean, half: (mean.abs() > half).double(), "is 1 on either side: where the whole interval lies below "
         "zero it is -1."),
        (lambda mean, half: (mean > half).double(), "is never -1, even where a is worse."),
        (lambda mean, half: mean.sign() * (mean.abs() < half), "is decided exactly where the interval contains zero: "
         "there it is 0."),
    )),
)  # fmt: skip


def _accuracies() -> Iterator[tuple[Tensor, Tensor, float]]:
    """Two methods' accuracies in percent over the same class orders, and the t of a 95 % interval.

    Orders differ more than methods do; two cases are decided for a, one against it, two not at all.
    """
    for draw, (count, gain, spread, t) in seeded_settings(
        (5, 2.0, 0.4, 2.776), (4, -3.0, 0.5, 3.182), (5, 0.6, 2.0, 2.776), (3, 1.5, 1.0, 4.303), (8, 4.0, 3.0, 2.365)
    ):
        orders, noise = normal(draw, 2, count)
        b = 80 + 5 * orders
        yield b + gain + spread * noise, b, t


def _three_numbers(shape: tuple, *case: Any) -> str | None:
    words = "Return three numbers: the mean difference, the half width and the verdict, 1, -1 or 0."
    return words if shape == (2,) else None


exercise(
    "07-verdict",
    "gaps = a - b; the half width is t * gaps.std() / len(gaps) ** 0.5; the verdict is 0 where abs(mean) is not "
    "larger than it, else the sign of the mean.",
    "That is how every verdict in the ledger is computed; cl.metrics.paired_difference finds t by itself.",
    Comparison(verdict, _accuracies, _VERDICT_MISTAKES, _three_numbers),
)


# The comparison of exercise 07-fair: invented numbers, meant to be one column, accuracy with the task unknown.
COMPARISON = [
    {"": name, "method": method, "a softmax over": softmax, "task at test": task, "rate chosen on": chosen,
     "epochs": epochs, "class orders": orders, "images kept": kept, "accuracy (%)": accuracy}
    for name, method, softmax, task, chosen, epochs, orders, kept, accuracy in (
        ("A", "icarl", "all classes", "unknown", "validation", 10, "0 to 4", 100, 88.1),
        ("B", "lwf", "the task's", "known", "validation", 10, "0 to 4", 100, 98.7),
        ("C", "eeil", "all classes", "unknown", "validation", 40, "0 to 4", 100, 92.4),
        ("D", "eeil_base", "all classes", "unknown", "test", 10, "0 to 4", 100, 91.0),
        ("E", "hybrid1", "all classes", "unknown", "validation", 10, "0 to 4", 100, 68.3),
        ("F", "lwm", "all classes", "unknown", "validation", 10, "3 (its best)", 100, 90.2),
        ("G", "finetune", "all classes", "unknown", "validation", 10, "0 to 4", 500, 93.9),
    )
]  # fmt: skip
_FAULTS = {
    "fair": "nothing is wrong with it",
    "regime": "it was trained or tested in another regime",
    "budget": "it was trained longer",
    "test": "its rate was chosen on the images that it is then judged on",
    "orders": "it was measured on other class orders",
    "memory": "it keeps more images",
}
_RIGHT = {"A": "fair", "B": "regime", "C": "budget", "D": "test", "E": "fair", "F": "orders", "G": "memory"}
_OVERLOOKED = {
    "regime": "only the classes of its own task compete, and the task is given: two classes, not ten. A guess is right "
    "in half of the cases.",
    "budget": "it was trained longer than the others; what more epochs would have done for them is unknown.",
    "test": "the best of many rates on the test images is partly the luck of the pick.",
    "orders": "the best of several orders is compared with the mean of five.",
    "memory": "it trains on more old images than the others, and here that is most of the difference.",
}


def _fair(answer: Any) -> None:
    if not isinstance(answer, Mapping) or set(answer) != set(_RIGHT):
        raise NotYet(f"The answer is a dict with the keys {', '.join(_RIGHT)}.")
    for row, right in _RIGHT.items():
        given = answer[row]
        if given not in list(_FAULTS):  # whatever was typed, a list too
            meanings = "; ".join(f"{word}: {meaning}" for word, meaning in _FAULTS.items())
            raise NotYet(f"{row}: {given!r} is none of the words. {meanings}.")
        if given == right:
            continue
        if right == "fair":
            raise NotYet(f"{row} differs from most others in its method and its accuracy only: a low number, or a high "
                         "one, is no fault.")  # fmt: skip
        if given == "fair":
            raise NotYet(f"{row} has a fault: {_OVERLOOKED[right]}")
        raise NotYet(f"{row} has a fault, but not that one ({given}: {_FAULTS[given]}). Which of its numbers differs?")


exercise(
    "07-fair",
    "read a row from left to right and compare each number with the row above; one word for each, of "
    f"{', '.join(_FAULTS)}.",
    "Only two rows belong in one column. cl.compare keeps budget, orders and seeds equal; the rest is up to you.",
    _fair,
)
