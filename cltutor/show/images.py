"""Images of a stream, one row per task; and an image beside a teacher's probabilities for it."""

from typing import Annotated

import numpy as np
from matplotlib.artist import Artist
from numpy.typing import ArrayLike

from ..checked import checked
from ..describe import Real, Whole
from ..streams import Stream, Task
from .picture import FONT, Picture, headed, name_rows, shortened, widest
from .rules import Names, Pictures, Values
from .style import BLUE, GREY, INK, ORANGE

WIDEST = 11.0  # inches for the images of a row
SMALL, LARGE = 0.42, 0.7  # inches of an image's side
GAP = 0.18  # inches between two classes
Image, Scores = Annotated[ArrayLike, Pictures("C, H, W")], Annotated[ArrayLike, Values(("classes",))]
Positive = Annotated[float, Real(above=0)]
MOST = 12  # bars; all other classes share one
SIDE = 2.2  # inches of the image beside the bars


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
    side = min(LARGE, ((WIDEST + GAP) / shown - GAP) / per_class)
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


@checked
def temperature(
    image: Image, logits: Scores, names: Names, temperature: Positive = 2.0, target: int | None = None
) -> Picture:
    """An image beside softmax(logits / T), with its entropy in bits (Hinton et al. 2015; LwF, eq. 3).

    Classes keep their order, so that only lengths change with T. Of more than 12 classes the 12 with the largest logits
    are shown (the right class among them, in another colour), and the others as one bar.

    image: (C, H, W) uint8, C = 1 or 3; logits: (K,) numbers; names: K class names; target: index of the right class.

    Raises:
        ValueError: shapes that do not match, logits that are not finite, T not above 0.
    """
    if len(names) != len(logits):
        raise ValueError(f"{len(logits)} logits need as many names, not {len(names)}.")
    Whole(0, len(logits) - 1, or_none=True).check("target", target)
    p = np.exp((logits - logits.max()) / temperature)
    p /= p.sum()
    bits = -float(np.sum(p[p > 0] * np.log2(p[p > 0]))) + 0.0
    shown = np.argsort(-logits, kind="stable")[:MOST]
    if target is not None and target not in shown:
        shown[-1] = target
    shown = np.sort(shown)
    labels, shares = [f"{names[k]} (right)" if k == target else names[k] for k in shown], p[shown]
    colors, own = [ORANGE if k == target else BLUE for k in shown], [f", logit {logits[k]:.3g}" for k in shown]
    if len(logits) > MOST:
        labels, shares = [*labels, f"{len(logits) - MOST} others"], np.append(shares, max(0.0, 1 - shares.sum()))
        colors, own = [*colors, GREY], [*own, ""]
    entropy = f"entropy {bits:.2f} of at most {np.log2(len(logits)):.2f} bits"
    high, left = max(SIDE, 0.3 * len(labels)), 0.65 + SIDE + widest(labels)
    picture = headed(left + 3.85, high + 0.6, f"Temperature T = {temperature:g}", [entropy])
    put_image(picture, as_rgb(image), 0.15, 0.6 + (high - SIDE) / 2, SIDE)
    axes = picture.panel(left, 0.6, 3.0, high, "probability (%)")
    axes.barh(range(len(labels)), 100 * shares, height=0.7, color=colors)
    for place, value in enumerate(shares):
        axes.text(102, place, _percent(value), va="center", fontsize=FONT, color=INK)
    axes.set_xlim(0, 100)
    name_rows(axes, labels)
    words, values = f"{{row}}: {{p}} at T = {temperature:g}{{logit}}", list(map(_percent, shares))
    picture.cells(axes, labels, [""], words, p=values, logit=own)
    head = f"An image and the probabilities of its {len(logits)} classes at temperature {temperature:g}"
    picture.alt = f"{head}: {names[p.argmax()]} leads with {_percent(p.max())}, {entropy}."
    return picture


def _percent(p: float) -> str:
    """A probability in per cent, with more digits for small ones."""
    return "< 0.01 %" if p < 1e-4 else f"{100 * p:.2f} %" if p < 0.01 else f"{100 * p:.1f} %"


def as_rgb(image: np.ndarray) -> np.ndarray:
    """(C, H, W) with one or three channels to (H, W, 3)."""
    return np.moveaxis(np.broadcast_to(image, (3, *image.shape[1:])), 0, -1)


def put_image(picture: Picture, pixels: np.ndarray, left: float, low: float, side: float, label: str = "") -> Artist:
    """Pixels (H, W, 3) in the middle of a square, as large as their shape allows."""
    high, wide = side * np.array(pixels.shape[:2]) / max(pixels.shape[:2])
    return picture.pixels(pixels, left + (side - wide) / 2, low + (side - high) / 2, wide, high, label)
