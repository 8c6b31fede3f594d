"""A task's filters, rebuilt from the shared knowledge base, and what each task uses of it (DF-CNN, section 2.2)."""

import math
from collections.abc import Collection, Sequence
from typing import Annotated

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from numpy.typing import ArrayLike

from ..checked import checked
from ..describe import Kind
from ..networks.dfcnn import DFCNNNetwork
from .matrix import heat_map, write_in_cell
from .picture import Picture, headed, name_rows, room, shortened, titled, widest
from .rules import Values
from .style import FRAME

Shares = Annotated[ArrayLike, Values(("tasks, channels",), 0)]
SIGNED = "RdBu_r"  # blue below zero, white at zero, red above: readable with any colour vision
WIDTH, SIDE = 9.6, 2.9  # inches of a picture, and of the square that a stage's tiles fill
LEFTS = (0.15, 3.35, 6.55)  # inches from the left: the knowledge base, the basis, the filters
NAMES = ("knowledge base L", "basis D = deconv(L; V)")  # the filters' name says how D becomes W
KINDS = ("channels", "channels", "kernels")  # the tiles of each stage
MOST = (64, 100, 100)  # tiles of each stage, at most: those of the first have numbers above them
NUMBER = 0.17  # inches for a channel's number above its tile
LARGEST = 0.7  # inches of a tile, at most
PIXELS, GAP, WEIGHTS = 12, 0.14, 2000  # of a tile's side, at least; of it between tiles; weights read one by one
CELL = 0.41  # inches of a number between two tasks
NUMBERED = 10  # tasks, at most, whose similarities are written as numbers


@checked(network=Kind("the network of a run of dfcnn, such as run.model", lambda one: hasattr(one, "knowledge_base")))
def knowledge(network: DFCNNNetwork, layer: int, task: int, off: Collection[int] = (), what: str = "") -> Picture:
    """From the knowledge base L over the basis D_t (DF-CNN, eq. 1) to the filters W_t (eq. 2), as tiles on one scale.

    network: a DF-CNN; layer and task: counted from 0, as in its own methods; off: channels of that layer's knowledge
    base, from 0, that are set to zero and crossed out; what: words for the title. A tile is a channel of L or of D_t,
    or a kernel of W_t, from one input channel to one output channel. Of more than 100 tiles, 64 of L, the strongest
    are shown, by their norm; the choice of tiles, their places and the scale do not change with ``off``, so that the
    effect of switching off is visible.

    Raises:
        ValueError: a layer, task or channel that does not exist.
    """
    off, whole = sorted(set(off)), stages(network, layer, task)
    each, channels = [stages(network, layer, one) for one in range(task + 1)], len(whole[0])
    if off and not 0 <= off[0] <= off[-1] < channels:
        raise ValueError(f"The knowledge base of layer {layer} has channels 0 to {channels - 1}, not {off}.")
    switched = network.without({layer: off}) if off else network
    chosen = [strongest(tiles, most) for tiles, most in zip(whole, MOST, strict=True)]
    shown = [tiles[best] for stage in each for tiles, best in zip(stage, chosen, strict=True)]
    bound = float(max(np.abs(tiles).max() for tiles in shown)) or 1.0
    title = titled(f"Layer {layer + 1}, task {task + 1}: filters rebuilt from the knowledge base", what)
    names, top, parts = (*NAMES, f"filters {network.layer(layer).equation}"), SIDE + 1.33, []
    picture = headed(WIDTH, top, title)
    picture.frames([f"task {one + 1}" for one in range(task + 1)], "task")
    for frame, before in enumerate(each):
        now = stages(switched, layer, frame) if off else before
        for place in range(3) if frame == 0 else (1, 2):  # all tasks share the knowledge base
            words = [names[place], *_described(before[place], now[place], place, len(off))]
            text = picture.write(LEFTS[place], top, "\n".join(words))
            drawn = _sheet(picture, now[place][chosen[place]], chosen[place], place, frame, top - 0.6, bound, off)
            if place:
                picture.appear(frame, text, *drawn, last=frame)
            if frame == task or not place:
                parts.append(", ".join(words))
    bar = picture.color_bar(ScalarMappable(Normalize(-bound, bound), SIGNED), LEFTS[0] + 0.3, 0.4, 3.5, 0.13)
    bar.set_ticks([-bound, 0, bound], labels=[f"{value:.2g}" for value in (-bound, 0, bound)])
    picture.write(LEFTS[0] + 4.2, 0.465, "value of a weight (no unit), one scale for all three", va="center")
    picture.alt = f"{title}: {'; '.join(parts)}."
    return picture


