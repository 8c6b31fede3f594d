"""Room that tasks share: the slots of a memory while a stream arrives (Vitter 1985), and the weights of a network that
is divided among them (Mallya and Lazebnik 2018, Figure 1)."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import Patch, Rectangle
from numpy.typing import ArrayLike

from ..checked import Many, Table, Text, checked
from ..describe import Choice, counted
from .images import OUTLINE, as_rgb, put_image
from .picture import Picture, grid, headed, name_rows, shortened, titled
from .rules import Images, Names, Values
from .spots import Played
from .style import BLACK, FRAME, SHADE, task_legend, task_look

Kept = Annotated[Sequence[ArrayLike], Many(Values(("M",), 0, whole=True), least=1)]
Tasks = Annotated[ArrayLike, Values(("N",), 0, whole=True)]
Seen = Annotated[ArrayLike, Values(("F",), 1, whole=True)]
Owners = Annotated[Mapping, Table(Values(("outputs, inputs",), -1, whole=True), Text(), least=1)]
WIDTH, WIDE, HIGH, DOWN = 9.6, 4.9, 1.25, 3.75  # inches: of a picture, the slots, a panel, all below the head
MOST, LARGEST, GAP = 60, 0.62, 0.07  # slots that are shown; inches of one, at most; between two, as a share of one
LEFT, SIDES = 0.5, (4.8, 3.5)  # inches left of the weights, and of what they fill
BAR, BARS, READ = 0.36, 2.7, 20_000  # inches of a bar, of all its length; weights that are read one by one, at most
FREE = "free"


@checked
def reservoir(images: Images, names: Names, tasks: Tasks, held: Kept, seen: Seen, what: str = "") -> Picture:
    """The slots of a memory at several moments of a stream (frames), the share of the images seen that it holds, and
    how many come from each task.

    images (N, C, H, W) uint8, in order of arrival, with their classes ``names`` (N,) and ``tasks`` (N,), from 0; held:
    for each of F moments the places in ``images`` of those in memory; seen (F,): how many images had arrived, rising.
    An image keeps its slot as long as it stays. Of more than 60 slots the first are shown.

    Raises:
        ValueError: other numbers of names, tasks or moments, or a memory with an image that has not arrived.
    """
    if not len(images) == len(names) == len(tasks):
        raise ValueError(f"{len(images)} images need as many names and tasks, not {len(names)} and {len(tasks)}.")
    if len(held) != len(seen) or (np.diff(seen) <= 0).any() or seen[-1] > len(images):
        raise ValueError(f"held has a memory for each number of images seen, which rises up to {len(images)} at most.")
    for own, number in zip(held, seen, strict=True):
        if own.max() >= number or len(set(own.tolist())) < len(own):
            raise ValueError(f"A memory holds different images of the {number} seen by then, places from 0.")
    slots, count = slots_of(held), int(tasks.max()) + 1
    size = slots.shape[1]
    title = titled(f"A memory of {counted(size, 'image')} while {len(images):,} arrive", what)
    notes = [f"the first {MOST} of {size} slots"] if size > MOST else []
    picture = headed(WIDTH, DOWN, title, notes, task_legend(range(count)), min(count, 8))
    picture.frames([counted(number, "image") for number in seen], "seen")
    _put_slots(picture, slots[:, :MOST], images, names, tasks)
    sizes = np.array([len(own) for own in held])
    share = 100 * sizes / seen
    axes = _panel(picture, 2.25, "share of the images seen that is in memory (%)", 103, seen)
    words = "seen: {x:,.0f}; in memory: {held}, {y:.1f} % of them"
    _follow(axes, seen, share, words, {"color": BLACK}, held=sizes)
    axes = _panel(picture, 0.5, "images in memory, by task", 1.06 * sizes.max(), seen, "images seen")
    for task in range(count):
        y = np.array([(tasks[own] == task).sum() for own in held], dtype=float)
        y[seen <= np.flatnonzero(tasks == task)[0]] = np.nan  # it has not begun
        words = f"seen: {{x:,.0f}}; in memory from task {task + 1}: {{y:.0f}}"
        _follow(axes, seen, y, words, task_look(task).style, f"task {task + 1}")
    ends = ", ".join(f"{(tasks[held[-1]] == task).sum()} from task {task + 1}" for task in range(count))
    picture.alt = f"{title}: after {counted(seen[-1], 'image')} {share[-1]:.1f} % of them are in memory, {ends}."
    return picture


def slots_of(held: Sequence[np.ndarray]) -> np.ndarray:
    """(F, K) which image lies in each slot, -1: none; a newcomer takes the first slot that is free."""
    now, rows = np.full(max(map(len, held)), -1), []
    for own in held:
        now = np.where(np.isin(now, own), now, -1)
        new = own[~np.isin(own, now)]
        now[np.flatnonzero(now < 0)[: len(new)]] = new
        rows.append(now)
    return np.array(rows)


def _put_slots(picture: Picture, slots: np.ndarray, images: np.ndarray, names: Sequence, tasks: np.ndarray) -> None:
    """Every image in its slot for the frames in which it is there, framed in the colour of its task."""
    frames, size = slots.shape
    side, columns = max((min(LARGEST, WIDE / n, (DOWN - 0.5) / -(-size // n)), n) for n in range(1, size + 1))
    rows, inner, (left, top) = -(-size // columns), side * (1 - GAP), (0.15, DOWN - 0.2)
    box = (left, top - side * rows, side * columns, side * rows)
    words: dict[int, list] = {}  # the last frame of an image -> for each place what is read there, and since when
    around: dict[tuple[int, int, int], list[int]] = {}  # task, first and last frame of images -> their slots
    place = np.arange(size)
    corners = np.column_stack([left + side * (place % columns), top - side * (place // columns + 1)]) + side * GAP / 2
    squares = corners[:, None] + inner * OUTLINE
    picture.put(PolyCollection(squares, facecolors=SHADE, zorder=-1))
    for slot, column in enumerate(slots.T):
        starts = np.flatnonzero(np.append(True, column[1:] != column[:-1]))
        for first, last in zip(starts.tolist(), [*(starts[1:] - 1).tolist(), frames - 1], strict=True):
            if (image := column[first]) < 0:
                continue
            picture.appear(first, put_image(picture, as_rgb(images[image]), *corners[slot], inner, "slot"), last=last)
            around.setdefault((int(tasks[image]), first, last), []).append(slot)
            read, since = words.setdefault(last, [[None] * rows * columns, [0] * rows * columns])
            arrived = f"the {image + 1:,}{_ending(image + 1)} image to arrive"
            read[slot], since[slot] = f"slot {slot + 1}: {names[image]} of task {tasks[image] + 1}, {arrived}", first
    for (task, first, last), its in around.items():
        edges = LineCollection(squares[its], colors=task_look(task).color, linewidths=1.6)
        picture.appear(first, picture.put(edges), last=last)
    for last, (read, since) in words.items():
        fields = {"since": since, "until": last, "read": read}
        picture.cells(box, [""] * rows, [""] * columns, "{read}", key=f"slots until {last}", **fields)


def _ending(number: int) -> str:
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number // 10 % 10 != 1 else 0, "th")


def _panel(picture: Picture, low: float, title: str, high: float, seen: np.ndarray, x: str = "") -> Axes:
    axes = grid(picture.panel(WIDTH - 3.9, low, 3.7, HIGH, x, title=title))
    axes.set(ylim=(-0.03 * high, high), xlim=(0, 1.03 * seen[-1]))
    axes.locator_params(axis="x", nbins=5, integer=True)
    return axes


def _follow(axes: Axes, seen: np.ndarray, y: np.ndarray, words: str, style: dict, layer: str = "", **fields) -> None:
    """A curve: faint as a whole, strong until the moment that is shown, which pointing at it moves."""
    strong = axes.plot(seen, y, **{"linewidth": 1.8, "markersize": 4.5, "markevery": max(1, len(y) // 8)} | style)
    faint = axes.plot(seen, y, color=style["color"], linewidth=1, alpha=0.35)
    if layer:
        axes.figure.layer(layer, *strong, *faint)
    axes.figure.unveil(axes, seen + 0.3, *strong)
    axes.figure.points(axes, seen, y, words, layer, moves=range(len(y)), **fields)


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
    title, colors = titled(f"The owners of the weights of {layer}", what), [task_look(t).color for t in range(count)]
    names = [*(f"task {task + 1}" for task in range(count)), FREE]
    swatches = [Patch(fc=color, ec=FRAME, linewidth=0.5) for color in [*colors, SHADE]]
    legend = dict(zip(names, swatches, strict=True))
    body = max(SIDES[1], BAR * len(owners) + 0.9) + 0.75
    picture = headed(WIDTH, body, title, (), legend, min(len(legend), 9))
    picture.frames([f"after task {task + 1}" for task in range(count)], "task")
    _tiles(picture, owners[layer], layer, names, body - 0.35)
    shares = {name: [100 * (own == task).mean() for task in range(count)] for name, own in owners.items()}
    left, high = WIDTH - BARS - 0.25, BAR * len(owners)
    about = {"x": "share of the layer's weights (%)", "title": "weights of each layer"}
    _bars(picture.panel(left, body - 0.35 - high, BARS, high, **about), shares)
    for task in range(count):
        free = 100 - sum(shares[layer][: task + 1])
        words = picture.write(left, body - 1.05 - high, f"{layer}, after task {task + 1}:\n{free:.1f} % free")
        picture.appear(task, words, last=task)
    parts = ", ".join(f"{share:.1f} % belong to task {task + 1}" for task, share in enumerate(shares[layer]))
    picture.alt = f"{title}: {parts}, {free:.1f} % are free."
    return picture


def _tiles(picture: Picture, own: np.ndarray, layer: str, owners: Sequence[str], top: float) -> None:
    """A pixel for each weight, in a frame's image only those of the task that is new in it."""
    (rows, columns), (wide, high), count = own.shape, SIDES, len(owners) - 1
    box = (LEFT, top - high, wide, high)
    picture.put(Rectangle(box[:2], wide, high, fc=SHADE, ec=FRAME, linewidth=0.8, zorder=-1))
    for task in range(count):
        pixels = np.zeros((*own.shape, 4), np.uint8)
        pixels[own == task] = 255 * np.array(to_rgba(task_look(task).color))
        picture.appear(task, picture.pixels(pixels, *box, owners[task], tint=task_look(task).color))
    picture.write(LEFT, top + 0.06, f"{layer}: {rows} outputs, {columns} weights each", va="bottom")
    picture.write(LEFT - 0.12, top - high / 2, "output", rotation=90, ha="right", va="center")
    picture.write(LEFT + wide / 2, top - high - 0.08, "weight", ha="center")
    if own.size <= READ:
        later = (own.ravel() < 0) | (own.ravel() > np.arange(count)[:, None])
        names = [f"output {row + 1}" for row in range(rows)], [f"weight {column + 1}" for column in range(columns)]
        owner = Played(owners, np.where(later, count, own.ravel()))
        picture.cells(box, *names, "{row}, {column}: {owner}, {frame}", key="weight", owner=owner)
        return
    for task in range(count):
        listed = [_shares(row, task) for row in own]
        words, names = f"output {{row}}, after task {task + 1}: {{listed}}", [str(row + 1) for row in range(rows)]
        picture.cells(box, names, [""], words, key=f"output {task}", since=[task], until=task, listed=listed)


