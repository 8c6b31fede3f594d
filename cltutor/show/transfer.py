"""What later tasks do to earlier ones: reverse transfer (DF-CNN, section 2.3 and Figure 4)."""

import math
from itertools import combinations_with_replacement, cycle
from typing import TYPE_CHECKING, Annotated

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from ..checked import checked
from ..describe import Real
from ..evaluation.metrics import peak_accuracy
from .filters import SIGNED
from .images import write_in_cell
from .panels import paneled
from .picture import Picture, chart, name_rows, room, tens, titled
from .rules import Values, accuracies, by_name
from .runs import mean_and_spread, reading
from .style import DASHED, DOTTED, FAINT, GREY, GROUND, INK, task_legend, task_look

if TYPE_CHECKING:
    from ..runs.run import Run

WIDTH, LEFT, RIGHT = 9.6, 0.85, 0.25  # inches of a picture, and beside its axes
WIDE = WIDTH - LEFT - RIGHT  # inches of the curves, and of the table below them
ROW = 0.25  # inches of a task in the table of differences
Known = Annotated[ArrayLike, accuracies("epochs, tasks", "runs, epochs, tasks")]
Learning = Annotated[ArrayLike, Values(("epochs",), 0, whole=True)]
References = by_name(Real(at_least=0, at_most=1), least=0)
Changes = Annotated[ArrayLike, Values(("tasks, tasks, layers",), 0, gaps=True)]


@checked
def reverse_transfer(
    known: Known, epoch_task: Learning, what: str = "", references: References | None = None
) -> Picture:
    """Test accuracy of every task over the epochs (DF-CNN, Figure 4).

    known: (E, T) in [0, 1], such as ``run.curves.known``, nan where a task was not tested, or (R, E, T) of R runs,
    whose mean is drawn; epoch_task: (E,) the task learned in each epoch; what: words for the title; references: name ->
    accuracy, dotted lines, such as that of single-task learning. A line is thick while its task is learned, and the
    peak of that time is marked.

    Raises:
        ValueError: curves of another shape, or no epoch.
    """
    curves, learning = _checked(known, epoch_task)
    tasks, references = np.unique(learning).tolist(), references or {}
    looks = {name: {"color": GREY, "linestyle": line} for name, line in zip(references, cycle((DOTTED, DASHED)))}
    greys = {name: Line2D([], [], **look) for name, look in looks.items()}
    title = titled("Each task while it is learned and after", what)
    note = "task known at test; thick: while the task is learned, marked at its peak then"
    legend = task_legend(tasks) | greys
    picture, axes = chart(WIDTH, 2.7, title, [note], legend, "epoch", "test accuracy (%)", left=LEFT, right=RIGHT)
    picture.frames([f"epoch {epoch + 1}, task {task + 1}" for epoch, task in enumerate(learning)], "epoch")
    for task in tasks:
        _curve(axes, curves[:, task], learning, task)
    for name, accuracy in references.items():
        picture.layer(name, axes.axhline(100 * accuracy, linewidth=1.3, zorder=0.8, **looks[name]))
        picture.points(axes, [len(learning)], [100 * accuracy], "{name}: {y:.1f} %", name, name=name)
    percents = 100 * np.append(curves[np.isfinite(curves)], list(references.values()))
    axes.set(xlim=(0.5, len(learning) + 0.5), ylim=np.minimum(tens(percents if len(percents) else 100), 102))
    for start in _starts(learning)[1:]:
        axes.axvline(start + 0.5, color=FAINT, linewidth=1, zorder=0)
    axes.locator_params(axis="x", nbins=10, integer=True, min_n_ticks=1)
    peak = f"peaks average {reading(100 * mean_and_spread(peak_accuracy(curves, learning))[0])}"
    picture.alt = f"{title}: {peak}; {_changed(100 * differences(curves, learning), int(learning[-1]))}."
    return picture


