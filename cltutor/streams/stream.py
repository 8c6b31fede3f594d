"""What arrives: a stream of tasks, and the one function that divides class-labelled images into tasks."""

import difflib
import hashlib
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

Tasks = int | Sequence[int]
Order = int | None | Sequence[int | str]
Classes = Sequence[int | str] | None
Plan = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class Split:
    """Images with their labels.

    images: (N, C, H, W) uint8; labels: (N,) int64, the data set's own class index, not renumbered by arrival;
    masks: (N, H, W) bool, the pixels of the object, where the source knows them (`scenes`), else None.
    """

    images: Tensor
    labels: Tensor
    masks: Tensor | None = None

    def __post_init__(self) -> None:
        images, labels, masks = self.images, self.labels, self.masks
        if images.ndim != 4 or images.dtype != torch.uint8:
            raise ValueError(
                f"images must be a uint8 tensor of shape (N, C, H, W), not {_kind(images)}."
            )
        if labels.shape != images.shape[:1] or labels.dtype != torch.int64:
            raise ValueError(
                f"labels must be an int64 tensor with one label for each of the {len(images)} images, "
                f"not {_kind(labels)}."
            )
        if masks is not None and (masks.dtype != torch.bool or masks.shape != images[:, 0].shape):
            raise ValueError(
                f"masks must be a bool tensor of shape {tuple(images[:, 0].shape)}, "
                f"one mask an image, not {_kind(masks)}."
            )

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Tensor) -> "Split":
        """The images at `rows`: (N,) bool, or (n,) int64 indices."""
        masks = None if self.masks is None else self.masks[rows]
        return Split(self.images[rows], self.labels[rows], masks)

    @classmethod
    def empty(cls, image_shape: tuple[int, int, int]) -> "Split":
        """A split with no image, of images of shape (C, H, W)."""
        images = torch.empty((0, *image_shape), dtype=torch.uint8)
        return cls(images, torch.empty(0, dtype=torch.int64))


@dataclass(frozen=True, eq=False)
class Task:
    """One task: its place in the stream (from 0), its labels in order of arrival, and its three splits."""

    index: int
    classes: tuple[int, ...]
    train: Split
    validation: Split
    test: Split


