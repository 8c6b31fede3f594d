"""Which weights of a layer matter: heat maps of Omega, and whether two methods agree (MAS, section 4.1).

Importances of different methods have different units: they are compared on scales without one.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import FuncFormatter
from numpy.typing import ArrayLike

from ..checked import Table, Text, checked
from ..describe import Choice
from .images import MAP, heat_map
from .picture import FONT, Picture, chart, headed, shortened, titled
from .rules import TwoNames, Values, by_name
from .spots import Played
from .style import GROUND, INK

WIDE, HIGH, GAP, LEFT, BELOW = 3.75, 3.3, 0.2, 0.5, 1.1  # inches of a map, between two maps, left of and below them
OVER = 0.27  # inches of a method's name above its map
SIDE = 3.4  # inches of a map of agreement
CELLS = 260  # per side of a map: thinner ones cannot be distinguished
COUNTED = 40  # cells per side of a map of agreement
SPOTS = 132_000  # of all maps: of more cells, the mean of neighbours is read
TILED = 130  # per side of a map of tiles, whose gaps must be visible as well
SHADES = 33  # of colour: more cannot be distinguished, and would take more room in a page
DECADES = 6  # below the largest, on the logarithmic scale
SCALES = {
    "rank": "rank in the layer (% of its weights that matter less)",
    "log": "importance (decades below the layer's largest)",
}
TICKS = {"rank": range(0, 101, 20), "log": range(-DECADES, 1)}
UNIT = {"rank": "rank (%)", "log": "decades below the largest"}
FINE = {"rank": 1, "log": -20}  # steps of a unit in which a value is read
READ = {"rank": "rank {} % in the layer", "log": "{} decades from the layer's largest"}
OMEGA = Values(low=0)
Omega, Scale = Annotated[ArrayLike, OMEGA], Annotated[str, Choice(SCALES)]
Omegas = by_name(Table(None, Text(), least=1))  # by method, then by the parameter's name


@checked
def importance(
    omegas: Omegas, layer: str, scale: Scale = "rank", what: str = "", earlier: Sequence[Omegas] = ()
) -> Picture:
    """Heat maps of one layer's importance: name of the method -> (parameter name -> Omega).

    A linear layer is a matrix, outputs down and inputs across. Filters of a convolution are tiles: one row per filter,
    one tile per input channel; in a first layer with at most 4 input channels, every filter's tiles lie together and
    filters fill a grid. Where tiles would take more than 130 cells per side, each kernel becomes one cell, its mean;
    where a matrix has more than 260 per side (fewer with frames), neighbours become one cell, their mean; the picture
    says so.

    Importances of different methods have different units, so all are drawn on one scale without a unit: "rank" within
    the layer, or "log", the decades below the layer's largest. what: words for the title, such as "after task 2".
    earlier: importances by the same methods after each earlier task, the first one first: a frame for each.

    Raises:
        ValueError: an unknown layer or scale, importances of different shapes, or by other methods earlier.
    """
    frames = [*earlier, omegas]
    values = [_of_layer(one, layer, list(omegas)) for one in frames]
    shapes = {array.shape for one in values for array in one.values()}
    if len(shapes) != 1:
        raise ValueError(f"The importances of {layer} are of one shape, not {sorted(shapes)}.")
    most = round(CELLS / math.sqrt(len(frames)))  # so that the frames together stay small in a page
    made = [{method: cells(scaled(array, scale), most) for method, array in one.items()} for one in values]
    shown, names, note = made[-1][next(iter(omegas))]
    across, down = (2 if len(omegas) > 2 else len(omegas)), math.ceil(len(omegas) / 2)
    high = min(HIGH / down, max(0.5, WIDE * shown.shape[0] / shown.shape[1]))
    width, title = LEFT + across * (WIDE + GAP) + 0.1, titled(f"Importance of each weight of {layer}", what)
    picture = headed(max(5.4, width), BELOW + down * (high + OVER), title, [note])
    picture.frames([f"task {frame + 1}" for frame in range(len(frames))], "task")
    for place, method in enumerate(omegas):
        row, column = divmod(place, across)
        box = (LEFT + column * (WIDE + GAP), BELOW + (down - 1 - row) * (high + OVER), WIDE, high)
        _map(picture, box, method, [maps[method][0] for maps in made], names, scale, len(omegas))
        picture.write(box[0], box[1] + high + 0.07, shortened(method, WIDE), va="baseline")
    for column in range(across):
        picture.write(LEFT + column * (WIDE + GAP), BELOW - 0.06, shortened(names[1], WIDE))
    picture.write(0.3, BELOW + down * (high + OVER) / 2, names[0], rotation=90, va="center", ha="center")
    colors = ScalarMappable(Normalize(TICKS[scale][0], TICKS[scale][-1]), MAP)
    picture.color_bar(colors, LEFT, 0.58, min(4.0, width - LEFT - 0.3), 0.13)
    picture.write(LEFT, 0.28, SCALES[scale])
    zeros = "; ".join(f"{name}: {100 * (array == 0).mean():.0f} %" for name, array in values[-1].items())
    size = f"heat maps of {' x '.join(map(str, *shapes))} weights for {', '.join(omegas)}"
    picture.alt = f"{title}: {size}, coloured by {SCALES[scale]}; of no importance at all are {zeros}."
    return picture


def _of_layer(omegas: Mapping[str, Mapping[str, ArrayLike]], layer: str, methods: list[str]) -> dict[str, np.ndarray]:
    """Each method's importance of a layer, in the order of ``methods``."""
    if sorted(omegas) != sorted(methods):
        raise ValueError(f"Every task has importances by {', '.join(methods)}, not by {', '.join(omegas)}.")
    for method, omega in omegas.items():
        if layer not in omega:
            raise ValueError(f"{method} has no importance for {layer!r}: it has {', '.join(omega)}.")
    return {method: OMEGA.check(f"the importance by {method}", omegas[method][layer]) for method in methods}


