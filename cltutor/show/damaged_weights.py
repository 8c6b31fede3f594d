"""Accuracy while more and more weights are damaged: a test of an importance."""

from typing import Annotated

import numpy as np
from matplotlib.artist import Artist
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from ..checked import Table, checked
from ..describe import Choice
from .pages import paneled
from .panels import Panel, draw_shades
from .picture import Picture, handle
from .rules import Share, Values, accuracies
from .runs import mean_and_spread
from .style import BLUE, DASHED, DOTTED, GREY, SOLID, VERMILLION, YELLOW, Look

LOOKS = {"least": Look(BLUE, SOLID, "o"), "random": Look(GREY, DOTTED, "D"), "most": Look(VERMILLION, DASHED, "s")}
Rising = Annotated[ArrayLike, Values(("shares",), 0, 1)]
Lines = Annotated[dict, Table(accuracies("shares, tasks", "draws, shares, tasks"), Choice(LOOKS), least=1)]
WORDS = {"least": "least important", "random": "random", "most": "most important"}


@checked
def damage(
    shares: Rising, accuracies: Lines, what: str = "", done: str = "set to zero", at: Share | None = None
) -> Picture:
    """Accuracy of each task, in per cent, over the share of the weights of every layer that is damaged.

    shares: (S,) from 0 to 1, rising; accuracies: "least", "random" and "most" (any of them) -> (S, T), or (R, S, T) for
    R draws or seeds, whose mean is drawn with a band of one standard deviation (n - 1); tasks that are nan throughout
    get no panel. what: whose importance, for the title; done: what was done to the weights; at: a share, shaded; None:
    a frame for each share.

    Raises:
        ValueError: shares that do not rise, accuracies of other shapes, or of no task at every share.
    """
    x, shapes = shares, {array.shape[-2:] for array in accuracies.values()}
    if len(shapes) > 1 or next(iter(shapes))[0] != len(x):
        raise ValueError(f"{len(x)} shares need accuracies of one shape ({len(x)}, tasks), not {sorted(shapes)}.")
    if (np.diff(x) <= 0).any():
        raise ValueError(f"shares rise from 0 to 1, and these do not: {x.tolist()}.")
    lines = {which: mean_and_spread(a.reshape(-1, *a.shape[-2:])) for which, a in accuracies.items()}
    means = np.array([mean for mean, _ in lines.values()])
    tasks = np.flatnonzero(np.isfinite(means).all(axis=(0, 1)))
    if not len(tasks):
        raise ValueError("accuracies are those of one task or more at every share; of these each has a nan.")
    ticks = [(k, f"{10 * k}") for k in range(0, 10, 2 if len(tasks) < 4 else 3)]
    below = f"weights of every layer that were {done} (%)"
    headings, lowest = [f"task {task + 1}" for task in tasks], 100 * means[..., tasks].min()
    title = f"Accuracy with damaged weights{', ranked by ' if what else ''}{what}"
    counts = {len(array) for array in accuracies.values() if array.ndim == 3} - {1}
    note = f"mean ± one standard deviation over {max(counts)} draws or seeds" if counts else ""
    legend = {WORDS[which]: handle(LOOKS[which]) for which in lines}
    if at is not None:
        legend[f"{100 * at:g} %"] = Patch(color=YELLOW)
    picture, panels = paneled(headings, lowest, ticks, 10, below, title, [note], legend)
    points, third, parts = [f"{100 * share:.3g} % of the weights {done}" for share in x], int(abs(x - 0.3).argmin()), []
    if at is not None:
        draw_shades(panels, [(0, 10 * at)] * len(panels), YELLOW)
    else:
        picture.frames(points, "share of the weights")
        _slide(picture, panels, x, {which: mean[:, tasks] for which, (mean, _) in lines.items()})
    for which, (mean, spread) in lines.items():
        runs = accuracies[which].size // mean.size
        for panel, task in zip(panels, tasks, strict=True):
            name, values = f"{WORDS[which]}, task {task + 1}", (10 * x, mean[:, task], spread[:, task])
            panel.mean(*values, LOOKS[which], name, points, WORDS[which], runs, noun="repeat")
        parts.append(f"{100 * mean[third, tasks].mean():.0f} % with the {WORDS[which]}")
    undamaged = f"{100 * means[0, 0, tasks].mean():.0f} % on average at {100 * x[0]:g} %"
    picture.alt = f"{title}: {undamaged}; with {points[third]}, {', '.join(parts)}."
    return picture


def _slide(picture: Picture, panels: list[Panel], shares: np.ndarray, means: dict[str, np.ndarray]) -> None:
    """In the frame of each share its shade in every panel, and what is read there, (S, T) by the colour of its line."""
    for frame, share in enumerate(shares):
        drawn: list[Artist] = [draw_shades(panels, [(0, 10 * share)] * len(panels), YELLOW)]
        for task, panel in enumerate(panels):
            for place, (which, mean) in enumerate(reversed(means.items())):
                at = panel.place.x1 - 0.38 * place, panel.place.y1 + 0.07
                words, color = f"{100 * mean[frame, task]:.0f}", LOOKS[which].color
                drawn.append(picture.write(*at, words, color=color, ha="right", va="baseline"))
        picture.appear(frame, *drawn, last=frame)
