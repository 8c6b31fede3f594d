"""Images that you already have as arrays or tensors."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checked import checked
from ..describe import shown
from .division import DIVISION, Classes, Order, Tasks, arrange, call, divide
from .labels import Numbering, names_of, plain
from .pictures import pixels
from .report import Report
from .split import check_marks, of_marks
from .stream import Split, Stream, Task

Array = Any  # a tensor, whatever numpy makes an array of, or a list of pictures


@checked(**DIVISION)
def tensors(
    x_train: Array,
    y_train: Array,
    x_test: Array,
    y_test: Array,
    tasks: Tasks = 5,
    order: Order = 0,
    class_names: Any = None,
    classes: Classes = None,
    validation: float | int = 0,
) -> Stream:
    """A stream of your own arrays or tensors.

    x: (N, C, H, W), or (N, H, W) for grey; uint8, or float in [0, 1], which becomes uint8 as round(255 x); or a list of
    pictures of one size as Pillow opens them. y: (N,) whole numbers from 0 to one less than the number of classes;
    labels that start elsewhere or leave numbers out are numbered anew in their order unless `classes` is given, and
    text is numbered in the order of the names, or as in `class_names`. Or y: (N, K) of 0 and 1, which of K classes an
    image shows; an image is then in every task of whose classes it shows one, with that task's labels alone, and
    `validation` is left out. Numbers in `order` and `classes` are those of
    y. class_names: one per class, default the labels as text. `report` says what was numbered or converted. The other
    arguments as in `arrange`. Raises ValueError when anything does not fit.
    """
    given, named = locals(), () if class_names is None else ("class_names",)
    report = Report()
    images = {name: _images(name, x) for name, x in (("x_train", x_train), ("x_test", x_test))}
    if any(map(_is_matrix, (y_train, y_test))):
        both = [images["x_train"], images["x_test"]]
        code = call(tensors, given, ("x_train", "y_train", "x_test", "y_test", *named))
        return _several(both, [y_train, y_test], class_names, (tasks, order, classes, validation), code, report)
    numbering = Numbering({"y_train": y_train, "y_test": y_test}, class_names, classes is not None, report)
    for (x, pictures), (y, labels) in zip(images.items(), numbering.labels.items(), strict=True):
        if len(labels) != len(pictures):
            raise ValueError(f"{y} has {len(labels)} labels for {len(pictures)} images of {x}; give one per image.")
    order, classes = numbering.places("order", order), numbering.places("classes", classes)
    plan = arrange(numbering.names, tasks, order, classes, validation)
    train, test = (Split(*parts) for parts in zip(images.values(), numbering.labels.values(), strict=True))
    _check_shapes(train.images, test.images)
    code = call(tensors, given, ("x_train", "y_train", "x_test", "y_test", *named))
    return divide(train, test, numbering.names, plan, validation, name="tensors", code=code, report=report)


def _is_matrix(y: Array) -> bool:
    """Whether labels have a row for each image, of more than one column: a single one is no choice of classes."""
    if isinstance(y, list | tuple):
        return len(y) > 0 and isinstance(y[0], list | tuple) and len(y[0]) > 1
    return getattr(y, "ndim", 1) == 2 and y.shape[1] > 1


def _check_shapes(train: Tensor, test: Tensor) -> None:
    if train.shape[1:] != test.shape[1:]:
        shapes = f"x_train has images of {tuple(train.shape[1:])} and x_test of {tuple(test.shape[1:])}"
        raise ValueError(f"{shapes}; they must be the same.")


def _several(
    images: list[Tensor], matrices: list[Array], class_names: Any, division: tuple, code: str, report: Report
) -> Stream:
    """The stream of images whose labels are ``matrices`` (N, K) of 0 and 1, for training and for test."""
    tasks, order, classes, validation = division
    if plain(validation):
        raise ValueError("validation= takes images by their label, and these have several: leave it out.")
    _check_shapes(*images)
    marks = [_marks(y, len(own)) for y, own in zip(matrices, images, strict=True)]
    names = names_of(range(marks[0].shape[1]) if class_names is None else class_names)
    if {own.shape[1] for own in marks} != {len(names)}:
        widths = " and ".join(str(own.shape[1]) for own in marks)
        raise ValueError(f"y_train and y_test have a column for each of {len(names)} classes, not {widths}.")
    plan = arrange(names, tasks, order, classes)
    columns = [torch.zeros(len(names), dtype=torch.bool).index_fill(0, torch.tensor(own), True) for own in plan]
    for part, own in zip(("training", "test"), marks, strict=True):
        counts = torch.stack([(own & mine).any(dim=1) for mine in columns]).sum(dim=0)
        if shared := int((counts > 1).sum()):
            report.add("taken", f"{shared:,} {part} images show classes of several tasks: in each, with its own labels")
        if absent := int((counts == 0).sum()):
            report.add("skipped", f"{absent:,} {part} images that show no class of any task")
    found = []
    for index, (labels, mine) in enumerate(zip(plan, columns, strict=True)):
        shown = [(own & mine).any(dim=1) for own in marks]
        train, test = (of_marks(x[rows], own[rows] & mine) for x, own, rows in zip(images, marks, shown, strict=True))
        empty = of_marks(images[0][:0], marks[0][:0])
        found.append(Task(index, labels, train, empty, test))
    return Stream(found, names, "tensors", code, report)


def _marks(y: Array, images: int) -> Tensor:
    """(N, K) bool of a matrix in any common form."""
    try:
        given = torch.from_numpy(np.asarray(plain(y)))
    except (TypeError, ValueError):  # rows of unlike lengths, or of something else than numbers
        given = y
    return check_marks(given, images).bool()


def _images(name: str, given: Any) -> Tensor:
    """(N, C, H, W) uint8."""
    x = _tensor(name, given)
    if x.ndim == 3:
        x = x[:, None]
    if x.ndim != 4 or 0 in x.shape[1:]:
        raise ValueError(f"{name} must have the shape (N, C, H, W), or (N, H, W) for grey, not {tuple(x.shape)}.")
    if x.shape[1] > 4 and x.shape[3] in (1, 3, 4):
        raise ValueError(
            f"{name} of shape {tuple(x.shape)} has its channels last; they must come second: use "
            "x.transpose(0, 3, 1, 2)."
        )
    if x.is_floating_point():
        if not bool(((x >= 0) & (x <= 1)).all()):  # also False where x is NaN
            raise ValueError(
                f"{name} has values outside [0, 1] or NaN; float images must lie in [0, 1], for 0 to 255 use uint8."
            )
        return (x.float() * 255).round().to(torch.uint8)
    if x.dtype != torch.uint8:
        raise ValueError(f"{name} must be uint8, or float in [0, 1], not {x.dtype}.")
    return x.contiguous()


def _tensor(name: str, given: Any) -> Tensor:
    """Images in any common form as one tensor on the CPU."""
    try:
        if isinstance(given, list | tuple) and len(given) and all(hasattr(one, "getbands") for one in given):
            return torch.from_numpy(pixels(given))
        if isinstance(given, Tensor):
            return given.detach().cpu().to_dense()
        array = np.asarray(given)
        if array.dtype == object:
            array = np.stack([np.asarray(one) for one in array])
        return torch.from_numpy(np.ascontiguousarray(array))
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        raise ValueError(
            f"{name} must be an array or a tensor of images of one size, or a list of such pictures, not "
            f"{shown(given)} ({str(error).splitlines()[0].rstrip('.')}); streams.folder resizes pictures."
        ) from error
