"""Where a network looks while it keeps learning: attention maps and their drift (LwM, section 6, Figure 4)."""

import math
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
import torch
from torch.nn import functional as F

from ..attention import drift
from ..checked import checked
from .images import as_rgb
from .matrix import MAP
from .picture import TITLE, Picture, chart, headed, shortened, titled, wrapped
from .rules import Images, Names, Share, Values, by_name
from .runs import mean_and_spread
from .style import look

SIDE, GAP, UNDER, BETWEEN, NAMES = 1.12, 0.05, 0.2, 0.25, 1.05  # inches: of a map, between, its number, blocks, names
LEFT = NAMES + SIDE + BETWEEN
Maps = by_name(Values(("images, models, h, w",), 0, gaps=True))
Drifts = by_name(Values(("images, models",), 0, gaps=True))
WIDEST = 12.0  # inches: blocks that do not fit beside each other go below
PIXELS = 64  # of a map's side, at least; more would only cost time: maps are smooth
COLORS = (255 * matplotlib.colormaps[MAP](np.arange(256))).astype(np.float32)  # (256, 4), from no to most attention
ABSENT = (128, 128, 128, 40)  # of a model that does not exist yet


@checked
def attention_maps(
    images: Images, maps: Maps, rows: Names, columns: Names, opacity: Share = 0.6, what: str = ""
) -> Picture:
    """Attention over images: one row per image, one column per model, one block per method; the image at the left.

    images (N, C, H, W) uint8; maps: name of the method -> (N, S, h, w), of S models in order, all zero where there is
    no attention, nan for a model that does not exist yet; rows: N names; columns: S names, such as "M0", "M1". The
    number below a map is its drift from its method's first column, the L1 distance of normalised maps (LwM, eq. 6).
    Each map is scaled by its own largest value, since only the place counts. opacity: 0 shows the grey image alone, 1
    the map alone; what: words for the title.

    Raises:
        ValueError: maps that do not match the images and columns.
    """
    _check(images, maps, rows, columns)
    wide = len(columns) * (SIDE + GAP) - GAP
    across = max(1, min(len(maps), int((WIDEST - LEFT + BETWEEN) / (wide + BETWEEN))))
    down, high = math.ceil(len(maps) / across), 0.5 + len(rows) * (SIDE + UNDER)
    title = titled("Where the network looks", what)
    note = "bright: much attention, each map by its own largest value; below: drift from the first"
    picture = headed(LEFT + across * (wide + BETWEEN), down * high + 0.1, title, [note])
    picture.frames(columns, "model")
    for place, (name, values) in enumerate(maps.items()):
        row, column = divmod(place, across)
        left, top = LEFT + column * (wide + BETWEEN), (down - row) * high + 0.1
        tiles = np.stack([overlaid(image, own, opacity) for image, own in zip(images, values, strict=True)])
        picture.write(left, top - 0.2, shortened(name, wide), TITLE, va="baseline")
        _block(picture, left, top - 0.5, name, tiles, drift_from_first(values), rows, columns)
        for n, (image, words) in enumerate(zip(images, rows, strict=True) if column == 0 else ()):
            low = top - 0.5 - SIDE - n * (SIDE + UNDER)
            picture.write(0.12, low + SIDE / 2, "\n".join(wrapped(words, NAMES - 0.15)[:3]), va="center")
            picture.pixels(as_rgb(image), NAMES, low, SIDE, SIDE, "image")
    picture.describe(f"Attention maps over images of {', '.join(rows)}")
    return picture


@checked
def attention_drift(drifts: Drifts, columns: Names, what: str = "") -> Picture:
    """Mean drift of attention over models, one line per method, with a band of one standard deviation over its rows.

    drifts: name of the method -> (N, S), of N images (or seeds) and S models, nan for models that do not exist yet;
    columns: S names, such as "M0", "M1"; what: words for the title.

    Raises:
        ValueError: drifts whose columns are not those named.
    """
    if any(values.shape[1] != len(columns) for values in drifts.values()):
        raise ValueError(f"drifts have a column for each of {len(columns)} models: {', '.join(columns)}.")
    legend, names = {name: look(name).handle for name in drifts}, ("model, after each step", "L1 distance (no unit)")
    picture, axes = chart(9.6, 2.2, titled("Drift of attention", what), (), legend, *names)
    x, highest = np.arange(len(columns)), 0.1
    for name, values in drifts.items():
        (mean, spread), counts = mean_and_spread(values), np.isfinite(values).sum(0)
        rest = [f" ± {s:.3f} over {n} images" if n > 1 else ", 1 image" for s, n in zip(spread, counts, strict=True)]
        fields = {"name": name, "model": columns, "drift": mean, "first": columns[0], "rest": rest}
        words, band = "{name}, {model}: drift from {first} {drift:.3f}{rest}", (mean - spread, mean + spread)
        picture.curve(axes, x, mean, words, name, look(name).style, band, **fields)
        highest = np.nanmax([highest, *mean, *band[1]])
    axes.set_xticks(x, columns)
    axes.set(xlim=(-0.02, max(1, len(columns) - 1) + 0.02), ylim=(0, 1.08 * highest))
    picture.describe("Mean drift of attention")
    return picture


