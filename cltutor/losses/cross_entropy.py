"""Learning the new: cross-entropy over the classes that compete (LwF, eq. 1), and which classes those are."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ..checked import shaped
from ..describe import Choice, State, choice, shown
from .terms import Batch, Term

OVER = Choice(("class", "task"))


@shaped({"over": OVER}, logits="N, C", labels="N whole", task_of="C whole")
def compete(logits: Tensor, labels: Tensor, task_of: Tensor, over: str) -> Tensor:
    """Keep each image's logits of the classes that compete for it; the others become minus infinity.

    ``logits`` (N, C), ``labels`` (N,) columns of the logits, ``task_of`` (C,) each column's task. ``over="class"``
    lets all classes compete, ``over="task"`` only those of the image's own task. The same function serves the loss
    and both evaluations (multi-headed and single-headed: LwM, section 2).
    """
    if over == "class":
        return logits
    check_columns(labels, len(task_of))
    return logits.masked_fill(task_of[labels].unsqueeze(1) != task_of, float("-inf"))


def check_columns(labels: Tensor, columns: int) -> None:
    """Refuse labels that are no columns of the logits. On a GPU no value is read, so that it need not wait."""
    if len(labels) and labels.device.type == "cpu" and (labels.min() < 0 or labels.max() >= columns):
        raise ValueError(f"labels are columns of the logits, 0 to {columns - 1}, not {shown(labels.tolist())}.")


@dataclass(frozen=True, repr=False)
class CrossEntropy(Term):
    """L_new, the multinomial logistic loss -y_n . log softmax(logits) (LwF, eq. 1), averaged over the batch, or summed
    with ``reduction="sum"`` (the DF-CNN authors' program).

    Under ``heads="task"`` the softmax runs over the classes of each image's own task, under ``heads="class"`` over
    all classes seen.
    """

    reduction: str = choice("mean", ("mean", "sum"))

    learns_labels: ClassVar[bool] = True

    def __call__(self, batch: Batch, state: State) -> Tensor:
        own = batch.context.home(batch.tasks[0]) if len(batch.tasks) == 1 else None
        if batch.heads == "task" and own is not None:  # the other heads need not be computed
            first = sum(batch.context.network.classes[:own])
            return F.cross_entropy(batch.student.head(own), batch.labels - first, reduction=self.reduction)
        logits = compete(batch.student.logits, batch.labels, batch.task_of, batch.heads)
        return F.cross_entropy(logits, batch.labels, reduction=self.reduction)

    def latex(self, heads: str) -> str:
        classes = r"\mathcal{C}_t" if heads == "task" else r"\mathcal{C}_{1:t}"
        images = r"\sum_n " if self.reduction == "sum" else ""
        return rf"{images}\Big(-\sum_{{c \in {classes}}} y_c \log \hat{{y}}_c\Big)"


@dataclass(frozen=True, repr=False)
class BinaryCrossEntropy(Term):
    """L_C with a sigmoid for each class, summed over classes, averaged over the batch (LwM, section 5.1, as in iCaRL's
    code).

    ``over="new"``: the newest task's classes alone, as the old ones have the teacher's sigmoids for targets;
    ``over="all"``: all classes seen, old ones with the target 0 on an image of another class.
    """

    over: str = choice("new", ("new", "all"))

    learns_labels: ClassVar[bool] = True

    def refuses(self, heads: str) -> str:
        if heads == "class":
            return ""
        return 'a sigmoid for each class has no softmax that could be restricted to one task: use heads="class".'

    def __call__(self, batch: Batch, state: State) -> Tensor:
        logits = batch.student.head(batch.student.tasks - 1) if self.over == "new" else batch.student.logits
        columns = torch.arange(len(batch.task_of), device=batch.labels.device)[-logits.shape[1] :]
        targets = (batch.labels.unsqueeze(1) == columns).to(logits)
        return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(dim=1).mean()

    def latex(self, heads: str) -> str:
        classes = r"\mathcal{C}_t" if self.over == "new" else r"\mathcal{C}_{1:t}"
        return rf"\Big(-\sum_{{c \in {classes}}} y_c \log \hat{{y}}_c + (1 - y_c) \log (1 - \hat{{y}}_c)\Big)_\sigma"
