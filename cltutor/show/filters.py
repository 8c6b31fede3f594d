"""A task's filters, rebuilt from the shared knowledge base, and what each task uses of it (DF-CNN, section 2.2)."""

import math
from collections.abc import Collection, Sequence
from typing import Annotated

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from numpy.typing import ArrayLike

from ..checked import checked
from ..describe import Kind
from ..networks.dfcnn import DFCNNNetwork
from .images import OUTLINE, fitted, heat_map, mosaic, write_in_cell
from .picture import Picture, headed, name_rows, room, shortened, titled, widest
from .rules import Values
from .style import FRAME

Made = tuple[str, list[int]]  # the largest parts of a tile: words, and the links of these parts
Shares = Annotated[ArrayLike, Values(("tasks, channels",), 0)]
SIGNED = "RdBu_r"  # blue below zero, white at zero, red above: readable with any colour vision
WIDTH, SIDE = 9.6, 2.9  # inches of a picture, and of the square that a stage's tiles fill
LEFTS = (0.15, 3.35, 6.55)  # inches from the left: the knowledge base, the basis, the filters
NAMES = ("knowledge base L", "basis D = deconv(L; V)")  # the filters' name says how D becomes W
KINDS = ("channels", "channels", "kernels")  # the tiles of each stage
TILES = ("channel", "basis", "kernel")  # the keys of their spots
MOST = (64, 100, 100)  # tiles of each stage, at most: those of the first have numbers above them
NUMBER = 0.17  # inches for a channel's number above its tile
LARGEST = 0.7  # inches of a tile, at most
NAMED, APART = 3, 10**6  # parts of a tile that are named; between the links of two stages
PARTS = "Point at a tile: what it is mostly made of is marked. White: near zero, as where its parts are off."
PIXELS, GAP, WEIGHTS = 12, 0.14, 2000  # of a tile's side, at least; of it between tiles; weights read one by one
CELL = 0.41  # inches of a number between two tasks
NUMBERED = 10  # tasks, at most, whose similarities are written as numbers


@checked(network=Kind("the network of a run of dfcnn, such as run.model", lambda one: hasattr(one, "knowledge_base")))
def knowledge(
    network: DFCNNNetwork, layer: int, task: int, off: Collection[int] = (), what: str = "", alone: bool = False
) -> Picture:
    """From the knowledge base L over the basis D_t (DF-CNN, eq. 1) to the filters W_t (eq. 2), as tiles on one scale.

    network: a DF-CNN; layer and task: counted from 0, as in its own methods; off: channels of that layer's knowledge
    base, from 0, that are set to zero and crossed out; what: words for the title; alone: without a frame for each
    earlier task. A tile is a channel of L or of D_t, or a kernel of W_t, from one input channel to one output channel.
    Of more than 100 tiles, 64 of L, the strongest are shown, by their norm; the choice of tiles, their places and the
    scale do not change with ``off``, so that the effect of switching off is visible. Where a single task is shown, a
    tile is read with the largest of its parts, which are marked: the share of a part is the norm of the tile's change
    without it, of the sum of these norms.

    Raises:
        ValueError: a layer, task or channel that does not exist.
    """
    off, tasks = sorted(set(off)), [task] if alone else range(task + 1)
    whole = stages(network, layer, task)
    each = [*(stages(network, layer, one) for one in tasks[:-1]), whole]
    channels = len(whole[0])
    if off and not 0 <= off[0] <= off[-1] < channels:
        raise ValueError(f"The knowledge base of layer {layer} has channels 0 to {channels - 1}, not {off}.")
    chosen = [strongest(tiles, most) for tiles, most in zip(whole, MOST, strict=True)]
    pairs = [pair for stage in each for pair in zip(stage, chosen, strict=True)]
    bound = float(max(np.abs(tiles[best]).max() for tiles, best in pairs)) or 1.0
    title = titled(f"Layer {layer + 1}, task {task + 1}: filters rebuilt from the knowledge base", what)
    top, single = SIDE + 1.33, len(each) == 1
    made = made_of(network, layer, task, chosen, off) if single else [[("", [])] * len(tiles) for tiles in chosen]
    picture = headed(WIDTH, top, title, [PARTS] if single else ())
    picture.frames([f"task {one + 1}" for one in tasks], "task")
    parts, names = [], (*NAMES, f"filters {network.layer(layer).equation}")
    for frame, before in enumerate(each):
        now = stages(network, layer, tasks[frame], off) if off else before
        for place in range(3) if frame == 0 else (1, 2):  # all tasks share the knowledge base
            words = _described(before[place], now[place], place, len(off))
            text = picture.write(LEFTS[place], top, "\n".join([names[place], *words]))
            shown = now[place][chosen[place]], chosen[place], made[place]
            drawn = _sheet(picture, place, frame, tasks[frame], shown, off, top - 0.6, bound)
            if place:
                picture.appear(frame, text, *drawn, last=frame)
            if tasks[frame] == task or not place:
                parts.append(", ".join([names[place], *words]))
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
    values, count = shares, len(shares)
    if (values.sum(1) > 1 + 1e-3).any():
        raise ValueError("The shares of the channels in a task's filters sum to one.")
    names = list(names) or [f"task {task + 1}" for task in range(count)]
    if len(names) != count:
        raise ValueError(f"{count} tasks need {count} names, not {len(names)}.")
    named, square, high = min(1.5, 0.02 + widest(names)), max(1.6, CELL * min(count, NUMBERED)), 0.26 * count
    left, right = 0.25 + named, WIDTH - 0.15 - square
    title, wide = titled("What each task takes from the knowledge base", what), right - left - 0.4
    picture = headed(WIDTH, high + 1.48, title)
    picture.write(left, high + 1.48, "share of each channel in a task's filters (%)")
    axes = picture.panel(left, 1.05, wide, high, "channel of the knowledge base", frame=False)
    numbers = [str(channel + 1) for channel in range(values.shape[1])]
    image, words = heat_map(axes, 100 * values, 0, None), "{row}, channel {column}: {share:.2f} % of its filters"
    picture.cells(axes, names, numbers, words, key="share", share=100 * values)
    every = math.ceil(len(numbers) * room(3) / wide)
    axes.set_xticks(range(0, len(numbers), every), numbers[::every])
    name_rows(axes, [shortened(name, named) for name in names])
    picture.color_bar(image, left, 0.33, min(3.0, wide), 0.12)
    alike, axes = cosines(values), picture.panel(right, 1.05, square, high, "task", frame=False)
    picture.write(right, high + 1.48, f"cosine between tasks\n(colour: {_similarities(axes, alike, names):g} to 1)")
    picture.alt = f"{title}: {_related(values, alike, names)}."
    return picture


