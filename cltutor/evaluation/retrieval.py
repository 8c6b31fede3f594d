"""Fact-to-image retrieval: rank the images by how well they show a fact (MAS, section 5.2).

An average precision is nan where there is nothing to find, and a mean leaves such queries out.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from ..runs.run import Run
    from ..streams import Stream


def average_precision(scores: ArrayLike, relevant: ArrayLike) -> float:
    """Mean, over the relevant images, of the share of relevant ones among all ranked down to it.

    AP = (1/R) sum_{r=1..R} r / rank_r, where rank_r is the place, from 1, of the r-th relevant image when the scores
    fall. Among equal scores the relevant images go last, so that whoever tells nothing apart gains nothing and the
    order of the images does not count. nan when no image is relevant.

    scores, relevant: (N,) numbers and booleans. Raises ValueError for other shapes or a nan among the scores.
    """
    s, found = np.asarray(scores, dtype=float), np.asarray(relevant, dtype=bool)
    if s.ndim != 1 or found.shape != s.shape:
        raise ValueError(f"scores and relevant must both be (N,), not {s.shape} and {found.shape}")
    if np.isnan(s).any():
        raise ValueError("a score is nan: such images cannot be ranked")
    falling = np.lexsort((found, -s))
    ranks = np.flatnonzero(found[falling]) + 1
    return float(np.mean(np.arange(1, len(ranks) + 1) / ranks)) if len(ranks) else math.nan


def mean_average_precision(scores: ArrayLike, labels: ArrayLike) -> float:
    """MAP: the mean of `average_precision` over the facts that have an image, each a query over all images.

    scores: (N, F), higher for an image that shows the fact better; labels: (N,) the column of each
    image's own fact. nan when there is no image. Raises ValueError for what does not fit.
    """
    s, right = np.asarray(scores, dtype=float), np.asarray(labels)
    if s.ndim != 2 or right.shape != s.shape[:1]:
        raise ValueError(f"scores must be (N, F) and labels (N,), not {s.shape} and {right.shape}")
    if not len(right):
        return math.nan
    if not np.issubdtype(right.dtype, np.integer) or right.min() < 0 or right.max() >= s.shape[1]:
        raise ValueError(f"labels must be columns of the scores, 0 to {s.shape[1] - 1}")
    return float(np.mean([average_precision(s[:, fact], right == fact) for fact in np.unique(right)]))


def retrieval(
    run: "Run", stream: "Stream", after: int | None = None, classes: Sequence[int | str] | None = None
) -> dict[str, np.ndarray | float]:
    """MAP of the network after task `after` (0 is the first; None is the last learned) on the stream's test images.

    "tasks": (T,) the MAP of each task, its facts as queries over its own images, nan for tasks not yet seen; "all":
    every fact seen is a query over the images of all tasks seen, "which differs from the average of the performance
    achieved on each task" (MAS, section 5.2). With `classes`, labels or names of facts, also "classes": these facts
    over their own images, nan when none has been seen (MAS, Figure 7). The "tasks" of every step, one below the other,
    are a matrix for the functions of `metrics`, such as `forgetting`.

    Raises ValueError when the run did not learn this stream, a task not learned, or a fact that is not in it.
    """
    from ..streams.division import labels_of
    from .answers import logits

    if run.fingerprint != stream.fingerprint:
        raise ValueError(f"this run learned {run.stream_code}, not these images of {stream.code}")
    network = run.model_after(run.learned - 1 if after is None else after)
    seen = stream[: len(network.classes)]
    scores = np.concatenate([logits(network, task.test.images).numpy() for task in seen])
    labels = np.concatenate([stream.positions(task.test.labels).numpy() for task in seen])
    ends = np.cumsum(network.classes)
    of_tasks = np.full(len(stream), np.nan)
    of_tasks[: len(seen)] = [
        _among(scores, labels, np.arange(end - count, end)) for count, end in zip(network.classes, ends, strict=True)
    ]
    found = {"tasks": of_tasks, "all": _among(scores, labels, np.arange(ends[-1]))}
    if classes is not None:
        labels_asked = np.array(labels_of(classes, stream.class_names, "classes"), dtype=int)
        columns = np.flatnonzero(np.isin(stream.classes, labels_asked))
        found["classes"] = _among(scores, labels, columns[columns < ends[-1]])
    return found


def _among(scores: np.ndarray, labels: np.ndarray, columns: np.ndarray) -> float:
    """MAP of the facts in `columns` over their own images."""
    mine = np.isin(labels, columns)
    return mean_average_precision(scores[mine], labels[mine])