def cells(values: np.ndarray, most: int = CELLS) -> tuple[np.ndarray, tuple[str, str], str]:
    """The cells (rows, columns) that show a parameter, the names of rows and columns, and how it was made smaller.

    At most ``most`` cells per side. Gaps between tiles are nan.
    """
    if values.ndim < 2:
        return _grid(values.reshape(-1, 1, 1)), ("", f"{values.size} values, in reading order"), ""
    outputs, inputs = values.shape[:2]
    tiles = values.reshape(outputs, inputs, *(values.shape[2:] or (1, 1)))
    kernel, note = tiles.shape[2:], ""
    names = f"{outputs} outputs", f"{inputs} inputs"
    if kernel != (1, 1):
        size = f"{kernel[0]} x {kernel[1]}"
        if inputs <= 4:
            row = np.moveaxis(tiles, 1, 2).reshape(outputs, kernel[0], inputs * kernel[1])
            return _grid(row), ("", f"{outputs} filters of {inputs} x {size}"), ""
        if (kernel[0] + 1) * outputs <= TILED and (kernel[1] + 1) * inputs <= TILED:
            return _tiled(tiles), (f"{outputs} filters", f"{inputs} inputs, each {size}"), ""
        tiles, note = tiles.mean((2, 3), keepdims=True), f"each cell: the mean of a {size} kernel"
        names = f"{outputs} filters", f"{inputs} inputs"
    matrix, block = tiles[:, :, 0, 0], [-(-n // most) for n in tiles.shape[:2]]
    if max(block) > 1:
        note = (note or "each cell: the mean") + f" of {block[0]} x {block[1]} neighbours"
        matrix = _blocks(_blocks(matrix, block[0]).T, block[1]).T
    return matrix, names, note


def _blocks(rows: np.ndarray, size: int) -> np.ndarray:
    """The mean of every ``size`` neighbouring rows; the last block may be smaller."""
    starts = np.arange(0, len(rows), size)
    return np.add.reduceat(rows, starts) / np.diff(np.append(starts, len(rows)))[:, None]


def _tiled(tiles: np.ndarray) -> np.ndarray:
    """(R, C, h, w) tiles as one matrix, with gaps of one cell between them."""
    padded = np.pad(tiles, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    rows, columns, high, wide = padded.shape
    return padded.swapaxes(1, 2).reshape(rows * high, columns * wide)[:-1, :-1]


def _grid(tiles: np.ndarray) -> np.ndarray:
    """(N, h, w) tiles in reading order, in a grid that is about as wide as high."""
    count, high, wide = tiles.shape
    columns = min(count, max(1, round(np.sqrt(count * (high + 1) / (wide + 1)))))
    filled = np.pad(tiles, ((0, -count % columns), (0, 0), (0, 0)), constant_values=np.nan)
    return _tiled(filled.reshape(-1, columns, high, wide))


def _map(
    picture: Picture, place: tuple, method: str, frames: list[np.ndarray], names: tuple[str, str], scale: str, maps: int
) -> None:
    """A method's map in every frame, and what is read at each cell, or at the mean of neighbours if there are many."""
    colors, axes = matplotlib.colormaps[MAP].resampled(SHADES), picture.panel(*place, frame=False)
    axes.set(xticks=[], yticks=[])
    for frame, values in enumerate(frames):
        image = heat_map(axes, values, TICKS[scale][0], TICKS[scale][-1], cmap=colors)
        if len(frames) > 1:
            picture.appear(frame, image, last=frame)
    (left, low, wide, high), first = place, frames[0]
    (rows, down), (columns, across) = _parts(first, names, first.size * maps * len(frames))
    shape = len(rows) * down, len(columns) * across  # with what lies beyond the last cell
    beyond = [(0, max(0, all_of - part)) for all_of, part in zip(shape, first.shape, strict=True)]
    codes, found = range(1 + round(abs(FINE[scale]) * np.ptp(TICKS[scale]))), []
    words = [READ[scale].format(f"{code / FINE[scale] + 0:g}") for code in codes]
    for values in frames:
        padded = np.pad(values, beyond, constant_values=np.nan)[: shape[0], : shape[1]]
        blocks = padded.reshape(len(rows), down, len(columns), across)
        count = np.isfinite(blocks).sum((1, 3))
        fine = FINE[scale] * np.nansum(blocks, axis=(1, 3)) / np.maximum(count, 1)
        found.append(np.where(count, fine.round(), len(words)).astype(np.uint8).ravel())
    tall, broad = high * shape[0] / len(first), wide * shape[1] / first.shape[1]
    read = {"method": method, "value": Played([*words, "no weight"], np.stack(found))}
    box = (left, low + high - tall, broad, tall)
    picture.cells(box, rows, columns, "{method}, {row}, {column}: {value}", key=method, link=[0], **read)


def _parts(values: np.ndarray, names: tuple[str, str], cells: int) -> list[tuple[list[str | None], int]]:
    """The names of what is read down and across the cells of a map, None for a gap, and how many cells each takes;
    cells: of all maps together."""
    step = math.ceil(math.sqrt(cells / SPOTS))
    return [_along(axis, np.isnan(values).all(1 - axis), names, step) for axis in (0, 1)]


def _along(axis: int, gaps: np.ndarray, names: tuple[str, str], step: int) -> tuple[list[str | None], int]:
    noun, total = ("tile row", "tile column")[axis], len(gaps)
    if names[0]:
        noun, total = names[axis].split()[1].rstrip("s,"), int(names[axis].split()[0])
    if gaps.any():
        size = int(gaps.argmax()) + 1
        if step > 1:
            return [f"{noun} {tile + 1}" for tile in range(math.ceil(len(gaps) / size))], size
        kernel = [f", {('row', 'column')[axis]} {place + 1}" if size > 2 else "" for place in range(size - 1)]
        return [None if gap else f"{noun} {i // size + 1}{kernel[i % size]}" for i, gap in enumerate(gaps)], 1
    span = step * math.ceil(total / len(gaps))
    starts = range(0, total, span)
    if span == 1:
        return [f"{noun} {start + 1}" for start in starts], step
    return [f"{noun}s {start + 1} to {min(start + span, total)}" for start in starts], step


def weight_at(shape: tuple[int, ...], maps: int, row: int, column: int) -> tuple[int, ...]:
    """The place of the weight that is read at a spot of so many ``maps`` of a layer, one of those that are read
    together; of a kernel that is one cell, (output, input); () where there is no weight."""
    along = [cells(numbers.astype(float)) for numbers in np.indices(shape)]  # of every axis, the place in each cell
    drawn, names, note = along[0]
    (_, down), (_, across) = _parts(drawn, names, drawn.size * maps)
    block = slice(row * down, (row + 1) * down), slice(column * across, (column + 1) * across)
    if np.isnan(drawn[block]).all():
        return ()
    place = tuple(int(np.nanmin(numbers[block])) for numbers, _, _ in along)
    return place[:2] if "kernel" in note else place


def mark(picture: Picture, shape: tuple[int, ...], place: tuple[int, ...]) -> None:
    """Frame a weight, or a kernel, in every map of a layer."""
    chosen = np.zeros(shape)
    chosen[place] = 1
    row, column = np.argwhere(cells(chosen)[0] > 0).mean(0)
    for axes in picture.axes[:-1]:  # the last is the colour bar
        for color, width in ((GROUND, 4), (INK, 1.5)):
            axes.plot(column, row, "s", ms=12, mfc="none", mec=color, mew=width, clip_on=False)


@checked
def agreement(first: Omega, second: Omega, names: TwoNames, scale: Scale = "rank", what: str = "") -> Picture:
    """Two methods' importances of the same weights against each other, with Spearman's rank correlation.

    Thousands of points would hide each other, so cells are coloured by the number of weights in them. scale: "rank" (in
    per cent; on the diagonal both agree) or "log" (decades below the largest, at most 6). what: words for the title,
    such as the layer's name.

    Raises:
        ValueError: different shapes, numbers below 0, or an unknown scale.
    """
    if first.shape != second.shape or first.size < 2:
        raise ValueError(f"Give the importances of the same two weights or more, not {first.shape} and {second.shape}.")
    correlation, both = rank_correlation(first, second), 100 * ((first == 0) & (second == 0)).mean()
    zeros = f"; {both:.0f} % are 0 in both" if both else ""
    words = f"rank correlation {correlation:.2f} over {first.size:,} weights{zeros}"
    if np.isnan(correlation):
        words = "no rank correlation: one of them gives all weights the same importance"
    title, ticks, unit = f"{names[0]} and {names[1]}{': ' if what else ''}{what}", TICKS[scale], UNIT[scale]
    labels = [f"{name}, {unit}" for name in names]
    picture, axes = chart(5.6, SIDE, title, [words], None, *labels, left=0.95, right=5.6 - 0.95 - SIDE)
    x, y, ends = scaled(first.ravel(), scale), scaled(second.ravel(), scale), (ticks[0], ticks[-1])
    counts = np.histogram2d(x, y, bins=COUNTED, range=(ends, ends))[0].T
    counts[counts == 0] = np.nan
    drawn = heat_map(axes, counts, None, None, norm=LogNorm(vmin=0.9), origin="lower", extent=(*ends, *ends))
    axes.plot(ends, ends, color=GROUND, lw=2)  # a dotted line alone vanishes in cells of its own brightness
    axes.plot(ends, ends, color=INK, lw=0.8, ls=":")
    across = [f"{a:g} to {b:g}" for a, b in pairwise(np.linspace(*ends, COUNTED + 1))]
    sentence = f"{unit}: {{column}} by {{a}}, {{row}} by {{b}}; weights here: {{count:,.0f}}"
    picture.cells(axes, across[::-1], across, sentence, a=names[0], b=names[1], count=counts[::-1])
    axes.set(xlim=ends, ylim=ends, xticks=ticks, yticks=ticks)
    axes.grid(False)
    bar = picture.color_bar(drawn, 0.95 + SIDE + 0.2, 0.62, 0.13, SIDE)
    bar.formatter = FuncFormatter(lambda count, _: f"{count:,.0f}")
    bar.set_label("weights in a cell", fontsize=FONT, color=INK)
    picture.alt = f"Importance by {title}: {words}."
    return picture


@checked
def scaled(values: Omega, scale: Scale) -> np.ndarray:
    """Numbers of any unit on a scale without one, in their shape.

    "rank": from 0 to 100, the percentage of the others that are smaller; equal ones share the mean of their ranks.
    "log": from -6 to 0, the decades below the largest; 0 and all smaller values become -6.

    Raises:
        ValueError: an unknown scale, or numbers below 0 or not finite.
    """
    if scale == "rank":
        return 100 * ranks(values).reshape(values.shape) / max(1, values.size - 1)
    largest = values.max() or 1.0
    return np.log10(np.maximum(values / largest, 10.0**-DECADES))


def ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each number (N,), from 0; equal ones share the mean of their ranks."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts + 1) / 2)[places.reshape(-1)]


def rank_correlation(one: ArrayLike, other: ArrayLike) -> float:
    """Spearman's rank correlation, from -1 to 1; nan if all numbers of one are equal."""
    a, b = (ranks(np.asarray(values, dtype=float)) for values in (one, other))
    return float(np.corrcoef(a, b)[0, 1]) if np.ptp(a) and np.ptp(b) else float("nan")
