"""The memory that each method needs, task by task (MAS, Figure 6)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ..checked import Many, Table, Text, checked
from ..describe import Whole
from .picture import FONT, INK, Picture, headed, name_rows, widest
from .rules import LARGEST, by_name
from .style import BLUE, GREEN, GREY, GROUND, ORANGE, PURPLE, SKY, VERMILLION, WINE

BAR, SPACE, WIDE, VALUE = 0.11, 0.16, 5.0, 1.0  # inches of a bar, between methods, of the axis, of the number beside
COLORS = (GREY, BLUE, ORANGE, GREEN, PURPLE, SKY, WINE, VERMILLION)
WORDS = {
    "teacher": "teacher's outputs",
    "Anchor": "importance and anchor",
    "merge": "models to merge",
    "images": "old images",
}
Needs = by_name(Many(Table(Whole(0, int(LARGEST)), Text()), least=1))  # by method, of each task what it stores
UNITS = ("bytes", "kB", "MB", "GB", "TB")


@checked
def storage(needs: Needs) -> Picture:
    """Bytes that each method stores to learn the second task, the third and so on, as stacked bars.

    needs: the result of `cl.storage.needed`: name of the method -> for each task, what is stored -> bytes. A method has
    one bar per task, below each other, so that growing memory looks like stairs.

    Raises:
        ValueError: methods with different numbers of tasks.
    """
    counts = {len(tasks) for tasks in needs.values()}
    if len(counts) > 1:
        raise ValueError("Give what each method stores for the same number of tasks.")
    (count,) = counts
    kinds = list(dict.fromkeys(kind for tasks in needs.values() for task in tasks for kind in task))
    bytes_ = np.array([[[task.get(kind, 0) for kind in kinds] for task in tasks] for tasks in needs.values()], float)
    power = int(np.clip(np.log10(max(1.0, bytes_.sum(2).max())) // 3, 0, len(UNITS) - 1))
    values = bytes_ / 1000.0**power
    left = 0.3 + widest(needs)
    picture, axes = _page(left, len(needs), kinds, count, UNITS[power])
    step = BAR * count + SPACE
    names, tasks = [WORDS.get(kind, kind) for kind in kinds], [f"task {task + 2}" for task in range(count)]
    for row, name in enumerate(needs):
        places = row + BAR / step * (np.arange(count) - (count - 1) / 2)
        starts = np.cumsum(values[row], axis=1) - values[row]
        for k, kind in enumerate(names):
            style = {"color": COLORS[k % len(COLORS)], "edgecolor": GROUND, "linewidth": 0.4}
            bars = axes.barh(places, values[row, :, k], 0.85 * BAR / step, left=starts[:, k], **style)
            picture.layer(kind, *bars)
        last = values[row, -1].sum()
        axes.text(1.01 * last, places[-1], f" {last:.3g}", va="center", fontsize=FONT, color=INK, label=name)
        parts = [", ".join(f"{kind} {v:.3g}" for kind, v in zip(names, each, strict=True)) for each in values[row]]
        box = (left, 0.6 + step * (len(needs) - row - 1) + SPACE / 2, WIDE, BAR * count)
        columns = {"name": name, "total": values[row].sum(1), "parts": parts, "unit": UNITS[power]}
        picture.cells(box, tasks, [""], "{name}, {row}: {total:.3g} {unit} ({parts})", **columns)
    axes.set_xlim(0, 1.02 * values.sum(2).max())
    name_rows(axes, list(needs))
    ends = [f"{name} {a:.3g} and {b:.3g}" for name, a, b in zip(needs, *values.sum(2)[:, [0, -1]].T, strict=True)]
    picture.alt = f"Memory needed in {UNITS[power]}, for task 2 and for task {count + 1}: {'; '.join(ends)}."
    return picture


def _page(left: float, methods: int, kinds: list[str], count: int, unit: str) -> tuple[Picture, Axes]:
    last = f"task {count + 1}"
    note = f"bars of a method, from the top: tasks 2 to {count + 1}; the number: {last}" if count > 1 else last
    legend = {WORDS.get(kind, kind): Patch(color=COLORS[k % len(COLORS)]) for k, kind in enumerate(kinds)}
    high = methods * (BAR * count + SPACE)
    picture = headed(left + WIDE + VALUE, 0.7 + high, "Memory needed for the next task", [note], legend)
    return picture, picture.panel(left, 0.6, WIDE, high, f"stored when a task begins ({unit})")
