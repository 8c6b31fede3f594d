"""Where a network looks while it keeps learning: attention maps and their drift (LwM, section 6, Figure 4).

In a page they are touched: beside the images of a class, or large.
"""

import math
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from torch.nn import functional as F

from ..attention import drift
from ..checked import checked
from .images import MAP, as_rgb
from .picture import INK, TITLE, Picture, chart, headed, shortened, titled, wrapped
from .rules import Images, Names, Share, Values, by_name
from .runs import mean_and_spread
from .style import look

SIDE, GAP, UNDER, BETWEEN, NAMES = 1.12, 0.05, 0.2, 0.25, 1.05  # inches: of a map, between, its number, blocks, names
LEFT = NAMES + SIDE + BETWEEN
TILE, SPACE, OVER, THUMB = 1.15, 0.06, 0.28, 0.95  # to be touched: a map, between, names above, an image of the class
ACROSS, LARGEST = 8.3, 2.6  # of a page, and of an enlarged map
WIDEST = 12.0  # inches: blocks that do not fit beside each other go below
PIXELS = 64  # of a map's side, at least; more would only cost time: maps are smooth
COLORS = (255 * matplotlib.colormaps[MAP](np.arange(256))).astype(np.float32)  # (256, 4), from no to most attention
ABSENT = (128, 128, 128, 40)  # of a model that does not exist yet
OBJECT, OUTLINE = "object", "#ff00aa"  # a colour that neither photographs nor maps have
BRIGHT = "Bright: much attention, on each map's own scale."
DRIFT = "Drift: the L1 distance of a map from its method's first; 0 is the same look."
WORDS = "{row}, {column}: drift from {first} {drift:.3f}"
Maps = by_name(Values(("images, models, h, w",), 0, gaps=True))
Drifts = by_name(Values(("images, models",), 0, gaps=True))
Own = Mapping[str, np.ndarray]  # by method, the maps (S, h, w) of one image, nan after steps not learned yet


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
    if len(images) != len(rows):
        raise ValueError(f"{len(images)} images need as many rows, a name for each, not {len(rows)}.")
    for name, own in maps.items():
        if own.shape[:2] != (len(images), len(columns)):
            raise ValueError(f"{name} needs maps of shape ({len(images)}, {len(columns)}, h, w), not {own.shape}.")
        if (np.isnan(own).all((2, 3)) != np.isnan(own).any((2, 3))).any():
            words = f"The maps of {name} are numbers throughout, or all nan for a model that is not there yet."
            raise ValueError(words)
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
    """A method's maps (N, S, H, W, 4) from their upper left corner: each model is a frame, and one image."""
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
    since, box = np.tile(range(len(columns)), count), (left, top - high, wide, high)
    fields = {"since": since, "name": name, "first": columns[0], "drift": drifts}
    picture.cells(box, rows, columns, f"{{name}}, {WORDS}", **fields)


def beside(
    images: np.ndarray, chosen: int, maps: Own, columns: Sequence[str], opacity: float, mask: np.ndarray | None,
    what: str,
) -> Picture:  # fmt: skip
    """The images (N, C, H, W) of a class, and the maps of the ``chosen`` one: a row per method, a column per step.

    Spots: "image" for the images, numbered in order, and "map" for the maps (method, step). mask: (H, W) of the object.
    """
    body = OVER + len(maps) * (TILE + UNDER)
    across = math.ceil(len(images) / max(1, int(body / (THUMB + SPACE))))
    left, top = 0.12 + across * (THUMB + SPACE) + NAMES, body - OVER
    width = left + len(columns) * (TILE + SPACE) + 0.1
    picture, drifts = _touched(width, body, maps, columns, mask, what, "Click one to enlarge it.")
    for n, image in enumerate(images):
        row, column = divmod(n, across)
        x, y = 0.12 + column * (THUMB + SPACE), body - (row + 1) * (THUMB + SPACE)
        picture.pixels(as_rgb(image), x, y, THUMB, THUMB, "image")
        picture.spot((x, y, THUMB, THUMB), f"test image {n + 1}" + ", shown" * (n == chosen), key=f"image {n}")
        if n == chosen:
            picture.put(Rectangle((x, y), THUMB, THUMB, fill=False, ec=INK, lw=3))
            _outline(picture, mask, x, y, THUMB)
    for step, column in enumerate(columns):
        picture.write(left + step * (TILE + SPACE) + TILE / 2, body - 0.06, shortened(column, TILE), ha="center")
    for row, (name, own) in enumerate(maps.items()):
        y, words = top - row * (TILE + UNDER) - TILE, "\n".join(wrapped(name, NAMES - 0.2))
        picture.write(left - 0.1, y + TILE / 2, words, TITLE, va="center", ha="right")
        for step, tile in enumerate(overlaid(images[chosen], own, opacity)):
            x = left + step * (TILE + SPACE)
            picture.appear(step, *_tile(picture, name, tile, drifts[name][step], x, y, TILE, mask))
    box = (left, 0, len(columns) * (TILE + SPACE), len(maps) * (TILE + UNDER))
    fields = {"first": columns[0], "drift": list(drifts.values())}
    picture.cells(box, list(maps), columns, WORDS, key="map", since=[*range(len(columns))] * len(maps), **fields)
    return picture


