"""How networks grow with the tasks, and what their parameters are worth (DF-CNN, section 4.2 and Figures 3 and 5)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator
from numpy.typing import ArrayLike

from ..evaluation.metrics import mean_interval
from .pages import columns_of, handle
from .picture import FAINT, FONT, INK, TITLE, Picture
from .style import look

WIDTH, LEFT, BELOW, HIGH = 8.0, 0.95, 0.62, 2.9  # inches


def growth(counts: Mapping[str, Sequence[int]]) -> Picture:
    """The number of parameters of each network after every task, all tasks' together.

    counts: name of the method -> numbers (T,), as `networks.parameters` gives them; methods may have learned different
    numbers of tasks.

    Raises:
        ValueError: no method, or numbers that are not one or more, all above 0.
    """
    arrays = {name: np.asarray(values, dtype=float) for name, values in counts.items()}
    if not arrays or any(a.ndim != 1 or not a.size or not (a > 0).all() for a in arrays.values()):
        raise ValueError("give the number of parameters after each task, above 0, for one method or more")
    last = {name: short(values[-1]) for name, values in arrays.items()}
    handles, labels = [handle(look(name)) for name in arrays], [f"{name} ({last[name]})" for name in arrays]
    picture, axes = _page("Parameters of all tasks together", "in parentheses: after the last task", handles, labels)
    for name, values in arrays.items():
        own = look(name)
        line = {"color": own.color, "linestyle": own.line, "marker": own.marker, "linewidth": 1.8, "markersize": 7}
        axes.plot(range(1, len(values) + 1), values, label=name, **line)
    most = max(map(len, arrays.values()))
    axes.set(xlim=(0.7, most + 0.3), ylim=(0, 1.06 * max(values.max() for values in arrays.values())))
    axes.xaxis.set_major_locator(MaxNLocator(min(most, 12), integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    _name(axes, "tasks learned", "parameters")
    ends = [f"{name} {short(values[0])} and {last[name]}" for name, values in arrays.items()]
    picture.alt = f"Number of parameters after the first and the last task: {'; '.join(ends)}."
    return picture


def accuracy_over_parameters(
    points: Mapping[str, tuple[float, ArrayLike]], measure: str = "accuracy", note: str = ""
) -> Picture:
    """What each method reaches, over the parameters it needs for that, on a logarithmic scale.

    points: name of the method -> (parameters, accuracies in [0, 1], one a seed); the mean is marked, with its 95 %
    t-interval where there are several seeds; measure: what the accuracies are, such as "peak accuracy"; note: a line
    below the title.

    Raises:
        ValueError: no method, parameters that are not above 0, or accuracies outside [0, 1].
    """
    found = {
        name: (float(size), np.atleast_1d(np.asarray(values, dtype=float))) for name, (size, values) in points.items()
    }
    wrong = [name for name, (size, values) in found.items() if not (size > 0 and values.ndim == 1 and _shares(values))]
    if not found or wrong:
        which = f"{wrong[0]} has others" if wrong else "there is none"
        raise ValueError(f"each method needs a number of parameters above 0 and accuracies from 0 to 1; {which}")
    intervals = {name: mean_interval(100 * values) for name, (_, values) in found.items()}
    marks = [
        Line2D([], [], color=look(name).color, marker=look(name).marker, linestyle="", markersize=9) for name in found
    ]
    several = max(len(values) for _, values in found.values()) > 1
    words = [note] * bool(note) + ["bars: 95 % t-intervals over seeds"] * several
    picture, axes = _page(f"{measure.capitalize()} over parameters", "; ".join(words), marks, list(found))
    told, ends = [], []
    for name, (size, _) in found.items():
        (mean, half), own = intervals[name], look(name)
        bars = {"yerr": half, "capsize": 4, "elinewidth": 1.4} if np.isfinite(half) else {}
        axes.errorbar(size, mean, color=own.color, marker=own.marker, markersize=10, linestyle="", label=name, **bars)
        told.append(f"{name} {mean:.1f} %{f' ± {half:.1f}' if bars else ''} with {short(size)}")
        ends += [mean - np.nan_to_num(half), mean + np.nan_to_num(half)]
    sizes = [size for size, _ in found.values()]
    axes.set_xscale("log")
    axes.set_xlim(min(sizes) / 1.6, max(sizes) * 1.6)
    axes.set_ylim(max(0, min(ends) - 3), min(102, max(ends) + 3))
    axes.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    axes.minorticks_off()
    axes.yaxis.set_major_locator(MaxNLocator(6))
    _name(axes, "parameters of all tasks together (logarithmic)", f"{measure} (%)")
    picture.alt = f"{measure.capitalize()} over the number of parameters: {'; '.join(told)}."
    return picture


def short(count: float) -> str:
    """A number of parameters in three digits: 328 k, 7.96 M."""
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if count >= 0.9995 * size:
            return f"{float(f'{count / size:.3g}'):g}{unit}"
    return f"{count:g}"


def _shares(values: np.ndarray) -> bool:
    return bool(values.size and np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1)


def _page(title: str, note: str, handles: list, labels: list[str]) -> tuple[Picture, Axes]:
    fits = columns_of(labels, WIDTH - 0.2)
    down = 0.42 + 0.2 * bool(note)
    above = down + 0.21 * -(-len(labels) // fits) + 0.12
    picture = Picture(WIDTH, BELOW + HIGH + above)
    top = BELOW + HIGH + above
    picture.write(0.12, top - 0.1, title, TITLE)
    picture.write(0.12, top - 0.36, note)
    picture.key(handles, labels, down, fits)
    return picture, picture.panel(LEFT, BELOW, WIDTH - LEFT - 0.2, HIGH)


def _name(axes: Axes, across: str, up: str) -> None:
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel(across, fontsize=FONT, color=INK)
    axes.set_ylabel(up, fontsize=FONT, color=INK)
