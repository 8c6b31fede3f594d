"""Whether two methods agree on which weights matter."""

from itertools import pairwise

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.ticker import FuncFormatter

from ..checked import checked
from .matrix import MAP
from .picture import FONT, INK, Picture, headed
from .rules import TwoNames
from .scales import DECADES, Omega, Scale, rank_correlation, scaled
from .style import GROUND

WIDTH, SIDE, LEFT, BELOW = 5.6, 3.4, 0.95, 0.65  # inches
CELLS = 40  # per side
TICKS = {"rank": range(0, 101, 20), "log": range(-DECADES, 1)}
UNIT = {"rank": "rank (%)", "log": "decades below the largest"}


@checked
def agreement(first: Omega, second: Omega, names: TwoNames, scale: Scale = "rank", what: str = "") -> Picture:
    """Two methods' importances of the same weights against each other, with Spearman's rank correlation.

    Thousands of points would hide each other, so cells are coloured by the number of weights in them. scale: "rank" (in
    per cent; on the diagonal both agree) or "log" (decades below the largest, at most 6). what: words for the title,
    such as the layer's name.

    Raises:
        ValueError: different shapes, numbers below 0, or an unknown scale.
    """
    a, b = first.ravel(), second.ravel()
    if first.shape != second.shape or len(a) < 2:
        raise ValueError(f"Give the importances of the same two weights or more, not {first.shape} and {second.shape}.")
    x, y = scaled(a, scale), scaled(b, scale)
    correlation = rank_correlation(a, b)
    both = 100 * ((a == 0) & (b == 0)).mean()
    zeros = f"; {both:.0f} % are 0 in both" if both else ""
    words = f"rank correlation {correlation:.2f} over {len(a):,} weights{zeros}"
    if np.isnan(correlation):
        words = "no rank correlation: one of them gives all weights the same importance"
    title = f"{names[0]} and {names[1]}{': ' if what else ''}{what}"
    picture = headed(WIDTH, BELOW + SIDE + 0.12, title, [words])
    axes = picture.panel(LEFT, BELOW, SIDE, SIDE, *(f"{name}, {UNIT[scale]}" for name in names))
    ticks = TICKS[scale]
    ends = (ticks[0], ticks[-1])
    counts = np.histogram2d(x, y, bins=CELLS, range=(ends, ends))[0].T
    square = {"origin": "lower", "extent": (*ends, *ends), "aspect": "auto", "interpolation": "none"}
    drawn = axes.imshow(np.where(counts, counts, np.nan), cmap=MAP, norm=LogNorm(vmin=0.9), **square)
    axes.plot(ends, ends, color=GROUND, lw=2)  # a dotted line alone vanishes in cells of its own brightness
    axes.plot(ends, ends, color=INK, lw=0.8, ls=":")
    edges = np.linspace(*ends, CELLS + 1)
    across = [f"{a:g} to {b:g}" for a, b in pairwise(edges)]
    own, columns = UNIT[scale], {"a": names[0], "b": names[1], "count": np.where(counts, counts, np.nan)[::-1]}
    sentence = f"{own}: {{column}} by {{a}}, {{row}} by {{b}}; weights here: {{count:,.0f}}"
    picture.cells(axes, across[::-1], across, sentence, **columns)
    axes.set(xlim=ends, ylim=ends, xticks=ticks, yticks=ticks)
    bar = picture.color_bar(drawn, LEFT + SIDE + 0.2, BELOW, 0.13, SIDE)
    bar.formatter = FuncFormatter(lambda count, _: f"{count:,.0f}")
    bar.set_label("weights in a cell", fontsize=FONT, color=INK)
    picture.alt = f"Importance by {title}: {words}."
    return picture