@checked
def transfer_table(known: Known, epoch_task: Learning, what: str = "") -> Picture:
    """The accuracy on each task when it had been learned (%), and the difference to it after each later task (points).

    known, epoch_task and what as in `reverse_transfer`; each column lies under the epochs of its task in that picture.

    Raises:
        ValueError: curves of another shape, or no epoch.
    """
    curves, learning = _checked(known, epoch_task)
    tasks, after = np.unique(learning).tolist(), 100 * differences(curves, learning)
    points = after[np.ix_(tasks, tasks)]
    changed = np.ma.masked_invalid(np.where(np.eye(len(points), dtype=bool), np.nan, points))
    bound = max(1.0, np.abs(changed).max() if changed.count() else 0)
    title = titled("What later tasks do to earlier ones", what)
    words = "accuracy when learned (%), then the difference to it (points; blue: gained, red: lost"
    about = {"x": "after learning task", "left": LEFT, "right": RIGHT, "frame": False}
    picture, axes = chart(WIDTH, ROW * len(tasks), title, [f"{words}, darkest: {bound:.1f})"], **about)
    edges = np.append(_starts(learning), len(learning)) + 0.5  # one column under the epochs of each task
    middles, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges) * WIDE / len(learning)
    colors, norm = matplotlib.colormaps[SIGNED.removesuffix("_r")], Normalize(-bound, bound)
    look = {"cmap": colors, "norm": norm, "edgecolors": GROUND, "linewidth": 1}
    axes.pcolormesh(edges, np.arange(len(points) + 1) - 0.5, changed, **look)
    for (row, column), value in np.ndenumerate(points):
        if not np.isfinite(value):
            continue
        own, left = row == column, LEFT + (edges[column] - 0.5) * WIDE / len(learning)
        what, since = (f"{value:.1f} %", "when it had been") if own else (f"{value:+.1f} points", "since it was")
        place = (left, 0.62 + ROW * (len(points) - 1 - row), widths[column], ROW)
        words = f"after task {column + 1}: {what} on task {row + 1} {since} learned"
        picture.spot(place, words, key=f"after {column}, on {row}")
        if widths[column] > room(5):
            words = f"{value:.1f}" if own else f"{value:+.1f}" if round(value, 1) else "0.0"
            text = write_in_cell(axes, row, middles[column], words, colors(norm(value)))
            text.set_color(INK if own else text.get_color())  # the diagonal has the colour of the page
    every = math.ceil(room(3) / widths.mean())
    axes.set_xticks(middles[::every], [str(task + 1) for task in tasks[::every]])
    axes.set_xlim(0.5, len(learning) + 0.5)
    name_rows(axes, [f"task {task + 1}" for task in tasks])
    picture.alt = f"{title}, in points of accuracy: {_changed(after, int(learning[-1]))}."
    return picture


@checked
def filter_changes(changes: Changes, what: str = "") -> Picture:
    """How far each task's filters have moved since it was learned, one panel per layer.

    changes: (T, T, layers) as `filter_distances` gives them; what: words for the title. A task's own parameters are
    frozen after it: its filters move because the knowledge base does (DF-CNN, section 2.3).

    Raises:
        ValueError: changes of another shape, or of fewer than two tasks.
    """
    values = 100 * changes
    if values.shape[0] != values.shape[1] or not np.isfinite(values[0, 1:]).any():
        raise ValueError(f"changes are those of two tasks or more, (tasks, tasks, layers), not {values.shape}.")
    count, layers = values.shape[1:]
    tasks = [task for task in range(count) if np.isfinite(values[task, task + 1 :]).any()]
    title, most = titled("How far later tasks move a task's filters", what), 1.08 * np.nanmax(values) or 1
    note = "norm of the difference to the filters when the task had been learned, over their norm"
    headings = [f"layer {layer + 1}" for layer in range(layers)]
    ticks = [(task + 0.5, str(task + 1)) for task in range(0, count, math.ceil(count / 10))]
    about = {"legend": task_legend(tasks), "y": "change of the filters (%)", "most": most}
    picture, panels = paneled(title, headings, (0, most), count, ticks, "after learning task", [note], **about)
    for layer, (panel, heading) in enumerate(zip(panels, headings, strict=True)):
        for task in tasks:
            now, change, style = np.arange(task + 1, count + 1), values[task, task:, layer], task_look(task).style
            words = f"task {task + 1}, {heading}, after task {{now}}: filters changed by {{y:.1f}} %"
            picture.curve(panel, now - 0.5, change, words, f"task {task + 1}", style, now=now)
    last = np.nanmax(np.where(np.isfinite(values).any((0, 2)))[0])
    ends = ", ".join(f"{value:.0f} % in layer {layer + 1}" for layer, value in enumerate(values[0, last]))
    picture.alt = f"{title}, relative to when it had been learned: task 1 after task {last + 1}, {ends}."
    return picture


