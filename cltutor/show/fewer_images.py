"""Accuracy on old tasks and on the new one when there are fewer new images (LwF, Figure 5)."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

import numpy as np

from ..checked import Table, checked, rule_of
from ..describe import Real
from .pages import paneled
from .picture import Picture, handle
from .rules import Runs
from .runs import Method, accuracy, mean_and_spread, measured, methods, notes, percent, setting

ByShare = Annotated[Mapping[float, Runs], Table(rule_of(Runs), Real(above=0, at_most=1), least=1)]


@checked
def accuracy_by_share(runs: ByShare, known_task: bool = True) -> Picture:
    """Final accuracy on the old tasks (their mean) and on the newest one, in per cent, over the share of new images.

    runs: for every share of the new tasks' training images (as given to `Stream.fewer`) the runs made with it, the same
    methods each time. Shares fall from left to right, as in the paper. Over several runs of a method the mean is drawn,
    with a band of one standard deviation (n - 1).

    Raises:
        ValueError: shares with different methods, or runs of fewer than two tasks.
    """
    shares = sorted(runs, reverse=True)
    groups = [measured(methods(runs[share]), known_task) for share in shares]
    first, missing = groups[0]
    if any([m.label for m in shown] != [m.label for m in first] for shown, _ in groups):
        raise ValueError("every share needs runs of the same methods, in the same order.")
    if any(len(method.runs[0].tasks) < 2 for method in first):
        raise ValueError("old tasks and a new one are needed: give runs of two tasks or more.")
    lines = [_line([shown[i] for shown, _ in groups], known_task) for i in range(len(first))]
    ticks = [(k + 0.5, f"{100 * share:g}") for k, share in enumerate(shares)]
    lowest = 100 * min(np.nanmin(mean, initial=1) for mean, _ in lines)
    below = "training images of the new tasks that are used (%)"
    title = f"Accuracy with fewer images of new tasks, {setting(known_task)}"
    legend = {method.label: handle(method.look) for method in first}
    headings, note = ("old tasks", "newest task"), notes(first, known_task, missing, "")
    picture, panels = paneled(headings, lowest, ticks, len(shares), below, title, note, legend)
    at, parts = [f"with {100 * share:g} % of the images" for share in shares], []
    for place, (method, (mean, spread)) in enumerate(zip(first, lines, strict=True)):
        counts = np.array([len(shown[place].runs) for shown, _ in groups])
        for panel, heading, y, around in zip(panels, headings, mean.T, spread.T, strict=True):
            values, name = (np.arange(len(shares)) + 0.5, y, around), f"{method.label}, {heading}"
            panel.mean(*values, method.look, name, at, method.label, counts)
        ends = 100 * mean[[0, -1]]
        before, after = (f"{percent(old)} on old tasks and {percent(new)} on the newest" for old, new in ends)
        parts.append(f"{method.label} goes from {before} to {after}")
    picture.alt = f"{title}, from {100 * shares[0]:g} % to {100 * shares[-1]:g} % of them: {'; '.join(parts)}."
    return picture.instead(known_task, partial(accuracy_by_share, runs))


def _line(method: list[Method], known_task: bool) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread, (shares, 2) each: old tasks, new task."""
    ends = [[accuracy(run, known_task)[-1] for run in at_share.runs] for at_share in method]
    pairs = [mean_and_spread(np.array([(mean_and_spread(row[:-1])[0], row[-1]) for row in rows])) for rows in ends]
    return np.array([mean for mean, _ in pairs]), np.array([spread for _, spread in pairs])
