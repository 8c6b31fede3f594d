"""Numbers that summarise a run: plain functions of its accuracy matrix or of its test curves.

The accuracy matrix A is (T, T), in [0, 1]: row i = after learning task i, column j = on task j,
nan above the diagonal. Rows of tasks that were not learned (a run stopped early) are nan
throughout and are left out; so are columns of tasks on which no accuracy says anything (those of one class, with the
task known). A mean is nan where nothing is left: over old tasks it is nan for a single task, not 0, because there was
nothing to forget. Every function raises ValueError for an array of another shape.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..checked import Numbers, checked
from ..describe import Real, Whole, shown
from .retrieval import average_precision as average_precision
from .retrieval import check_columns
from .retrieval import mean_average_precision as mean_average_precision
from .retrieval import retrieval as retrieval

ROUNDING = 1e-6  # an accuracy averaged in float32 may pass 1 by this much


def _matrix(accuracy: ArrayLike) -> np.ndarray:
    """Check an accuracy matrix and return the (k, k) part of the k tasks learned."""
    a = np.asarray(Numbers("T, T").check("accuracy", accuracy), dtype=float)
    if a.shape[0] != a.shape[1] or a.size == 0:
        raise ValueError(f"An accuracy matrix is (T, T), tasks by tasks, not {a.shape}.")
    learned = max(np.flatnonzero(~np.isnan(a).all(axis=1)), default=0) + 1
    a = a[:learned, :learned]
    left = ~np.isnan(a).all(axis=0)
    seen = a[np.tril(np.ones_like(a, dtype=bool)) & left]
    if np.isnan(seen).any():
        raise ValueError(
            "Row i of an accuracy matrix has a number for each task 0 to i (after task i, on task j), but there is a "
            "nan on or below the diagonal."
        )
    if (seen < 0).any() or (seen > 1 + ROUNDING).any():
        raise ValueError("Accuracies lie between 0 and 1: divide percent by 100.")
    return a


def _mean(values: np.ndarray) -> float:
    values = values[~np.isnan(values)]
    return float(np.mean(values)) if np.size(values) else math.nan


def average_accuracy(accuracy: ArrayLike) -> float:
    """Mean accuracy on all tasks at the end, a share from 0 to 1: (1/T) sum_j A[T-1, j].

    Source: Lopez-Paz & Ranzato 2017, ACC; Chaudhry et al. 2018, section 3.
    """
    return _mean(_matrix(accuracy)[-1])


def new_task_accuracy(accuracy: ArrayLike) -> float:
    """Share of right answers on every task after the first, once it is learned: (1/(T-1)) sum_{i>=1} A[i, i].

    The first task is left out because no older task constrained its training; nan when T = 1. With two tasks it is
    what LwF calls "new" (Li & Hoiem 2016, Figure 1 and Table 1).
    """
    return _mean(np.diag(_matrix(accuracy))[1:])


def old_task_accuracy(accuracy: ArrayLike) -> float:
    """Share of right answers at the end on every task before the last: (1/(T-1)) sum_{j<T-1} A[T-1, j]; nan when T = 1.

    With two tasks it is what LwF calls "old" (Li & Hoiem 2016, Figure 1 and Table 1).
    """
    return _mean(_matrix(accuracy)[-1, :-1])


@checked(sizes=Numbers("T", each=Real(above=0)))
def average_incremental_accuracy(accuracy: ArrayLike, sizes: Sequence[int] | None = None) -> float:
    """Mean, over the steps after the first, of the accuracy on all classes seen so far.

    After step i the accuracy over all classes seen is
    a_i = sum_{j<=i} n_j A[i, j] / sum_{j<=i} n_j, and the result is (1/(T-1)) sum_{i>=1} a_i;
    nan when T = 1. The first step is left out because it adds no classes to earlier ones.
    Source: Castro et al. 2018 (EEIL), section 5 (the first step) and section 6 (the mean).

    sizes: (T,) number of test images n_j of each task; equal when None. ValueError for another number of them.
    """
    a = _matrix(accuracy)
    total = np.shape(accuracy)[0]
    weights = np.ones(total) if sizes is None else np.asarray(sizes, dtype=float)
    if len(weights) != total:
        raise ValueError(f"sizes are {total} numbers of test images, one per task, not {len(weights)}.")
    weights = np.where(np.isnan(a[-1]), 0, weights[: len(a)])
    steps = [
        np.average(np.nan_to_num(a[i, : i + 1]), weights=weights[: i + 1]) if weights[: i + 1].any() else math.nan
        for i in range(1, len(a))
    ]
    return _mean(np.array(steps))


def forgetting(accuracy: ArrayLike) -> float:
    """How far, as a share of test images, the old tasks have fallen below their best earlier accuracy.

    F = (1/(T-1)) sum_{j<T-1} (max_{j<=l<T-1} A[l, j] - A[T-1, j]); negative when they improved;
    nan when T = 1. Source: Chaudhry et al. 2018 (Riemannian Walk), section 3.
    """
    a = _matrix(accuracy)
    best = [a[j:-1, j].max() for j in range(len(a) - 1)]
    return _mean(np.array(best) - a[-1, :-1])


def drop(accuracy: ArrayLike) -> float:
    """How far, as a share of test images, the old tasks have fallen below their accuracy right after they were learned.

    D = (1/(T-1)) sum_{j<T-1} (A[j, j] - A[T-1, j]); nan when T = 1. Never more than `forgetting`,
    and the negative of `backward_transfer`. Source: Aljundi et al. 2018 (MAS), Figure 5b.
    """
    a = _matrix(accuracy)
    return _mean((np.diag(a) - a[-1])[:-1])


def backward_transfer(accuracy: ArrayLike) -> float:
    """The effect of learning later tasks on earlier ones, a share of test images; negative values are forgetting.

    BWT = (1/(T-1)) sum_{j<T-1} (A[T-1, j] - A[j, j]); nan when T = 1.
    Source: Lopez-Paz & Ranzato 2017 (GEM), eq. 3.
    """
    a = _matrix(accuracy)
    return _mean((a[-1] - np.diag(a))[:-1])


@checked(before=Numbers("T"), untrained=Numbers("T"))
def forward_transfer(before: ArrayLike, untrained: ArrayLike) -> float:
    """What earlier tasks bring to one not learned yet, a share: FWT = (1/(T-1)) sum_{i>=1} (A[i-1, i] - b_i).

    before: (T,) the A[i-1, i], accuracy on each task just before it is learned (`probing.before_learning`); the first
    is not read. untrained: (T,) the b_i, of a network that has learned nothing. nan when T = 1. ValueError for values
    that are no shares, or not one for each task. Source: Lopez-Paz & Ranzato 2017 (GEM), eq. 4.
    """
    known, chance = np.asarray(before, dtype=float), np.asarray(untrained, dtype=float)
    both = np.concatenate([np.nan_to_num(known[:1]), known[1:], chance])
    if len(known) != len(chance) or not ((both >= 0) & (both <= 1 + ROUNDING)).all():
        raise ValueError("before and untrained are accuracies from 0 to 1, one for each task.")
    return _mean((known - chance)[1:])


@checked
def intransigence(accuracy: ArrayLike, joint_accuracy: ArrayLike) -> float:
    """How much worse, as a share, each task is learned than by a model trained on all tasks so far together.

    I_k = a*_k - A[k, k], where a*_k is the accuracy on task k of a model trained jointly on tasks
    0 to k; the mean over the tasks is returned. Negative when earlier tasks helped more than their
    data would have. Source: Chaudhry et al. 2018, section 3.

    joint_accuracy: (T,) the a*_k, or the (T, T) accuracy matrix of a joint run, whose diagonal
    they are; ValueError for another shape, and for per cent.
    """
    a = _matrix(accuracy)
    joint = np.asarray(joint_accuracy, dtype=float)
    best = np.diag(_matrix(joint)) if joint.ndim == 2 else joint
    if joint.ndim not in (1, 2) or len(joint) != np.shape(accuracy)[0] or len(best) < len(a):
        raise ValueError(
            f"joint_accuracy is the joint model's accuracy on each of the {len(a)} tasks learned, as a vector or a "
            f"matrix of the same tasks, not an array of shape {joint.shape}."
        )
    best = best[: len(a)]
    if not ((best >= 0) & (best <= 1 + ROUNDING) | np.isnan(np.diag(a))).all():
        raise ValueError("joint_accuracy lies between 0 and 1: divide percent by 100.")
    return _mean(best - np.diag(a))


@checked(logits=Numbers("N, C"), labels=Numbers("N", whole=True), k=Whole(at_least=1))
def top_accuracy(logits: ArrayLike, labels: ArrayLike, k: int = 5) -> float:
    """Share of images whose label is among the k largest logits (top-5 for k = 5).

    logits: (N, C); labels: (N,) columns of the right classes. k is clipped at C. Among equal logits the lower column
    ranks first, and nan is never among the largest. ValueError for no image (Russakovsky et al. 2015, top-5 error).
    """
    scores, right = np.asarray(logits, dtype=float), np.asarray(labels)
    check_columns(scores, right)
    if not len(right):
        raise ValueError("A share of images needs one image or more, and there is none.")
    first = np.argsort(-scores, axis=1, kind="stable")[:, : min(k, scores.shape[1])]
    found = (first == right[:, None]).any(axis=1)
    return float((found & ~np.isnan(scores[np.arange(len(right)), right])).mean())


def _curves(curves: ArrayLike, epoch_task: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Check test curves (E, T) and the task learned in each epoch (E,)."""
    c = np.asarray(Numbers("E, T").check("curves", curves), dtype=float)
    learning = np.asarray(Numbers("E", whole=True).check("epoch_task", epoch_task))
    if c.size == 0 or len(learning) != len(c):
        raise ValueError(
            f"curves are (E, T), epochs by tasks, and epoch_task (E,), not {c.shape} and {learning.shape}."
        )
    if not ((learning >= 0) & (learning < c.shape[1])).all():
        raise ValueError(f"epoch_task has task numbers from 0 to {c.shape[1] - 1}, not {shown(learning.tolist())}.")
    if (c < 0).any() or (c > 1 + ROUNDING).any():
        raise ValueError("Accuracies lie between 0 and 1: divide percent by 100.")
    return c, learning


