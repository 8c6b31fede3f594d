"""How networks grow with the tasks, and accuracy over their parameters (DF-CNN, section 4.2, Figures 3 and 5)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from ..checked import AnyOf, checked
from ..describe import Kind, Real
from ..evaluation.metrics import mean_interval
from .picture import Picture, grid, handle, headed
from .rules import LARGEST, Values, accuracies, by_name
from .runs import counted, reading
from .style import look

Growing = by_name(Values(("tasks",), 1, LARGEST))
SIZE = Real(at_least=1, at_most=LARGEST)
REACHED = AnyOf((Real(at_least=0, at_most=1), accuracies("seeds", gaps=False)))
Points = by_name(
    Kind(
        f"a tuple of {SIZE.words} (parameters) and {REACHED.words}",
        lambda pair: (
            isinstance(pair, tuple | list) and len(pair) == 2 and SIZE.allows(pair[0]) and REACHED.allows(pair[1])
        ),
    )
)
WIDTH, LEFT, BELOW, HIGH = 8.0, 0.95, 0.62, 2.9  # inches
SHORT = FuncFormatter(lambda count, _: short(count))


@checked
def growth(counts: Growing) -> Picture:
    """The number of parameters of each network after every task, of all tasks together.

    counts: name of the method -> numbers (T,), as `networks.parameters` gives them; methods may have learned different
    numbers of tasks.

    Raises:
        ValueError: numbers that are not one or more, from 1 up.
    """
    last = {name: short(values[-1]) for name, values in counts.items()}
    legend = {f"{name} ({last[name]})": handle(look(name)) for name in counts}
    picture = headed(
        WIDTH, BELOW + HIGH + 0.12, "Parameters of all tasks together", ["in parentheses: after the last task"], legend
    )
    axes = _axes(picture, "tasks learned", "parameters")
    for label, (name, values) in zip(legend, counts.items(), strict=True):
        learned = range(1, len(values) + 1)
        picture.layer(label, *axes.plot(learned, values, label=name, linewidth=1.8, markersize=7, **look(name).style))
        columns = {"name": name, "count": [counted(task, "task") for task in learned], "size": values}
        picture.points(axes, learned, values, "{name}, {count}: {size:,.0f} parameters", label, **columns)
    most = max(map(len, counts.values()))
    axes.set(xlim=(0.7, most + 0.3), ylim=(0, 1.06 * max(values.max() for values in counts.values())))
    axes.xaxis.set_major_locator(MaxNLocator(min(most, 12), integer=True))
    axes.yaxis.set_major_formatter(SHORT)
    ends = [f"{name} {short(values[0])} and {last[name]}" for name, values in counts.items()]
    picture.alt = f"Number of parameters after the first and the last task: {'; '.join(ends)}."
    return picture


@checked
def accuracy_over_parameters(points: Points, measure: str = "accuracy", note: str = "") -> Picture:
    """The accuracy of each method over the number of parameters that it needs, on a logarithmic scale.

    points: name of the method -> (parameters, accuracies in [0, 1], one per seed); the mean is marked, with its 95 %
    t-interval where there are several seeds; measure: what the accuracies are, such as "peak accuracy"; note: a line
    below the title.

    Raises:
        ValueError: parameters that are not from 1 up, or accuracies outside [0, 1].
    """
    found = {name: (size, np.atleast_1d(np.asarray(values, dtype=float))) for name, (size, values) in points.items()}
    title = f"{measure.capitalize()} over parameters"
    several = max(len(values) for _, values in found.values()) > 1
    words = "; ".join([note] * bool(note) + ["bars: 95 % t-intervals over seeds"] * several)
    styles = {name: look(name).style | {"linestyle": "", "markersize": 9} for name in found}
    legend = {name: Line2D([], [], **style) for name, style in styles.items()}
    picture = headed(WIDTH, BELOW + HIGH + 0.12, title, [words], legend)
    axes = _axes(picture, "parameters of all tasks together (logarithmic)", f"{measure} (%)")
    parts, ends = [], []
    for name, (size, values) in found.items():
        mean, half = mean_interval(100 * values)
        bars = {"yerr": half, "capsize": 4, "elinewidth": 1.4} if np.isfinite(half) else {}
        drawn = axes.errorbar(size, mean, label=name, **styles[name], **bars)
        picture.layer(name, *drawn.get_children())
        seeds = f"{' (95 % interval)' if bars else ''}, {counted(len(values), 'seed')}, {size:,.0f} parameters"
        words = f"{name}, {measure}: {reading(mean, half)}{seeds}"
        picture.points(axes, [size], [mean], "{words}", name, words=words)
        parts.append(words)
        ends += [mean - np.nan_to_num(half), mean + np.nan_to_num(half)]
    sizes = [size for size, _ in found.values()]
    axes.set_xscale("log")
    axes.set(xlim=(min(sizes) / 1.6, max(sizes) * 1.6), ylim=(max(0, min(ends) - 3), min(102, max(ends) + 3)))
    axes.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(SHORT)
    axes.minorticks_off()
    axes.yaxis.set_major_locator(MaxNLocator(6))
    picture.alt = f"{measure.capitalize()} over the number of parameters: {'; '.join(parts)}."
    return picture


def short(count: float) -> str:
    """A number of parameters in three digits: 328 k, 7.96 M."""
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if count >= 0.9995 * size:
            return f"{float(f'{count / size:.3g}'):g}{unit}"
    return f"{count:g}"


def _axes(picture: Picture, x: str, y: str) -> Axes:
    return grid(picture.panel(LEFT, BELOW, WIDTH - LEFT - 0.2, HIGH, x, y))
