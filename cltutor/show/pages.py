"""A picture of accuracies in per cent with one panel per task or group."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.artist import Artist
from matplotlib.transforms import Bbox

from .panels import Panel, draw_frames
from .picture import Picture, headed, shortened

LEFT, GAP, BELOW, TITLES = 0.85, 0.15, 0.6, 0.35  # inches around the panels
WIDTHS = {1: 4.6, 2: 3.6, 3: 2.75, 4: 2.35}  # inches of a panel, by the number of panels in a row


def paneled(
    headings: Sequence[str],
    lowest: float,
    ticks: Sequence[tuple[float, str]],
    right: float,
    below: str,
    title: str,
    notes: Sequence[str],
    legend: Mapping[str, Artist],
    highest: float = 100,
    apart: int = 1,
) -> tuple[Picture, list[Panel]]:
    """A picture with its heading, frames and empty panels, at most five in a row.

    headings: a line above each panel; lowest: the smallest percentage to be shown; ticks: [(x, words)] along the x axis
    of every panel, which ends at ``right``; below: its name and unit; highest: the largest percentage to be shown;
    apart: units of x between two separators; the rest as in `headed`.
    """
    rows = math.ceil(len(headings) / 5)
    columns = math.ceil(len(headings) / rows)
    wide, high = WIDTHS.get(columns, 2.0), 2.3 if rows == 1 else 1.7
    low = max(0, 10 * math.floor((lowest - 2) / 10))  # a round number below the smallest percentage
    body = rows * (high + TITLES) - TITLES
    top = min(100, 10 * math.ceil((highest + 2) / 10))
    picture = headed(LEFT + columns * (wide + GAP) + 0.1, BELOW + body + 0.3, title, notes, legend)
    panels = []
    for place, heading in enumerate(headings):
        row, column = divmod(place, columns)
        box = Bbox.from_bounds(LEFT + column * (wide + GAP), BELOW + (rows - 1 - row) * (high + TITLES), wide, high)
        picture.write(box.x0, box.y1 + 0.07, shortened(heading, wide), va="baseline")
        panels.append(Panel(picture, box, right, low - 0.03 * (top - low), top + 0.03 * (top - low)))
    step = 10 if top - low <= 50 else 20
    percents = range(step * math.ceil(low / step), top + 1, step)
    draw_frames(panels, percents, apart)
    for panel in panels[-columns:]:
        for (x, y), (_, words) in zip(panel.inches((x, panel.low) for x, _ in ticks), ticks, strict=True):
            picture.write(x, y - 0.05, words, ha="center")
    for panel in panels[::columns]:
        for y, percent in zip(panel.inches((0, p) for p in percents)[:, 1], percents, strict=True):
            picture.write(panel.place.x0 - 0.07, y, str(percent), ha="right", va="center_baseline")
    picture.write(LEFT, 0.25, below, va="center")
    picture.write(0.12, BELOW + body / 2, "accuracy (%)", rotation=90, va="center")
    return picture, panels
