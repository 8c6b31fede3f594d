"""Where a network looks while it learns on: maps over images, and how far they wander (LwM, section 6, Figure 4)."""

import math
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.image import BboxImage
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox, TransformedBbox
from numpy.typing import ArrayLike

from .matrix import MAP
from .pages import columns_of, handle
from .picture import FONT, INK, TITLE, Picture, shortened, wrapped
from .probabilities import as_rgb
from .runs import mean_and_spread
from .style import look

SIDE, GAP, UNDER, BETWEEN, NAMES = 0.7, 0.05, 0.2, 0.25, 1.05  # inches: of a map, between, its number, blocks, names
LEFT = NAMES + SIDE + BETWEEN
WIDEST = 12.0  # inches: blocks that do not fit beside each other stand below
PIXELS = 96  # of a map's side, at least


def attention_maps(
    images: ArrayLike,
    maps: Mapping[str, ArrayLike],
    rows: Sequence[str],
    columns: Sequence[str],
    opacity: float = 0.6,
    what: str = "",
) -> Picture:
    """Attention over images: a row an image, a column a model, a block a method; the image itself at the left.

    images (N, C, H, W) uint8; maps: name of the method -> (N, S, h, w), of S models in order, all zero where there is
    no attention, nan of a model that is not there yet; rows: N names; columns: S names, such as "M0", "M1". Below each
    map stands its drift from its method's first column, the L1 distance of normalised maps (LwM, eq. 6). Each map is
    scaled by its own largest value, for only the place counts. opacity: 0 shows the grey image alone, 1 the map alone;
    what: words for the title.

    Raises:
        ValueError: no method, maps that do not belong to the images and columns, or an opacity outside 0 to 1.
    """
    images = np.asarray(images)
    arrays = {name: np.asarray(values, dtype=float) for name, values in maps.items()}
    _check(images, arrays, rows, columns, opacity)
    drifts = {name: drift_from_first(values) for name, values in arrays.items()}
    wide = len(columns) * (SIDE + GAP) - GAP
    across = max(1, min(len(arrays), int((WIDEST - LEFT + BETWEEN) / (wide + BETWEEN))))
    down = math.ceil(len(arrays) / across)
    high = 0.5 + len(rows) * (SIDE + UNDER)
    width = LEFT + across * (wide + BETWEEN)
    title = wrapped(f"Where the network looks{', ' if what else ''}{what}", width - 0.3, TITLE)
    note = wrapped(
        "bright: much attention, each map by its own largest value; below: drift from the first", width - 0.3
    )
    top = 0.2 + 0.22 * len(title) + 0.18 * len(note)
    picture = Picture(width, top + down * high + 0.1)
    picture.write(0.12, picture.get_figheight() - 0.1, "\n".join(title), TITLE)
    picture.write(0.12, picture.get_figheight() - 0.14 - 0.22 * len(title), "\n".join(note))
    for place, (name, values) in enumerate(arrays.items()):
        row, column = divmod(place, across)
        corner = LEFT + column * (wide + BETWEEN), picture.get_figheight() - top - row * high
        tiles = [[overlaid(images[n], values[n, s], opacity) for s in range(len(columns))] for n in range(len(rows))]
        _block(picture, corner, name, tiles, drifts[name], columns)
        if column == 0:
            _names(picture, corner[1], images, rows)
    picture.alt = _told("Attention maps over images", rows, drifts)
    return picture


def attention_drift(drifts: Mapping[str, ArrayLike], columns: Sequence[str], what: str = "") -> Picture:
    """Mean drift of attention over models, a line a method, with a band of one standard deviation over its rows.

    drifts: name of the method -> (N, S), of N images (or seeds) and S models, nan for what is not known yet; columns: S
    names, such as "M0", "M1"; what: words for the title.

    Raises:
        ValueError: no method, or drifts whose columns are not those named.
    """
    arrays = {name: np.asarray(values, dtype=float) for name, values in drifts.items()}
    if not arrays or any(a.ndim != 2 or a.shape[1] != len(columns) for a in arrays.values()):
        raise ValueError(f"give drifts of shape (images, {len(columns)}) for one method or more")
    lines = {name: mean_and_spread(values) for name, values in arrays.items()}
    width = 9.6  # as wide as the maps that it stands under
    title = wrapped(f"Drift of attention{', ' if what else ''}{what}", width - 0.3, TITLE)
    fits = columns_of(list(lines), width - 0.2)
    top = 0.25 + 0.22 * len(title) + 0.22 * math.ceil(len(lines) / fits)
    picture = Picture(width, 2.9 + top)
    picture.write(0.12, picture.get_figheight() - 0.1, "\n".join(title), TITLE)
    picture.key([handle(look(name)) for name in lines], list(lines), 0.2 + 0.22 * len(title), fits)
    axes = picture.panel(0.75, 0.6, width - 0.95, 2.2)
    x, highest = np.arange(len(columns)), 0.1
    for name, (mean, spread) in lines.items():
        own = look(name)
        low, high = np.maximum(mean - spread, 0), mean + spread
        axes.fill_between(x, low, high, where=np.isfinite(high), color=own.color, alpha=0.15, linewidth=0, label=name)
        axes.add_line(Line2D(x, mean, color=own.color, linestyle=own.line, marker=own.marker, label=name))
        highest = np.nanmax([highest, *mean, *high])
    axes.set(xlim=(-0.2, len(columns) - 0.8), ylim=(0, 1.08 * highest))
    axes.set_xticks(x, columns)
    axes.set_xlabel("model, after each step", fontsize=FONT, color=INK)
    axes.set_ylabel("L1 distance (no unit)", fontsize=FONT, color=INK)
    picture.alt = _told("Mean drift of attention", (), arrays)
    return picture


