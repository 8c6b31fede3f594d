"""A reservoir of the stream: a memory of fixed size that has every image seen so far with the same probability."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..describe import State
from ..losses.terms import Batch


def remember(batch: Batch, state: State, capacity: int, **new: Tensor) -> None:
    """Put the rows of ``new`` (B, ...), one for each image of the batch, into the reservoir ``state`` (Vitter 1985).

    Every row draws a number, its key, and the ``capacity`` rows with the smallest keys stay (Efraimidis and Spirakis
    2006, with equal weights). So all rows seen so far have the same chance, and no number is copied from a GPU.
    """
    new["keys"] = batch.uniform(len(batch.images), "reservoir")
    if state:
        new = {name: torch.cat([state[name], rows]) for name, rows in new.items()}
    kept = new["keys"].argsort()[:capacity]
    state.update({name: rows.detach()[kept].contiguous() for name, rows in new.items()})


def recall(batch: Batch, state: State, names: Sequence[str], purpose: str = "recall") -> list[Tensor]:
    """As many different rows of the reservoir as the batch has images, or all if it has fewer: a tensor for each of
    ``names``. Draws with another ``purpose`` are independent."""
    places = batch.uniform(len(state["keys"]), purpose).argsort()[: len(batch.images)]
    return [state[name][places] for name in names]
