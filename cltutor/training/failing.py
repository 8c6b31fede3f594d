"""How a run fails: diverged, with dead features, or without memory; each in a sentence that says what to change."""

import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType

import torch
from torch import Tensor

from ..memory.selection import DeadFeatures
from ..networks.devices import is_out_of_memory
from ..runs.run import Run
from .events import Diverged, OutOfMemory
from .task import TaskState


def collect(history: list[dict[str, Tensor]], current: TaskState, epoch: int) -> dict[str, Tensor]:
    """The epoch's losses on the CPU, (S,) each; ``Diverged`` where one is no number any more."""
    if not history:
        return {}
    losses = {name: torch.stack([step[name] for step in history]).cpu() for name in history[0]}
    bad = {name: (~values.isfinite()).nonzero() for name, values in losses.items()}
    first = {name: int(places[0, 0]) for name, places in bad.items() if len(places)}
    if first:
        step = min(first.values())
        names = [name for name, place in first.items() if place == step]
        values = [f"{name} became {losses[name][step].item():g}" for name in names]
        raise diverged(current, f"{' and '.join(values)} at step {step} of epoch {epoch}", f"the weight of {names[0]}")
    return losses


def check_weights(current: TaskState) -> None:
    """``Diverged`` where the very last step of a task, whose loss was still a number, left weights that are none."""
    broken = [name for name, value in current.network.named_parameters() if not value.isfinite().all()]
    if broken:
        what = f"{' + '.join(current.terms)} made {broken[0]} infinite or NaN at the last step"
        raise diverged(current, what, "a weight in it")


def diverged(current: TaskState, what: str, weight: str) -> Diverged:
    run = current.run
    rates = ", ".join(f"{rate:g}" for rate in sorted({rate for _, rate in current.optimiser.groups}, reverse=True))
    return Diverged(
        f"{what} of task {current.task.index} of {run.name}, at a learning rate of {rates}: "
        f"lower learning_rate={run.recipe.schedule.learning_rate:g} or {weight}. Tasks learned before it are kept.",
        run,
    )


class explain_failure(AbstractContextManager[None]):
    """End the run with one sentence where its features died, or where the device's memory is full; then release what
    the step under way used.

    A class, since the frames of a generator would keep the traceback, and with it the batch and its graph.
    """

    def __init__(self, run: Run, step: Callable):
        self.run, self.step = run, step  # ``step``: the function in which a batch is computed

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, DeadFeatures):
            recipe = self.run.recipe
            raise Diverged(
                f"{error} This happened in task {self.run.learned} of {recipe.name}: lower "
                f"learning_rate={recipe.schedule.learning_rate:g}. Tasks learned before it are kept.",
                self.run,
            ) from error
        if error is None or not is_out_of_memory(error):
            return
        # A smaller batch helps where one was computed, not where the pool or the test images were moved.
        stepping = any(frame.f_code is self.step.__code__ for frame, _ in traceback.walk_tb(trace))
        del trace  # its frames keep the batch with its graph
        error.__traceback__ = None
        run, batch = self.run, self.run.recipe.schedule.batch_size
        advice = f"batch_size={batch // 2} instead of {batch}" if stepping and batch > 1 else "a smaller network"
        if not stepping:
            advice = f"fewer images (stream.fewer) or {advice}"
        elsewhere = "" if run.device == "cpu" or stepping and batch > 1 else ', or device="cpu"'
        owner, where = "this machine" if run.device == "cpu" else run.device, f"in task {run.learned} of {run.name}"
        raise OutOfMemory(
            f"The memory of {owner} is full {where}: try {advice}{elsewhere}. Tasks learned before it are kept.", run
        ) from None
