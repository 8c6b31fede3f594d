"""Images of a stream, one row per task; images, tiles and heat maps in a picture."""

import math
from typing import Annotated, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from ..checked import checked
from ..describe import Whole
from ..streams import Stream, Task
from .picture import FONT, Picture, headed, shortened
from .style import ink_on

WIDEST = 11.0  # inches for the images of a row
DEEP = 4.1  # inches of all rows together, unless images would be small
SMALL, LARGE = 0.42, 0.7  # inches of an image's side
GAP = 0.18  # inches between two classes
MAP = "cividis"  # perceptually uniform and the same to readers with any colour vision
OUTLINE = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)])  # of a square, from its lower left corner


@checked
def tasks(stream: Stream, per_class: Annotated[int, Whole(1, int(WIDEST / SMALL))] = 4) -> Picture:
    """The first `per_class` training images of every class, one row per task, with the class's name.

    Of more classes than fit in a row the first are shown and the others counted. A task without training images shows
    test images.

    Raises:
        ValueError: per_class below 1 or so large that no class fits in a row.
    """
    largest, parts = max(len(task.classes) for task in stream), []
    shown = min(int((WIDEST + GAP) / (per_class * SMALL + GAP)), largest)
    deep = max(SMALL, DEEP / len(stream) - 0.36)
    side = min(LARGE, deep, ((WIDEST + GAP) / shown - GAP) / per_class)
    group, row = per_class * side + GAP, side + 0.36
    title, body = f"{stream.name}: {len(stream.classes)} classes in {len(stream)} tasks", row * len(stream) + 0.08
    picture = headed(max(1.0 + shown * group + 0.9 * (largest > shown), 3.6), body, title)
    for task in stream:
        top, own = body - row * task.index, [stream.class_names[label] for label in task.classes[:shown]]
        middle, rest = top - 0.2 - side / 2, len(task.classes) - shown
        picture.write(0.15, middle, f"task {task.index + 1}", va="center")
        for place, name in enumerate(own):
            left = 1.0 + place * group
            picture.write(left, top - 0.13, shortened(name, group - 0.05), va="baseline")
            box = (left, top - 0.2 - side, per_class * side, side)
            strip, count = _strip(task, task.classes[place], per_class)
            picture.pixels(strip, *box)
            words, numbers = f"task {task.index + 1}, {{name}}, image {{column}} of {count}", range(1, per_class + 1)
            there = [name if number <= count else None for number in numbers]
            picture.cells(box, [""], list(map(str, numbers)), words, name=there)
        parts.append(f"task {task.index + 1} has {', '.join(own)}")
        if rest > 0:
            picture.write(1.0 + shown * group, middle, f"+ {rest}\nmore", va="center")
            parts[-1] += f" and {rest} more"
    picture.alt = f"Sample pictures of {title}: {'; '.join(parts)}."
    return picture


def _strip(task: Task, label: int, count: int) -> tuple[np.ndarray, int]:
    """(H, count * W, 4) images of one class side by side, with nothing between them; and how many there are in all."""
    split = task.train if len(task.train) else task.test
    own = split.images[split.labels == label]
    strip = np.zeros((own.shape[2], count, own.shape[3] + max(1, own.shape[3] // 16), 4), dtype=np.uint8)
    for place, image in enumerate(own[:count].numpy()):
        strip[:, place, : own.shape[3], :3] = as_rgb(image)
        strip[:, place, : own.shape[3], 3] = 255
    return strip.reshape(len(strip), -1, 4), len(own)


def as_rgb(image: np.ndarray) -> np.ndarray:
    """(C, H, W) with one or three channels to (H, W, 3)."""
    return np.moveaxis(np.broadcast_to(image, (3, *image.shape[1:])), 0, -1)


def put_image(picture: Picture, pixels: np.ndarray, left: float, low: float, side: float, label: str = "") -> Artist:
    """Pixels (H, W, 3) in the middle of a square, as large as their shape allows."""
    high, wide = side * np.array(pixels.shape[:2]) / max(pixels.shape[:2])
    return picture.pixels(pixels, left + (side - wide) / 2, low + (side - high) / 2, wide, high, label)


def fitted(count: int, wide: float, high: float, most: float, above: float = 0) -> tuple[float, int]:
    """The side, at ``most``, and the columns of the largest squares that fit in rows, with so much room above each."""
    sides = [(min(most, wide / n, high / math.ceil(count / n) - above), -n) for n in range(1, count + 1)]
    side, columns = max(sides)
    return side, -columns


def mosaic(tiles: np.ndarray, columns: int, gap: int, above: int = 0) -> np.ndarray:
    """Tiles (N, h, w, 4) in rows as one image, with so many empty pixels right of, below and above each."""
    padded = np.pad(tiles, ((0, -len(tiles) % columns), (above, gap), (0, gap), (0, 0)))
    rows = padded.reshape(-1, columns, *padded.shape[1:]).swapaxes(1, 2)
    return rows.reshape(-1, columns * padded.shape[2], 4)


def heat_map(axes: Axes, values: np.ndarray, low: float, high: float | None, **options: Any) -> AxesImage:
    """Cells (rows, columns) in colours from low to high, by default the largest; nan is left out."""
    look = {"cmap": MAP, "vmin": low, "vmax": high, "aspect": "auto", "interpolation": "none"}
    return axes.imshow(values, **look | options)


def write_in_cell(axes: Axes, row: float, column: float, words: str, color: tuple[float, ...], size: float = FONT):
    """A number in a cell of a heat map, in black or white, whichever is readable on the cell's colour."""
    options = {"ha": "center", "va": "center_baseline", "fontsize": size}
    return axes.text(column, row, words, color=ink_on(color), **options)
