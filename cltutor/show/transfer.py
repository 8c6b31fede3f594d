"""What later tasks do to earlier ones: reverse transfer (DF-CNN, section 2.3 and Figure 4)."""

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from ..evaluation.metrics import peak_accuracy
from .filters import SIGNED
from .pages import columns_of, handle
from .picture import FAINT, FONT, INK, TITLE, Picture, room, shortened
from .runs import mean_and_spread
from .style import (
    BLACK,
    BLUE,
    DASHED,
    DOTTED,
    GREEN,
    GREY,
    INDIGO,
    MIXED,
    OLIVE,
    ORANGE,
    PURPLE,
    SKY,
    SOLID,
    VERMILLION,
    WINE,
    Look,
    ink_on,
)

if TYPE_CHECKING:
    from ..runs.run import Run

WIDTH, LEFT, BELOW, HIGH = 9.6, 0.85, 0.6, 2.7  # inches of a picture, left of and below its axes, of the curves
WIDE = WIDTH - LEFT - 0.25  # inches of the curves, and of the table that goes with them
ROW = 0.25  # inches of a task in the table of differences
TASKS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, WINE, BLACK, OLIVE, INDIGO)
LINES, MARKERS = (SOLID, DASHED, MIXED, DOTTED), "osD^vPX*hd"
GREYS = (DOTTED, DASHED)


