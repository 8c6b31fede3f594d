"""A teacher's probabilities as the temperature rises (Hinton et al. 2015; LwF, eq. 3)."""

from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike

from ..checked import checked
from ..describe import Real, Whole
from .picture import FONT, INK, Picture, headed, name_rows, widest
from .rules import Names, Pictures, Values
from .style import BLUE, GREY, ORANGE

Image, Scores = Annotated[ArrayLike, Pictures("C, H, W")], Annotated[ArrayLike, Values(("classes",))]
Positive = Annotated[float, Real(above=0)]
MOST = 12  # bars; all other classes share one
SIDE = 2.2  # inches of the image


@checked
def temperature(
    image: Image, logits: Scores, names: Names, temperature: Positive = 2.0, target: int | None = None
) -> Picture:
    """An image beside softmax(logits / T), with its entropy in bits.

    Classes keep their order, so that only lengths change with T. Of more than 12 classes the 12 with the largest logits
    are shown (the right class among them, in another colour), and the others as one bar.

    image: (C, H, W) uint8, C = 1 or 3; logits: (K,) numbers; names: K class names; target: index of the right class.

    Raises:
        ValueError: shapes that do not match, logits that are not finite, T not above 0.
    """
    scores = logits
    if len(names) != len(scores):
        raise ValueError(f"{len(scores)} logits need as many names, not {len(names)}.")
    Whole(0, len(scores) - 1, or_none=True).check("target", target)
    p = np.exp((scores - scores.max()) / temperature)
    p /= p.sum()
    bits = -float(np.sum(p[p > 0] * np.log2(p[p > 0]))) + 0.0
    shown = np.argsort(-scores, kind="stable")[:MOST]
    if target is not None and target not in shown:
        shown[-1] = target
    shown = np.sort(shown)
    labels, shares = [f"{names[k]} (right)" if k == target else names[k] for k in shown], p[shown]
    if len(scores) > MOST:
        labels, shares = [*labels, f"{len(scores) - MOST} others"], np.append(shares, max(0.0, 1 - shares.sum()))
    entropy = f"entropy {bits:.2f} of at most {np.log2(len(scores)):.2f} bits"
    high = max(SIDE, 0.3 * len(labels))
    left = 0.65 + SIDE + widest(labels)
    picture = headed(left + 3.85, high + 0.6, f"Temperature T = {temperature:g}", [entropy])
    tall, wide = SIDE * np.array(image.shape[1:]) / max(image.shape[1:])
    picture.pixels(as_rgb(image), 0.15 + (SIDE - wide) / 2, 0.6 + (high - tall) / 2, wide, tall)
    axes = picture.panel(left, 0.6, 3.0, high, "probability (%)")
    colors = [*(ORANGE if k == target else BLUE for k in shown), GREY][: len(labels)]
    axes.barh(range(len(labels)), 100 * shares, height=0.7, color=colors)
    for place, value in enumerate(shares):
        axes.text(102, place, _percent(value), va="center", fontsize=FONT, color=INK)
    axes.set_xlim(0, 100)
    name_rows(axes, labels)
    logit = [f", logit {scores[k]:.3g}" for k in shown] + [""] * (len(labels) - len(shown))
    words = f"{{row}}: {{p}} at T = {temperature:g}{{logit}}"
    picture.cells(axes, labels, [""], words, p=list(map(_percent, shares)), logit=logit)
    head = f"An image and the probabilities of its {len(scores)} classes at temperature {temperature:g}"
    picture.alt = f"{head}: {names[p.argmax()]} leads with {_percent(p.max())}, {entropy}."
    return picture


def _percent(p: float) -> str:
    """A probability in per cent, with more digits for small ones."""
    return "< 0.01 %" if p < 1e-4 else f"{100 * p:.2f} %" if p < 0.01 else f"{100 * p:.1f} %"


def as_rgb(image: np.ndarray) -> np.ndarray:
    """(C, H, W) with one or three channels to (H, W, 3)."""
    return np.moveaxis(np.broadcast_to(image, (3, *image.shape[1:])), 0, -1)
