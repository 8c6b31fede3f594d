"""Images that you already have as arrays or tensors."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checked import checked
from ..describe import shown
from .division import DIVISION, Classes, Order, Tasks, arrange, call, divide
from .labels import Numbering
from .pictures import pixels
from .report import Report
from .stream import Split, Stream

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
    text is numbered in the order of the names, or as in `class_names`. Numbers in `order` and `classes` are those of
    y. class_names: one per class, default the labels as text. `report` says what was numbered or converted. The other
    arguments as in `arrange`. Raises ValueError when anything does not fit.
    """
    given, named = locals(), () if class_names is None else ("class_names",)
    report = Report()
    images = {name: _images(name, x) for name, x in (("x_train", x_train), ("x_test", x_test))}
    numbering = Numbering({"y_train": y_train, "y_test": y_test}, class_names, classes is not None, report)
    for (x, pictures), (y, labels) in zip(images.items(), numbering.labels.items(), strict=True):
        if len(labels) != len(pictures):
            raise ValueError(f"{y} has {len(labels)} labels for {len(pictures)} images of {x}; give one per image.")
    order, classes = numbering.places("order", order), numbering.places("classes", classes)
    plan = arrange(numbering.names, tasks, order, classes, validation)
    train, test = (Split(*parts) for parts in zip(images.values(), numbering.labels.values(), strict=True))
    if train.images.shape[1:] != test.images.shape[1:]:
        raise ValueError(
            f"x_train has images of {tuple(train.images.shape[1:])} and x_test of "
            f"{tuple(test.images.shape[1:])}; they must be the same."
        )
    code = call(tensors, given, ("x_train", "y_train", "x_test", "y_test", *named))
    return divide(train, test, numbering.names, plan, validation, name="tensors", code=code, report=report)


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
