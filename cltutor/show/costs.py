"""What methods cost: parameters as the tasks go on (DF-CNN, section 4.2, Figures 3 and 5), memory (MAS, Figure 6)."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator

from ..checked import AnyOf, Many, Table, Text, checked
from ..describe import Kind, Real, Whole, counted
from ..evaluation.metrics import mean_interval
from .picture import FONT, Picture, chart, name_rows, widest
from .rules import LARGEST, Values, accuracies, by_name
from .runs import reading
from .style import BLUE, GREEN, GREY, GROUND, INK, ORANGE, PURPLE, SKY, VERMILLION, WINE, look

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
Needs = by_name(Many(Table(Whole(0, int(LARGEST)), Text()), least=1))  # by method, of each task what it stores
SHORT = FuncFormatter(lambda count, _: short(count))
BAR, SPACE, WIDE, VALUE = 0.11, 0.16, 5.0, 1.0  # inches of a bar, between methods, of the axis, of the number beside
COLORS = (GREY, BLUE, ORANGE, GREEN, PURPLE, SKY, WINE, VERMILLION)
WORDS = {"teacher": "teacher's outputs", "Anchor": "importance and anchor", "merge": "models to merge"}
WORDS["images"] = "old images"
UNITS = ("bytes", "kB", "MB", "GB", "TB")


@checked
def growth(counts: Growing) -> Picture:
    """The number of parameters of each network after every task, of all tasks together.

    counts: name of the method -> numbers (T,), as `networks.parameters` gives them; methods may have learned different
    numbers of tasks.

    Raises:
        ValueError: numbers that are not one or more, from 1 up.
    """
    labels = [f"{name} ({short(values[-1])})" for name, values in counts.items()]
    legend = {label: look(name).handle for label, name in zip(labels, counts, strict=True)}
    title, notes = "Parameters of all tasks together", ["in parentheses: after the last task"]
    picture, axes = chart(8.0, 2.9, title, notes, legend, "tasks learned", "parameters", left=0.95)
    most, largest = max(map(len, counts.values())), max(values.max() for values in counts.values())
    axes.set(xlim=(0.7, most + 0.3), ylim=(0, 1.06 * largest))
    for label, (name, values) in zip(labels, counts.items(), strict=True):
        x, style = np.arange(1, len(values) + 1), look(name).style | {"markersize": 7, "label": name}
        words, count = "{name}, {count}: {y:,.0f} parameters", [counted(task, "task") for task in x]
        picture.curve(axes, x, values, words, label, style, name=name, count=count)
    axes.locator_params(axis="x", nbins=min(most, 12), integer=True, min_n_ticks=1)
    axes.yaxis.set_major_formatter(SHORT)
    picture.describe("Number of parameters after the first and the last task", (0, -1))
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
    several = max(len(values) for _, values in found.values()) > 1
    notes = ["; ".join(filter(None, [note, "bars: 95 % t-intervals over seeds" * several]))]
    styles = {name: look(name).style | {"linestyle": "", "markersize": 9} for name in found}
    legend = {name: Line2D([], [], **style) for name, style in styles.items()}
    title, names = f"{measure.capitalize()} over ", ("parameters of all tasks together (logarithmic)", f"{measure} (%)")
    picture, axes = chart(8.0, 2.9, f"{title}parameters", notes, legend, *names, left=0.95)
    ends = []
    for name, (size, values) in found.items():
        mean, half = mean_interval(100 * values)
        bars = {"yerr": half, "capsize": 4, "elinewidth": 1.4} if np.isfinite(half) else {}
        drawn = axes.errorbar(size, mean, label=name, **styles[name], **bars)
        picture.layer(name, *drawn.get_children())
        read = f"{reading(mean, half, kind=' (95 % interval)')}, {counted(len(values), 'seed')}"
        words = f"{name}, {measure}: {read}, {size:,.0f} parameters"
        picture.points(axes, [size], [mean], "{words}", name, words=words)
        ends += [mean - np.nan_to_num(half), mean + np.nan_to_num(half)]
    sizes = [size for size, _ in found.values()]
    axes.set_xscale("log")
    axes.set(xlim=(min(sizes) / 1.6, max(sizes) * 1.6), ylim=(max(0, min(ends) - 3), min(102, max(ends) + 3)))
    axes.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(SHORT)
    axes.minorticks_off()
    axes.locator_params(axis="y", nbins=6)
    picture.describe(f"{title}the number of parameters")
    return picture


def short(count: float) -> str:
    """A number of parameters in three digits: 328 k, 7.96 M."""
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if count >= 0.9995 * size:
            return f"{float(f'{count / size:.3g}'):g}{unit}"
    return f"{count:g}"


@checked
def storage(needs: Needs) -> Picture:
    """Bytes that each method stores to learn the second task, the third and so on, as stacked bars.

    needs: the result of `cl.storage.needed`: name of the method -> for each task, what is stored -> bytes. A method has
    one bar per task, below each other, so that growing memory looks like stairs.

    Raises:
        ValueError: methods with different numbers of tasks.
    """
    count, *others = {len(tasks) for tasks in needs.values()}
    if others:
        raise ValueError("Give what each method stores for the same number of tasks.")
    kinds = list(dict.fromkeys(kind for tasks in needs.values() for task in tasks for kind in task))
    colors = {WORDS.get(kind, kind): COLORS[k % len(COLORS)] for k, kind in enumerate(kinds)}
    bytes_ = np.array([[[task.get(kind, 0) for kind in kinds] for task in tasks] for tasks in needs.values()], float)
    power = int(np.clip(np.log10(max(1.0, bytes_.sum(2).max())) // 3, 0, len(UNITS) - 1))
    values, unit, last, step = bytes_ / 1000.0**power, UNITS[power], f"task {count + 1}", BAR * count + SPACE
    note = f"bars of a method, from the top: tasks 2 to {count + 1}; the number: {last}" if count > 1 else last
    legend = {kind: Patch(color=color) for kind, color in colors.items()}
    width, title = (left := 0.3 + widest(needs)) + WIDE + VALUE, "Memory needed for the next task"
    about = {"x": f"stored when a task begins ({unit})", "left": left, "right": VALUE}
    picture, axes = chart(width, step * len(needs), title, [note], legend, **about)
    tasks, high = [f"task {task + 2}" for task in range(count)], BAR / step
    axes.set_xlim(0, 1.02 * values.sum(2).max())
    axes.grid(False)
    name_rows(axes, list(needs))
    for row, name in enumerate(needs):
        places = row + high * (np.arange(count) - (count - 1) / 2)
        starts = np.cumsum(values[row], axis=1) - values[row]
        for k, (kind, color) in enumerate(colors.items()):
            style = {"color": color, "edgecolor": GROUND, "linewidth": 0.4}
            picture.layer(kind, *axes.barh(places, values[row, :, k], 0.85 * high, left=starts[:, k], **style))
        end = values[row, -1].sum()
        axes.text(1.01 * end, places[-1], f" {end:.3g}", va="center", fontsize=FONT, color=INK, label=name)
        parts = [", ".join(f"{kind} {v:.3g}" for kind, v in zip(colors, each, strict=True)) for each in values[row]]
        box = (left, 0.62 + step * (len(needs) - row - 1) + SPACE / 2, WIDE, BAR * count)
        columns = {"name": name, "total": values[row].sum(1), "parts": parts, "unit": unit}
        picture.cells(box, tasks, [""], "{name}, {row}: {total:.3g} {unit} ({parts})", **columns)
    picture.describe("Memory needed for the next task, at first and at the end", (0, -1))
    return picture
