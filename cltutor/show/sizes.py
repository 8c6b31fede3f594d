"""The memory that each method needs, task by task (MAS, Figure 6)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.patches import Patch

from .pages import columns_of
from .picture import FONT, INK, TITLE, Picture, plain, room, wrapped
from .style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, WINE

BAR, SPACE, WIDE, VALUE = 0.11, 0.16, 5.0, 1.0  # inches of a bar, between methods, of the axis, of the number beside
COLORS = (GREY, BLUE, ORANGE, GREEN, PURPLE, SKY, WINE, VERMILLION)
WORDS = {
    "teacher": "teacher's answers",
    "Anchor": "importance and anchor",
    "merge": "models to merge",
    "images": "old images",
}
UNITS = ("bytes", "kB", "MB", "GB", "TB")


def storage(needs: Mapping[str, Sequence[Mapping[str, int]]]) -> Picture:
    """Bytes that each method stores to learn the second task, the third and so on, as stacked bars.

    needs: what `cl.storage.needed` gives: name of the method -> for each task, what is stored -> bytes. The bars
    of a method stand below each other, a bar a task, so that what grows looks like stairs.

    Raises:
        ValueError: no method, or methods with different numbers of tasks.
    """
    counts = {len(tasks) for tasks in needs.values()}
    if len(counts) != 1 or counts == {0}:
        raise ValueError("give what each method stores for the same number of tasks, one or more")
    (count,) = counts
    kinds = list(dict.fromkeys(kind for tasks in needs.values() for task in tasks for kind in task))
    bytes_ = np.array([[[task.get(kind, 0) for kind in kinds] for task in tasks] for tasks in needs.values()], float)
    power = int(np.clip(np.log10(max(1.0, bytes_.sum(2).max())) // 3, 0, len(UNITS) - 1))
    values = bytes_ / 1000.0**power
    picture, axes = _page(list(needs), kinds, count)
    bar = BAR / (BAR * count + SPACE)
    for row, name in enumerate(needs):
        places = row + bar * (np.arange(count) - (count - 1) / 2)
        starts = np.cumsum(values[row], axis=1) - values[row]
        for k in range(len(kinds)):
            axes.barh(places, values[row, :, k], 0.85 * bar, left=starts[:, k], color=COLORS[k % len(COLORS)])
        last = values[row, -1].sum()
        axes.text(1.01 * last, places[-1], f" {last:.3g}", va="center", fontsize=FONT, color=INK, label=name)
    axes.set(xlim=(0, 1.02 * values.sum(2).max()), ylim=(len(needs) - 0.5, -0.5))
    axes.set_yticks(range(len(needs)), [plain(name) for name in needs])
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"stored when a task begins ({UNITS[power]})", fontsize=FONT, color=INK)
    ends = [f"{name} {a:.3g} and {b:.3g}" for name, a, b in zip(needs, *values.sum(2)[:, [0, -1]].T, strict=True)]
    picture.alt = f"Memory needed in {UNITS[power]}, for task 2 and for task {count + 1}: {'; '.join(ends)}."
    return picture


def _page(methods: list[str], kinds: list[str], count: int) -> tuple[Picture, object]:
    left = 0.3 + max(room(len(name)) for name in methods)
    width = left + WIDE + VALUE
    labels = [WORDS.get(kind, kind) for kind in kinds]
    fits = columns_of(labels, width - 0.2)
    last = f"task {count + 1}"
    bars = f"a method's bars, from the top: tasks 2 to {count + 1}; its number: {last}" if count > 1 else last
    note = wrapped(bars, width - 0.3)
    down = 0.42 + 0.18 * len(note)
    above = down + 0.22 * -(-len(kinds) // fits) + 0.1
    high = len(methods) * (BAR * count + SPACE)
    picture = Picture(width, 0.6 + high + above)
    height = picture.get_figheight()
    picture.write(0.12, height - 0.1, "Memory needed for the next task", TITLE)
    picture.write(0.12, height - 0.38, "\n".join(note))
    picture.key([Patch(color=COLORS[k % len(COLORS)]) for k in range(len(kinds))], labels, down, fits)
    return picture, picture.panel(left, 0.6, WIDE, high)
