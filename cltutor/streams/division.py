"""How class-labelled images are divided into tasks: every setting is checked here, once."""

import difflib
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checked import AnyOf
from ..describe import Kind, Real, Whole, shown
from .labels import is_whole, plain
from .report import Report
from .stream import Split, Stream, Task, check_images, sample

Tasks = int | Sequence[int]
Order = int | None | Sequence[int | str]
Classes = Sequence[int | str] | None
Plan = tuple[tuple[int, ...], ...]


class Setting(Kind):
    """A setting in which arrays and tensors are lists."""

    def plain(self, value: Any) -> Any:
        return plain(value)


def is_list(value: Any) -> bool:
    return isinstance(value, list | set | frozenset)


TASKS = Setting(
    "a number of tasks, or a list with the number of classes in each (1 or more)",
    lambda value: is_whole(value) or isinstance(value, list) and all(is_whole(n) and n > 0 for n in value),
)
ORDER = Setting(
    "a whole number from 0 up, the seed of a random order, or a list of labels or class names, or None",
    lambda value: value is None or Whole(at_least=0).accepts(value) or isinstance(value, list),
)
CLASSES = Setting("a list of labels or class names, or None for all", lambda value: value is None or is_list(value))
VALIDATION = AnyOf((Whole(at_least=0), Real(at_least=0, below=1)))
# What every source takes, for @checked.
DIVISION = {"tasks": TASKS, "order": ORDER, "classes": CLASSES, "validation": VALIDATION}


def arrange(
    class_names: Sequence[str],
    tasks: Tasks,
    order: Order = None,
    classes: Classes = None,
    validation: float | int = 0,
) -> Plan:
    """The labels of every task, in order of arrival; a source calls it before it reads any image.

    tasks: a number of equal tasks, or the number of classes in each; order: an int seed of a random permutation, None
    for the data set's own order, or a list of labels or names; classes: the labels or names that take part, None for
    all; validation: a fraction in [0, 1) or a whole number of training images per class. Raises ValueError when one of
    them does not fit.
    """
    tasks, order, classes = TASKS.check("tasks", tasks), ORDER.check("order", order), CLASSES.check("classes", classes)
    VALIDATION.check("validation", validation)
    chosen = list(range(len(class_names)))
    if classes is not None:
        chosen = sorted(labels_of(classes, class_names, "classes"))
        if not chosen:
            raise ValueError("classes= is empty; name at least one class, or use None for all.")
    arrival = _in_order(chosen, order, class_names)
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
    report: Report | None = None,
) -> Stream:
    """Divide class-labelled images into the tasks of `plan`, as `shares` does; those of other classes are left out."""
    parts = shares(train.labels, test.labels, class_names, plan, validation)
    tasks = [
        Task(index, plan[index], train.take(mine), train.take(held), test.take(tested))
        for index, (mine, held, tested) in enumerate(parts)
    ]
    return Stream(tasks, class_names, name, code, report)


