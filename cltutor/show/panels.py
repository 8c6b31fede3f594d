"""Many small panels in one picture, without the cost of matplotlib's axes.

Axes take 15 to 25 ms each, mostly for their ticks, and ten panels are redrawn with every epoch of a live curve. Here a
panel is only the transform from its units to inches, and what all panels share (frames, separators, shades) is one
artist each.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.transforms import Affine2D, Bbox, BboxTransform

from .picture import FAINT, FRAME, INK, Picture
from .runs import counted, reading
from .style import Look


class Panel:
    """A rectangle of a picture, in inches, with its own units: x from 0 to ``right``, y from ``low`` to ``high``."""

    def __init__(self, picture: Picture, place: Bbox, right: float, low: float, high: float):
        self.picture, self.place = picture, place
        self.right, self.low, self.high = right, low, high
        self.units = BboxTransform(Bbox([[0, low], [right, high]]), place)

    def inches(self, points: Iterable[tuple[float, float]]) -> np.ndarray:
        """Points (N, 2) in the panel's units as inches in the picture."""
        return self.units.transform(np.array(list(points), dtype=float))

    def mean(
        self, x: np.ndarray, mean: np.ndarray, spread: np.ndarray, look: Look, name: str, at: Sequence[str], layer: str,
        runs: np.ndarray | int = 1, since: Sequence[int] = (), marks: np.ndarray | None = None, kind: str = "",
        noun: str = "run",
    ) -> list[Artist]:  # fmt: skip
        """A line of mean accuracies (P,), with a band around it, in per cent; nan is left out.

        mean, spread: in [0, 1]; spread is nan where there is one run only; at: each x in words, to be read after the
        name; runs: how many a mean is of; since: (P,) the frame of each point; marks: (P,) True where the line has a
        mark, everywhere by default; kind: what the spread is, such as " (95 % interval)". Returns what it drew.
        """
        seen, drawn, y, runs = np.isfinite(mean), [], 100 * mean, np.broadcast_to(runs, np.shape(mean))
        if not seen.any():
            return drawn
        around, several = 100 * spread, np.isfinite(spread) & seen
        if several.any():
            low, high = np.clip([y - around, y + around], max(0, self.low), 100)[:, several]
            corners = np.column_stack([np.append(x[several], x[several][::-1]), np.append(low, high[::-1])])
            band = Polygon(corners, color=look.color, alpha=0.15, linewidth=0, label=name, zorder=0.5)
            drawn.append(band)
        marked = range(int(seen.sum())) if marks is None else np.flatnonzero(marks[seen]).tolist()
        options = {"linewidth": 1.8, "markersize": 5.5, "markevery": list(marked), "label": name}
        drawn.append(Line2D(x[seen], y[seen], **look.style, **options))
        for artist in drawn:
            artist.set_transform(self.transData)
            self.picture.add_artist(artist)
        self.picture.layer(layer, *drawn)
        rest = [
            f"{reading(0, s)[3:]}{kind if np.isfinite(s) else ''}, {counted(n, noun)}"
            for s, n in zip(around, runs, strict=True)
        ]
        columns = {"name": name, "where": list(at), "y": y, "rest": rest if runs.max() > 1 else " %"}
        self.picture.points(self, x, y, "{name}, {where}: {y:.1f}{rest}", layer, since=since, **columns)
        return drawn

    @property
    def transData(self) -> Affine2D:  # noqa: N802 - as matplotlib's axes call it
        """From the panel's units to pixels."""
        return self.units + self.picture.dpi_scale_trans


def draw_frames(panels: Sequence[Panel], ticks: Sequence[float], apart: int = 1) -> None:
    """The left and lower edge of every panel, small ticks at the left, a line at every ``apart`` units of x."""
    edges, between = [], []
    for panel in panels:
        edges.append(panel.inches([(0, panel.high), (0, panel.low), (panel.right, panel.low)]))
        edges += [panel.inches([(0, y), (0, y)]) - [(0, 0), (0.04, 0)] for y in ticks]
        between += [panel.inches([(x, panel.low), (x, panel.high)]) for x in range(apart, int(panel.right), apart)]
    _add(panels[0].picture, LineCollection(between, colors=FAINT, linewidths=0.6, zorder=0.3))
    _add(panels[0].picture, LineCollection(edges, colors=FRAME, linewidths=0.8))


def draw_shades(panels: Sequence[Panel], spans: Sequence[tuple[float, float]], color: str) -> Artist:
    """A shade over the whole height of each panel, from one x to another; one artist."""
    shades = [
        panel.inches([(a, panel.low), (b, panel.low), (b, panel.high), (a, panel.high)])
        for panel, (a, b) in zip(panels, spans, strict=True)
    ]
    drawn = PolyCollection(shades, facecolors=color, linewidths=0, zorder=0.2)
    _add(panels[0].picture, drawn)
    return drawn


def draw_dotted(panels: Sequence[Panel], lines: Sequence[np.ndarray]) -> None:
    """A dotted line of points (N, 2) in each panel's units."""
    dotted = [panel.inches(points) for panel, points in zip(panels, lines, strict=True)]
    _add(panels[0].picture, LineCollection(dotted, colors=INK, linewidths=1, linestyles=":", label="guessing"))


def _add(picture: Picture, artist: LineCollection | PolyCollection) -> None:
    """Put an artist whose points are in inches on the picture."""
    artist.set_transform(picture.dpi_scale_trans)
    picture.add_artist(artist)
