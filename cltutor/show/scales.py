"""Scales without a unit, on which importances of different methods can be compared."""

import numpy as np
from numpy.typing import ArrayLike

DECADES = 6  # below the largest, on the logarithmic scale
SCALES = {
    "rank": "rank in the layer (% of its weights that matter less)",
    "log": "importance (decades below the layer's largest)",
}


def scaled(values: ArrayLike, scale: str) -> np.ndarray:
    """Numbers of any unit on a scale without one, in their shape.

    "rank": from 0 to 100, the percentage of the others that are smaller; equal ones share the mean of their ranks.
    "log": from -6 to 0, the decades below the largest; 0 and all smaller values become -6.

    Raises:
        ValueError: an unknown scale, or numbers below 0 or not finite.
    """
    numbers = np.asarray(values, dtype=float)
    if scale not in SCALES:
        raise ValueError(f"scale is one of {', '.join(SCALES)}, not {scale!r}.")
    if numbers.size == 0 or not np.isfinite(numbers).all() or numbers.min() < 0:
        raise ValueError("An importance consists of finite numbers from 0 up.")
    if scale == "rank":
        return 100 * ranks(numbers).reshape(numbers.shape) / max(1, numbers.size - 1)
    largest = numbers.max() or 1.0
    return np.log10(np.maximum(numbers / largest, 10.0**-DECADES))


def ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each number (N,), from 0; equal ones share the mean of their ranks."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts + 1) / 2)[places.reshape(-1)]


def rank_correlation(one: ArrayLike, other: ArrayLike) -> float:
    """Spearman's rank correlation, from -1 to 1; nan if all numbers of one are equal."""
    a, b = (ranks(np.asarray(values, dtype=float)) for values in (one, other))
    a, b = a - a.mean(), b - b.mean()
    norm = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / norm) if norm else float("nan")
