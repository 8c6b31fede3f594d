"""What arrives: a stream of tasks, each with its images for training, validation and test."""

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor

from ..checked import Tensors, Text, checked
from ..describe import Name, Real, Several, Whole, counted, shown
from .labels import names_of
from .report import Report
from .split import Split as Split

LABELS, CLASSES = Tensors("N", whole=True), Several(Whole(at_least=0))


@dataclass(frozen=True, eq=False, repr=False)
class Task:
    """One task: its place in the stream, from 0; its labels in order of arrival; its splits, or a ValueError."""

    index: int
    classes: tuple[int, ...]
    train: Split
    validation: Split
    test: Split

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", Whole(at_least=0).check("index", self.index))
        object.__setattr__(self, "classes", CLASSES.check("classes", self.classes))
        for name in ("train", "validation", "test"):
            if not isinstance(getattr(self, name), Split):
                raise ValueError(f"{name} must be a Split, not {type(getattr(self, name)).__name__}.")

    def __repr__(self) -> str:
        counts = f"{len(self.train):,} training, {len(self.validation):,} validation and {len(self.test):,} test images"
        shape, labels = tuple(self.test.images.shape[1:]), "label" if len(self.classes) == 1 else "labels"
        return f"<Task {self.index}: {labels} {', '.join(map(str, self.classes))}; {counts} of {shape}>"


