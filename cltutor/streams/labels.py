"""Labels and class names as people have them: numbers from any start, text, True and False; and plain numbers."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor

from ..describe import Name, shown
from .report import Report

_MOST = 100_000  # classes that are numbered without a name of their own


def plain(value: Any) -> Any:
    """Numbers, arrays and tensors as Python's own numbers and lists; paths as text."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple | range):
        return [plain(item) for item in value]
    has_numbers = callable(getattr(value, "tolist", None)) and not getattr(value, "is_meta", False)
    return value.tolist() if has_numbers else value


def is_whole(value: Any) -> TypeGuard[int]:
    """True of Python's and numpy's integers, not of booleans."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def names_of(class_names: Any) -> tuple[str, ...]:
    """Class names as different texts, from texts, bytes or whole numbers; ValueError for anything else."""
    right = "class_names is a list of different names, one for each label"
    listed = plain(class_names)
    if isinstance(listed, str | bytes | dict | set | frozenset | Tensor) or not isinstance(listed, Iterable):
        raise ValueError(f"{right}, not {shown(class_names)}.")
    names: dict[str, None] = {}
    for given in listed:
        name = plain(given)
        if isinstance(name, bytes):
            name = name.decode("utf-8", "backslashreplace")
        if is_whole(name):
            name = str(name)
        name = Name().check("a class name", name)
        if name in names:
            raise ValueError(f"{right}; {shown(name)} is there twice.")
        names[name] = None
    if not names:
        raise ValueError(f"{right}; it is empty.")
    return tuple(names)


class Numbering:
    """The labels of some images as places in a list of class names.

    labels: (N,) int64 by the argument's name; names: of the classes; moved: from a number that was given to its place,
    where numbers did not run from 0.
    """

    def __init__(self, given: dict[str, Any], class_names: Any, kept: bool, report: Report) -> None:
        """given: labels by the argument's name; class_names: None for the labels' own; kept: whether a number without
        images is a class all the same. Raises ValueError for what cannot be labels, or has no place in the names."""
        values = {name: _values(name, labels, report) for name, labels in given.items()}
        kinds = {type(label) for one in values.values() for label in one[:1]}
        if len(kinds) != 1:
            what = "text in one and numbers in the other" if kinds else "no labels"
            raise ValueError(f"{' and '.join(given)} have {what}; give one label for each image, of the same kind.")
        found = sorted(set().union(*values.values()))
        names = () if class_names is None else names_of(class_names)
        self.moved: dict[Any, int] = {}
        if kinds == {str}:
            self.names = names or names_of(found)
            places: dict[Any, int] = {name: place for place, name in enumerate(self.names)}
            if not names:
                report.add("guessed", "classes are numbered in the order of their names", *found)
        elif found[0] >= 0 and found[-1] >= len(found) and not (kept if not names else len(names) != len(found)):
            self.names = names or names_of(found)
            self.moved = places = {label: place for place, label in enumerate(found)}
            report.add("guessed", "labels that do not run from 0 are numbered anew, in their order", *map(str, found))
        else:
            classes = len(names) or max(1, min(found[-1] + 1, _MOST))
            self.names = names or tuple(map(str, range(classes)))
            places = {label: label for label in range(classes)}
        for name, one in values.items():
            wrong = next((label for label in one if label not in places), None)
            if wrong is not None:
                right = f"run from 0 to {len(places) - 1}, one" if kinds == {int} else "be"
                raise ValueError(f"{name} has the label {shown(wrong)}; labels must {right} for each class name.")
        self.labels = {name: torch.tensor([places[label] for label in one]).long() for name, one in values.items()}

    def places(self, argument: str, items: Any) -> Any:
        """`order` or `classes` with the numbers that were given as labels turned into places."""
        listed = plain(list(items) if isinstance(items, set | frozenset) else items)
        if not self.moved or not isinstance(listed, list):
            return items
        for item in listed:
            if is_whole(item) and item not in self.moved:
                raise ValueError(f"{argument}= has the label {item}, which no image has.")
        return [self.moved[item] if is_whole(item) else item for item in listed]


def _values(name: str, given: Any, report: Report) -> list:
    """The labels as whole numbers or texts of Python."""
    right = f"{name} must be whole numbers or texts of shape (N,), one for each image"
    try:
        listed = plain(given.detach() if isinstance(given, Tensor) else given)
    except (RuntimeError, NotImplementedError):  # a tensor without numbers, as on the meta device
        listed = None
    if not isinstance(listed, list) or any(isinstance(label, list) for label in listed):
        raise ValueError(f"{right}, not {shown(given)}.")
    kinds = set(map(type, listed))
    if kinds == {bool}:
        return [str(label) for label in listed]
    if kinds == {bytes}:
        return [label.decode("utf-8", "backslashreplace") for label in listed]
    if float in kinds and kinds <= {int, float} and all(label == label // 1 for label in listed):
        report.add("converted", "labels of whole floating-point numbers are whole numbers")
        return [int(label) for label in listed]
    if kinds - {int} and kinds - {str}:
        wrong = next(label for label in listed if type(label) is not int)
        raise ValueError(f"{right}, not {shown(wrong)}.")
    return listed
