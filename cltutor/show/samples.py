"""Sample images of a stream, one row per task."""

from typing import Annotated

import numpy as np

from ..checked import checked
from ..describe import Whole
from ..streams import Stream, Task
from .picture import Picture, headed, shortened
from .probabilities import as_rgb

WIDEST = 11.0  # inches for the images of a row
SMALL, LARGE = 0.42, 0.7  # inches of an image's side
GAP = 0.18  # inches between two classes


@checked
def tasks(stream: Stream, per_class: Annotated[int, Whole(1, int(WIDEST / SMALL))] = 4) -> Picture:
    """The first `per_class` training images of every class, one row per task, with the class's name.

    Of more classes than fit in a row the first are shown and the others counted. A task without training images shows
    test images.

    Raises:
        ValueError: per_class below 1 or so large that no class fits in a row.
    """
    most = int((WIDEST + GAP) / (per_class * SMALL + GAP))
    largest = max(len(task.classes) for task in stream)
    shown = min(most, largest)
    side = min(LARGE, ((WIDEST + GAP) / shown - GAP) / per_class)
    group, row = per_class * side + GAP, side + 0.36
    title = f"{stream.name}: {len(stream.classes)} classes in {len(stream)} tasks"
    body = row * len(stream) + 0.08
    picture = headed(max(1.0 + shown * group + 0.9 * (largest > shown), 3.6), body, title)
    parts = []
    for task in stream:
        top = body - row * task.index
        middle = top - 0.2 - side / 2
        picture.write(0.15, middle, f"task {task.index + 1}", va="center")
        for place, label in enumerate(task.classes[:shown]):
            left = 1.0 + place * group
            picture.write(left, top - 0.13, shortened(stream.class_names[label], group - 0.05), va="baseline")
            picture.pixels(_strip(task, label, per_class), left, top - 0.2 - side, per_class * side, side)
        parts.append(f"task {task.index + 1} has {', '.join(stream.class_names[c] for c in task.classes[:shown])}")
        if (rest := len(task.classes) - shown) > 0:
            picture.write(1.0 + shown * group, middle, f"+ {rest}\nmore", va="center")
            parts[-1] += f" and {rest} more"
    picture.alt = f"Sample pictures of {title}: {'; '.join(parts)}."
    return picture


def _strip(task: Task, label: int, count: int) -> np.ndarray:
    """(H, count * W, 3) images of one class side by side, with thin white lines between them."""
    split = task.train if len(task.train) else task.test
    images = split.images[split.labels == label][:count].numpy()
    high, wide = images.shape[2:]
    gap = max(1, wide // 16)
    strip = np.full((high, count * (wide + gap), 3), 255, dtype=np.uint8)
    for place, image in enumerate(images):
        strip[:, place * (wide + gap) :][:, :wide] = as_rgb(image)
    return strip
