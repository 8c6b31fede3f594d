"""Twenty shapes as outlines, and the table of signed distances from which they are drawn at any size.

A shape is one or more closed outlines; the object is the area inside an odd number of them. Drawing a picture looks up
the distance to the edge at each turned and scaled pixel, and is smooth at any size.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor

REACH = 1.35  # the table covers [-REACH, REACH] in both directions; every shape fits the unit circle
_CELLS = 129

Points = list[tuple[float, float]]
Shape = str | tuple[tuple[tuple[float, float], ...], ...]  # a name, or closed outlines of points (x, y)


def _arc(x: float, y: float, radius: float, start: float, end: float, points: int = 33) -> Points:
    """Points on a circle from angle `start` to `end`, in degrees, counter-clockwise from the right."""
    angles = np.radians(np.linspace(start, end, points))
    return list(zip(x + radius * np.cos(angles), y + radius * np.sin(angles), strict=True))


def _polar(radius: Callable[[float], float], points: int = 60) -> Points:
    """Points at `radius(angle)` all the way round."""
    angles = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return [(radius(a) * np.cos(a), radius(a) * np.sin(a)) for a in angles]


def _mirrored(right: Points) -> Points:
    """A shape that is its own mirror image, from the points of its right half, top to bottom."""
    return right + [(-x, y) for x, y in reversed(right)]


def _heart() -> Points:
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return list(zip(16 * np.sin(t) ** 3, y, strict=True))


def _fish() -> Points:
    t = np.radians(np.linspace(160, -160, 33))
    body = list(zip(0.25 + 0.75 * np.cos(t), 0.52 * np.sin(t), strict=True))
    return [*body, (-1.0, -0.5), (-0.78, 0.0), (-1.0, 0.5)]


# Points are (x, y), y up. No shape is another one turned by up to 50 degrees or mirrored.
_OUTLINES: dict[str, list[Points]] = {
    "disc": [_arc(0, 0, 1, 0, 360)],
    "ring": [_arc(0, 0, 1, 0, 360), _arc(0, 0, 0.55, 0, 360)],
    "square": [[(1, 1), (1, -1), (-1, -1), (-1, 1)]],
    "triangle": [_arc(0, 0, 1, 90, 330, points=3)],
    "star": [_polar(lambda a: 1.0 if round(a * 5 / np.pi) % 2 else 0.45, points=10)],
    "cross": [_mirrored([(0.32, 1), (0.32, 0.32), (1, 0.32), (1, -0.32), (0.32, -0.32), (0.32, -1)])],
    "crescent": [_arc(0, 0, 1, 52, 308) + _arc(0.5, 0, 0.8, 278, 82)],
    "heart": [_heart()],
    "arrow": [[(-1, 0.26), (0.1, 0.26), (0.1, 0.7), (1, 0), (0.1, -0.7), (0.1, -0.26), (-1, -0.26)]],
    "drop": [[(0, 1), *_arc(0, -0.35, 0.65, 151, 389)]],
    "bolt": [[(0.4, 1), (-0.6, -0.15), (-0.08, -0.1), (-0.35, -1), (0.6, 0.22), (0.08, 0.18)]],
    "hourglass": [_mirrored([(0.72, 1), (0.1, 0), (0.72, -1)])],
    "flower": [_polar(lambda a: 0.6 + 0.4 * abs(np.cos(3 * a)), points=72), _arc(0, 0, 0.24, 0, 360, points=17)],
    "house": [_mirrored([(0, 1), (1, 0.1), (0.75, 0.1), (0.75, -0.85), (0.22, -0.85), (0.22, -0.25)])],
    "tree": [
        _mirrored(
            [(0, 1), (0.45, 0.35), (0.22, 0.35), (0.62, -0.15), (0.32, -0.15), (0.78, -0.68)]
            + [(0.16, -0.68), (0.16, -1)]
        )
    ],
    "fish": [_fish(), _arc(0.6, 0.14, 0.11, 0, 360, points=13)],
    "mug": [
        [(-0.85, 0.75), (0.3, 0.75), *_arc(0.3, 0, 0.52, 90, -90), (0.3, -0.75), (-0.85, -0.75)],
        _arc(0.3, 0, 0.27, 90, -90),
    ],
    "boat": [
        [(-1, -0.4), (1, -0.4), (0.6, -0.95), (-0.6, -0.95)],
        [(0.0, 1), (0.0, -0.22), (0.85, -0.22)],
        [(-0.15, 0.7), (-0.15, -0.22), (-0.8, -0.22)],
    ],
    "crown": [_mirrored([(0, 0.8), (0.45, 0.0), (1, 0.6), (0.85, -0.65)])],
    "mushroom": [[*_arc(0, 0, 1, 0, 180), (-0.3, 0), (-0.4, -0.9), (0.4, -0.9), (0.3, 0)]],
}
SHAPES = tuple(_OUTLINES)


@cache
def distances(shape: Shape) -> Tensor:
    """(129, 129) signed distances to the edge of `shape`, negative inside.

    Rows run downwards from y = REACH, columns rightwards from x = -REACH; the shape is scaled to fit the unit circle
    round the middle of its bounding box.
    """
    drawn = _OUTLINES[shape] if isinstance(shape, str) else shape
    outlines = [np.array(points, dtype=float) for points in drawn]
    every = np.concatenate(outlines)
    middle = (every.max(0) + every.min(0)) / 2
    radius = np.linalg.norm(every - middle, axis=1).max()
    steps = np.linspace(-REACH, REACH, _CELLS)
    cells = np.stack(np.meshgrid(steps, -steps), axis=-1).reshape(-1, 1, 2)
    nearest = np.full(len(cells), np.inf)
    inside = np.zeros(len(cells), dtype=bool)
    for outline in outlines:
        start = (outline - middle) / radius
        end = np.roll(start, -1, axis=0)
        nearest = np.minimum(nearest, _to_segments(cells, start, end))
        inside ^= _crossings(cells, start, end) % 2 == 1
    signed = np.where(inside, -nearest, nearest).reshape(_CELLS, _CELLS)
    return torch.from_numpy(signed.astype(np.float32))


def _to_segments(cells: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(N,) distance of each of the (N, 1, 2) cells to the nearest of the (S, 2) segments."""
    along = end - start
    length = np.maximum((along**2).sum(1), 1e-12)
    share = np.clip(((cells - start) * along).sum(2) / length, 0, 1)
    return np.sqrt(((cells - start - share[..., None] * along) ** 2).sum(2)).min(1)


def _crossings(cells: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(N,) how many segments a ray from each cell to the right crosses."""
    x, y = cells[..., 0], cells[..., 1]
    spans = (start[:, 1] > y) != (end[:, 1] > y)
    rise = np.where(end[:, 1] == start[:, 1], 1.0, end[:, 1] - start[:, 1])
    meets = start[:, 0] + (y - start[:, 1]) * (end[:, 0] - start[:, 0]) / rise
    return (spans & (x < meets)).sum(1)