def _shares(row: np.ndarray, last: int) -> str:
    parts = [(row == task).mean() for task in range(last + 1)]
    named = ", ".join(f"{100 * share:.1f} % task {task + 1}" for task, share in enumerate(parts))
    return f"{named}, {100 * (1 - sum(parts)):.1f} % free"


def _bars(axes: Axes, shares: Mapping[str, Sequence[float]]) -> None:
    """A bar for each layer, made of the tasks' parts, each from the frame of its task on."""
    for row, (name, own) in enumerate(shares.items()):
        starts = np.cumsum([0, *own])[:-1]
        axes.barh(row, 100, 0.7, fc=SHADE, ec=FRAME, linewidth=0.5)
        for task, share in enumerate(own):
            bar = axes.barh(row, share, 0.7, left=starts[task], fc=task_look(task).color, linewidth=0)
            axes.figure.appear(task, *bar)
        words = "{name}, task {task}: {share:.1f} % of the weights"
        fields = {"name": name, "task": range(1, len(own) + 1), "share": own, "since": range(len(own))}
        axes.figure.points(axes, starts + np.array(own) / 2, np.full(len(own), row), words, "", name, **fields)
    axes.set_xlim(0, 100)
    name_rows(axes, [shortened(name, 0.95) for name in shares])
