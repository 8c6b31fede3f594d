"""A teacher's probabilities as the temperature rises (Hinton et al. 2015; LwF, eq. 3)."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from ..checked import checked
from ..describe import Real, Whole, counted
from .images import as_rgb, put_image
from .picture import Labels, Picture, headed, name_rows, widest
from .rules import Names, Pictures, Values
from .spots import Played
from .style import BLUE, GREY, ORANGE

Image, Scores = Annotated[ArrayLike, Pictures("C, H, W")], Annotated[ArrayLike, Values(("classes",))]
Positive = Annotated[float, Real(above=0)]
MOST = 11  # bars; all other classes share one: a number for each in 20 frames is a byte
SIDE, BAR, CURVE = 2.2, 0.24, 0.75  # inches of the image, of a bar's row, and of the curve of entropy
TITLE = "Softer as the temperature rises"
LOW = 1.8  # inches below the bars: the curve, and both axes


@checked
def temperature(
    image: Image, logits: Scores, names: Names, temperature: Positive = 2.0, target: int | None = None, what: str = ""
) -> Picture:
    """An image beside softmax(logits / T), with its entropy in bits, in a frame for each T from 1 to 10.

    Classes keep their order, so that only lengths change with T. Of more than 11 classes the 11 with the largest logits
    are shown (the right class among them, in another colour), and the others as one bar. Pointing at the curve of
    entropies moves the picture to that T.

    image: (C, H, W) uint8, C = 1 or 3; logits: (K,) numbers; names: K class names; temperature: the T that is shown at
    first; target: index of the right class; what: words for the title.

    Raises:
        ValueError: shapes that do not match, logits that are not finite, T not above 0.
    """
    if len(names) != len(logits):
        raise ValueError(f"{len(logits)} logits need as many names, not {len(names)}.")
    Whole(0, len(logits) - 1, or_none=True).check("target", target)
    each = temperatures(temperature)
    p = softened(logits, each)
    bits = entropy(p)
    shown = np.argsort(-logits, kind="stable")[:MOST]
    if target is not None and target not in shown:
        shown[-1] = target
    shown = np.sort(shown)
    labels, shares = [f"{names[k]} (right)" if k == target else names[k] for k in shown], p[:, shown]
    if len(logits) > MOST:
        labels = [*labels, f"{len(logits) - MOST} others"]
        shares = np.column_stack([shares, np.maximum(0.0, 1 - shares.sum(1))])
    high, left = max(SIDE, BAR * len(labels)), 0.65 + SIDE + widest(labels)
    picture = headed(left + 3.85, high + LOW + 0.25, what or TITLE)
    picture.frames([f"T = {one:g}" for one in each], "T", each.index(temperature))
    entropies = [f"entropy {one:.2f} of at most {np.log2(len(logits)):.2f} bits" for one in bits]
    for frame, words in enumerate(entropies):
        note = picture.write(0.12, high + LOW + 0.22, f"temperature T = {each[frame]:g}: {words}")
        picture.appear(frame, note, last=frame)
    put_image(picture, as_rgb(image), 0.15, LOW + (high - SIDE) / 2, SIDE)
    colors = [*(ORANGE if k == target else BLUE for k in shown), GREY][: len(labels)]
    logit = [f", logit {logits[k]:.3g}" for k in shown] + [""] * (len(labels) - len(shown))
    _bars(picture.panel(left, LOW, 3.0, high, "probability (%)"), shares, labels, logit, colors)
    axes = picture.panel(0.65, 0.55, left + 2.35, CURVE, "temperature T", "bits")
    _curve(axes, bits, np.log2(len(logits)), each, entropies)
    picture.alt = described(logits, names, temperature, what)
    return picture


def described(logits: np.ndarray, names: Sequence[str], temperature: float, what: str = "") -> str:
    """The alternative text of the picture while it shows this temperature."""
    p = softened(logits, [temperature])
    head = f"{what or TITLE}: an image and the probabilities of its {counted(len(names), 'class')}"
    leads = f"{names[p.argmax()]} leads with {_percent(p.max())}"
    most = f"entropy {entropy(p)[0]:.2f} of at most {np.log2(len(names)):.2f} bits"
    return f"{head} at temperature {temperature:g}: {leads}, {most}."


def temperatures(shown: float) -> list[float]:
    """Those of the frames: 1, 1.5, ... 10, and the one that is shown at first."""
    return sorted({*np.arange(1, 10.5, 0.5).tolist(), float(shown)})


def softened(scores: np.ndarray, each: Sequence[float]) -> np.ndarray:
    """softmax(scores / T) for each T: (temperatures, classes)."""
    p = np.exp((scores - scores.max()) / np.array(each)[:, None])
    return p / p.sum(1, keepdims=True)


def entropy(p: np.ndarray) -> np.ndarray:
    """In bits, of each row of probabilities (temperatures, classes)."""
    return -np.sum(p * np.log2(np.where(p > 0, p, 1)), axis=1) + 0.0


def _bars(axes: Axes, shares: np.ndarray, labels: Sequence[str], logit: Sequence[str], colors: list) -> None:
    """A bar and its number for every class, in each frame."""
    axes.set_xlim(0, 100)
    name_rows(axes, labels)
    rows, percent = np.arange(len(labels)), np.array([[_percent(p) for p in values] for values in shares])
    for frame, values in enumerate(shares):
        ends = np.array([[(0, -0.35), (100 * p, -0.35), (100 * p, 0.35), (0, 0.35)] for p in values])
        ends[:, :, 1] += rows[:, None]
        drawn = [axes.add_collection(PolyCollection(ends, facecolors=colors), autolim=False)]
        labels_of = Labels(axes, np.column_stack([np.full(len(rows), 102), rows]), percent[frame])
        axes.figure.appear(frame, *drawn, axes.add_artist(labels_of), last=frame)
    different, codes = np.unique(percent, return_inverse=True)
    played = Played(different.tolist(), codes.reshape(percent.shape))
    axes.figure.cells(axes, labels, [""], "{row}: {p} at {frame}{logit}", key="bar", p=played, logit=logit)


def _curve(axes: Axes, bits: np.ndarray, most: float, each: Sequence[float], words: Sequence[str]) -> None:
    """The entropy at each T, equally far apart, with a mark at that of the frame."""
    places = range(len(each))
    axes.plot(places, bits, color=BLUE, marker="o", markersize=3.5, linewidth=1.2)
    for frame in places:
        mark = Line2D([frame], bits[frame : frame + 1], color=ORANGE, marker="o", markersize=9)
        axes.figure.appear(frame, axes.add_line(mark), last=frame)
    named = [place for place in places if each[place].is_integer() or place == axes.figure.frame_start]
    axes.set_xticks(named, [f"{each[place]:g}" for place in named])
    axes.set(ylim=(0, 1.2 * (most or 1)), xlim=(-0.5, len(each) - 0.5))
    axes.set_yticks([0, most] if most else [0], ["0", f"{most:.1f}"] if most else ["0"])
    axes.figure.points(axes, places, bits, "T = {t:g}: {words}", key="temperature", moves=places, t=each, words=words)


def _percent(p: float) -> str:
    """A probability in per cent, with more digits for small ones."""
    return "< 0.01 %" if p < 1e-4 else f"{100 * p:.2f} %" if p < 0.01 else f"{100 * p:.1f} %"