def stages(network: DFCNNNetwork, layer: int, task: int, off: Sequence[int] = ()) -> list[np.ndarray]:
    """L without the channels ``off``, D_t and W_t as tiles (N, h, w) each; those of W_t are ordered by input channel,
    then by output channel."""
    arrays = [tensor.cpu().numpy() for tensor in network.stages(layer, task, off)]
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
    picture: Picture, place: int, frame: int, task: int, shown: tuple[np.ndarray, np.ndarray, list[Made]],
    off: list[int], top: float, bound: float,
) -> list[Artist]:  # fmt: skip
    """Tiles (N, h, w) of a stage in rows, with their spots and, for channels of L, numbers above and crosses over
    ``off``. shown: the tiles, their numbers in the network, and what each is made of."""
    (tiles, numbers, made), above = shown, 0 if place else NUMBER
    count, high, wide = tiles.shape
    side, columns = fitted(count, SIDE, SIDE, (1 + GAP) * LARGEST, above)
    side, rows, least = side / (1 + GAP), math.ceil(count / columns), math.lcm(high, wide)
    across = least * math.ceil(PIXELS / least)  # pixels of a tile, whose parts are whole ones as well
    colors = matplotlib.colormaps[SIGNED](Normalize(-bound, bound, clip=True)(tiles), bytes=True)
    large = colors.repeat(across // high, 1).repeat(across // wide, 2)
    pixels = mosaic(large, columns, round(GAP * across), room_above := round(above / side * across))
    size = side / across * np.array(pixels.shape[1::-1])
    box = (LEFTS[place], top - size[1], *size)
    drawn = [picture.pixels(pixels, *box)]
    down, right = np.divmod(np.arange(count), columns)
    lows = top - size[1] * down / rows - side * (room_above + across) / across
    corners = np.column_stack([box[0] + right * size[0] / columns, lows])
    drawn.append(picture.put(LineCollection(corners[:, None] + side * OUTLINE, colors=FRAME, linewidths=0.6)))
    if not place:
        diagonals = side * np.array([[(0, 0), (1, 1)], [(0, 1), (1, 0)]])
        lines = (corners[np.isin(numbers, off), None, None] + diagonals).reshape(-1, 2, 2)
        picture.put(LineCollection(lines, colors="black", linewidths=1.4))
        for number, (x, y) in zip(numbers + 1, corners, strict=True):
            picture.write(x + side / 2, y + side + 0.02, str(number), ha="center", va="bottom")
    frames, rest = len(picture.frame_names), [None] * (rows * columns - count)
    read = [_read(tile, tiles.size * frames <= WEIGHTS) for tile in tiles]
    named = [f"{KINDS[place][:-1]} {number} of {'LDW'[place]}" for number in numbers + 1]
    fields = {"tile": named + rest, "read": read + rest, "made": [words for words, _ in made] + rest}
    marked = {"link": (place * APART + numbers).tolist(), "marks": [marks for _, marks in made]}
    key = f"{TILES[place]} {task + 1}" if place and frames > 1 else TILES[place]
    there = {"since": [frame], "until": frame if place else None}
    words = f"{{tile}}{f', task {task + 1}' if place else ''}: {{read}}{{made}}"
    picture.cells(box, [""] * rows, [""] * columns, words, key=key, **there, **marked, **fields)
    return drawn


def made_of(
    network: DFCNNNetwork, layer: int, task: int, chosen: Sequence[np.ndarray], off: Sequence[int]
) -> list[list[Made]]:
    """For the chosen tiles of each stage, their largest parts in words and as links; for a channel of L, the tiles of
    which it is the largest part."""
    parts = (part.cpu().numpy() for part in network.contributions(layer, task, chosen[2], off))
    of_basis, of_kernels, mixed = (100 * part / np.maximum(part.sum(0), 1e-12) for part in parts)
    base, basis = map(np.arange, of_basis.shape)
    lists = (
        [(of_basis[chosen[0]], basis, "goes into channels", 1), (of_kernels[chosen[0]], chosen[2], "and kernels", 2)],
        [(of_basis.T[chosen[1]], base, "made of channels", 0)],
        [(mixed.T, basis, "made of channels", 1), (of_kernels.T, base, "and so of channels", 0)],
    )
    return [[_largest(row, kinds) for row in range(len(kinds[0][0]))] for kinds in lists]


def _largest(row: int, kinds: Sequence[tuple[np.ndarray, np.ndarray, str, int]]) -> Made:
    """The largest of a row of shares (tiles, parts) of each kind; these have the numbers (parts,)."""
    words, marks = "", []
    for shares, numbers, how, place in kinds:
        best = [part for part in np.argsort(-shares[row], kind="stable")[:NAMED] if shares[row, part] > 0]
        listed = ", ".join(f"{numbers[part] + 1} ({shares[row, part]:.0f} %)" for part in best)
        words += f"\n{how} {listed} of {'LDW'[place]}" if best else f"\n{how} of {'LDW'[place]}: none"
        marks += [place * APART + int(numbers[part]) for part in best]
    return words, marks


def _read(tile: np.ndarray, one_by_one: bool) -> str:
    """A tile in words: its norm and its weights, row by row, or their range."""
    rows = "\n".join("  ".join(f"{weight:.3g}" for weight in row) for row in tile)
    weights = f"weights\n{rows}" if one_by_one else f"weights from {tile.min():.3g} to {tile.max():.3g}"
    return f"norm {np.linalg.norm(tile):.3g}, {weights}"


def _similarities(axes: Axes, alike: np.ndarray, names: Sequence[str]) -> float:
    """The heat map of cosines, with numbers if they fit; returns the lower end of its colours."""
    count, every = len(alike), math.ceil(len(alike) / NUMBERED)
    lowest = min(0.99, math.floor(100 * alike.min() + 1e-9) / 100)
    image = heat_map(axes, alike, lowest, 1)
    axes.figure.cells(axes, names, names, "{row} and {column}: cosine {cosine:.4f}", cosine=alike)
    axes.set_xticks(range(0, count, every), [str(task + 1) for task in range(0, count, every)])
    axes.set_yticks([])
    for (i, j), cosine in np.ndenumerate(alike) if count <= NUMBERED else ():
        words = f"{cosine:.3f}"
        write_in_cell(axes, i, j, "1" if words == "1.000" else words.removeprefix("0"), image.to_rgba(cosine))
    return lowest


def _related(values: np.ndarray, alike: np.ndarray, names: Sequence[str]) -> str:
    """The channel that is used most, and which two tasks are most and least similar."""
    mean = values.mean(0)
    top = f"channel {mean.argmax() + 1} is used most, {100 * mean.max():.0f} % on average"
    if len(names) == 1:
        return top
    pairs = [(alike[i, j], f"{names[j]} and {names[i]}") for i in range(len(names)) for j in range(i)]
    (low, far), (high, near) = min(pairs), max(pairs)
    return f"{top}; most alike are {near} (cosine {high:.3f}), least {far} ({low:.3f})"
