"""A teacher's probabilities as the temperature goes up (Hinton et al. 2015; LwF, eq. 3)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .picture import FONT, INK, TITLE, Picture, plain, room, shortened
from .style import BLUE, ORANGE

if TYPE_CHECKING:
    from torch import Tensor

MOST = 12  # bars; more classes are gathered in one


def temperature(
    image: "Tensor",
    logits: ArrayLike,
    names: Sequence[str],
    temperature: float = 2.0,
    target: int | None = None,
) -> Picture:
    """A picture beside softmax(logits / T), with its entropy in bits.

    Classes keep their order, so that only lengths move with T. Of more than 12 classes the 12 of
    the largest logits are shown (the right class among them), and the others as one bar.

    image: (C, H, W) uint8, C = 1 or 3; logits: (K,) numbers; names: K class names; target: place of
    the right class among them, drawn in another colour.

    Raises:
        ValueError: shapes that do not fit together, logits that are no numbers, T not above 0.
    """
    scores = np.asarray(logits, dtype=float)
    pixels = np.asarray(image)
    _check(pixels, scores, names, temperature, target)
    p = _softmax(scores / temperature)
    bits = -float(np.sum(p[p > 0] * np.log2(p[p > 0]))) + 0.0
    shown = np.argsort(-scores, kind="stable")[:MOST]
    if target is not None and target not in shown:
        shown[-1] = target
    shown = np.sort(shown)
    bars = list(p[shown])
    labels = [shortened(names[k], 1.7) for k in shown]
    colors = [ORANGE if k == target else BLUE for k in shown]
    if len(scores) > MOST:
        bars.append(max(0.0, 1 - sum(bars)))
        labels.append(f"{len(scores) - MOST} others")
        colors.append("#999999")
    picture = _page(pixels, bars, labels, colors)
    top = picture.get_figheight()
    picture.write(0.15, top - 0.1, f"Temperature T = {temperature:g}", TITLE)
    told = f"entropy {bits:.2f} of at most {np.log2(len(scores)):.2f} bits"
    right = "" if target is None else f"; orange: the right class, {names[target]}"
    picture.write(0.15, top - 0.36, told + shortened(right, 3.0))
    best = int(p.argmax())
    picture.alt = (
        f"A picture and the probabilities of its {len(scores)} classes at temperature "
        f"{temperature:g}: {names[best]} leads with {_percent(p[best])}, {told}."
    )
    return picture


def _page(pixels: np.ndarray, bars: list, labels: list[str], colors: list[str]) -> Picture:
    """The picture at the left, the bars at the right."""
    count = len(bars)
    high = max(2.2, 0.3 * count)
    left = 2.5 + 0.35 + max(room(len(label)) for label in labels)
    picture = Picture(left + 3.0 + 0.85, high + 1.2)
    tall, wide = pixels.shape[1:]
    scale = 2.2 / max(tall, wide)
    axes = picture.panel(0.15 + (2.2 - scale * wide) / 2, 0.6 + (high - scale * tall) / 2, scale * wide, scale * tall)
    axes.imshow(as_rgb(pixels), aspect="auto")
    axes.set_axis_off()
    axes = picture.panel(left, 0.6, 3.0, high)
    axes.barh(range(count), 100 * np.array(bars), height=0.7, color=colors)
    for place, value in enumerate(bars):
        axes.text(102, place, _percent(value), va="center", fontsize=FONT, color=INK)
    axes.set(xlim=(0, 100), ylim=(count - 0.5, -0.5))
    axes.set_yticks(range(count), [plain(label) for label in labels])
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("probability (%)", fontsize=FONT, color=INK)
    return picture


def _percent(p: float) -> str:
    """A probability in percent, with as many digits as tell small ones apart."""
    return "< 0.01 %" if p < 1e-4 else f"{100 * p:.2f} %" if p < 0.01 else f"{100 * p:.1f} %"


def _softmax(scores: np.ndarray) -> np.ndarray:
    exponentials = np.exp(scores - scores.max())
    return exponentials / exponentials.sum()


def as_rgb(image: np.ndarray) -> np.ndarray:
    """(C, H, W) with one or three channels to (H, W, 3)."""
    return np.moveaxis(np.broadcast_to(image, (3, *image.shape[1:])), 0, -1)


def _check(pixels, scores, names, temperature, target) -> None:
    if pixels.ndim != 3 or pixels.shape[0] not in (1, 3) or pixels.dtype != np.uint8:
        raise ValueError(f"image must be (C, H, W) uint8 with 1 or 3 channels, not {pixels.shape} {pixels.dtype}")
    if scores.ndim != 1 or len(scores) == 0 or not np.isfinite(scores).all():
        raise ValueError("logits must be a row of finite numbers, one for each class")
    if len(names) != len(scores):
        raise ValueError(f"{len(scores)} logits need as many names, not {len(names)}")
    if not (np.isfinite(temperature) and temperature > 0):
        raise ValueError(f"the temperature must be a number above 0, not {temperature}")
    if target is not None and not 0 <= target < len(scores):
        raise ValueError(f"target must be a place from 0 to {len(scores) - 1}, not {target}")