def task_look(task: int) -> Look:
    """The look of a task, by order of arrival; 40 have one of their own."""
    line = LINES[(task + task // len(TASKS)) % len(LINES)]
    return Look(TASKS[task % len(TASKS)], line, MARKERS[task % len(MARKERS)])


def reverse_transfer(
    known: ArrayLike, epoch_task: ArrayLike, what: str = "", references: Mapping[str, float] | None = None
) -> Picture:
    """Test accuracy of every task over the epochs (DF-CNN, Figure 4).

    known: (E, T) in [0, 1], as ``run.curves.known`` holds it, nan where a task was not tested, or (R, E, T) of R runs,
    whose mean is drawn; epoch_task: (E,) the task learned in each epoch; what: words for the title; references: name ->
    accuracy, dotted lines, such as that of single-task learning. A line is thick while its task is learned, and marked
    at its peak then.

    Raises:
        ValueError: curves of another shape, or not one epoch.
    """
    curves, learning = _checked(known, epoch_task)
    tasks, references = np.unique(learning).tolist(), references or {}
    labels = [f"task {task + 1}" for task in tasks] + list(references)
    fits = columns_of(labels, WIDTH - 0.2)
    height = BELOW + HIGH + 0.75 + 0.22 * math.ceil(len(labels) / fits)
    picture, title = Picture(WIDTH, height), f"Each task while it is learned and after{', ' if what else ''}{what}"
    picture.write(0.12, height - 0.1, shortened(title, WIDTH - 0.3, TITLE), TITLE)
    picture.write(0.12, height - 0.36, "task known at test; thick: while the task is learned, marked at its peak then")
    greys = [Line2D([], [], color=GREY, linestyle=GREYS[place % 2]) for place in range(len(references))]
    picture.key([*(handle(task_look(task)) for task in tasks), *greys], labels, 0.62, fits)
    axes = picture.panel(LEFT, BELOW, WIDE, HIGH)
    for task in tasks:
        _curve(axes, curves[:, task], learning, task)
    for accuracy, grey in zip(references.values(), greys, strict=True):
        axes.axhline(100 * accuracy, color=GREY, linestyle=grey.get_linestyle(), linewidth=1.3, zorder=0.8)
    _frame(axes, learning, 100 * np.append(curves[np.isfinite(curves)], list(references.values())))
    picture.alt = f"{title}: {_told(curves, learning)}."
    return picture


def transfer_table(known: ArrayLike, epoch_task: ArrayLike, what: str = "") -> Picture:
    """The accuracy on each task when it had been learned (%), and the difference to it after each later task (points).

    known, epoch_task and what as in `reverse_transfer`; each column lies under the epochs of its task on that picture.

    Raises:
        ValueError: curves of another shape, or not one epoch.
    """
    curves, learning = _checked(known, epoch_task)
    tasks, after = np.unique(learning).tolist(), 100 * differences(curves, learning)
    changed = np.where(np.eye(len(after), dtype=bool), np.nan, after)
    bound = max(1.0, np.nanmax(np.abs(changed), initial=0))
    high = ROW * len(tasks)
    picture = Picture(WIDTH, BELOW + high + 0.7)
    title = f"What later tasks do to earlier ones{', ' if what else ''}{what}"
    words = "accuracy when the task had been learned (%), then the difference to it (points; blue: gained, red: lost"
    picture.write(0.12, BELOW + high + 0.6, shortened(title, WIDTH - 0.3, TITLE), TITLE)
    picture.write(0.12, BELOW + high + 0.34, f"{words}, darkest: {bound:.1f})")
    axes = picture.panel(LEFT, BELOW, WIDE, high)
    _table(axes, after[np.ix_(tasks, tasks)], bound, learning)
    axes.set_yticks(range(len(tasks)), [f"task {task + 1}" for task in tasks])
    picture.alt = f"{title}, in points of accuracy: {_changed(after, int(learning[-1]))}."
    return picture


def filter_changes(changes: ArrayLike, what: str = "") -> Picture:
    """How far each task's filters have moved from what they were when it had been learned, a panel a layer.

    changes: (T, T, layers) as `filter_distances` gives them; what: words for the title. A task's own parameters do not
    learn any more: its filters move because the knowledge base does (DF-CNN, section 2.3).

    Raises:
        ValueError: changes of another shape, or of fewer than two tasks.
    """
    values = 100 * np.asarray(changes, dtype=float)
    if values.ndim != 3 or values.shape[0] != values.shape[1] or not np.isfinite(values[0, 1:]).any():
        raise ValueError(f"give changes (tasks, tasks, layers) after two tasks or more, not an array of {values.shape}")
    count, layers = values.shape[1:]
    tasks = [task for task in range(count) if np.isfinite(values[task, task + 1 :]).any()]
    columns = min(layers, 4)
    rows, wide = math.ceil(layers / columns), WIDE / columns - 0.15
    labels = [f"task {task + 1}" for task in tasks]
    fits = columns_of(labels, WIDTH - 0.2)
    above = 0.65 + 0.22 * math.ceil(len(labels) / fits) + 0.3
    picture = Picture(WIDTH, 0.65 + rows * 2.0 + (rows - 1) * 0.6 + above)
    title, top = f"How far later tasks move a task's filters{', ' if what else ''}{what}", picture.get_figheight()
    picture.write(0.12, top - 0.1, shortened(title, WIDTH - 0.3, TITLE), TITLE)
    picture.write(
        0.12, top - 0.36, "norm of the difference to the filters when the task had been learned, over their norm"
    )
    picture.key([handle(task_look(task)) for task in tasks], labels, 0.62, fits)
    highest = 1.08 * np.nanmax(values) or 1
    for layer in range(layers):
        row, column = divmod(layer, columns)
        left, low = LEFT + column * (wide + 0.15), 0.65 + (rows - 1 - row) * 2.6
        axes = picture.panel(left, low, wide, 2.0)
        picture.write(left, low + 2.08, f"layer {layer + 1}", va="bottom")
        _moved(axes, values[:, :, layer], tasks, highest)
        if column:
            axes.tick_params(labelleft=False)
        else:
            picture.write(0.2, low + 1.0, "change of the filters (%)", rotation=90, va="center", ha="center")
    picture.write(LEFT, 0.22, "after learning task", va="center")
    last = np.nanmax(np.where(np.isfinite(values).any((0, 2)))[0])
    ends = ", ".join(f"{value:.0f} % in layer {layer + 1}" for layer, value in enumerate(values[0, last]))
    picture.alt = f"{title}, relative to when it had been learned: task 1 after task {last + 1}, {ends}."
    return picture


def filter_distances(run: "Run") -> np.ndarray:
    """How far a DF-CNN's later tasks move a task's filters: (T, T, layers), relative Frobenius distances.

    Element [t, i, l] is ||W_t^(l) after task i - W_t^(l) after task t|| / ||W_t^(l) after task t||; nan for i < t and
    for tasks not learned yet.

    Raises:
        ValueError: a run whose network does not build its filters from shared knowledge.
    """
    learned: list[list[np.ndarray]] = []
    for now in range(run.learned):
        network = run.model_after(now)
        if not hasattr(network, "filters"):
            raise ValueError(f"{run.name} builds no task's filters from shared knowledge: give a run of dfcnn.")
        filters = [[network.filters(layer, t).numpy() for layer in range(network.layers)] for t in range(now + 1)]
        if not now:
            found = np.full((len(run.tasks), len(run.tasks), network.layers), np.nan)
        learned.append(filters[now])
        for task, layer in np.ndindex(now + 1, network.layers):
            before, moved = learned[task][layer], filters[task][layer]
            found[task, now, layer] = np.linalg.norm(moved - before) / max(np.linalg.norm(before), 1e-12)
    return found


def differences(curves: np.ndarray, learning: np.ndarray) -> np.ndarray:
    """Of curves (E, T): [t, t] the accuracy on task t when it had been learned, [t, i] the difference to it after task
    i, (T, T) in all; nan for i < t, and where task t was not tested while task i was learned."""
    count = curves.shape[1]
    found = np.full((count, count), np.nan)
    for task, now in itertools.combinations_with_replacement(range(count), 2):
        tested = curves[learning == now, task]
        tested = tested[np.isfinite(tested)]
        if len(tested):
            found[task, now] = tested[-1] - (found[task, task] if now > task else 0)
    return found


def _checked(known: ArrayLike, epoch_task: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    curves, learning = np.asarray(known, dtype=float), np.asarray(epoch_task)
    if curves.ndim == 3:
        curves = mean_and_spread(curves)[0]
    peak_accuracy(curves, learning)  # it tells what does not fit
    return curves, learning


def _moved(axes: Axes, values: np.ndarray, tasks: Iterable[int], highest: float) -> None:
    """A line a task over the tasks learned from its own on."""
    for task in tasks:
        own = task_look(task)
        line = {"color": own.color, "linestyle": own.line, "marker": own.marker, "linewidth": 1.6, "markersize": 5}
        axes.plot(range(task + 1, len(values) + 1), values[task, task:], label=f"task {task + 1}", **line)
    axes.set(xlim=(0.7, len(values) + 0.3), ylim=(-0.03 * highest, highest))
    axes.xaxis.set_major_locator(MaxNLocator(min(10, len(values)), integer=True))
    axes.grid(axis="y", color=FAINT, linewidth=0.6)


def _curve(axes: Axes, curve: np.ndarray, learning: np.ndarray, task: int) -> None:
    """A task's line, thick in its own epochs, over epochs in which it was not tested; its peak is marked."""
    own, tested = task_look(task), np.isfinite(curve)
    while_learned = np.flatnonzero(tested & (learning == task))
    if not len(while_learned):
        return
    later = np.flatnonzero(tested & (np.arange(len(curve)) >= while_learned[-1]))
    look = {"color": own.color, "label": f"task {task + 1}"}
    axes.plot(while_learned + 1, 100 * curve[while_learned], linewidth=2.8, solid_capstyle="round", **look)
    axes.plot(later + 1, 100 * curve[later], linewidth=1.4, linestyle=own.line, **look)
    best = while_learned[curve[while_learned].argmax()]
    mark = {"marker": own.marker, "markersize": 8, "markeredgecolor": "white", "zorder": 4}
    axes.plot(best + 1, 100 * curve[best], color=own.color, **mark)


def _frame(axes: Axes, learning: np.ndarray, percents: np.ndarray) -> None:
    low, high = max(0, 10 * math.floor((percents.min() - 2) / 10)), 10 * math.ceil((percents.max() + 2) / 10)
    axes.set(xlim=(0.5, len(learning) + 0.5), ylim=(low, min(high, 102)))
    for start in _starts(learning)[1:]:
        axes.axvline(start + 0.5, color=FAINT, linewidth=1, zorder=0)
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, min_n_ticks=1))
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("epoch", fontsize=FONT, color=INK)
    axes.set_ylabel("test accuracy (%)", fontsize=FONT, color=INK)


def _starts(learning: np.ndarray) -> np.ndarray:
    """The epochs, from 0, in which a task begins."""
    return np.flatnonzero(np.diff(learning, prepend=learning[0] - 1))


def _table(axes: Axes, points: np.ndarray, bound: float, learning: np.ndarray) -> None:
    """A row a task, a column under the epochs of each task; numbers where they fit."""
    edges = np.append(_starts(learning), len(learning)) + 0.5
    middles, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges) * WIDE / len(learning)
    changed = np.ma.masked_invalid(np.where(np.eye(len(points), dtype=bool), np.nan, points))
    colors, norm = matplotlib.colormaps[SIGNED.removesuffix("_r")], Normalize(-bound, bound)
    rows = np.arange(len(points) + 1) - 0.5
    axes.pcolormesh(edges, rows, changed, cmap=colors, norm=norm, edgecolors="white", linewidth=1)
    for (row, column), value in np.ndenumerate(points):
        if np.isfinite(value) and widths[column] > room(5):
            words = f"{value:.1f}" if row == column or not round(value, 1) else f"{value:+.1f}"
            ink = INK if row == column else ink_on(colors(norm(value)))
            axes.text(
                middles[column],
                row,
                words.replace("-0.0", "0.0"),
                ha="center",
                va="center_baseline",
                fontsize=FONT,
                color=ink,
            )
    every = math.ceil(room(3) / widths.mean())
    axes.set_xticks(middles[::every], [str(learning[int(middle) - 1] + 1) for middle in middles[::every]])
    axes.set(xlim=(0.5, len(learning) + 0.5), ylim=(len(points) - 0.5, -0.5))
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlabel("after learning task", fontsize=FONT, color=INK)


def _told(curves: np.ndarray, learning: np.ndarray) -> str:
    """The peaks, and what became of old tasks at the end."""
    peak = f"peaks average {100 * np.nanmean(peak_accuracy(curves, learning)):.1f} %"
    return f"{peak}; {_changed(100 * differences(curves, learning), int(learning[-1]))}"


def _changed(after: np.ndarray, now: int) -> str:
    """By how many points the old tasks have changed after task ``now``."""
    found = {task: after[task, now] for task in range(now) if np.isfinite(after[task, now])}
    if not found:
        return "no old task has been tested since it was learned"
    worst, best = min(found, key=found.get), max(found, key=found.get)
    mean = f"{sum(found.values()) / len(found):+.1f} points on average since they were learned"
    ends = f"from {found[worst]:+.1f} (task {worst + 1}) to {found[best]:+.1f} (task {best + 1})"
    return f"old tasks change by {mean}{f', {ends}' if len(found) > 1 else ''}"
