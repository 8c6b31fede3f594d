"""Which task owns which weight of a network that is divided among tasks (Mallya and Lazebnik 2018, Figure 1)."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

from ..checked import Table, Text, checked
from ..describe import Choice
from .picture import FONT, Picture, headed, name_rows, shortened, titled
from .rules import Values
from .spots import Played
from .style import FRAME, INK, SHADE
from .transfer import task_look

WIDTH, LEFT, SIDES = 9.6, 0.5, (4.8, 3.5)  # inches: of the picture, left of the tiles, and of what they fill
BAR, BARS, READ = 0.36, 2.7, 20_000  # inches of a bar, of all its length; weights that are read one by one, at most
FREE = "free"
Owners = Annotated[Mapping, Table(Values(("outputs, inputs",), -1, whole=True), Text(), least=1)]


@checked
def masks(owners: Owners, layer: str, what: str = "") -> Picture:
    """The owner of every weight of a layer as tiles, and the share of each task in every layer's weights.

    owners: name of a layer -> (outputs, inputs) the task that owns each weight, from 0, or -1: no task; layer: whose
    weights are tiles; what: words for the title. A frame for each task: what later ones own is free until then. Of a
    layer with more weights than can be read one by one, an output is read with its shares.

    Raises:
        ValueError: a layer that is not there, or weights without any owner.
    """
    Choice(owners).check("layer", layer)
    count = max(int(own.max()) for own in owners.values()) + 1
    if not count:
        raise ValueError("No task owns a weight of these layers.")
    title = titled(f"The owners of the weights of {layer}", what)
    legend = {f"task {task + 1}": _swatch(task_look(task).color) for task in range(count)} | {FREE: _swatch(SHADE)}
    body = max(SIDES[1], BAR * len(owners) + 0.9) + 0.75
    picture = headed(WIDTH, body, title, (), legend, min(len(legend), 9))
    picture.frames([f"after task {task + 1}" for task in range(count)], "task")
    _tiles(picture, owners[layer], layer, count, body - 0.35)
    shares = {name: [100 * (own == task).mean() for task in range(count)] for name, own in owners.items()}
    left, high = WIDTH - BARS - 0.25, BAR * len(owners)
    axes = picture.panel(left, body - 0.35 - high, BARS, high, "share of the layer's weights (%)")
    _bars(picture, axes, shares)
    axes.set_title("weights of each layer", fontsize=FONT, loc="left", pad=5, color=INK)
    rest = {name: 100 - sum(own) for name, own in shares.items()}
    for task in range(count):
        free = 100 - sum(shares[layer][: task + 1])
        words = picture.write(left, body - 1.05 - high, f"{layer}, after task {task + 1}:\n{free:.1f} % free", va="top")
        picture.appear(task, words, last=task)
    parts = ", ".join(f"{share:.1f} % belong to task {task + 1}" for task, share in enumerate(shares[layer]))
    picture.alt = f"{title}: {parts}, {rest[layer]:.1f} % are free."
    return picture


def _swatch(color: str) -> Rectangle:
    return Rectangle((0, 0), 1, 1, fc=color, ec=FRAME, linewidth=0.5)


def _tiles(picture: Picture, own: np.ndarray, layer: str, count: int, top: float) -> None:
    """A pixel for each weight, in a frame's image only those of the task that is new in it."""
    rows, columns = own.shape
    (wide, high), box = SIDES, (LEFT, top - SIDES[1], *SIDES)
    back = picture.add_artist(Rectangle(box[:2], wide, high, fc=SHADE, ec=FRAME, linewidth=0.8, zorder=-1))
    back.set_transform(picture.dpi_scale_trans)
    for task in range(count):
        pixels = np.zeros((*own.shape, 4), np.uint8)
        pixels[own == task] = 255 * np.array(to_rgba(task_look(task).color))
        picture.appear(task, picture.pixels(pixels, *box, f"task {task + 1}"))
    picture.write(LEFT, top + 0.06, f"{layer}: {rows} outputs, {columns} weights each", va="bottom")
    picture.write(LEFT - 0.12, top - high / 2, "output", rotation=90, ha="right", va="center")
    picture.write(LEFT + wide / 2, top - high - 0.08, "weight", ha="center")
    if own.size <= READ:
        when = np.arange(count)[:, None]
        codes = np.where((own.ravel() < 0) | (own.ravel() > when), count, own.ravel())
        owner = Played([*(f"task {task + 1}" for task in range(count)), FREE], codes)
        names = [f"output {row + 1}" for row in range(rows)], [f"weight {column + 1}" for column in range(columns)]
        picture.cells(box, *names, "{row}, {column}: {owner}, {frame}", key="weight", owner=owner)
        return
    for task in range(count):
        listed = [_shares(row, task) for row in own]
        words = f"output {{row}}, after task {task + 1}: {{listed}}"
        names = [str(row + 1) for row in range(rows)]
        picture.cells(box, names, [""], words, key=f"output {task}", since=[task], until=task, listed=listed)


def _shares(row: np.ndarray, last: int) -> str:
    parts = [(row == task).mean() for task in range(last + 1)]
    named = ", ".join(f"{100 * share:.1f} % task {task + 1}" for task, share in enumerate(parts))
    return f"{named}, {100 * (1 - sum(parts)):.1f} % free"


def _bars(picture: Picture, axes: Axes, shares: Mapping[str, Sequence[float]]) -> None:
    """A bar for each layer, made of the tasks' parts, each from the frame of its task on."""
    for row, (name, own) in enumerate(shares.items()):
        starts = np.cumsum([0, *own])
        axes.add_patch(Rectangle((0, row - 0.35), 100, 0.7, fc=SHADE, ec=FRAME, linewidth=0.5))
        for task, share in enumerate(own):
            bar = Rectangle((starts[task], row - 0.35), share, 0.7, fc=task_look(task).color, linewidth=0)
            picture.appear(task, axes.add_patch(bar))
        words = "{name}, task {task}: {share:.1f} % of the weights"
        fields = {"name": name, "task": range(1, len(own) + 1), "share": own, "since": range(len(own))}
        picture.points(axes, starts[:-1] + np.array(own) / 2, np.full(len(own), row), words, "", name, **fields)
    axes.set_xlim(0, 100)
    name_rows(axes, [shortened(name, 0.95) for name in shares])
