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
            box = (left, top - 0.2 - side, per_class * side, side)
            strip, count = _strip(task, label, per_class)
            picture.pixels(strip, *box)
            words, numbers = f"task {task.index + 1}, {{name}}, image {{column}} of {count}", range(1, per_class + 1)
            name = [stream.class_names[label] if number <= count else None for number in numbers]
            picture.cells(box, [""], list(map(str, numbers)), words, name=name)
        parts.append(f"task {task.index + 1} has {', '.join(stream.class_names[c] for c in task.classes[:shown])}")
        if (rest := len(task.classes) - shown) > 0:
            picture.write(1.0 + shown * group, middle, f"+ {rest}\nmore", va="center")
            parts[-1] += f" and {rest} more"
    picture.alt = f"Sample pictures of {title}: {'; '.join(parts)}."
    return picture


def _strip(task: Task, label: int, count: int) -> tuple[np.ndarray, int]:
    """(H, count * W, 4) images of one class side by side, with nothing between them; and how many there are in all."""
    split = task.train if len(task.train) else task.test
    own = split.images[split.labels == label]
    high, wide = own.shape[2:]
    strip = np.zeros((high, count * (wide + max(1, wide // 16)), 4), dtype=np.uint8)
    for place, image in enumerate(own[:count].numpy()):
        left = place * strip.shape[1] // count
        strip[:, left : left + wide] = np.dstack([as_rgb(image), np.full((high, wide), 255, np.uint8)])
    return strip, len(own)