@checked
def knowledge_shares(shares: Shares, names: Sequence[str] = (), what: str = "") -> Picture:
    """The share of each channel of a layer's knowledge base in each task's filters, and how similar tasks are in that.

    shares: (T, c^) as a DF-CNN's ``shares(layer)`` gives them, summing to one per task; names: of the tasks, "task 1"
    and so on by default; what: words for the title. The similarity of two tasks is the cosine between their shares: 1
    if they use the same channels in the same proportions, 0 if they have no channel in common.

    Raises:
        ValueError: shares of a task that sum to more than one, or another number of names than of tasks.
    """
    if (shares.sum(1) > 1 + 1e-3).any():
        raise ValueError("The shares of the channels in a task's filters sum to one.")
    (count, channels), alike = shares.shape, cosines(shares)
    names = list(names) or [f"task {task + 1}" for task in range(count)]
    if len(names) != count:
        raise ValueError(f"{count} tasks need {count} names, not {len(names)}.")
    named, square, high = min(1.5, 0.02 + widest(names)), max(1.6, CELL * min(count, NUMBERED)), 0.26 * count
    left, right, lowest = 0.25 + named, WIDTH - 0.15 - square, min(0.99, math.floor(100 * alike.min() + 1e-9) / 100)
    title, wide = titled("What each task takes from the knowledge base", what), right - left - 0.4
    picture = headed(WIDTH, high + 1.48, title)
    picture.write(left, high + 1.48, "share of each channel in a task's filters (%)")
    axes = picture.panel(left, 1.05, wide, high, "channel of the knowledge base", frame=False)
    image = heat_map(axes, 100 * shares, 0, None)
    numbers, every = [str(channel + 1) for channel in range(channels)], math.ceil(channels * room(3) / wide)
    picture.cells(axes, names, numbers, "{row}, channel {column}: {share:.2f} % of its filters", share=100 * shares)
    axes.set_xticks(range(0, channels, every), numbers[::every])
    name_rows(axes, [shortened(name, named) for name in names])
    picture.color_bar(image, left, 0.33, min(3.0, wide), 0.12)
    picture.write(right, high + 1.48, f"cosine between tasks\n(colour: {lowest:g} to 1)")
    axes = picture.panel(right, 1.05, square, high, "task", frame=False)
    image, every = heat_map(axes, alike, lowest, 1), math.ceil(count / NUMBERED)
    picture.cells(axes, names, names, "{row} and {column}: cosine {cosine:.4f}", cosine=alike)
    axes.set_xticks(range(0, count, every), [str(task + 1) for task in range(0, count, every)])
    axes.set_yticks([])
    for (i, j), cosine in np.ndenumerate(alike) if count <= NUMBERED else ():
        words = f"{cosine:.3f}".removeprefix("0")
        write_in_cell(axes, i, j, "1" if words == "1.000" else words, image.to_rgba(cosine))
    picture.alt = f"{title}: {_related(shares, alike, names)}."
    return picture


def stages(network: DFCNNNetwork, layer: int, task: int) -> list[np.ndarray]:
    """L, D_t and W_t as tiles (N, h, w) each; those of W_t are ordered by input channel, then by output channel."""
    tensors = network.knowledge_base(layer), network.basis(layer, task), network.filters(layer, task)
    arrays = [tensor.detach().cpu().numpy() for tensor in tensors]
    return [np.moveaxis(array.reshape(*array.shape[:2], -1), -1, 0) for array in arrays]


def strongest(tiles: np.ndarray, most: int) -> np.ndarray:
    """The indices of the ``most`` tiles (N, h, w) of largest norm, in their own order."""
    order = np.argsort(-np.linalg.norm(tiles.reshape(len(tiles), -1), axis=1), kind="stable")
    return np.sort(order[:most])


def cosines(shares: np.ndarray) -> np.ndarray:
    """The cosines (T, T) between the rows of ``shares`` (T, c^); 0 with a row of zeros."""
    unit = shares / np.maximum(np.linalg.norm(shares, axis=1, keepdims=True), 1e-12)
    return unit @ unit.T


