"""What a stream holds: sample pictures, a row a task."""

from typing import TYPE_CHECKING

import numpy as np

from .picture import TITLE, Picture, shortened
from .probabilities import as_rgb

if TYPE_CHECKING:
    from ..streams import Stream, Task

WIDEST = 11.0  # inches for the pictures of a row
SMALL, LARGE = 0.42, 0.7  # inches of a picture's side
GAP = 0.18  # inches between two classes


def tasks(stream: "Stream", per_class: int = 4) -> Picture:
    """The first `per_class` training pictures of every class, a row a task, with the class's name.

    Of more classes than fit in a row the first are shown and the others counted. A task without
    training pictures shows test pictures.

    Raises:
        ValueError: per_class below 1 or so large that no class fits in a row.
    """
    most = int((WIDEST + GAP) / (per_class * SMALL + GAP)) if per_class >= 1 else 0
    if most < 1:
        raise ValueError(f"per_class must lie between 1 and {int(WIDEST / SMALL)}, not {per_class}")
    shown = min(most, max(len(task.classes) for task in stream))
    side = min(LARGE, ((WIDEST + GAP) / shown - GAP) / per_class)
    group = per_class * side + GAP
    more = max(len(task.classes) for task in stream) > shown
    width = max(1.0 + shown * group + (0.9 if more else 0.0), 3.6)
    row = side + 0.36
    height = 0.5 + row * len(stream)
    picture = Picture(width, height)
    heading = f"{stream.name}: {len(stream.classes)} classes in {len(stream)} tasks"
    picture.write(0.15, height - 0.1, heading, TITLE)
    for task in stream:
        top = height - 0.5 - row * task.index
        picture.write(0.15, top - 0.2 - side / 2, f"task {task.index + 1}", va="center")
        for place, label in enumerate(task.classes[:shown]):
            left = 1.0 + place * group
            name = shortened(stream.class_names[label], group - 0.05)
            picture.write(left, top - 0.13, name, va="baseline")
            axes = picture.panel(left, top - 0.2 - side, per_class * side, side)
            axes.imshow(_strip(task, label, per_class), aspect="auto")
            axes.set_axis_off()
        if len(task.classes) > shown:
            words = f"+ {len(task.classes) - shown}\nmore"
            picture.write(1.0 + shown * group, top - 0.2 - side / 2, words, va="center")
    rows = (f"task {task.index + 1} holds {_names(stream, task, shown)}" for task in stream)
    picture.alt = f"Sample pictures of {heading}: {'; '.join(rows)}."
    return picture


def _strip(task: "Task", label: int, count: int) -> np.ndarray:
    """(H, count * W, 3) pictures of one class side by side, with thin white lines between them."""
    split = task.train if len(task.train) else task.test
    images = split.images[split.labels == label][:count].numpy()
    high, wide = images.shape[2:]
    gap = max(1, wide // 16)
    strip = np.full((high, count * (wide + gap), 3), 255, dtype=np.uint8)
    for place, image in enumerate(images):
        strip[:, place * (wide + gap) :][:, :wide] = as_rgb(image)
    return strip


def _names(stream: "Stream", task: "Task", shown: int) -> str:
    names = ", ".join(stream.class_names[label] for label in task.classes[:shown])
    rest = len(task.classes) - shown
    return f"{names} and {rest} more" if rest > 0 else names
