"""Fact-to-image retrieval: images ranked by how well they show a fact (MAS, section 5.2).

The average precision of a query without a relevant image is nan, and a mean leaves such queries out.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike

from ..checked import AnyOf, Many, Numbers, Text, checked
from ..describe import Whole, shown
from ..networks import Network
from ..networks.counting import A_RUN
from ..networks.devices import Device
from ..streams import Stream, Task
from ..streams.division import labels_of
from .answers import logits

__all__ = ["average_precision", "mean_average_precision", "network_retrieval", "retrieval"]

CLASSES = Many(AnyOf((Whole(at_least=0), Text())), least=1)


@checked(scores=Numbers("N"), relevant=Numbers("N", truth=True))
def average_precision(scores: ArrayLike, relevant: ArrayLike) -> float:
    """Mean, over the relevant images, of the precision at each one's rank.

    AP = (1/R) sum_{r=1..R} r / rank_r, where rank_r is the rank, from 1, of the r-th relevant image when the images
    are sorted by falling score. Among equal scores the relevant images come last, so that a constant score gains
    nothing and the order of the images does not matter. nan when no image is relevant.

    scores, relevant: (N,) numbers and booleans. Raises ValueError for other shapes, or where one is nan.
    """
    s, found = np.asarray(scores, dtype=float), np.asarray(relevant)
    if not np.isin(found, (0, 1)).all() or found.shape != s.shape:
        raise ValueError(f"relevant is True or False for each of {len(s)} scores, not {shown(found.tolist())}.")
    found = found.astype(bool)
    if np.isnan(s).any():
        raise ValueError("A score is nan: such images cannot be ranked.")
    falling = np.lexsort((found, -s))
    ranks = np.flatnonzero(found[falling]) + 1
    return float(np.mean(np.arange(1, len(ranks) + 1) / ranks)) if len(ranks) else math.nan


def check_columns(scores: np.ndarray, labels: np.ndarray) -> None:
    """Refuse labels (N,) that are not a column of ``scores`` (N, C) for each row."""
    if len(labels) != len(scores):
        raise ValueError(f"labels are one for each of {len(scores)} rows of scores, not {len(labels)}.")
    if len(labels) and not 0 <= labels.min() <= labels.max() < scores.shape[1]:
        raise ValueError(f"labels are columns of the scores, 0 to {scores.shape[1] - 1}, not {shown(labels.tolist())}.")


@checked(scores=Numbers("N, F"))
def mean_average_precision(scores: ArrayLike, labels: ArrayLike) -> float:
    """MAP: the mean of `average_precision` over the facts that have an image, each a query over all images.

    scores: (N, F), higher for an image that shows the fact better; labels: (N,) the column of each
    image's own fact. nan when there is no image. Raises ValueError for shapes or labels that do not fit.
    """
    s, right = np.asarray(scores, dtype=float), np.asarray(labels)
    if right.shape == (0,) == s.shape[:1]:  # without a label there is no type either
        return math.nan
    check_columns(s, Numbers("N", whole=True).check("labels", right))
    return float(np.mean([average_precision(s[:, fact], right == fact) for fact in np.unique(right)]))


class LearnedStream(Protocol):
    """What `retrieval` needs of a run: the stream that it learned, and the network after each task."""

    fingerprint: str
    stream_code: str

    @property
    def learned(self) -> int: ...

    def model_on(self, device: Device, after: int | None) -> Network: ...


@checked(run=A_RUN, classes=CLASSES)
def retrieval(
    run: LearnedStream,
    stream: Stream,
    after: int | None = None,
    classes: Sequence[int | str] | None = None,
    device: Device = "cpu",
) -> dict[str, np.ndarray | float]:
    """MAP of a run's network after task `after` (0 is the first; None is the last learned): see `network_retrieval`.
    Computed on `device` ("auto": the accelerator if there is one).

    Raises:
        ValueError: the run did not learn this stream or task `after`, or a fact is not in the stream.
    """
    if run.fingerprint != stream.fingerprint:
        raise ValueError(f"This run learned {run.stream_code}, not these images of {stream.code}.")
    return network_retrieval(run.model_on(device, after), stream, classes)


def check_one_label(stream: Stream, what: str) -> None:
    """Refuse images with several labels, of which ``what`` would read the first alone."""
    if stream.multilabel:
        raise ValueError(
            f"{what} needs images with one label, and those of {stream.code} have several: "
            "run.mean_average_precision() measures all of them."
        )


def known_tasks(network: Network, stream: Stream) -> list[Task]:
    """The tasks of which ``network`` has an output for every class: those that it has learned, and where classes return
    those, too, that bring no class which it does not know.

    ValueError for a network whose heads are not of the sizes in which the classes of ``stream`` arrive.
    """
    heads = [new for new in stream.arrivals if new][: len(network.classes)]
    if not network.classes or network.classes != [len(new) for new in heads]:
        raise ValueError(
            f"This network has learned tasks of {network.classes} classes, which are not the first ones of the stream."
        )
    known = {label for new in heads for label in new}
    return [task for task in stream if known.issuperset(task.classes)]


@checked(classes=CLASSES)
def network_retrieval(
    network: Network, stream: Stream, classes: Sequence[int | str] | None = None
) -> dict[str, np.ndarray | float]:
    """MAP of a network on the test images of the tasks whose classes it has learned (`known_tasks`).

    "tasks": (T,) the MAP of each task, its facts as queries over its own images, nan for tasks not yet seen; "all":
    every fact seen is a query over the images of all tasks seen, "which differs from the average of the performance
    achieved on each task" (MAS, section 5.2). With `classes`, labels or names of facts, also "classes": these facts
    over their own images, nan when none has been seen (MAS, Figure 7). The "tasks" of every step, one below the other,
    are a matrix for the functions of `metrics`, such as `forgetting`. ValueError for images with several labels.
    """
    check_one_label(stream, "Retrieval")
    seen = known_tasks(network, stream)
    scores = np.concatenate([logits(network, task.test.images).cpu().numpy() for task in seen])
    labels = np.concatenate([stream.positions(task.test.labels).numpy() for task in seen])
    end, of_tasks = sum(network.classes), np.full(len(stream), np.nan)
    for task in seen:
        of_tasks[task.index] = _among(scores, labels, stream.positions(torch.tensor(task.classes)).numpy())
    found: dict[str, np.ndarray | float] = {"tasks": of_tasks, "all": _among(scores, labels, np.arange(end))}
    if classes is not None:
        queried = np.array(labels_of(classes, stream.class_names, "classes"), dtype=int)
        columns = np.flatnonzero(np.isin(stream.classes, queried))
        found["classes"] = _among(scores, labels, columns[columns < end])
    return found


def _among(scores: np.ndarray, labels: np.ndarray, columns: np.ndarray) -> float:
    """MAP of the facts in `columns` over their own images."""
    mine = np.isin(labels, columns)
    return mean_average_precision(scores[mine], labels[mine])
