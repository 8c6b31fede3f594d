"""What is left on the old tasks and learned of the new one when there are fewer new pictures (LwF, Figure 5)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

from .panels import Panel, draw_frames
from .picture import TITLE, Picture, room, wrapped
from .runs import Method, accuracy, answering, mean_and_spread, methods, notes, setting

if TYPE_CHECKING:
    from ..run import Run

LEFT, BELOW, WIDE, HIGH, GAP = 0.85, 0.6, 3.6, 2.3, 0.2  # inches


def accuracy_by_share(runs: "Mapping[float, Sequence[Run]]", known_task: bool = True) -> Picture:
    """Final accuracy on the old tasks (their mean) and on the newest one, in percent, against the share of new images.

    runs: for every share of the new tasks' training images (as given to `Stream.fewer`) the runs made with it, the
    same methods each time. Shares go down from left to right, as in the paper. Over several runs of a method the mean
    is drawn, with a band of one standard deviation (n - 1).

    Raises:
        ValueError: no runs, shares with different methods, or runs of fewer than two tasks.
    """
    shares = sorted(runs, reverse=True)
    if not shares:
        raise ValueError("give runs for one share of the images or more, such as {1.0: [run], 0.1: [run]}")
    groups = [answering(methods(runs[share]), known_task) for share in shares]
    first, missing = groups[0]
    if any([m.label for m in shown] != [m.label for m in first] for shown, _ in groups):
        raise ValueError("every share needs runs of the same methods, in the same order")
    if any(len(method.runs[0].tasks) < 2 for method in first):
        raise ValueError("old tasks and a new one are needed: give runs of two tasks or more")
    lines = [_line([shown[i] for shown, _ in groups], known_task) for i in range(len(first))]
    picture, panels = _page(shares, first, known_task, missing, min(100 * np.nanmin(mean) for mean, _ in lines))
    for method, (mean, spread) in zip(first, lines, strict=True):
        for panel, y, around in zip(panels, mean.T, spread.T, strict=True):
            x = np.arange(len(shares)) + 0.5
            if np.isfinite(around).all():
                low, high = 100 * (y - around), np.minimum(100 * (y + around), 100)
                panel.band(x, low, high, method.look, method.label)
            panel.line(x, 100 * y, method.look, range(len(x)), method.label)
    picture.alt = _alt(shares, first, lines, known_task)
    return picture


def _line(method: list[Method], known_task: bool) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread, (shares, 2) each: old tasks, new task."""
    ends = [[accuracy(run, known_task)[-1] for run in at_share.runs] for at_share in method]
    pairs = [mean_and_spread(np.array([(row[:-1].mean(), row[-1]) for row in rows])) for rows in ends]
    return np.array([mean for mean, _ in pairs]), np.array([spread for _, spread in pairs])


def _page(shares: list, shown: list[Method], known_task: bool, missing: str, lowest: float) -> tuple:
    """The page with title, notes, legend, frames and empty panels for old tasks and the new one."""
    width = LEFT + 2 * WIDE + GAP + 0.15
    heading = wrapped(f"Accuracy with fewer images of new tasks, {setting(known_task)}", width - 0.3, TITLE)
    note = notes(shown, known_task, missing, "", width - 0.3)
    handles = [Line2D([], [], color=m.look.color, linestyle=m.look.line, marker=m.look.marker) for m in shown]
    labels = [method.label for method in shown]
    fits = max(1, min(len(labels), int((width - 0.2) / (max(map(len, labels)) * room(1) + 0.6))))
    down = 0.2 + 0.22 * len(heading) + 0.18 * len(note)
    top = down + 0.22 * -(-len(labels) // fits) + 0.3
    picture = Picture(width, BELOW + HIGH + top)
    height = picture.get_figheight()
    picture.write(0.12, height - 0.1, "\n".join(heading), TITLE)
    picture.write(0.12, height - down + 0.06 + 0.18 * len(note), "\n".join(note))
    picture.key(handles, labels, down, fits)
    low = max(0.0, 10 * np.floor((lowest - 2) / 10))
    panels = []
    for i, title in enumerate(("old tasks", "newest task")):
        place = Bbox.from_bounds(LEFT + i * (WIDE + GAP), BELOW, WIDE, HIGH)
        panels.append(Panel(picture, place, len(shares), low - 0.03 * (100 - low), 103))
        picture.write(place.x0, place.y1 + 0.07, title, va="baseline")
        middles = panels[-1].inches((k + 0.5, panels[-1].low) for k in range(len(shares)))
        for (x, y), share in zip(middles, shares, strict=True):
            picture.write(x, y - 0.05, f"{100 * share:g}", ha="center")
    percents = range(int(low), 101, 10 if low >= 50 else 20)
    draw_frames(panels, percents)
    for y, percent in zip(panels[0].inches((0, p) for p in percents)[:, 1], percents, strict=True):
        picture.write(LEFT - 0.07, y, str(percent), ha="right", va="center_baseline")
    picture.write(LEFT, 0.25, "training images of the new tasks that are used (%)", va="center")
    picture.write(0.12, BELOW + HIGH / 2, "accuracy (%)", rotation=90, va="center")
    return picture, panels


def _alt(shares: list, shown: list[Method], lines: list, known_task: bool) -> str:
    parts = [
        f"{method.label} goes from {100 * mean[0, 0]:.0f} % on old tasks and {100 * mean[0, 1]:.0f} % on the newest "
        f"to {100 * mean[-1, 0]:.0f} % and {100 * mean[-1, 1]:.0f} %"
        for method, (mean, _) in zip(shown, lines, strict=True)
    ]
    return (
        f"Accuracy as the images of new tasks go from {100 * shares[0]:g} % to {100 * shares[-1]:g} %, "
        f"{setting(known_task)}: {'; '.join(parts)}."
    )
