"""Which weights of a layer matter: heat maps of Omega, methods side by side (MAS, section 4.1)."""

import math

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from ..checked import Table, Text, checked
from .matrix import MAP
from .picture import Picture, headed, shortened, titled
from .rules import by_name
from .scales import DECADES, OMEGA, SCALES, Scale, scaled
from .spots import Played
from .style import GROUND, INK

WIDE, HIGH, GAP, LEFT, BELOW = 3.75, 3.3, 0.2, 0.5, 1.1  # inches of a map, between two maps, left of and below them
OVER = 0.27  # inches of a method's name above its map
CELLS = 260  # per side of a map: thinner ones cannot be distinguished
SPOTS = 132_000  # of all maps: of more cells, the mean of neighbours is read
TILED = 130  # per side of a map of tiles, whose gaps must be visible as well
Omegas = by_name(Table(None, Text(), least=1))  # by method, then by the parameter's name
SHADES = 32  # of colour: more cannot be distinguished, and would take more room in a page
ENDS = {"rank": (0, 100), "log": (-DECADES, 0)}
FINE = {"rank": 1, "log": -20}  # steps of a unit in which a value is read
READ = {"rank": "rank {} % in the layer", "log": "{} decades from the layer's largest"}


@checked
def importance(omegas: Omegas, layer: str, scale: Scale = "rank", what: str = "") -> Picture:
    """Heat maps of one layer's importance: name of the method -> (parameter name -> Omega).

    A linear layer is a matrix, outputs down and inputs across. Filters of a convolution are tiles: one row per filter,
    one tile per input channel; in a first layer with at most 4 input channels, every filter's tiles lie together and
    filters fill a grid. Where tiles would take more than 130 cells per side, each kernel becomes one cell, its mean;
    where a matrix has more than 260 per side, neighbours become one cell, their mean; the picture says so.

    Importances of different methods have different units, so all are drawn on one scale without a unit: "rank" within
    the layer, or "log", the decades below the layer's largest. what: words for the title, such as "after task 2".

    Raises:
        ValueError: an unknown layer or scale, or importances of different shapes.
    """
    for method, omega in omegas.items():
        if layer not in omega:
            raise ValueError(f"{method} has no importance for {layer!r}: it has {', '.join(omega)}.")
    values = {method: OMEGA.check(f"the importance by {method}", omega[layer]) for method, omega in omegas.items()}
    shapes = {array.shape for array in values.values()}
    if len(shapes) != 1:
        raise ValueError(f"The importances of {layer} are of one shape, not {sorted(shapes)}.")
    (shape,) = shapes
    maps, names, note = {}, ("", ""), ""
    for method, array in values.items():
        maps[method], names, note = cells(scaled(array, scale))
    title = titled(f"Importance of each weight of {layer}", what)
    picture = _page(maps, names, note, title, scale)
    zeros = "; ".join(f"{name}: {100 * (array == 0).mean():.0f} %" for name, array in values.items())
    size = " x ".join(map(str, shape))
    picture.alt = (
        f"{title}: heat maps of {size} weights for {', '.join(values)}, coloured by {SCALES[scale]}; "
        f"of no importance at all are {zeros}."
    )
    return picture


def cells(values: np.ndarray) -> tuple[np.ndarray, tuple[str, str], str]:
    """The cells (rows, columns) that show a parameter, the names of rows and columns, and how it was made smaller.

    Gaps between tiles are nan.
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
    matrix, block = tiles[:, :, 0, 0], [-(-n // CELLS) for n in tiles.shape[:2]]
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
    rows = -(-count // columns)
    filled = np.full((rows * columns, high, wide), np.nan)
    filled[:count] = tiles
    return _tiled(filled.reshape(rows, columns, high, wide))


def _page(maps: dict[str, np.ndarray], names: tuple[str, str], note: str, title: str, scale: str) -> Picture:
    rows, columns = next(iter(maps.values())).shape
    across = 2 if len(maps) > 2 else len(maps)
    down = math.ceil(len(maps) / across)
    high = min(HIGH / down, max(0.5, WIDE * rows / columns))
    width = max(LEFT + across * (WIDE + GAP) + 0.1, 5.4)
    picture = headed(width, BELOW + down * (high + OVER), title, [note])
    colors, (low, up) = matplotlib.colormaps[MAP].with_extremes(bad="none"), ENDS[scale]
    for place, (method, values) in enumerate(maps.items()):
        left = LEFT + place % across * (WIDE + GAP)
        bottom = BELOW + (down - 1 - place // across) * (high + OVER)
        axes = picture.panel(left, bottom, WIDE, high, frame=False)
        shades = (SHADES * values / (up - low)).round() / SHADES * (up - low)
        axes.imshow(shades, cmap=colors, vmin=low, vmax=up, aspect="auto", interpolation="none")
        axes.set(xticks=[], yticks=[])
        _spots(picture, (left, bottom, WIDE, high), method, values, names, scale, values.size * len(maps))
        picture.write(left, bottom + high + 0.07, shortened(method, WIDE), va="baseline")
    for column in range(across):
        picture.write(LEFT + column * (WIDE + GAP), BELOW - 0.06, shortened(names[1], WIDE))
    picture.write(0.3, BELOW + down * (high + OVER) / 2, names[0], rotation=90, va="center", ha="center")
    drawn = ScalarMappable(Normalize(low, up), colors)
    picture.color_bar(drawn, LEFT, 0.58, min(4.0, width - LEFT - 0.3), 0.13)
    picture.write(LEFT, 0.28, SCALES[scale])
    return picture


def _spots(
    picture: Picture, place: tuple, method: str, values: np.ndarray, names: tuple[str, str], scale: str, cells: int
) -> None:
    """What is read at each cell, or at the mean of neighbours where there are too many."""
    left, low, wide, high = place
    (rows, down), (columns, across) = _parts_of(values, names, cells)
    tall, broad = len(rows) * down, len(columns) * across  # with what lies beyond the last cell
    padded = np.full((tall, broad), np.nan)
    padded[: len(values), : values.shape[1]] = values[:tall, :broad]
    blocks = padded.reshape(len(rows), down, len(columns), across)
    count = np.isfinite(blocks).sum((1, 3))
    fine = FINE[scale] * np.nansum(blocks, axis=(1, 3)) / np.maximum(count, 1)
    codes = range(1 + round(abs(FINE[scale] * (ENDS[scale][1] - ENDS[scale][0]))))
    words = [READ[scale].format(f"{code / FINE[scale] + 0:g}") for code in codes]
    found = np.where(count, fine.round(), len(words)).astype(np.uint8)
    box = (left, low + high * (1 - tall / len(values)), wide * broad / values.shape[1], high * tall / len(values))
    value = Played([*words, "no weight"], found.reshape(1, -1))
    sentence = "{method}, {row}, {column}: {value}"
    picture.cells(box, rows, columns, sentence, key=method, link=[0], method=method, value=value)


def _parts_of(values: np.ndarray, names: tuple[str, str], cells: int) -> list[tuple[list[str | None], int]]:
    """What is read down and across the cells of a map; cells: of all maps together."""
    step = math.ceil(math.sqrt(cells / SPOTS))
    return [_parts(np.isnan(values).all(1 - axis), names, axis, step) for axis in (0, 1)]


def _parts(gaps: np.ndarray, names: tuple[str, str], axis: int, step: int) -> tuple[list[str | None], int]:
    """The names of what is read along an axis of cells, None for a gap, and how many cells each takes."""
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
    (_, down), (_, across) = _parts_of(drawn, names, drawn.size * maps)
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
