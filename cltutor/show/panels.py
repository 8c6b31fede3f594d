"""Many small panels on one page, without the cost of matplotlib's axes.

An Axes costs 15 to 25 ms, mostly for its ticks, and a page of ten is drawn anew with every epoch
of a live curve. Here a panel is only the transform from its units to inches, and what all panels
have in common (frames, separators, shades) is drawn as one artist each.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.transforms import Affine2D, Bbox, BboxTransform

from .picture import FAINT, INK, Picture
from .style import Look

FRAME = "#888888"


class Panel:
    """A rectangle of a picture, in inches, with its own units: x from 0 to right, y from low to high."""

    def __init__(self, picture: Picture, place: Bbox, right: float, low: float, high: float):
        self.picture, self.place = picture, place
        self.right, self.low, self.high = right, low, high
        self.units = BboxTransform(Bbox([[0, low], [right, high]]), place)

    def inches(self, points: Iterable[tuple[float, float]]) -> np.ndarray:
        """(N, 2) points in the panel's units as inches on the picture."""
        return self.units.transform(np.array(list(points), dtype=float))

    def line(self, x: np.ndarray, y: np.ndarray, look: Look, marks: Sequence[int], name: str):
        """A line with marks at some of its points; its data stay in the panel's units."""
        self.picture.add_artist(
            Line2D(
                x,
                y,
                color=look.color,
                linestyle=look.line,
                linewidth=1.8,
                marker=look.marker,
                markersize=5.5,
                markevery=list(marks),
                label=name,
                transform=self._transform(),
            )
        )

    def band(self, x: np.ndarray, low: np.ndarray, high: np.ndarray, look: Look, name: str):
        """A light band between two curves, cut at the panel's edges."""
        low, high = np.maximum(low, self.low), np.minimum(high, self.high)
        corners = np.column_stack([np.append(x, x[::-1]), np.append(low, high[::-1])])
        band = Polygon(corners, color=look.color, alpha=0.15, linewidth=0, label=name, zorder=0.5)
        band.set_transform(self._transform())
        self.picture.add_artist(band)

    def _transform(self) -> Affine2D:
        return self.units + self.picture.dpi_scale_trans


def draw_frames(panels: Sequence[Panel], ticks: Sequence[float]) -> None:
    """The left and lower edge of every panel, small ticks at the left, a line at every unit of x."""
    edges, between = [], []
    for panel in panels:
        edges.append(panel.inches([(0, panel.high), (0, panel.low), (panel.right, panel.low)]))
        edges += [panel.inches([(0, y), (0, y)]) - [(0, 0), (0.04, 0)] for y in ticks]
        units = range(1, int(panel.right))
        between += [panel.inches([(x, panel.low), (x, panel.high)]) for x in units]
    _add(panels[0].picture, LineCollection(between, colors=FAINT, linewidths=0.6, zorder=0.3))
    _add(panels[0].picture, LineCollection(edges, colors=FRAME, linewidths=0.8))


def draw_shades(panels: Sequence[Panel], spans: Sequence[tuple[float, float]], color: str) -> None:
    """A shade over the whole height of each panel, from one x to another."""
    shades = [
        panel.inches([(a, panel.low), (b, panel.low), (b, panel.high), (a, panel.high)])
        for panel, (a, b) in zip(panels, spans, strict=True)
    ]
    _add(panels[0].picture, PolyCollection(shades, facecolors=color, linewidths=0, zorder=0.2))


def draw_dotted(panels: Sequence[Panel], lines: Sequence[np.ndarray]) -> None:
    """A dotted line of points (N, 2) in each panel's units."""
    dotted = [panel.inches(points) for panel, points in zip(panels, lines, strict=True)]
    _add(
        panels[0].picture,
        LineCollection(dotted, colors=INK, linewidths=1, linestyles=":", label="guessing"),
    )


def _add(picture: Picture, artist: LineCollection | PolyCollection) -> None:
    """Put an artist on the picture whose points are in inches."""
    artist.set_transform(picture.dpi_scale_trans)
    picture.add_artist(artist)