def peak_accuracy(curves: ArrayLike, epoch_task: ArrayLike) -> np.ndarray:
    """(T,) the best test accuracy of each task while it was being learned; nan if it never was.

    P_t = max over epochs e in which task t was learned of curves[e, t].
    Source: Lee et al. 2019 (DF-CNN), section 4.2, "Peak Per-Task Accuracy".

    curves: (E, T) test accuracy after each epoch; epoch_task: (E,) the task learned in it.
    """
    c, learning = _curves(curves, epoch_task)
    own = np.where(learning[:, None] == np.arange(c.shape[1]), c, np.nan)
    return np.fmax.reduce(own, axis=0)


def retention(curves: ArrayLike, epoch_task: ArrayLike) -> np.ndarray:
    """(T,) the share of each task's peak accuracy that remains after all later tasks.

    R_t = curves[E-1, t] / P_t with P_t from `peak_accuracy`; nan for a task that no other followed
    (the last one) and for one whose accuracy was always 0. The paper's name for this ratio is
    "Catastrophic Forgetting Ratio", although it is high when little is forgotten. For the ratio at
    an earlier time, cut both arrays there. Source: Lee et al. 2019 (DF-CNN), section 4.2.
    """
    c, learning = _curves(curves, epoch_task)
    peak = peak_accuracy(c, learning)
    valid = (np.arange(c.shape[1]) != learning[-1]) & (peak > 0)
    return np.divide(c[-1], peak, out=np.full(c.shape[1], np.nan), where=valid)


