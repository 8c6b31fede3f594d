"""Importances of any unit on a scale without one, and the rank correlation of two."""

from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike

from ..checked import checked
from ..describe import Choice
from .rules import Values

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
