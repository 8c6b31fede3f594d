"""What is recorded while a run trains, and its way into and out of a file of tensors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ..describe import counted

_CURVES = ("step_task", "known", "unknown", "epoch_task")
_PREDICTED = ("predicted_known", "predicted_unknown", "predicted_at")
NOTHING = 255  # the prediction for an image that was not asked
MOST_CLASSES = NOTHING  # of a run that records predictions, each in one byte


@dataclass(repr=False)
class Curves:
    """What was recorded while training.

    ``loss``: each term's weighted value at each step (S,), nan where the term did not act; ``step_task`` (S,) the task
    of each step. ``known`` and ``unknown`` (E, T): test accuracy on each task after each epoch, nan for tasks not yet
    seen, with the task known or unknown at test; ``epoch_task`` (E,) the task of each epoch.

    Of a run that records predictions, ``predicted_known`` and ``predicted_unknown`` (M, N) uint8 are the columns of the
    logits that each test image, all tasks' in order, was taken for at each moment, 255 where it was not asked;
    ``predicted_at`` (M, 2) says when: the task, and the epochs done in it, -1 after the task.
    """

    loss: dict[str, np.ndarray] = field(default_factory=dict)
    step_task: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    known: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    unknown: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    epoch_task: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    predicted_known: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    predicted_unknown: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    predicted_at: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.int64))

    def __repr__(self) -> str:
        return f"<Curves: {counted(len(self.step_task), 'step')}, {counted(len(self.epoch_task), 'epoch')}>"

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

    def add_predictions(
        self,
        task: int,
        epoch: int | None,
        taken: Mapping[str, Sequence[Tensor | None]],
        sizes: Sequence[int],
        settled: bool,
    ) -> None:
        """Append a moment: ``taken``, by question and test, the columns (n,) that its images were taken for.

        ``sizes``: images of all tests; ``settled``: with the task known, what was not asked is as it was.
        """
        for question, columns in taken.items():
            name = f"predicted_{question}"
            before = getattr(self, name).reshape(-1, sum(sizes))
            row = np.full(sum(sizes), NOTHING, np.uint8)
            if settled and question == "known" and len(before):
                row = before[-1].copy()
            for place, found in enumerate(columns):
                if found is not None:
                    start = sum(sizes[:place])
                    row[start : start + sizes[place]] = found.cpu().numpy().astype(np.uint8)  # -1 is 255 then
            setattr(self, name, np.concatenate([before, row[None]]))
        moment = [task, -1 if epoch is None else epoch + 1]
        self.predicted_at = np.concatenate([self.predicted_at, [moment]])

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """All curves as named tensors; ``of`` restores them from these and the names of the terms."""
        for name, curve in self.loss.items():
            yield f"loss/{name}", torch.from_numpy(curve)
        for name in (*_CURVES, *(_PREDICTED if len(self.predicted_at) else ())):
            yield f"curve/{name}", torch.from_numpy(getattr(self, name))

    @classmethod
    def of(cls, tensors: dict[str, Tensor], terms: list[str]) -> "Curves":
        losses = {name: tensors[f"loss/{name}"].numpy() for name in terms}
        recorded = _PREDICTED if f"curve/{_PREDICTED[0]}" in tensors else ()
        return cls(losses, **{name: tensors[f"curve/{name}"].numpy() for name in (*_CURVES, *recorded)})


def curves_of(tensors: dict[str, Tensor], terms: list[str], tasks: int, images: int) -> Curves:
    """The curves in a file of a run with so many tasks and test images; TypeError where they are none of it."""
    found = Curves.of(tensors, terms)
    steps, epochs, points = found.step_task.shape, found.epoch_task.shape, {found.known.shape, found.unknown.shape}
    kinds = [one.dtype.kind for one in (found.step_task, found.epoch_task, found.known, found.unknown)]
    fitting = (
        with_prefix(tensors, "loss/").keys() == set(terms),
        all(loss.shape == steps and loss.dtype.kind == "f" for loss in found.loss.values()),
        len(steps) == len(epochs) == 1 and kinds == ["i", "i", "f", "f"],
        points == {(*epochs, tasks)} or points == {(0, 0)},
        predictions_fit(found, tasks, images),
    )
    if not all(fitting):
        raise TypeError("not the curves of a run")
    return found


def predictions_fit(found: Curves, tasks: int, images: int) -> bool:
    """Whether recorded predictions are a byte for each of ``images`` at each moment, or none."""
    moments, shapes = found.predicted_at, {found.predicted_known.shape, found.predicted_unknown.shape}
    kinds = [one.dtype for one in (found.predicted_known, found.predicted_unknown, moments)]
    if not len(moments):
        return shapes == {(0, 0)}
    whole = moments.shape[1:] == (2,) and shapes == {(len(moments), images)}
    return whole and kinds == [np.uint8, np.uint8, np.int64] and bool((moments[:, 0] < tasks).all())


def with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``prefix``, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