def _described(whole: np.ndarray, now: np.ndarray, place: int, off: int) -> tuple[str, str]:
    """The number of tiles of a stage, and their size, with what switching off has changed."""
    count, high, wide = whole.shape
    shown = f"{count:,}" if count <= MOST[place] else f"the strongest {MOST[place]} of {count:,}"
    change = f", {off} off"
    if place:
        relative = np.linalg.norm(now - whole) / max(np.linalg.norm(whole), 1e-12)
        change = f", changed by {100 * relative:.0f} %"
    return f"{shown} {KINDS[place]}", f"{high} x {wide}{change if off else ''}"


def _sheet(
    picture: Picture, tiles: np.ndarray, numbers: np.ndarray, place: int, frame: int, top: float, bound: float,
    off: list[int],
) -> list[Artist]:  # fmt: skip
    """Tiles (N, h, w) of a stage in rows, with spots and, for channels of L, numbers above and crosses over ``off``."""
    (count, high, wide), above = tiles.shape, 0 if place else NUMBER
    fits = [(min(SIDE / n, SIDE / math.ceil(count / n) - above) / (1 + GAP), n) for n in range(1, count + 1)]
    side, columns = max((min(side, LARGEST), -n) for side, n in fits)
    rows, columns, least = math.ceil(count / -columns), -columns, math.lcm(high, wide)
    across = least * math.ceil(PIXELS / least)  # pixels of a tile, whose parts are whole ones as well
    gap, room_above = round(GAP * across), round(above / side * across)
    colors = matplotlib.colormaps[SIGNED](Normalize(-bound, bound, clip=True)(tiles), bytes=True)
    large = colors.repeat(across // high, 1).repeat(across // wide, 2)
    padded = np.pad(large, ((0, rows * columns - count), (room_above, gap), (0, gap), (0, 0)))
    sheet = padded.reshape(rows, columns, *padded.shape[1:]).swapaxes(1, 2).reshape(-1, columns * (across + gap), 4)
    size = side / across * np.array(sheet.shape[1::-1])
    box = (LEFTS[place], top - size[1], *size)
    drawn = [picture.pixels(sheet, *box)]
    down, right = np.divmod(np.arange(count), columns)
    lows = box[1] + size[1] * (1 - down / rows) - side * (room_above + across) / across
    corners = np.column_stack([box[0] + right * size[0] / columns, lows])
    frames = corners[:, None] + side * np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)])
    look = {"colors": FRAME, "linewidths": 0.6, "transform": picture.dpi_scale_trans}
    drawn.append(picture.add_artist(LineCollection(frames, **look)))
    if not place:
        diagonals = side * np.array([[(0, 0), (1, 1)], [(0, 1), (1, 0)]])
        lines = (corners[np.isin(numbers, off), None, None] + diagonals).reshape(-1, 2, 2)
        picture.add_artist(LineCollection(lines, **look | {"colors": "black", "linewidths": 1.4}))
        for number, (x, y) in zip(numbers + 1, corners, strict=True):
            picture.write(x + side / 2, y + side + 0.02, str(number), ha="center", va="bottom")
    one_by_one = tiles.size * len(picture.frame_names) <= WEIGHTS
    read = []
    for tile in tiles:
        rows_of = "\n".join("  ".join(f"{weight:.3g}" for weight in row) for row in tile)
        weights = f"\n{rows_of}" if one_by_one else f" from {tile.min():.3g} to {tile.max():.3g}"
        read.append(f"norm {np.linalg.norm(tile):.3g}, weights{weights}")
    words, empty = f"{{tile}}{f', task {frame + 1}' if place else ''}: {{read}}", [None] * (rows * columns - count)
    tile = [f"{('channel', 'channel', 'kernel')[place]} {number} of {'LDW'[place]}" for number in numbers + 1]
    fields = {"tile": tile + empty, "read": read + empty, "since": [frame], "until": frame if place else None}
    picture.cells(box, [""] * rows, [""] * columns, words, **fields)
    return drawn


def _related(values: np.ndarray, alike: np.ndarray, names: Sequence[str]) -> str:
    """The channel that is used most, and which two tasks are most and least similar."""
    mean = values.mean(0)
    top = f"channel {mean.argmax() + 1} is used most, {100 * mean.max():.0f} % on average"
    if len(names) == 1:
        return top
    pairs = [(alike[i, j], f"{names[j]} and {names[i]}") for i in range(len(names)) for j in range(i)]
    (low, far), (high, near) = min(pairs), max(pairs)
    return f"{top}; most alike are {near} (cosine {high:.3f}), least {far} ({low:.3f})"
