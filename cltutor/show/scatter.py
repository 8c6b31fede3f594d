"""Do two methods agree on what matters?"""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.ticker import FuncFormatter

from .matrix import MAP
from .picture import FONT, INK, TITLE, Picture, plain, wrapped
from .scales import DECADES, rank_correlation, scaled

if TYPE_CHECKING:
    from torch import Tensor

WIDTH, SIDE, LEFT, BELOW = 5.6, 3.4, 0.95, 0.65  # inches
CELLS = 40  # a side
TICKS = {"rank": range(0, 101, 20), "log": range(-DECADES, 1)}
UNIT = {"rank": "rank (%)", "log": "decades below the largest"}


def agreement(
    first: "Tensor", second: "Tensor", names: tuple[str, str], scale: str = "rank", what: str = ""
) -> Picture:
    """Two methods' importances of the same weights against each other, with Spearman's rank correlation.

    Thousands of points would hide each other, so cells are coloured by how many weights lie in them. scale: "rank"
    (percent; a diagonal means that they agree) or "log" (decades below the largest, 6 at most). what: words for the
    title, such as the layer's name.

    Raises:
        ValueError: different shapes, numbers below 0, or an unknown scale.
    """
    a, b = (np.asarray(values, dtype=float).ravel() for values in (first, second))
    if np.shape(first) != np.shape(second) or len(a) < 2:
        raise ValueError(f"give the importances of the same weights, not {np.shape(first)} and {np.shape(second)}")
    x, y = scaled(a, scale), scaled(b, scale)
    correlation = rank_correlation(a, b)
    both = 100 * ((a == 0) & (b == 0)).mean()
    told = f"rank correlation {correlation:.2f} over {len(a):,} weights" + (
        f"; {both:.0f} % are 0 in both" if both else ""
    )
    if np.isnan(correlation):
        told = "no rank correlation: one of them holds all weights equal"
    title = f"{names[0]} and {names[1]}{': ' if what else ''}{what}"
    heading = wrapped(title, WIDTH - 0.3, TITLE)
    height = BELOW + SIDE + 0.5 + 0.22 * len(heading)
    picture = Picture(WIDTH, height)
    picture.write(0.15, height - 0.1, "\n".join(heading), TITLE)
    picture.write(0.15, height - 0.15 - 0.22 * len(heading), told)
    axes = picture.panel(LEFT, BELOW, SIDE, SIDE)
    ticks = TICKS[scale]
    ends = (ticks[0], ticks[-1])
    counts = np.histogram2d(x, y, bins=CELLS, range=(ends, ends))[0].T
    square = {"origin": "lower", "extent": (*ends, *ends), "aspect": "auto", "interpolation": "nearest"}
    drawn = axes.imshow(np.where(counts, counts, np.nan), cmap=MAP, norm=LogNorm(vmin=0.9), **square)
    axes.plot(ends, ends, color=INK, lw=0.8, ls=":")
    axes.set(xlim=ends, ylim=ends)
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    axes.set_xlabel(plain(f"{names[0]}, {UNIT[scale]}"), fontsize=FONT, color=INK)
    axes.set_ylabel(plain(f"{names[1]}, {UNIT[scale]}"), fontsize=FONT, color=INK)
    place = picture.panel(LEFT + SIDE + 0.2, BELOW, 0.13, SIDE)
    bar = picture.colorbar(drawn, cax=place, format=FuncFormatter(lambda count, _: f"{count:,.0f}"))
    bar.set_label("weights in a cell", fontsize=FONT, color=INK)
    bar.minorticks_off()  # dozens of them, each as dear as a large one
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=FONT, colors=INK)
    picture.alt = f"Importance by {title}: {told}."
    return picture
