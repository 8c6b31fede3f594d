"""torchvision's classification data sets, read by torchvision itself, with its checksums."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..checked import NOTHING, AnyOf, checked
from ..describe import Several, Whole
from .division import DIVISION, Classes, Order, Tasks, arrange, call, divide, unknown
from .listing import PATH
from .stream import Split, Stream, sample

# The arguments for the training and the test images of each data set. None: it is not divided, and one fifth of each
# class becomes the test split.
_FLAG = ({"train": True}, {"train": False})
_TEST = ({"split": "train"}, {"split": "test"})
_SETS: dict[str, Sequence[dict[str, Any]] | None] = {
    **dict.fromkeys(("CIFAR10", "CIFAR100", "FashionMNIST", "KMNIST", "MNIST", "QMNIST", "USPS"), _FLAG),
    **dict.fromkeys(("Country211", "DTD", "Flowers102", "Food101", "GTSRB", "PCAM", "RenderedSST2"), _TEST),
    **dict.fromkeys(("STL10", "StanfordCars", "SVHN"), _TEST),
    "EMNIST": tuple({"split": "balanced", **part} for part in _FLAG),
    **dict.fromkeys(("FGVCAircraft", "OxfordIIITPet"), ({"split": "trainval"}, {"split": "test"})),
    **dict.fromkeys(("ImageNet", "Imagenette"), ({"split": "train"}, {"split": "val"})),
    **dict.fromkeys(("Caltech101", "Caltech256", "EuroSAT", "SEMEION", "SUN397")),
}

PER_CLASS = AnyOf((Whole(at_least=1, or_none=True), Several(Whole(at_least=1, or_none=True), length=2)))


@checked(**DIVISION, per_class=PER_CLASS, root=AnyOf((PATH, NOTHING)))
def torchvision(
    name: str,
    tasks: Tasks = 10,
    order: Order = 0,
    root: str | Path | None = None,
    per_class: int | tuple[int, int] | None = None,
    classes: Classes = None,
    validation: float | int = 0,
) -> Stream:
    """A classification data set of torchvision by its name, such as "CIFAR100", "MNIST", "SVHN".

    root: the folder of the data; by default the environment's CLTUTOR_DATA, or ~/.cache/cltutor. Data that are absent
    are downloaded there, once. per_class: at most so many training images per class, or (training, test) images,
    always the same ones; None for all. The other arguments as in `arrange`. Raises ValueError when they do not fit,
    the data can neither be found nor downloaded, or the images differ in size (`folder` resizes those).
    """
    code = call(torchvision, locals())
    if name not in _SETS:
        raise unknown("torchvision data set", name, _SETS)
    counts = per_class if isinstance(per_class, tuple) else (per_class, None)
    root = Path(root or os.environ.get("CLTUTOR_DATA") or "~/.cache/cltutor").expanduser()
    parts = [_open(name, root, **arguments) for arguments in _SETS[name] or ({},)]
    labels = [_labels(part) for part in parts]
    class_names = _class_names(parts[0], labels)
    plan = arrange(class_names, tasks, order, classes, validation)
    rows = [torch.isin(y, torch.tensor(sum(plan, ()))) for y in labels]
    if len(parts) == 1:
        tested = sample(labels[0], lambda n: max(1, round(0.2 * n)), seed=0)
        parts, labels, rows = parts * 2, labels * 2, [rows[0] & ~tested, rows[0] & tested]
    train, test = (_read(name, *each) for each in zip(parts, labels, rows, counts, strict=True))
    return divide(train, test, class_names, plan, validation, name=name, code=code)


def _open(name: str, root: Path, **arguments: Any) -> Any:
    """torchvision's own data set, from `root`, or downloaded there when it is absent."""
    import torchvision as library

    kind = getattr(library.datasets, name)
    try:
        return kind(str(root), **arguments)
    except (OSError, RuntimeError):  # what torchvision raises when files are absent or damaged
        try:
            return kind(str(root), download=True, **arguments)
        except Exception as error:  # no network, no space, a server's answer, no download offered
            reason = f"{type(error).__name__}: {error}".strip().splitlines()[0].rstrip(".")
            raise ValueError(
                f"{name} is absent or damaged in {str(root)!r} and cannot be downloaded ({reason}); run "
                f"torchvision.datasets.{name}(folder, download=True) where there is a network, and name that folder "
                "with root= or the environment variable CLTUTOR_DATA."
            ) from error


def _labels(part: Any) -> torch.Tensor:
    """(N,) int64 labels, without decoding the images where the data set has them apart."""
    for attribute in ("targets", "labels", "_labels", "y"):
        if hasattr(part, attribute):
            labels = torch.as_tensor(np.asarray(getattr(part, attribute))).long()
            return labels.reshape(len(part), -1)[:, 0]  # QMNIST has more columns than the digit
    return torch.tensor([int(part[row][1]) for row in range(len(part))])


def _class_names(part: Any, labels: list[torch.Tensor]) -> list[str]:
    names = getattr(part, "classes", None) or getattr(part, "categories", None)
    if names is None:
        return [str(label) for label in range(int(max(y.max() for y in labels)) + 1)]
    first = [name if isinstance(name, str) else name[0] for name in names]
    # ImageNet has two classes "crane", and two "maillot".
    return [name if name not in first[:label] else f"{name} ({label})" for label, name in enumerate(first)]


def _read(name: str, part: Any, labels: torch.Tensor, rows: torch.Tensor, count: int | None) -> Split:
    """The images at `rows` (N,) bool, at most `count` of each class."""
    from torchvision.transforms.functional import pil_to_tensor

    chosen = rows.nonzero().flatten()
    if count is not None:
        chosen = chosen[sample(labels[chosen], lambda n: count, seed=0)]
    images = None
    for place, row in enumerate(chosen.tolist()):
        picture = part[row][0]
        image = pil_to_tensor(picture.convert("L" if picture.mode in ("L", "1") else "RGB"))
        if images is None:
            images = torch.empty((len(chosen), *image.shape), dtype=torch.uint8)
        if image.shape != images.shape[1:]:
            raise ValueError(
                f"the images of {name} differ in size ({tuple(images.shape[1:])} and {tuple(image.shape)}); save them "
                "in one folder per class and use streams.folder(path, size=...), which resizes them."
            )
        images[place] = image
    if images is None:
        raise ValueError(f"{name} has no image of the chosen classes; choose others with classes=.")
    return Split(images, labels[chosen])
