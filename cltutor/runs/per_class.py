"""Accuracies computed from a finished run: of single classes, of groups of classes, and after damage to weights."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..checked import Many, Numbers, checked
from ..describe import Whole
from ..evaluation.answers import accuracies, logits, task_of
from ..evaluation.retrieval import check_one_label, known_tasks
from ..importance import damages
from ..importance.damage import RULES, SHARE
from ..losses import compete
from ..networks import Network
from ..networks.devices import Device
from ..streams import Stream
from .run import Run


@checked
def class_accuracy(run: Run, stream: Stream, device: Device = "cpu") -> np.ndarray:
    """Accuracy of every class after every task, a share, the task known at test: (T, C), one column per class in the
    order in which classes arrive.

    Row i is the network after task i; nan for classes not yet seen, and for one that is its task's only class.
    Computed on ``device`` ("auto": the accelerator if there is one).
    ValueError for a stream that the run did not learn, and for one whose images have several labels.
    """
    if run.fingerprint != stream.fingerprint:
        raise ValueError(f"This run learned {run.stream_code}, not these images of {stream.code}.")
    check_one_label(stream, "Accuracy of a class")
    found = np.full((len(stream), len(stream.classes)), np.nan)
    for now in range(run.learned):
        network = run.model_on(device, now)
        owners, tests = task_of(network).cpu(), [task.test for task in stream[: now + 1]]
        columns = torch.cat([stream.positions(test.labels) for test in tests])
        scores = torch.cat([logits(network, test.images).cpu() for test in tests])
        right = compete(scores, columns, owners, "task").argmax(1) == columns
        for column in range(len(owners)):
            if (owners == owners[column]).sum() > 1:
                found[now, column] = right[columns == column].double().mean().item()
    return found


@checked
def before_learning(run: Run, stream: Stream, device: Device = "cpu") -> np.ndarray:
    """Accuracy (T,) on each task just before it was learned, for ``metrics.forward_transfer``; nan for the first.

    Only where the task's classes have their outputs by then, as in ``streams.domains``. ValueError for another stream
    than the run's, one whose tasks bring new classes, or one whose images have several labels.
    """
    if run.fingerprint != stream.fingerprint:
        raise ValueError(f"This run learned {run.stream_code}, not these images of {stream.code}.")
    check_one_label(stream, "Accuracy before learning")
    if late := [task.index for task in stream[1:] if stream.arrivals[task.index]]:
        raise ValueError(f"Task {late[0]} brings new classes, which have no outputs before it is learned.")
    found = np.full(len(stream), np.nan)
    for task in stream[1 : run.learned + 1]:
        test = (task.test.images, stream.positions(task.test.labels))
        found[task.index] = accuracies(run.model_on(device, task.index - 1), [test], (1,))["unknown_top1"][0]
    return found


GROUPS = Many(Many(Whole(), least=1), least=1)


@checked(groups=GROUPS)
def group_accuracy(run: Run, stream: Stream, groups: Sequence[Sequence[int]], device: Device = "cpu") -> np.ndarray:
    """Accuracy on the images of each group of labels after every task, the task known at test: (T, G).

    Classes not yet seen do not count; nan where a group has no class that was seen.
    """
    return over_groups(class_accuracy(run, stream, device), stream, groups)


@checked(found=Numbers("T, C"), groups=GROUPS)
def over_groups(found: ArrayLike, stream: Stream, groups: Sequence[Sequence[int]]) -> np.ndarray:
    """The accuracy of every class, ``found`` (T, C) as of ``class_accuracy``, as that of every group of labels (T, G),
    by their test images; ValueError for another number of classes than the stream's, or a label that it has not."""
    found = np.asarray(found, dtype=float)
    if found.shape[1] != len(stream.classes):
        raise ValueError(f"found has a column for each of {len(stream.classes)} classes, not {found.shape[1]}.")
    sizes = torch.bincount(torch.cat([stream.positions(task.test.labels) for task in stream])).numpy()
    if unknown := sorted({label for group in groups for label in group} - set(stream.classes)):
        raise ValueError(f"The stream has no class with the label {unknown[0]}; it has {stream.classes}.")
    columns = [stream.positions(torch.tensor(group, dtype=torch.int64)).numpy() for group in groups]
    weights = [np.where(np.isfinite(found[:, own]), sizes[own], 0) for own in columns]
    with np.errstate(invalid="ignore"):
        means = [np.nansum(found[:, own] * w, 1) / w.sum(1) for own, w in zip(columns, weights, strict=True)]
    return np.stack(means, axis=1)


@checked(shares=Many(SHARE, least=1), **{name: rule for name, rule in RULES.items() if name != "strength"})
def damaged_accuracy(
    network: Network,
    stream: Stream,
    omega: Mapping[str, Tensor],
    shares: Sequence[float],
    which: str = "least",
    seed: int = 0,
    how: str = "prune",
) -> np.ndarray:
    """Accuracy (S, T) of ``network`` on the tasks that it has learned, the task known at test, when each of ``shares``
    (S,) of its weights is damaged (``importance.damages``; ``omega``: one number for each parameter, by name); nan for
    a task with a class that it has no output for, and for one of one class. Where classes return, a task that brings
    no new one counts as learned: its images are classified among those of the head that got its classes first. Computed
    where the network is. ValueError for images with several labels."""
    check_one_label(stream, "Accuracy after damage")
    seen = known_tasks(network, stream)
    tests = [(task.test.images, stream.positions(task.test.labels)) for task in seen]
    found, places = np.full((len(shares), len(stream)), np.nan), [task.index for task in seen]
    with torch.no_grad():
        for row, broken in zip(found, damages(network, omega, shares, which, seed, how), strict=True):
            row[places] = accuracies(broken, tests, (1,))["known_top1"]
    return found