def large(
    image: np.ndarray, maps: Own, columns: Sequence[str], opacity: float, mask: np.ndarray | None, what: str
) -> Picture:
    """An image (C, H, W) beside its map by every method, large: each step is a frame, in the same place.

    Spots: "image", and "map 0", "map 1", ... for the maps of every step.
    """
    side = max(TILE, min(LARGEST, ACROSS / (1 + len(maps)) - SPACE))
    width, body = max(5.4, 0.2 + (1 + len(maps)) * (side + SPACE)), OVER + side + UNDER
    picture, drifts = _touched(width, body, maps, columns, mask, what, "Click one to go back.")
    picture.write(0.12, body - 0.2, "image", TITLE, va="baseline")
    for place, (name, own) in enumerate(maps.items(), 1):
        x = 0.12 + place * (side + SPACE)
        picture.write(x, body - 0.2, shortened(name, side), TITLE, va="baseline")
        for step, tile in enumerate(overlaid(image, own, opacity)):
            drawn = _tile(picture, name, tile, drifts[name][step], x, UNDER, side, mask)
            picture.appear(step, *drawn, last=step)
    picture.pixels(as_rgb(image), 0.12, UNDER, side, side, "image")
    picture.spot((0.12, UNDER, side, side), "the image", key="image")
    _outline(picture, mask, 0.12, UNDER, side)
    box = (0.12 + side + SPACE, 0, len(maps) * (side + SPACE), side + UNDER)
    words = WORDS.replace("{row}, {column}", "{column}, {frame}")
    for step, now in enumerate(np.transpose(list(drifts.values()))):
        values = {"since": [step], "until": step, "first": columns[0], "drift": now}
        picture.cells(box, [""], list(maps), words, key=f"map {step}", **values)
    return picture


def _touched(
    width: float, body: float, maps: Own, columns: Sequence[str], mask: np.ndarray | None, what: str, click: str
) -> tuple[Picture, dict[str, np.ndarray]]:
    """A picture with its heading and frames, and each method's drifts (S,)."""
    legend = {} if mask is None else {OBJECT: Line2D([], [], color=OUTLINE)}
    picture = headed(width, body, titled("Where the network looks", what), [f"{BRIGHT} {click}", DRIFT], legend)
    picture.frames(columns, "model")
    drifts = {name: drift_from_first(own[None])[0] for name, own in maps.items()}
    ends = [f"{name} ends with a drift of {one[np.isfinite(one)][-1]:.2f}" for name, one in drifts.items()]
    picture.alt = f"Attention maps, {what}: {'; '.join(ends)}."
    return picture, drifts


def _tile(
    picture: Picture, name: str, tile: np.ndarray, drift: float, left: float, low: float, side: float,
    mask: np.ndarray | None,
) -> list[Artist]:  # fmt: skip
    """A map with its drift below it."""
    drawn = [picture.pixels(tile, left, low, side, side, name)]
    if np.isfinite(drift):
        drawn.append(picture.write(left + side / 2, low - 0.02, f"{drift:.2f}", ha="center"))
        drawn += _outline(picture, mask, left, low, side)
    return drawn


def _outline(picture: Picture, mask: np.ndarray | None, left: float, low: float, side: float) -> list[PathPatch]:
    """The edge of an object's mask (H, W) over an image, in a layer of its own; nothing without a mask."""
    if mask is None:
        return []
    padded = np.pad(mask, 1)
    level = [((x - 1, y), (x, y)) for y, x in np.argwhere(padded[1:] != padded[:-1])]
    upright = [((x, y - 1), (x, y)) for y, x in np.argwhere(padded[:, 1:] != padded[:, :-1])]
    ends = np.reshape(level + upright, (-1, 2)) / len(mask) * [1, -1] + [0, 1]  # from the lower left corner
    codes = np.tile([Path.MOVETO, Path.LINETO], len(ends) // 2)
    drawn = picture.put(PathPatch(Path(ends * side + [left, low], codes), fill=False, ec=OUTLINE, lw=1.2))
    picture.layer(OBJECT, drawn)
    return [drawn]