class Stream(Sequence[Task]):
    """Tasks in the order in which they arrive. Every class belongs to exactly one task.

    Every class needs a training and a test image, except that the first task may have no training image at all: a
    pretrained network already knows it. Tasks may differ in image size. Raises ValueError otherwise.
    """

    def __init__(
        self, tasks: Iterable[Task], class_names: Sequence[str], name: str, code: str
    ) -> None:
        self._tasks = tuple(tasks)
        self.class_names = tuple(class_names)
        self.name = name
        self.code = code
        _check_tasks(self._tasks, self.class_names)

    def __len__(self) -> int:
        return len(self._tasks)

    def __getitem__(self, index):
        return self._tasks[index]

    def __repr__(self) -> str:
        sizes = [len(task.classes) for task in self]
        same = len(set(sizes)) == 1
        train, test = (sum(len(getattr(task, s)) for task in self) for s in ("train", "test"))
        return (
            f"<{self.code}: {len(self)} tasks of {sizes[0] if same else sizes} classes, "
            f"{train:,} training and {test:,} test images of {self.image_shape}>"
        )

    @property
    def classes(self) -> tuple[int, ...]:
        """All labels in order of arrival."""
        return tuple(label for task in self for label in task.classes)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the first task's images."""
        return tuple(self[0].test.images.shape[1:])

    @cached_property
    def _columns(self) -> Tensor:
        columns = torch.full((len(self.class_names),), -1, dtype=torch.int64)
        columns[torch.tensor(self.classes)] = torch.arange(len(self.classes))
        return columns

    def positions(self, labels: Tensor) -> Tensor:
        """(N,) labels -> (N,) columns: the place of each label in the order of arrival."""
        inside = (labels >= 0) & (labels < len(self._columns))
        columns = self._columns.to(labels.device)[torch.where(inside, labels, 0)]
        foreign = labels[~inside | (columns < 0)]
        if len(foreign):
            raise ValueError(
                f"label {int(foreign[0])} is not in this stream; its labels are {sorted(self.classes)}."
            )
        return columns

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of a sha256 over the tasks, splits, labels and pixels."""
        digest = hashlib.sha256()
        for task in self:
            digest.update(repr(task.classes).encode())
            for split in (task.train, task.validation, task.test):
                digest.update(repr(tuple(split.images.shape)).encode())
                for part in (split.labels, split.images):
                    digest.update(part.contiguous().numpy())
        return digest.hexdigest()[:16]

    def fewer(self, share: float, seed: int = 0) -> "Stream":
        """The stream with only `share` of the training images of every task after the first (LwF, Figure 5).

        Stratified, at least one image a class; a larger share holds every image of a smaller one of the same seed.
        """
        if not 0 < share <= 1:
            raise ValueError(f"share must be above 0 and at most 1, not {share!r}.")
        tasks = [self[0]]
        for task in self[1:]:
            kept = sample(task.train.labels, lambda n: max(1, round(share * n)), seed)
            train = task.train.take(kept)
            tasks.append(Task(task.index, task.classes, train, task.validation, task.test))
        code = f"{self.code}.fewer({share!r}{f', seed={seed!r}' if seed else ''})"
        return Stream(tasks, self.class_names, self.name, code)


def arrange(
    class_names: Sequence[str],
    tasks: Tasks,
    order: Order = None,
    classes: Classes = None,
    validation: float | int = 0,
) -> Plan:
    """The labels of every task, in order of arrival; every setting of a source is checked here, before any image.

    tasks: a number of equal tasks, or the number of classes in each; order: an int seed of a random permutation, None
    for the data set's own order, or a list of labels or names; classes: the labels or names that take part, None for
    all; validation: a fraction in [0, 1) or a whole number of training images a class. Raises ValueError.
    """
    _check_validation(validation)
    chosen = range(len(class_names))
    if classes is not None:
        chosen = sorted(_labels_of(classes, class_names, "classes"))
        if not chosen:
            raise ValueError("classes= is empty; name at least one class, or use None for all.")
    arrival = _in_order(list(chosen), order, class_names)
    ends = np.cumsum(_sizes(tasks, len(arrival)))
    return tuple(tuple(part.tolist()) for part in np.split(np.array(arrival), ends[:-1]))


def divide(
    train: Split,
    test: Split,
    class_names: Sequence[str],
    plan: Plan,
    validation: float | int,
    *,
    name: str,
    code: str,
) -> Stream:
    """Divide class-labelled images into the tasks of `plan` (from `arrange`); images of other classes are left out.

    Validation images are drawn from train class by class, the same ones whatever the tasks and their order; a
    fraction gives at least one where a class has two images, and one training image a class always remains.
    """
    check_images(plan, train.labels, test.labels, class_names)
    kept = torch.isin(train.labels, torch.tensor([label for labels in plan for label in labels]))
    counts = torch.bincount(train.labels[kept], minlength=len(class_names))
    for labels in plan:
        for label in labels:
            if validation >= counts[label]:
                raise ValueError(
                    f"validation={validation} leaves no training image of class "
                    f"{class_names[label]!r}, which has {int(counts[label])}; use a smaller number."
                )
    held = sample(train.labels, lambda n: _held_out(validation, n), seed=0)
    tasks = []
    for index, labels in enumerate(plan):
        mine = torch.isin(train.labels, torch.tensor(labels))
        tested = torch.isin(test.labels, torch.tensor(labels))
        splits = train.take(mine & ~held), train.take(mine & held), test.take(tested)
        tasks.append(Task(index, labels, *splits))
    return Stream(tasks, class_names, name, code)


def sample(labels: Tensor, count: Callable[[int], int], seed: int) -> Tensor:
    """(N,) bool: `count(n)` of the n rows of every class, drawn from (seed, class); a larger count holds a smaller."""
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique().tolist():
        rows = (labels == label).nonzero().flatten()
        shuffled = np.random.default_rng([check_seed(seed), label]).permutation(len(rows))
        chosen[rows[torch.from_numpy(shuffled[: count(len(rows))])]] = True
    return chosen


def check_seed(seed: int, name: str = "seed") -> int:
    """The seed, or ValueError when it is no whole number from 0 up."""
    if not is_whole(seed) or seed < 0:
        raise ValueError(f"{name} must be a whole number from 0 up, not {seed!r}.")
    return int(seed)


def is_whole(value: object) -> bool:
    """True of Python's and numpy's integers, not of booleans."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_images(plan: Plan, train: Tensor, test: Tensor, class_names: Sequence[str]) -> None:
    """ValueError that names the first class of `plan` without a training or a test label."""
    for split, labels in (("training", train), ("test", test)):
        present = set(labels.unique().tolist())
        for label in (label for task in plan for label in task):
            if label not in present:
                raise ValueError(
                    f"class {class_names[label]!r} has no {split} image; "
                    "give it one, or leave it out with classes=."
                )


def unknown(what: str, name: object, known: Iterable[str]) -> ValueError:
    """One sentence for an unknown name, with the nearest right ones."""
    by_lower = {str(word).lower(): str(word) for word in known}
    close = difflib.get_close_matches(str(name).lower(), by_lower, n=3, cutoff=0.5)
    near = [repr(by_lower[word]) for word in close]
    if not near:
        words = [repr(word) for word in sorted(by_lower.values())]
        listed = ", ".join(words[:20]) + (", ..." if len(words) > 20 else "")
        return ValueError(f"there is no {what} {name!r}; there are {listed}.")
    return ValueError(f"there is no {what} {name!r}; did you mean {' or '.join(near)}?")