def shares(
    train: Tensor, test: Tensor, class_names: Sequence[str], plan: Plan, validation: float | int
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """For every task of `plan`, which rows of the labels `train` are training and validation rows, and which of `test`
    are test rows: bool masks.

    Validation images are sampled from train class by class, the same ones whatever the tasks and their order; a
    fraction gives at least one where a class has two images, and one training image per class always remains. Raises
    ValueError when that is impossible, or a class has no image.
    """
    validation = plain(validation)
    arrival = [label for labels in plan for label in labels]
    check_images(arrival, train, test, class_names)
    counts = torch.bincount(train, minlength=len(class_names)).tolist()
    for label in arrival:
        if validation >= counts[label]:
            raise ValueError(
                f"validation={validation} leaves no training image of class {class_names[label]!r}, which has "
                f"{counts[label]}; use a smaller number."
            )
    held = sample(train, lambda n: _held_out(validation, n), seed=0)
    found = []
    for labels in plan:
        mine = torch.isin(train, torch.tensor(labels))
        found.append((mine & ~held, mine & held, torch.isin(test, torch.tensor(labels))))
    return found


def unknown(what: str, name: Any, known: Iterable[str]) -> ValueError:
    """One sentence for an unknown name, with the nearest known ones."""
    by_lower = {str(word).lower(): str(word) for word in known}
    close = difflib.get_close_matches(str(name)[:80].lower(), by_lower, n=3, cutoff=0.5)
    near = [repr(by_lower[word]) for word in close]
    if not near:
        words = [repr(word) for word in sorted(by_lower.values())]
        listed = ", ".join(words[:20]) + (", ..." if len(words) > 20 else "")
        return ValueError(f"there is no {what} {shown(name)}; there are {listed}.")
    return ValueError(f"there is no {what} {shown(name)}; did you mean {' or '.join(near)}?")


def call(function: Callable, arguments: dict[str, Any], variables: Sequence[str] = ()) -> str:
    """The call as code: required arguments, `tasks` and `order` always; the others where they are not the default.

    Those in `variables` are printed as variables of their name.
    """
    parts = []
    for name, parameter in inspect.signature(function).parameters.items():
        value = arguments[name]
        code = name if name in variables else repr(plain(value))
        if parameter.default is parameter.empty:
            parts.append(code)
        elif name in ("tasks", "order", *variables) or plain(value) != plain(parameter.default):
            parts.append(f"{name}={code}")
    return f"streams.{function.__name__}({', '.join(parts)})"


def _held_out(validation: float | int, images: int) -> int:
    """How many of a class's images go to validation."""
    if validation >= 1 or validation == 0:
        return int(validation)
    return min(max(1, round(validation * images)), images - 1)


def labels_of(items: Iterable[Any], class_names: Sequence[str], argument: str) -> list[int]:
    """Labels of a list of labels or names, each at most once."""
    labels = []
    for item in plain(items):
        if isinstance(item, str):
            if item not in class_names:
                raise unknown("class", item, class_names)
            item = list(class_names).index(item)
        if not is_whole(item) or not 0 <= item < len(class_names):
            raise ValueError(
                f"{argument}= has the label {shown(item)}, but labels run from 0 to {len(class_names) - 1}."
            )
        if item in labels:
            raise ValueError(f"{argument}= names class {class_names[item]!r} twice; once is right.")
        labels.append(item)
    return labels


def _in_order(chosen: list[int], order: Any, class_names: Sequence[str]) -> list[int]:
    if order is None:
        return chosen
    if is_whole(order):
        return np.random.default_rng(order).permutation(chosen).tolist()
    arrival = labels_of(order, class_names, "order")
    if missing := sorted(set(chosen) - set(arrival)):
        raise ValueError(
            f"order= is no permutation of the classes: {class_names[missing[0]]!r} is missing; "
            f"list each of the {len(chosen)} classes once."
        )
    if extra := sorted(set(arrival) - set(chosen)):
        raise ValueError(
            f"order= is no permutation of the classes: {class_names[extra[0]]!r} is not among those chosen with "
            "classes=; list each chosen class once."
        )
    return arrival


def _sizes(tasks: Any, classes: int) -> list[int]:
    """The number of classes in each task."""
    if is_whole(tasks):
        if tasks < 1 or classes % tasks:
            right = [str(n) for n in range(1, classes + 1) if classes % n == 0]
            listed = " or ".join(filter(None, [", ".join(right[:-1]), right[-1]]))
            raise ValueError(
                f"{classes} classes cannot be divided into {shown(tasks)} equal tasks; tasks may be {listed}, or a "
                "list with the number of classes in each."
            )
        return [classes // tasks] * tasks
    if sum(tasks) != classes:
        raise ValueError(
            f"tasks={shown(tasks)} is {shown(sum(tasks))} classes in all, but there are {classes}; the numbers must "
            "sum to that."
        )
    return list(tasks)