@checked(share=Real(above=0, at_most=1))
def epochs_to_peak(curves: ArrayLike, epoch_task: ArrayLike, share: float = 0.98) -> np.ndarray:
    """(T,) epochs of learning a task until its test accuracy first reached `share` of its peak.

    Counted from 1 at the task's first epoch; nan for a task that was never learned.
    Source: Lee et al. 2019 (DF-CNN), section 4.2, "Convergence" (share = 0.98).
    """
    c, learning = _curves(curves, epoch_task)
    enough = share * peak_accuracy(c, learning)
    count = np.full(c.shape[1], np.nan)
    for t in range(c.shape[1]):
        reached = np.flatnonzero(c[learning == t, t] >= enough[t])
        if len(reached):
            count[t] = reached[0] + 1
    return count


def summary(accuracy: ArrayLike, sizes: Sequence[int] | None = None) -> dict[str, float]:
    """The shares of one accuracy matrix by name, a choice of ours; sizes as in `average_incremental_accuracy`."""
    return {
        "average_accuracy": average_accuracy(accuracy),
        "average_incremental_accuracy": average_incremental_accuracy(accuracy, sizes),
        "forgetting": forgetting(accuracy),
        "drop": drop(accuracy),
        "backward_transfer": backward_transfer(accuracy),
    }


def _t_quantile(level: float, degrees: int) -> float:
    """The t with P(|X| <= t) = level for Student's t with `degrees` degrees of freedom.

    The probability is a finite sum in the angle atan(t / sqrt(degrees)) (Abramowitz & Stegun,
    26.7.3 and 26.7.4), which grows with the angle, so that bisection finds it.
    """
    odd = degrees % 2
    powers = np.arange(odd, degrees - 1, 2)  # of the cosine: 0, 2, ... or 1, 3, ...
    ratios = (powers[1:] - 1) / powers[1:]  # each coefficient over the one before it
    coefficients = np.cumprod(np.concatenate([np.ones(min(1, len(powers))), ratios]))

    def probability(angle: float) -> float:
        series = math.sin(angle) * float(np.sum(coefficients * math.cos(angle) ** powers))
        return 2 / math.pi * (angle + series) if odd else series

    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if probability(middle) < level else (low, middle)
    return math.sqrt(degrees) * math.tan((low + high) / 2)


@checked(values=Numbers("N", each=Real()), level=Real(above=0, below=1))
def mean_interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """(mean, half width) of the t-interval for the mean: mean ± t * s / sqrt(n).

    s is the standard deviation with n - 1, t the quantile for n - 1 degrees of freedom. One value
    has no interval: its half width is nan; ValueError for none (Student 1908).
    """
    v = np.asarray(values, dtype=float)
    if not len(v):
        raise ValueError("A mean needs one value or more, and there is none.")
    if len(v) == 1:
        return float(v[0]), math.nan
    half = _t_quantile(level, len(v) - 1) * v.std(ddof=1) / math.sqrt(len(v))
    return float(v.mean()), float(half)


@checked(a=Numbers("N", each=Real()), b=Numbers("N", each=Real()))
def paired_difference(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """(mean, half width) of the t-interval for a - b over pairs (same seed, same class order; Student 1908); ValueError
    for lists of two lengths."""
    if np.shape(a) != np.shape(b):
        raise ValueError(f"Paired values are two lists of one length, not {np.shape(a)} and {np.shape(b)}.")
    return mean_interval(np.asarray(a, dtype=float) - np.asarray(b, dtype=float), level)