class Stream(Sequence[Task]):
    """Tasks in the order in which they arrive. Every class belongs to exactly one task, unless classes are returning.

    A class that returns keeps the output that it got when it first came: a task without a new class adds none, and with
    a single head for all tasks it is the same question whether the task is known. Every class needs a training and a
    test image, except that the first task may have no training image at all, for a pretrained network. Tasks may differ
    in image size. Raises ValueError otherwise.
    name: "digits"; code: the call that creates the stream, "streams.digits(tasks=5, order=0)"; class_names: one for
    every label; report: what the source took, guessed, converted and skipped.
    """

    @checked(name=Name(), code=Text())
    def __init__(
        self,
        tasks: Iterable[Task],
        class_names: Any,
        name: str,
        code: str,
        report: Report | None = None,
        returning: bool = False,
    ) -> None:
        self._tasks = tuple(tasks)
        self.class_names = names_of(class_names)
        self.name = name
        self.code = code
        self.report = Report() if report is None else report
        self.returning = returning
        _check_tasks(self._tasks, self.class_names, returning)
        self.arrivals = arrivals([task.classes for task in self._tasks])
        """The labels of each task that no earlier one had; a network grows a head for them where there are any."""

    def __len__(self) -> int:
        return len(self._tasks)

    @overload
    def __getitem__(self, index: int) -> Task: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Task, ...]: ...

    def __getitem__(self, index: int | slice) -> Task | tuple[Task, ...]:
        return self._tasks[index]

    def __repr__(self) -> str:
        sizes = [len(task.classes) for task in self]
        each = counted(sizes[0], "class") if len(set(sizes)) == 1 else f"{sizes} classes"
        train, test = (sum(len(getattr(task, s)) for task in self) for s in ("train", "test"))
        return (
            f"<{self.code}: {counted(len(self), 'task')} of {each}, "
            f"{train:,} training and {test:,} test images of {self.image_shape}>"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>" + (self.report._repr_html_() if self.report else "")

    @property
    def classes(self) -> tuple[int, ...]:
        """All labels in order of arrival."""
        return tuple(label for new in self.arrivals for label in new)

    @property
    def multilabel(self) -> bool:
        """Whether an image may have several labels."""
        return self[0].test.marks is not None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the first task's images."""
        channels, height, width = self[0].test.images.shape[1:]
        return channels, height, width

    @cached_property
    def _columns(self) -> Tensor:
        columns = torch.full((len(self.class_names),), -1, dtype=torch.int64)
        columns[torch.tensor(self.classes)] = torch.arange(len(self.classes))
        return columns

    def positions(self, labels: Tensor) -> Tensor:
        """(N,) labels -> (N,) columns: the place of each label in the order of arrival; ValueError for a label of
        another stream.
        """
        labels = LABELS.check("labels", labels).long()
        inside = (labels >= 0) & (labels < len(self._columns))
        columns = self._columns.to(labels.device)[torch.where(inside, labels, 0)]
        foreign = labels[~inside | (columns < 0)]
        if len(foreign):
            raise ValueError(f"label {int(foreign[0])} is not in this stream; its labels are {sorted(self.classes)}.")
        return columns

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of a sha256 over the tasks, splits, labels and pixels."""
        digest = hashlib.sha256()
        for task in self:
            digest.update(repr(task.classes).encode())
            for split in (task.train, task.validation, task.test):
                digest.update(repr(tuple(split.images.shape)).encode())
                for part in (split.labels, split.images, *([] if split.marks is None else [split.marks])):
                    digest.update(part.contiguous().numpy().data)
        return digest.hexdigest()[:16]

    @checked(share=Real(above=0, at_most=1), seed=Whole(at_least=0))
    def fewer(self, share: float, seed: int = 0) -> "Stream":
        """The stream with a `share` of the training images of every task after the first (LwF, Figure 5).

        The share, above 0 and at most 1, is sampled with `seed` class by class, at least one image of each; a larger
        share contains every image of a smaller one.
        """
        tasks = [self[0]]
        for task in self[1:]:
            kept = sample(task.train.labels, lambda n: max(1, round(share * n)), seed) | firsts(task.train, seed)
            tasks.append(replace(task, train=task.train.take(kept)))
        code = f"{self.code}.fewer({share!r}{f', seed={seed!r}' if seed else ''})"
        return Stream(tasks, self.class_names, self.name, code, self.report, self.returning)


def arrivals(tasks: Iterable[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """The classes of each of ``tasks`` that no earlier one had, given the classes of each."""
    seen, found = set[int](), []
    for classes in tasks:
        found.append(tuple(label for label in classes if label not in seen))
        seen |= set(classes)
    return tuple(found)


def sample(labels: Tensor, count: Callable[[int], int], seed: int) -> Tensor:
    """(N,) bool: `count(n)` of the n rows of every class, sampled with (seed, class).

    A larger count contains every row of a smaller one.
    """
    seed = Whole(at_least=0).check("seed", seed)
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique().tolist():
        rows = (labels == label).nonzero().flatten()
        shuffled = np.random.default_rng([seed, label]).permutation(len(rows))
        chosen[rows[torch.from_numpy(shuffled[: count(len(rows))])]] = True
    return chosen


def firsts(split: Split, seed: int) -> Tensor:
    """(N,) bool: of images with several labels one that shows each class, sampled with (seed, class), since a class may
    be the first label of none; no row of images with one label each."""
    chosen = torch.zeros(len(split), dtype=torch.bool)
    for label in split.shown.unique().tolist() if split.marks is not None else ():
        rows = split.marks[:, label].nonzero().flatten()  # type: ignore[index]  # there are marks
        chosen[rows[np.random.default_rng([seed, label]).integers(len(rows))]] = True
    return chosen


def check_memory(count: int, shape: tuple[int, ...]) -> None:
    """ValueError where so many images of a shape take more than half the memory of this computer."""
    try:
        limit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2
    except (AttributeError, ValueError, OSError):  # not on Windows
        limit = 2**35
    if count * math.prod(shape) > limit:
        raise ValueError(
            f"{count:,} images of {shape} take more than half the memory here; choose a smaller size or fewer images."
        )


def check_images(classes: Iterable[int], train: Tensor, test: Tensor, class_names: Sequence[str]) -> None:
    """ValueError that names the first of `classes` without a training or a test label."""
    classes = tuple(classes)
    for split, labels in (("training", train), ("test", test)):
        present = set(labels.unique().tolist())
        for label in classes:
            if label not in present:
                raise ValueError(
                    f"class {class_names[label]!r} has no {split} image; give it one, or leave it out with classes=."
                )


def _check_tasks(tasks: tuple[Task, ...], class_names: tuple[str, ...], returning: bool) -> None:
    if not tasks:
        raise ValueError("a stream needs at least one task.")
    seen: set[int] = set()
    for place, task in enumerate(tasks):
        if task.index != place:
            raise ValueError(f"the task at place {place} has the index {task.index}; use {place}.")
        if not task.classes or not set(task.classes) <= set(range(len(class_names))):
            raise ValueError(
                f"the classes of task {place} are {shown(task.classes)}; they must be labels from 0 to "
                f"{len(class_names) - 1}, one for each class name."
            )
        if seen & set(task.classes) and not returning:
            twice = min(seen & set(task.classes))
            raise ValueError(f"class {class_names[twice]!r} is in two tasks; put it in one.")
        new = tuple(label for label in task.classes if label not in seen)
        seen |= set(task.classes)
        pretrained = place == 0 and len(task.train) == 0
        train = torch.tensor(task.classes) if pretrained else task.train.shown
        check_images(new, train, task.test.shown, class_names)
        if not len(task.test):
            raise ValueError(f"task {place} has no test image; give it one.")
        for split in (task.train, task.validation, task.test):
            if len(split) and (split.marks is None) != (tasks[0].test.marks is None):
                raise ValueError("either all images of a stream have marks of several labels, or none has.")
            foreign = set(split.shown.unique().tolist()) - set(task.classes)
            if foreign:
                raise ValueError(
                    f"task {place} has images of label {min(foreign)}, which is not among its classes {task.classes}."
                )
