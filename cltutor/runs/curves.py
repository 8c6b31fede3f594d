"""What is recorded while a run trains, and its way into and out of a file of tensors."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

_CURVES = ("step_task", "known", "unknown", "epoch_task")


@dataclass
class Curves:
    """What was recorded while training.

    ``loss``: each term's weighted value at each step (S,), nan where the term did not act; ``step_task`` (S,) the task
    of each step. ``known`` and ``unknown`` (E, T): test accuracy on each task after each epoch, nan for tasks not yet
    seen, with the task known or unknown at test; ``epoch_task`` (E,) the task of each epoch.
    """

    loss: dict[str, np.ndarray] = field(default_factory=dict)
    step_task: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    known: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    unknown: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    epoch_task: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def add_epoch(self, task: int, losses: dict[str, Tensor], known: np.ndarray, unknown: np.ndarray) -> None:
        """Append an epoch: the terms' values at its steps, (S,) each, and the accuracies (T,) after it."""
        before, steps = len(self.step_task), len(next(iter(losses.values()), ()))
        for name in {**self.loss, **losses}:
            old = self.loss.get(name, np.full(before, np.nan))
            new = losses[name].numpy() if name in losses else np.full(steps, np.nan)
            self.loss[name] = np.concatenate([old, new])
        self.step_task = np.append(self.step_task, np.full(steps, task))
        self.known = np.concatenate([self.known.reshape(-1, len(known)), known[None]])
        self.unknown = np.concatenate([self.unknown.reshape(-1, len(unknown)), unknown[None]])
        self.epoch_task = np.append(self.epoch_task, task)

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """All curves as named tensors; ``of`` restores them from these and the names of the terms."""
        for name, curve in self.loss.items():
            yield f"loss/{name}", torch.from_numpy(curve)
        for name in _CURVES:
            yield f"curve/{name}", torch.from_numpy(getattr(self, name))

    @classmethod
    def of(cls, tensors: dict[str, Tensor], terms: list[str]) -> "Curves":
        losses = {name: tensors[f"loss/{name}"].numpy() for name in terms}
        return cls(losses, **{name: tensors[f"curve/{name}"].numpy() for name in _CURVES})


def curves_of(tensors: dict[str, Tensor], terms: list[str], tasks: int) -> Curves:
    """The curves in a file; TypeError where they are none, or of other terms."""
    found = Curves.of(tensors, terms)
    steps, epochs, points = found.step_task.shape, found.epoch_task.shape, {found.known.shape, found.unknown.shape}
    kinds = [one.dtype.kind for one in (found.step_task, found.epoch_task, found.known, found.unknown)]
    fitting = (
        with_prefix(tensors, "loss/").keys() == set(terms),
        all(loss.shape == steps and loss.dtype.kind == "f" for loss in found.loss.values()),
        len(steps) == len(epochs) == 1 and kinds == ["i", "i", "f", "f"],
        points == {(*epochs, tasks)} or points == {(0, 0)},
    )
    if not all(fitting):
        raise TypeError("not the curves of a run")
    return found


def with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``prefix``, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
