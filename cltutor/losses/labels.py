"""Learning tasks whose images have several labels: a sigmoid for each (LwF, section 3)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ..checked import shaped
from ..describe import State
from .terms import Batch, Term


@shaped(logits="N, C", labels="N whole", task_of="C whole")
def label_loss(logits: Tensor, marks: Tensor, labels: Tensor, task_of: Tensor) -> Tensor:
    """The sum over labels of the binary cross-entropy of each, averaged over the batch (LwF, section 3).

    ``logits`` (N, C); ``marks`` (N, C) bool, which classes an image shows; ``labels`` (N,) one of them, whose task is
    the image's; ``task_of`` (C,) each column's task. Only the labels of an image's own task are known, so that no other
    column counts.
    """
    own = task_of[labels].unsqueeze(1) == task_of
    each = F.binary_cross_entropy_with_logits(logits, marks.to(logits), reduction="none")
    return (each * own).sum(dim=1).mean()


@dataclass(frozen=True, repr=False)
class LabelCrossEntropy(Term):
    """L_new of a task with several labels an image: a sigmoid for each label of the task, and the sum of their losses
    (LwF, section 3). With one label an image, the others of its task are absent. No labels compete, so that both
    training regimes are the same."""

    learns_labels: ClassVar[bool] = True
    takes_several_labels: ClassVar[bool] = True

    def __call__(self, batch: Batch, state: State) -> Tensor:
        logits = batch.student.logits
        columns = torch.arange(logits.shape[1], device=logits.device)
        marks = batch.labels.unsqueeze(1) == columns if batch.marks is None else batch.marks
        return label_loss(logits, marks, batch.labels, batch.task_of)

    def latex(self, heads: str) -> str:
        return r"\Big(-\sum_{c \in \mathcal{C}_t} y_c \log \hat{y}_c + (1 - y_c) \log (1 - \hat{y}_c)\Big)_\sigma"
