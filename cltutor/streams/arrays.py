"""Images that you already have as arrays or tensors."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .division import Classes, Order, Tasks, arrange, call, divide
from .stream import Split, Stream

Array = Tensor | np.ndarray


def tensors(
    x_train: Array,
    y_train: Array,
    x_test: Array,
    y_test: Array,
    tasks: Tasks = 5,
    order: Order = 0,
    class_names: Sequence[str] | None = None,
    classes: Classes = None,
    validation: float | int = 0,
) -> Stream:
    """A stream of your own arrays or tensors.

    x: (N, C, H, W), or (N, H, W) for grey; uint8, or float in [0, 1], which becomes uint8 as round(255 x). y: (N,)
    whole numbers from 0 to one less than the number of classes. class_names: one per class, default "0", "1", ... The
    other arguments as in `arrange`. Raises ValueError when anything does not fit.
    """
    given, named = locals(), () if class_names is None else ("class_names",)
    labels = {"y_train": _labels("y_train", y_train, x_train), "y_test": _labels("y_test", y_test, x_test)}
    if class_names is None:
        most = max((int(y.max()) for y in labels.values() if len(y)), default=-1)
        class_names = [str(label) for label in range(most + 1)]
    for name, y in labels.items():
        wrong = y[(y < 0) | (y >= len(class_names))]
        if len(wrong):
            raise ValueError(
                f"{name} has the label {int(wrong[0])}; labels must run from 0 to {len(class_names) - 1}, one for each "
                "class name."
            )
    plan = arrange(class_names, tasks, order, classes, validation)
    train = Split(_images("x_train", x_train), labels["y_train"])
    test = Split(_images("x_test", x_test), labels["y_test"])
    if train.images.shape[1:] != test.images.shape[1:]:
        raise ValueError(
            f"x_train has images of {tuple(train.images.shape[1:])} and x_test of "
            f"{tuple(test.images.shape[1:])}; they must be the same."
        )
    code = call(tensors, given, ("x_train", "y_train", "x_test", "y_test", *named))
    return divide(train, test, class_names, plan, validation, name="tensors", code=code)


def _labels(name: str, y: Array, x: Array) -> Tensor:
    y = torch.as_tensor(y).detach().cpu()
    if y.dtype == torch.bool or y.is_floating_point() or y.is_complex() or y.ndim != 1:
        raise ValueError(f"{name} must be whole numbers of shape (N,), not {y.dtype} of shape {tuple(y.shape)}.")
    if len(y) != len(x):
        raise ValueError(f"{name} has {len(y)} labels for {len(x)} images; give one per image.")
    return y.long()


def _images(name: str, x: Array) -> Tensor:
    """(N, C, H, W) uint8."""
    x = torch.as_tensor(x).detach().cpu()
    if x.ndim == 3:
        x = x[:, None]
    if x.ndim != 4:
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
