"""A network whose logits are its parameters, batches of it, and derivatives by finite differences."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from cltutor.losses import Batch, Context
from cltutor.networks import Network, Output


class Table(Network):
    """Outputs the same logits (N, C) for every batch, cut into heads of ``classes`` columns."""

    def __init__(self, logits: Tensor, classes: Sequence[int]):
        super().__init__()
        self.table, self.classes, self.calls = nn.Parameter(logits.clone()), list(classes), 0

    def forward(self, images: Tensor) -> Output:
        self.calls += 1
        heads = self.table.split(self.classes, dim=1)
        return Output(self.table, lambda task: heads[task], len(heads))


@pytest.fixture
def make_batch() -> Callable[..., Batch]:
    """A batch whose student outputs ``logits`` and whose teacher outputs ``recorded`` (of "task": old heads only)."""

    def make(
        logits: Tensor,
        classes: Sequence[int],
        labels: Sequence[int] = (),
        recorded: Tensor | None = None,
        heads: str = "task",
        tasks: Sequence[int] | None = None,
        teacher: str = "task",
    ) -> Batch:
        newest = len(classes) - 1
        labels = torch.tensor(labels or [sum(classes) - 1] * len(logits))
        task_of = torch.tensor([task for task, count in enumerate(classes) for _ in range(count)])
        known = classes[:-1] if teacher == "task" else classes
        teachers = {} if recorded is None else {teacher: lambda batch: Table(recorded, known)(batch.images)}
        context = Context(Table(logits, classes), newest)
        images, places = torch.zeros(len(logits), 1, 8, 8, dtype=torch.uint8), torch.arange(len(logits))
        tasks = [newest] if tasks is None else list(tasks)
        return Batch(context, images, labels, places, tasks, task_of, heads, teachers)

    return make


@pytest.fixture
def numerical_gradient() -> Callable[[Callable[[Tensor], Tensor], Tensor], Tensor]:
    """The gradient of a scalar function by central differences; ``point`` is float64."""

    def gradient(function: Callable[[Tensor], Tensor], point: Tensor, step: float = 1e-6) -> Tensor:
        result = torch.zeros_like(point)
        for place in range(point.numel()):
            ends = []
            for sign in (1, -1):
                moved = point.detach().clone()
                moved.view(-1)[place] += sign * step
                ends.append(function(moved).item())
            result.view(-1)[place] = (ends[0] - ends[1]) / (2 * step)
        return result

    return gradient
