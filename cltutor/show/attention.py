"""Where a network looks while it learns on: maps over images, and how far they wander (LwM, section 6, Figure 4)."""

import math
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.image import BboxImage
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox, TransformedBbox
from numpy.typing import ArrayLike

from .matrix import MAP
from .pages import columns_of, handle
from .panels import Panel, draw_frames
from .picture import TITLE, Picture, shortened, wrapped
from .probabilities import as_rgb
from .runs import mean_and_spread
from .style import look

SIDE, GAP, UNDER, BETWEEN, NAMES = 0.7, 0.05, 0.2, 0.25, 1.05  # inches: of a map, between, its number, blocks, names
LEFT = NAMES + SIDE + BETWEEN
WIDEST = 12.0  # inches: blocks that do not fit beside each other stand below
PIXELS = 96  # of a map's side, at least
COLORS = (255 * matplotlib.colormaps[MAP](np.arange(256))).astype(np.float32)  # (256, 4), of no to much attention
ABSENT = (242, 242, 242, 255)  # of a model that is not there yet


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
        strips = [beside(overlaid(image, own, opacity)) for image, own in zip(images, values, strict=True)]
        _block(picture, corner, name, strips, drifts[name], columns)
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
    highest = np.nanmax([0.1, *(value for mean, spread in lines.values() for value in (*mean, *(mean + spread)))])
    place = Bbox.from_bounds(0.75, 0.6, width - 0.95, 2.2)
    panel = Panel(picture, place, max(1, len(columns) - 1), 0, 1.08 * highest)
    x = np.arange(len(columns))
    for name, (mean, spread) in lines.items():
        known = np.isfinite(spread)
        if known.any():
            panel.band(x[known], (mean - spread)[known], (mean + spread)[known], look(name), name)
        panel.line(x, mean, look(name), x, name)
    _number(panel, columns)
    picture.alt = _told("Mean drift of attention", (), arrays)
    return picture


def drift_from_first(maps: np.ndarray) -> np.ndarray:
    """L1 distance (N, S) of the normalised maps (N, S, h, w) from the first of each row (LwM, eq. 6)."""
    flat = maps.reshape(*maps.shape[:2], -1)
    # As in cltutor.attention, which wants tensors: an all-zero map stays zero.
    flat = flat / np.sqrt(np.square(flat).sum(-1, keepdims=True) + 1e-12)
    return np.abs(flat - flat[:, :1]).sum(-1)


def overlaid(image: np.ndarray, maps: np.ndarray, opacity: float) -> np.ndarray:
    """An image (C, H, W) uint8, enlarged, under each map (S, h, w) in colours: (S, H', W', 4) uint8."""
    grey = enlarged(image.mean(0, dtype=np.float32))  # so that every colour is the map's
    scaled = maps / np.maximum(maps.max((1, 2), keepdims=True), 1e-12)
    places = np.nan_to_num(255 * resized(scaled, grey.shape)).astype(np.uint8)
    tiles = (opacity * COLORS)[places] + ((1 - opacity) * grey)[..., None]
    tiles[..., 3] = 255
    tiles[np.isnan(maps).any((1, 2))] = ABSENT
    return tiles.round().astype(np.uint8)


def beside(tiles: np.ndarray) -> np.ndarray:
    """Tiles (S, H, W, 4) in a row, white between them: (H, S * W and the gaps, 4)."""
    count, height, width, _ = tiles.shape
    gap = round(width * GAP / SIDE)
    strip = np.full((height, count, width + gap, 4), 255, dtype=np.uint8)
    strip[:, :, :width] = tiles.swapaxes(0, 1)
    return strip.reshape(height, -1, 4)[:, :-gap]


def enlarged(image: np.ndarray) -> np.ndarray:
    """An image (H, W) or (H, W, 3) with every pixel repeated."""
    times = max(1, math.ceil(PIXELS / len(image)))
    return image.repeat(times, 0).repeat(times, 1)


def resized(maps: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Maps (S, h, w) enlarged without steps: bilinear, each value in the middle of its cell."""
    rows, columns = (_weights(own, size) for own, size in zip(maps.shape[1:], shape, strict=True))
    return rows @ maps @ columns.T


def _weights(own: int, size: int) -> np.ndarray:
    """The shares (size, own) that values have in their bilinear enlargement."""
    places = np.clip((np.arange(size) + 0.5) * own / size - 0.5, 0, own - 1)
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(own)))


def _number(panel: Panel, columns: Sequence[str]) -> None:
    """The frame of the curve, its ticks and the names of its axes."""
    picture, place = panel.picture, panel.place
    ticks = [y for y in MaxNLocator(5).tick_values(0, panel.high) if 0 <= y <= panel.high]
    draw_frames([panel], ticks)
    for y, (_, level) in zip(ticks, panel.inches((0, y) for y in ticks), strict=True):
        picture.write(place.x0 - 0.07, level, f"{y:g}", ha="right", va="center_baseline")
    for column, (x, _) in zip(columns, panel.inches((step, 0) for step in range(len(columns))), strict=True):
        picture.write(x, place.y0 - 0.1, column, ha="center")
    picture.write((place.x0 + place.x1) / 2, 0.2, "model, after each step", ha="center", va="center")
    picture.write(0.12, (place.y0 + place.y1) / 2, "L1 distance (no unit)", rotation=90, va="center")


def _block(
    picture: Picture, corner: tuple, name: str, strips: list, drifts: np.ndarray, columns: Sequence[str]
) -> None:
    """One method's maps, from its upper left corner."""
    left, top = corner
    picture.write(left, top - 0.2, shortened(name, len(columns) * (SIDE + GAP)), TITLE, va="baseline")
    for step, column in enumerate(columns):
        middle = left + step * (SIDE + GAP) + SIDE / 2
        picture.write(middle, top - 0.44, shortened(column, SIDE), ha="center", va="baseline")
        for n, row in enumerate(drifts):
            picture.write(middle, _low(top, n) - 0.02, f"{row[step]:.2f}" if row[step] >= 0 else "", ha="center")
    for n, strip in enumerate(strips):
        _put(picture, strip, left, _low(top, n), len(columns) * (SIDE + GAP) - GAP, name)


def _names(picture: Picture, top: float, images: np.ndarray, rows: Sequence[str]) -> None:
    """The rows' names and images, left of a line of blocks."""
    for n, (image, words) in enumerate(zip(images, rows, strict=True)):
        y = _low(top, n)
        picture.write(0.12, y + SIDE / 2, "\n".join(wrapped(words, NAMES - 0.15)[:3]), va="center")
        _put(picture, enlarged(as_rgb(image)), NAMES, y, SIDE, "image")


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
