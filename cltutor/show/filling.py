"""A memory while a stream arrives: the image in every slot, and from which tasks they come (Vitter 1985)."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from ..checked import Many, checked
from .images import as_rgb, put_image
from .picture import FONT, Picture, grid, headed, titled
from .rules import Images, Names, Values
from .style import BLACK, INK, SHADE
from .transfer import task_look

Kept = Annotated[Sequence[ArrayLike], Many(Values(("M",), 0, whole=True), least=1)]
Tasks = Annotated[ArrayLike, Values(("N",), 0, whole=True)]
Seen = Annotated[ArrayLike, Values(("F",), 1, whole=True)]
WIDTH, WIDE, HIGH, DOWN = 9.6, 4.9, 1.25, 3.75  # inches: of the picture, the slots, a panel, all below the head
MOST, LARGEST, GAP = 60, 0.62, 0.07  # slots that are shown; inches of one, at most; between two, as a share of one


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
    _check(images, names, tasks, held, seen)
    slots = slots_of(held)
    size, last = slots.shape[1], len(seen) - 1
    title = titled(f"A memory of {size} images while {len(images):,} arrive", what)
    count = int(tasks.max()) + 1
    legend = {f"task {task + 1}": task_look(task).handle for task in range(count)}
    notes = [f"the first {MOST} of {size} slots"] if size > MOST else []
    picture = headed(WIDTH, DOWN, title, notes, legend, min(count, 8))
    picture.frames([f"{number:,} images" for number in seen], "seen")
    _put_slots(picture, slots[:, :MOST], images, names, tasks)
    x, moves = seen, np.arange(len(seen))
    share = 100 * np.array([len(own) for own in held]) / seen
    axes = _panel(picture, 2.25, "share of the images seen that is in memory (%)", 103, seen)
    words = "{seen:,} images seen: {held} in memory, {y:.1f} % of them"
    fields: dict[str, Any] = {"seen": seen, "held": [len(own) for own in held], "moves": moves}
    _follow(picture, axes, x, share, words, {"color": BLACK}, fields)
    axes = _panel(picture, 0.5, "images in memory, by task", 1.06 * max(len(own) for own in held), seen)
    axes.set_xlabel("images seen", fontsize=FONT, color=INK)
    for task in range(count):
        y = np.array([(tasks[own] == task).sum() for own in held], dtype=float)
        y[seen <= np.flatnonzero(tasks == task)[0]] = np.nan  # it has not begun
        fields = {"task": task + 1, "seen": seen, "moves": moves}
        words = "{seen:,} images seen: {y:.0f} images in memory from task {task}"
        _follow(picture, axes, x, y, words, task_look(task).style, fields, f"task {task + 1}")
    ends = ", ".join(f"{(tasks[held[-1]] == task).sum()} from task {task + 1}" for task in range(count))
    picture.alt = f"{title}: after {seen[last]:,} images {share[last]:.1f} % of them are in memory, {ends}."
    return picture


def slots_of(held: Sequence[np.ndarray]) -> np.ndarray:
    """(F, K) which image lies in each slot, -1: none; a newcomer takes the first slot that is free."""
    now, rows = np.full(max(map(len, held)), -1), []
    for own in held:
        now = np.where(np.isin(now, own), now, -1)
        new = own[~np.isin(own, now)]
        now[np.flatnonzero(now < 0)[: len(new)]] = new
        rows.append(now.copy())
    return np.array(rows)


def _check(images: np.ndarray, names: Sequence, tasks: np.ndarray, held: Sequence, seen: np.ndarray) -> None:
    if not len(images) == len(names) == len(tasks):
        raise ValueError(f"{len(images)} images need as many names and tasks, not {len(names)} and {len(tasks)}.")
    if len(held) != len(seen) or (np.diff(seen) <= 0).any() or seen[-1] > len(images):
        raise ValueError(f"held has a memory for each number of images seen, which rises up to {len(images)} at most.")
    for own, number in zip(held, seen, strict=True):
        if own.max() >= number or len(set(own.tolist())) < len(own):
            raise ValueError(f"A memory holds different images of the {number} seen by then, places from 0.")


def _put_slots(picture: Picture, slots: np.ndarray, images: np.ndarray, names: Sequence, tasks: np.ndarray) -> None:
    """Every image in its slot for the frames in which it is there, framed in the colour of its task."""
    frames, size = slots.shape
    side, columns = max((min(LARGEST, WIDE / n, (DOWN - 0.5) / -(-size // n)), n) for n in range(1, size + 1))
    rows, edge = -(-size // columns), side * (1 - GAP) / 2
    left, top = 0.15, DOWN - 0.2
    box = (left, top - side * rows, side * columns, side * rows)
    look = {"fill": False, "transform": picture.dpi_scale_trans}
    words: dict[int, list] = {}  # the last frame of an image -> for each place what is read there, and since when
    for slot, column in enumerate(slots.T):
        low = top - side * (slot // columns + 1) + side * GAP / 2
        x = left + side * (slot % columns) + side * GAP / 2
        picture.add_artist(Rectangle((x, low), 2 * edge, 2 * edge, **look | {"fill": True, "fc": SHADE, "zorder": -1}))
        starts = np.flatnonzero(np.append(True, column[1:] != column[:-1]))
        for first, last in zip(starts, [*(starts[1:] - 1), frames - 1], strict=True):
            if (image := column[first]) < 0:
                continue
            drawn = put_image(picture, as_rgb(images[image]), x, low, 2 * edge, "slot")
            style = {"ec": task_look(tasks[image]).color, "linewidth": 1.6}
            picture.appear(first, drawn, picture.add_artist(Rectangle((x, low), 2 * edge, 2 * edge, **look | style)),
                           last=last)  # fmt: skip
            cells = words.setdefault(int(last), [[None] * rows * columns, [0] * rows * columns])
            read = f"{names[image]} of task {tasks[image] + 1}, the {image + 1:,}{_ending(image + 1)} image to arrive"
            cells[0][slot], cells[1][slot] = f"slot {slot + 1}: {read}", int(first)
    for last, (read, since) in words.items():
        fields = {"since": since, "until": last, "read": read}
        picture.cells(box, [""] * rows, [""] * columns, "{read}", key=f"slots until {last}", **fields)


def _ending(number: int) -> str:
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number // 10 % 10 != 1 else 0, "th")


def _panel(picture: Picture, low: float, name: str, high: float, seen: np.ndarray) -> Any:
    axes = grid(picture.panel(WIDTH - 3.9, low, 3.7, HIGH))
    axes.set_title(name, fontsize=FONT, loc="left", pad=5, color=INK)
    axes.set(ylim=(-0.03 * high, high), xlim=(0, 1.03 * seen[-1]))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    return axes


def _follow(
    picture: Picture, axes: Any, x: np.ndarray, y: np.ndarray, words: str, style: dict, fields: dict, layer: str = ""
) -> None:
    """A curve: faint as a whole, strong until the moment that is shown, which pointing at it moves."""
    style = {"linewidth": 1.8, "markersize": 4.5, "markevery": max(1, len(x) // 8)} | style
    strong = axes.plot(x, y, label=layer, **style)
    faint = axes.plot(x, y, color=style["color"], linewidth=1, alpha=0.35)
    if layer:
        picture.layer(layer, *strong, *faint)
    picture.unveil(axes, x + 0.3, *strong)
    picture.points(axes, x, y, words, layer, y=y, **fields)