def call(function: Callable, arguments: dict) -> str:
    """The call as code: required arguments, `tasks` and `order` always, the others where they are not the default."""
    parts = []
    for name, parameter in inspect.signature(function).parameters.items():
        value = _plain(arguments[name])
        if parameter.default is parameter.empty:
            parts.append(repr(value))
        elif name in ("tasks", "order") or value != _plain(parameter.default):
            parts.append(f"{name}={value!r}")
    return f"streams.{function.__name__}({', '.join(parts)})"


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Tensor | np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple | range):
        return [_plain(item) for item in value]
    return value


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"


def _check_validation(validation: float | int) -> None:
    fraction = isinstance(validation, float | np.floating) and 0 <= validation < 1
    if not fraction and not (is_whole(validation) and validation >= 0):
        raise ValueError(
            "validation must be a fraction from 0 up to, not including, 1, or a whole number of images "
            f"a class, not {validation!r}."
        )


def _held_out(validation: float | int, images: int) -> int:
    """How many of a class's images go to validation."""
    if validation >= 1 or validation == 0:
        return int(validation)
    return min(max(1, round(validation * images)), images - 1)


def _labels_of(items: Sequence, class_names: Sequence[str], argument: str) -> list[int]:
    """Labels of a list of labels or names, each at most once."""
    if isinstance(items, str) or not isinstance(items, Iterable):
        raise ValueError(f"{argument}= must be a list of labels or class names, not {items!r}.")
    labels = []
    for item in _plain(items) if not isinstance(items, set) else sorted(items):
        if isinstance(item, str):
            if item not in class_names:
                raise unknown("class", item, class_names)
            item = list(class_names).index(item)
        if not is_whole(item) or not 0 <= item < len(class_names):
            raise ValueError(
                f"{argument}= has the label {item!r}, but labels run from 0 to {len(class_names) - 1}."
            )
        if item in labels:
            raise ValueError(f"{argument}= names class {class_names[item]!r} twice; once is right.")
        labels.append(item)
    return labels


def _in_order(chosen: list[int], order: Order, class_names: Sequence[str]) -> list[int]:
    if order is None:
        return chosen
    if is_whole(order):
        generator = np.random.default_rng(check_seed(order, "order"))
        return generator.permutation(chosen).tolist()
    if isinstance(order, bool | float):
        raise ValueError(f"order must be an int seed, None or a list of labels, not {order!r}.")
    arrival = _labels_of(order, class_names, "order")
    if missing := sorted(set(chosen) - set(arrival)):
        raise ValueError(
            f"order= is no permutation of the classes: {class_names[missing[0]]!r} is missing; "
            f"list each of the {len(chosen)} classes once."
        )
    if extra := sorted(set(arrival) - set(chosen)):
        raise ValueError(
            f"order= is no permutation of the classes: {class_names[extra[0]]!r} is not among those "
            "chosen with classes=; list each chosen class once."
        )
    return arrival


def _sizes(tasks: Tasks, classes: int) -> list[int]:
    """The number of classes in each task."""
    if is_whole(tasks):
        if tasks < 1 or classes % tasks:
            right = [str(n) for n in range(1, classes + 1) if classes % n == 0]
            listed = " or ".join(filter(None, [", ".join(right[:-1]), right[-1]]))
            raise ValueError(
                f"{classes} classes cannot be divided into {tasks} equal tasks; tasks may be {listed}, "
                "or a list with the number of classes in each."
            )
        return [classes // tasks] * tasks
    sizes = _plain(tasks)
    if not isinstance(sizes, list) or not all(is_whole(n) and n > 0 for n in sizes):
        raise ValueError(
            "tasks must be a number of tasks, or a list with the number of classes in each (1 or more), "
            f"not {tasks!r}."
        )
    if sum(sizes) != classes:
        raise ValueError(
            f"tasks={sizes} asks for {sum(sizes)} classes, but there are {classes}; "
            "the numbers must sum to that."
        )
    return sizes


def _check_tasks(tasks: tuple[Task, ...], class_names: tuple[str, ...]) -> None:
    if not tasks:
        raise ValueError("a stream needs at least one task.")
    seen: set[int] = set()
    for place, task in enumerate(tasks):
        if task.index != place:
            raise ValueError(f"the task at place {place} has the index {task.index}; use {place}.")
        _labels_of(task.classes, class_names, f"the classes of task {place}")
        if seen & set(task.classes):
            twice = min(seen & set(task.classes))
            raise ValueError(f"class {class_names[twice]!r} is in two tasks; put it in one.")
        seen |= set(task.classes)
        pretrained = place == 0 and len(task.train) == 0
        train = torch.tensor(task.classes) if pretrained else task.train.labels
        check_images((task.classes,), train, task.test.labels, class_names)
        for split in (task.train, task.validation, task.test):
            foreign = set(split.labels.unique().tolist()) - set(task.classes)
            if foreign:
                raise ValueError(
                    f"task {place} holds images of label {min(foreign)}, "
                    f"which is not among its classes {task.classes}."
                )