def drift_from_first(maps: np.ndarray) -> np.ndarray:
    """L1 distance (N, S) of the normalised maps (N, S, h, w) from the first of each row (LwM, eq. 6); nan where one of
    the two does not exist yet."""
    now = torch.from_numpy(maps)
    first = now[:, :1].expand_as(now)
    known = ~(first + now).isnan().any((2, 3))
    found = torch.full_like(now[:, :, 0, 0], torch.nan)
    found[known] = drift(first[known], now[known])
    return found.numpy()


def overlaid(image: np.ndarray, maps: np.ndarray, opacity: float) -> np.ndarray:
    """An image (C, H, W) uint8, enlarged, under each map (S, h, w) in colours: (S, H', W', 4) uint8."""
    times = max(1, math.ceil(PIXELS / image.shape[1]))
    grey = image.mean(0, dtype=np.float32).repeat(times, 0).repeat(times, 1)  # all colours are those of the map
    scaled = maps / np.maximum(maps.max((1, 2), keepdims=True), 1e-12)
    places = np.nan_to_num(255 * resized(scaled, grey.shape)).astype(np.uint8)
    tiles = (opacity * COLORS)[places] + ((1 - opacity) * grey)[..., None]
    tiles[..., 3] = 255
    tiles[np.isnan(maps).any((1, 2))] = ABSENT
    return tiles.round().astype(np.uint8)


def resized(maps: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Maps (S, h, w) enlarged smoothly: bilinear, each value in the middle of its cell."""
    enlarged = F.interpolate(torch.from_numpy(maps)[:, None], shape, mode="bilinear", align_corners=False)
    return enlarged[:, 0].numpy()


def _block(
    picture: Picture, left: float, top: float, name: str, tiles: np.ndarray, drifts: np.ndarray, rows: Names,
    columns: Names,
) -> None:  # fmt: skip
    """One method's maps (N, S, H, W, 4), from its upper left corner: each model is a frame, and one image."""
    count, under = len(tiles), round(tiles.shape[2] * UNDER / SIDE)
    wide, high = len(columns) * (SIDE + GAP), count * (SIDE + UNDER)
    strips = np.pad(tiles, ((0, 0), (0, 0), (0, under), (0, 0), (0, 0)))  # room for the numbers
    for step, column in enumerate(columns):
        x = left + step * (SIDE + GAP)
        picture.write(x + SIDE / 2, top + 0.06, shortened(column, SIDE), ha="center", va="baseline")
        drawn = [picture.pixels(np.concatenate(strips[:, step]), x, top - high, SIDE, high, name)]
        for n in np.flatnonzero(np.isfinite(drifts[:, step])):
            y = top - n * (SIDE + UNDER) - SIDE - 0.02
            drawn.append(picture.write(x + SIDE / 2, y, f"{drifts[n, step]:.2f}", ha="center"))
        picture.appear(step, *drawn)
    words, since = "{name}, {row}, {column}: drift from {first} {drift:.3f}", np.tile(range(len(columns)), count)
    box = (left, top - high, wide, high)
    picture.cells(box, rows, columns, words, since=since, name=name, first=columns[0], drift=drifts)


def _check(images: np.ndarray, maps: Mapping[str, np.ndarray], rows: Sequence[str], columns: Sequence[str]) -> None:
    if len(images) != len(rows):
        raise ValueError(f"{len(images)} images need as many rows, a name for each, not {len(rows)}.")
    for name, values in maps.items():
        if values.shape[:2] != (len(images), len(columns)):
            raise ValueError(f"{name} needs maps of shape ({len(images)}, {len(columns)}, h, w), not {values.shape}.")
        if (np.isnan(values).all((2, 3)) != np.isnan(values).any((2, 3))).any():
            raise ValueError(
                f"The maps of {name} are numbers throughout, or all nan for a model that is not there yet."
            )
