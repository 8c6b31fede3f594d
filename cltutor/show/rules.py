"""What the figures are given, as annotations whose rules `checked` follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike

from ..checked import Many, Numbers, Table, Text, a
from ..describe import Real, Rule, Several, Whole
from ..runs.run import Run


@dataclass(frozen=True, repr=False)
class Values(Rule):
    """Numbers from ``low`` to ``high``, with an axis for each name in one of the ``shapes`` and none of them empty; nan
    where ``gaps`` may be. Stored as an array of floats, or of whole numbers."""

    shapes: tuple[str, ...] = ()
    low: float = -np.inf
    high: float = np.inf
    gaps: bool = False
    whole: bool = False

    @property
    def words(self) -> str:
        kind = "whole" if self.whole else "finite"
        shape = f" of shape {' or '.join(f'({axes})' for axes in self.shapes)}" if self.shapes else ""
        low = f" from {self.low:g}" if np.isfinite(self.low) else ""
        high = (f" to {self.high:g}" if np.isfinite(self.high) else " up") if low else ""
        return f"an array of {kind} numbers{low}{high}{shape}" + (", nan where there is none" if self.gaps else "")

    def accepts(self, value: Any) -> bool:
        if not Numbers(whole=self.whole).accepts(value := _detached(value)) or _holds_truth(value):
            return False
        found = np.asarray(value)
        right = not self.shapes or found.ndim in [axes.count(",") + 1 for axes in self.shapes]
        if not right or not found.size:
            return False
        known = found[~np.isnan(found)] if self.gaps else found
        return bool(np.isfinite(known).all() and (known >= self.low).all() and (known <= self.high).all())

    def convert(self, value: Any) -> np.ndarray:
        return np.asarray(_detached(value), dtype=int if self.whole else float)


def _holds_truth(value: Any) -> bool:
    """Whether True or False, which numpy takes for 1 and 0, are among the numbers."""
    if isinstance(value, list | tuple):
        return any(map(_holds_truth, value))
    return isinstance(value, bool) or str(getattr(value, "dtype", "")) in ("bool", "torch.bool")


def _detached(value: Any) -> Any:
    """A tensor that has values as numpy can read them."""
    return value.detach().cpu() if hasattr(value, "detach") and not value.is_meta else value


@dataclass(frozen=True, repr=False)
class Pictures(Rule):
    """Images of one or three channels, uint8, stored as an array."""

    shape: str = "N, C, H, W"

    @property
    def words(self) -> str:
        return f"an array ({self.shape}) of uint8 with 1 or 3 channels C, not empty"

    def accepts(self, value: Any) -> bool:
        shape, kind = getattr(value, "shape", ()), str(getattr(value, "dtype", ""))
        if len(shape) != self.shape.count(",") + 1 or kind not in ("uint8", "torch.uint8"):
            return False
        return 0 not in shape and shape[-3] in (1, 3)

    def convert(self, value: Any) -> np.ndarray:
        return np.asarray(_detached(value))


class SomeRuns(Many):
    """A run, or several in any collection; stored as a tuple."""

    words = "a run or a list of runs, as cl.learn and cl.compare return them"

    def check(self, name: str, value: Any) -> tuple[Run, ...]:
        return tuple(super().check(name, (value,) if isinstance(value, Run) else value))


def accuracies(*shapes: str, gaps: bool = True) -> Values:
    """The rule of accuracies, which rounding may have brought above 1."""
    return Values(shapes, 0, 1 + 1e-9, gaps)


def by_name(each: Rule, least: int = 1) -> Any:
    """The annotation of a mapping from a name, such as a method's, to what keeps a rule."""
    return Annotated[Mapping[str, Any], Table(each, Text(), least)]


LARGEST = 1e15  # of what is counted: more is no number of parameters or bytes
Runs = Annotated[Run | Sequence[Run], SomeRuns(a(Run), least=1)]
Images = Annotated[ArrayLike, Pictures()]
Names = Annotated[Sequence[str], Many(Text(), least=1)]
TwoNames = Annotated[tuple[str, str], Several(Text(), 2)]
Counts = Annotated[Sequence[int], Many(Whole(at_least=1, at_most=10**6), least=1)]  # of classes, by task
Step = Annotated[int, Whole(at_least=1)]
Share = Annotated[float, Real(at_least=0, at_most=1)]