def drift_from_first(maps: np.ndarray) -> np.ndarray:
    """L1 distance (N, S) of the normalised maps (N, S, h, w) from the first of each row (LwM, eq. 6)."""
    flat = maps.reshape(*maps.shape[:2], -1)
    # As in cltutor.attention, which wants tensors: an all-zero map stays zero.
    flat = flat / np.sqrt(np.square(flat).sum(-1, keepdims=True) + 1e-12)
    return np.abs(flat - flat[:, :1]).sum(-1)


def overlaid(image: np.ndarray, attention: np.ndarray, opacity: float) -> np.ndarray:
    """An image (C, H, W) uint8, enlarged, with its map (h, w) over it in colours: (H', W', 3) in [0, 1]."""
    if np.isnan(attention).any():
        return np.full_like(enlarged(image), 0.95, dtype=float)
    # Grey below, so that every colour is the map's.
    large = enlarged(np.broadcast_to(image.mean(0, keepdims=True), image.shape)) / 255
    colors = matplotlib.colormaps[MAP](resized(attention / max(attention.max(), 1e-12), large.shape[:2]))[..., :3]
    return (1 - opacity) * large + opacity * colors


def enlarged(image: np.ndarray) -> np.ndarray:
    """An image (C, H, W) as (H', W', 3) with every pixel repeated."""
    times = max(1, math.ceil(PIXELS / image.shape[1]))
    return as_rgb(image).repeat(times, 0).repeat(times, 1)


def resized(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A map (h, w) enlarged without steps: bilinear, each value in the middle of its cell."""
    for axis, size in enumerate(shape):
        own = values.shape[axis]
        places = np.clip((np.arange(size) + 0.5) * own / size - 0.5, 0, own - 1)
        below = places.astype(int)
        share = (places - below).reshape((-1, 1) if axis == 0 else (1, -1))
        above = np.minimum(below + 1, own - 1)
        values = values.take(below, axis) * (1 - share) + values.take(above, axis) * share
    return values


def _block(picture: Picture, corner: tuple, name: str, tiles: list, drifts: np.ndarray, columns: Sequence[str]) -> None:
    """One method's maps, from its upper left corner."""
    left, top = corner
    picture.write(left, top - 0.2, shortened(name, len(columns) * (SIDE + GAP)), TITLE, va="baseline")
    for step, column in enumerate(columns):
        middle = left + step * (SIDE + GAP) + SIDE / 2
        picture.write(middle, top - 0.44, shortened(column, SIDE), ha="center", va="baseline")
        for n, row in enumerate(drifts):
            picture.write(middle, _low(top, n) - 0.02, f"{row[step]:.2f}" if row[step] >= 0 else "", ha="center")
    for n, row in enumerate(tiles):
        gap = np.ones((row[0].shape[0], round(row[0].shape[1] * GAP / SIDE), 3))
        strip = np.concatenate([part for tile in row for part in (tile, gap)][:-1], axis=1)
        _put(picture, strip, left, _low(top, n), len(row) * (SIDE + GAP) - GAP, name)


def _names(picture: Picture, top: float, images: np.ndarray, rows: Sequence[str]) -> None:
    """The rows' names and images, left of a line of blocks."""
    for n, (image, words) in enumerate(zip(images, rows, strict=True)):
        y = _low(top, n)
        picture.write(0.12, y + SIDE / 2, "\n".join(wrapped(words, NAMES - 0.15)[:3]), va="center")
        _put(picture, enlarged(image), NAMES, y, SIDE, "image")


def _low(top: float, row: int) -> float:
    return top - 0.5 - row * (SIDE + UNDER) - SIDE


def _put(picture: Picture, pixels: np.ndarray, left: float, low: float, wide: float, label: str) -> None:
    """Pixels at a place in inches, without the cost of axes."""
    place = TransformedBbox(Bbox.from_bounds(left, low, wide, SIDE), picture.dpi_scale_trans)
    picture.add_artist(BboxImage(place, data=pixels, interpolation="nearest", origin="upper", label=label))


def _told(what: str, rows: Sequence[str], drifts: Mapping[str, np.ndarray]) -> str:
    ends = []
    for name, values in drifts.items():
        known = values[:, np.isfinite(values).any(axis=0)]
        if known.shape[1]:
            ends.append(f"{name} ends with a mean drift of {np.nanmean(known[:, -1]):.2f}")
    return f"{what}{' of ' if rows else ''}{', '.join(rows)}: {'; '.join(ends) or 'nothing has been learned yet'}."


def _check(images: np.ndarray, maps: dict, rows: Sequence[str], columns: Sequence[str], opacity: float) -> None:
    if not maps:
        raise ValueError("give maps for one method or more")
    if images.ndim != 4 or images.dtype != np.uint8 or len(images) != len(rows):
        raise ValueError(f"images are (N, C, H, W) uint8 with a name for each, not {images.shape} {images.dtype}")
    for name, values in maps.items():
        if values.ndim != 4 or values.shape[:2] != (len(images), len(columns)):
            raise ValueError(f"{name} needs maps of shape ({len(images)}, {len(columns)}, h, w), not {values.shape}")
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity lies between 0 and 1, not {opacity!r}")