def filter_distances(run: "Run") -> np.ndarray:
    """How far a DF-CNN's later tasks move a task's filters: (T, T, layers), relative Frobenius distances.

    Element [t, i, l] is ||W_t^(l) after task i - W_t^(l) after task t|| / ||W_t^(l) after task t||; nan for i < t and
    for tasks that have not been learned.

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
    """From curves (E, T), (T, T): [t, t] the accuracy on task t when it had been learned, [t, i] the difference to it
    after task i; nan for i < t, and where task t was not tested while task i was learned."""
    count = curves.shape[1]
    found = np.full((count, count), np.nan)
    for task, now in combinations_with_replacement(range(count), 2):
        tested = curves[learning == now, task]
        tested = tested[np.isfinite(tested)]
        if len(tested):
            found[task, now] = tested[-1] - (found[task, task] if now > task else 0)
    return found


def _checked(known: np.ndarray, epoch_task: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    curves = mean_and_spread(known)[0] if known.ndim == 3 else known
    (epochs, tasks), rises = curves.shape, (np.diff(epoch_task) >= 0).all()
    if len(epoch_task) != epochs or epoch_task.max() >= tasks or not rises:
        raise ValueError(f"epoch_task has the task learned, 0 to {tasks - 1}, in each of {epochs} epochs.")
    return curves, epoch_task


def _curve(axes: Axes, curve: np.ndarray, learning: np.ndarray, task: int) -> None:
    """A task's line, thick in its own epochs, with its peak there; epochs without a test are bridged."""
    own, tested = task_look(task), np.isfinite(curve)
    while_learned = np.flatnonzero(tested & (learning == task))
    if not len(while_learned):
        return
    later = np.flatnonzero(tested & (np.arange(len(curve)) >= while_learned[-1]))
    name, percents, x = f"task {task + 1}", 100 * curve, np.arange(1, len(curve) + 1)
    look = {"color": own.color, "label": name}
    drawn = axes.plot(x[while_learned], percents[while_learned], linewidth=2.8, solid_capstyle="round", **look)
    drawn += axes.plot(x[later], percents[later], linewidth=1.4, linestyle=own.line, **look)
    best = while_learned[curve[while_learned].argmax()]
    mark = {"marker": own.marker, "markersize": 8, "markeredgecolor": GROUND, "zorder": 4}
    drawn += axes.plot(x[best], percents[best], color=own.color, **mark)
    axes.figure.layer(name, *drawn)
    axes.figure.unveil(axes, x + 0.4, *drawn)
    seen = np.where(x > while_learned[0], percents, np.nan)
    peak = np.where(x == best + 1, ", its peak", "")
    words = f"{name}, epoch {{x:.0f}}, while task {{now}} is learned: {{y:.1f}} %{{peak}}"
    axes.figure.points(axes, x, seen, words, name, since=x - 1, now=learning + 1, peak=peak)


def _starts(learning: np.ndarray) -> np.ndarray:
    """The epochs, from 0, in which a task begins."""
    return np.flatnonzero(np.diff(learning, prepend=learning[0] - 1))


def _changed(after: np.ndarray, now: int) -> str:
    """By how many points the old tasks have changed after task ``now``."""
    found = {task: after[task, now] for task in range(now) if np.isfinite(after[task, now])}
    if not found:
        return "no old task has been tested since it was learned"
    worst, best = min(found, key=found.get), max(found, key=found.get)
    mean = f"{sum(found.values()) / len(found):+.1f} points on average since they were learned"
    ends = f"from {found[worst]:+.1f} (task {worst + 1}) to {found[best]:+.1f} (task {best + 1})"
    return f"old tasks change by {mean}{f', {ends}' if len(found) > 1 else ''}"
