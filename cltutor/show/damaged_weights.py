"""Accuracy while more and more weights are damaged: a test of an importance."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from .pages import paneled
from .panels import draw_shades
from .picture import Picture, handle
from .runs import mean_and_spread
from .style import BLUE, DASHED, DOTTED, GREY, SOLID, VERMILLION, Look

SHADE = "#fff1b8"  # unlike the band of any line
LOOKS = {"least": Look(BLUE, SOLID, "o"), "random": Look(GREY, DOTTED, "D"), "most": Look(VERMILLION, DASHED, "s")}
WORDS = {"least": "least important", "random": "random", "most": "most important"}


def damage(
    shares: Sequence[float],
    accuracies: Mapping[str, ArrayLike],
    what: str = "",
    done: str = "set to zero",
    at: float | None = None,
) -> Picture:
    """Accuracy of each task, in per cent, over the share of the weights of every layer that is damaged.

    shares: (S,) from 0 to 1, rising; accuracies: "least", "random" and "most" (any of them) -> (S, T), or (R, S, T) for
    R draws or seeds, whose mean is drawn with a band of one standard deviation (n - 1); tasks that are nan throughout
    get no panel. what: whose importance, for the title; done: what was done to the weights; at: a share, shaded.

    Raises:
        ValueError: shares outside 0 to 1, or accuracies of other shapes.
    """
    x = np.asarray(shares, dtype=float)
    arrays = {which: np.asarray(values, dtype=float) for which, values in accuracies.items() if which in LOOKS}
    if wrong := [array.shape for array in arrays.values() if array.ndim not in (2, 3) or array.shape[-2] != len(x)]:
        raise ValueError(f"{len(x)} shares need accuracies of shape ({len(x)}, tasks), not {wrong[0]}")
    if len(arrays) < len(accuracies) or len({array.shape[-1] for array in arrays.values()}) != 1:
        raise ValueError(f"give accuracies (shares, tasks) of one shape for some of {', '.join(LOOKS)}")
    if not ((x >= 0) & (x <= 1)).all() or (np.diff(x) <= 0).any():
        raise ValueError(f"shares rise from 0 to 1; these are {list(shares)}")
    lines = {which: mean_and_spread(a.reshape(-1, *a.shape[-2:])) for which, a in arrays.items()}
    means = np.array([mean for mean, _ in lines.values()])
    tasks = np.flatnonzero(np.isfinite(means).all(axis=(0, 1)))
    ticks = [(k, f"{10 * k}") for k in range(0, 10, 2 if len(tasks) < 4 else 3)]
    below = f"weights of every layer that were {done} (%)"
    headings, lowest = [f"task {task + 1}" for task in tasks], 100 * means[..., tasks].min()
    title = f"Accuracy with damaged weights{', ranked by ' if what else ''}{what}"
    counts = {len(array) for array in arrays.values() if array.ndim == 3} - {1}
    note = f"mean ± one standard deviation over {max(counts)} draws or seeds" if counts else ""
    legend = {WORDS[which]: handle(LOOKS[which]) for which in lines}
    if at is not None:
        legend[f"{100 * at:g} %"] = Patch(color=SHADE)
    picture, panels = paneled(headings, lowest, ticks, 10, below, title, [note], legend)
    if at is not None:
        draw_shades(panels, [(0, 10 * at)] * len(panels), SHADE)
    for panel, task in zip(panels, tasks, strict=True):
        for which, (mean, spread) in lines.items():
            panel.mean(10 * x, mean[:, task], spread[:, task], LOOKS[which], f"{which}, task {task + 1}")
    picture.alt = _alt(x, {which: 100 * mean[:, tasks].mean(1) for which, (mean, _) in lines.items()}, title, done)
    return picture


def _alt(x: np.ndarray, averages: dict[str, np.ndarray], title: str, done: str) -> str:
    third = int(np.abs(x - 0.3).argmin())
    parts = [f"{y[third]:.0f} % with the {WORDS[which]}" for which, y in averages.items()]
    first = next(iter(averages.values()))[0]
    return (
        f"{title}: {first:.0f} % on average at {100 * x[0]:g} %; "
        f"with {100 * x[third]:g} % of the weights {done}, {', '.join(parts)}."
    )
