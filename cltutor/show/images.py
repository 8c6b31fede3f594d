"""Images, tiles and heat maps in a picture."""

import math
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from .picture import FONT, Picture
from .style import ink_on

MAP = "cividis"  # perceptually uniform and the same to readers with any colour vision
OUTLINE = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)])  # of a square, from its lower left corner


def as_rgb(image: np.ndarray) -> np.ndarray:
    """(C, H, W) with one or three channels to (H, W, 3)."""
    return np.moveaxis(np.broadcast_to(image, (3, *image.shape[1:])), 0, -1)


def put_image(picture: Picture, pixels: np.ndarray, left: float, low: float, side: float, label: str = "") -> Artist:
    """Pixels (H, W, 3) in the middle of a square, as large as their shape allows."""
    high, wide = side * np.array(pixels.shape[:2]) / max(pixels.shape[:2])
    return picture.pixels(pixels, left + (side - wide) / 2, low + (side - high) / 2, wide, high, label)


def fitted(count: int, wide: float, high: float, most: float, above: float = 0) -> tuple[float, int]:
    """The side, at ``most``, and the columns of the largest squares that fit in rows, with so much room above each."""
    sides = [(min(most, wide / n, high / math.ceil(count / n) - above), -n) for n in range(1, count + 1)]
    side, columns = max(sides)
    return side, -columns


def mosaic(tiles: np.ndarray, columns: int, gap: int, above: int = 0) -> np.ndarray:
    """Tiles (N, h, w, 4) in rows as one image, with so many empty pixels right of, below and above each."""
    padded = np.pad(tiles, ((0, -len(tiles) % columns), (above, gap), (0, gap), (0, 0)))
    rows = padded.reshape(-1, columns, *padded.shape[1:]).swapaxes(1, 2)
    return rows.reshape(-1, columns * padded.shape[2], 4)


def heat_map(axes: Axes, values: np.ndarray, low: float, high: float | None, **options: Any) -> AxesImage:
    """Cells (rows, columns) in colours from low to high, by default the largest; nan is left out."""
    look = {"cmap": MAP, "vmin": low, "vmax": high, "aspect": "auto", "interpolation": "none"}
    return axes.imshow(values, **look | options)


def write_in_cell(axes: Axes, row: float, column: float, words: str, color: tuple[float, ...], size: float = FONT):
    """A number in a cell of a heat map, in black or white, whichever is readable on the cell's colour."""
    options = {"ha": "center", "va": "center_baseline", "fontsize": size}
    return axes.text(column, row, words, color=ink_on(color), **options)
