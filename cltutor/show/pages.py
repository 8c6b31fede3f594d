"""A picture of accuracies in per cent with one panel per task or group."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.transforms import Bbox

from .panels import Panel, draw_frames
from .picture import Picture, headed, shortened

LEFT, GAP, BELOW, TITLES = 0.85, 0.15, 0.6, 0.35  # inches around the panels
WIDTHS = {1: 4.6, 2: 3.6, 3: 2.9, 4: 2.35}  # inches of a panel, by the number of panels in a row


@dataclass(frozen=True)
class Page:
    """The layout of the panels, at most five in a row.

    headings: a line above each panel; lowest: the smallest percentage to be shown; right: where the x axis of every
    panel ends; ticks: [(x, words)] along it; below: its name, with its unit.
    """

    headings: Sequence[str]
    lowest: float
    right: float
    ticks: Sequence[tuple[float, str]]
    below: str

    @property
    def rows(self) -> int:
        return math.ceil(len(self.headings) / 5)

    @property
    def columns(self) -> int:
        return math.ceil(len(self.headings) / self.rows)

    @property
    def wide(self) -> float:
        return WIDTHS.get(self.columns, 2.0)

    @property
    def high(self) -> float:
        return 2.3 if self.rows == 1 else 1.7

    @property
    def low(self) -> float:
        """A round number below the smallest percentage."""
        return max(0, 10 * math.floor((self.lowest - 2) / 10))

    def draw(self, title: str, notes: Sequence[str], legend: Mapping[str, Artist]) -> tuple[Picture, list[Panel]]:
        """The picture with its heading, frames and empty panels."""
        width = LEFT + self.columns * (self.wide + GAP) + 0.1
        high = self.rows * (self.high + TITLES) - TITLES
        picture = headed(width, BELOW + high + 0.3, title, notes, legend)
        panels = [self._panel(picture, place) for place in range(len(self.headings))]
        self._number(panels)
        picture.write(LEFT, 0.25, self.below, va="center")
        picture.write(0.12, BELOW + high / 2, "accuracy (%)", rotation=90, va="center")
        return picture, panels

    def _panel(self, picture: Picture, place: int) -> Panel:
        row, column = divmod(place, self.columns)
        left = LEFT + column * (self.wide + GAP)
        bottom = BELOW + (self.rows - 1 - row) * (self.high + TITLES)
        box = Bbox.from_bounds(left, bottom, self.wide, self.high)
        picture.write(left, box.y1 + 0.07, shortened(self.headings[place], self.wide), va="baseline")
        return Panel(picture, box, self.right, self.low - 0.03 * (100 - self.low), 103)

    def _number(self, panels: list[Panel]) -> None:
        """Frames, percentages at the left of every row and ticks below every column."""
        step = 10 if self.low >= 50 else 20
        percents = range(step * math.ceil(self.low / step), 101, step)
        draw_frames(panels, percents)
        picture = panels[0].picture
        for panel in panels[-self.columns :]:
            for (x, y), (_, words) in zip(panel.inches((x, panel.low) for x, _ in self.ticks), self.ticks, strict=True):
                picture.write(x, y - 0.05, words, ha="center")
        for panel in panels[:: self.columns]:
            for y, percent in zip(panel.inches((0, p) for p in percents)[:, 1], percents, strict=True):
                picture.write(panel.place.x0 - 0.07, y, str(percent), ha="right", va="center_baseline")
