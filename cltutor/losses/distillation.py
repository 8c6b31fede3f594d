"""Keeping the old: Learning without Forgetting's response-preserving loss (LwF, section 3, eq. 2 and 3, Table 2c)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ..checked import shaped
from ..describe import Real, State, choice, flag, ruled
from .terms import Batch, Term

TEMPERATURE = Real(at_least=0.001)  # far less would divide by zero in float32


@shaped({"temperature": TEMPERATURE}, logits="N, C", targets="N, C")
def distillation(logits: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """Knowledge distillation loss -sum_i y'_i log yhat'_i, averaged over the batch (LwF, eq. 2 and 3).

    ``logits`` (N, C) of the student and ``targets`` (N, C), the teacher's logits. Raising probabilities to 1/T and
    normalising them (eq. 3) is the softmax of logits / T. No factor T squared: the paper has none. The targets are
    constants.
    """
    soft = F.softmax(targets.detach() / temperature, dim=1)
    return -(soft * F.log_softmax(logits / temperature, dim=1)).sum(dim=1).mean()


@shaped(logits="N, C", targets="N, C")
def l1(logits: Tensor, targets: Tensor) -> Tensor:
    """Sum over classes of |y - yhat| between probabilities, averaged over the batch: a scalar (LwF, Table 2c)."""
    return (F.softmax(targets.detach(), dim=1) - F.softmax(logits, dim=1)).abs().sum(dim=1).mean()


@shaped(logits="N, C", targets="N, C")
def l2(logits: Tensor, targets: Tensor) -> Tensor:
    """Sum over classes of (y - yhat)^2 between probabilities, averaged over the batch: a scalar (LwF, Table 2c)."""
    return (F.softmax(targets.detach(), dim=1) - F.softmax(logits, dim=1)).square().sum(dim=1).mean()


def sigmoid(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy with the teacher's sigmoids as targets, summed over classes, averaged over the batch.

    What iCaRL's code computes, which LwM, section 5.1 takes its distillation from; its minimum is at the teacher.
    """
    soft = torch.sigmoid(targets.detach())
    return F.binary_cross_entropy_with_logits(logits, soft, reduction="none").sum(dim=1).mean()


def sigmoid_as_printed(logits: Tensor, targets: Tensor) -> Tensor:
    """-sum_i sigma(y_i) log sigma(yhat_i), averaged over the batch (LwM, eq. 1): without the other half of the binary
    cross-entropy it falls for as long as logits grow, so that its minimum is not at the teacher."""
    return -(torch.sigmoid(targets.detach()) * F.logsigmoid(logits)).sum(dim=1).mean()


PLAIN = {"l1": l1, "l2": l2, "sigmoid": sigmoid, "sigmoid_as_printed": sigmoid_as_printed}


def by_size(classes: Sequence[int], tasks: range) -> dict[int, Sequence[int]]:
    """``tasks`` by the number of their ``classes``."""
    if len(set(classes[tasks.start : tasks.stop])) == 1:
        return {classes[tasks.start]: tasks}
    return {count: [t for t in tasks if classes[t] == count] for count in dict.fromkeys(classes[t] for t in tasks)}


@dataclass(frozen=True, repr=False)
class Distillation(Term):
    """L_old: each old head keeps its outputs of before this task, on this task's images (LwF, eq. 2 and 3).

    A softmax for each old task, summed over old tasks (LwF; EEIL, eq. 1), or with ``joined`` one over all old classes
    (LwM, section 3.1, and common class-incremental versions of LwF), whose logits only ``heads="class"`` relates.
    ``kind`` is "softmax" (knowledge distillation at ``temperature``), "cross_entropy" (the same at temperature 1), "l1"
    or "l2" on probabilities (LwF, Table 2c), "sigmoid" (iCaRL's and LwM's, section 5.1) or "sigmoid_as_printed" (LwM,
    eq. 1).

    Raises:
        ValueError: a temperature with another kind than "softmax", where it means nothing.
    """

    temperature: float = ruled(TEMPERATURE, 2.0)
    kind: str = choice("softmax", ("softmax", "cross_entropy", *PLAIN))
    joined: bool = flag(False)

    teacher: ClassVar[str] = "task"
    first_task: ClassVar[int] = 1
    guards_any_output: ClassVar[bool | None] = False  # it compares probabilities; an embedding has none
    takes_several_labels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind != "softmax" and self.temperature != Distillation.temperature:
            raise ValueError(f'Only kind="softmax" has a temperature: leave it out with kind={self.kind!r}.')

    def __call__(self, batch: Batch, state: State) -> Tensor:
        student, teacher = batch.student, batch.teacher(self.teacher)
        tasks = self.guarded(batch.context.old_heads, student.tasks)
        if self.joined:
            return self.compare(student.over(tasks), teacher.over(tasks))
        # Tasks of as many classes are compared at once: a row for each image and task.
        values = []
        for classes, alike in by_size(batch.context.network.classes, tasks).items():
            rows, targets = (output.over(alike).reshape(-1, classes) for output in (student, teacher))
            values.append(len(alike) * self.compare(rows, targets))
        return reduce(add, values)

    def guarded(self, old: int, heads: int) -> range:
        """The heads that keep their outputs, of ``heads`` of which so many are ``old``."""
        return range(old)

    def refuses(self, heads: str) -> str:
        if not self.joined or heads == "class":
            return ""
        return 'one softmax over all old classes (joined) needs heads that learned to compete: use heads="class".'

    def constant(self, classes: Sequence[int]) -> bool:
        counts = [classes[task] for task in self.guarded(len(classes) - 1, len(classes))]
        return not self.kind.startswith("sigmoid") and (sum(counts) == 1 if self.joined else set(counts) == {1})

    def compare(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The chosen distance between one head's logits (N, C) and the teacher's, ``targets`` (N, C): a scalar."""
        if self.kind in PLAIN:
            return PLAIN[self.kind](logits, targets)
        return distillation(logits, targets, self.temperature if self.kind == "softmax" else 1.0)

    def latex(self, heads: str) -> str:
        return self.formula(
            r"\sum_{c \in \mathcal{C}_{1:t-1}}" if self.joined else r"\sum_{o < t}\sum_{c \in \mathcal{C}_o}"
        )

    def formula(self, old: str) -> str:
        """The distance summed over the classes that ``old`` names."""
        return {
            "softmax": rf"\Big(-{old} y'_c \log \hat{{y}}'_c\Big)_{{T={self.temperature:g}}}",
            "cross_entropy": rf"\Big(-{old} y_c \log \hat{{y}}_c\Big)",
            "l1": rf"{old} |y_c - \hat{{y}}_c|",
            "l2": rf"{old} (y_c - \hat{{y}}_c)^2",
            "sigmoid": rf"\Big(-{old} y'_c \log \hat{{y}}'_c + (1 - y'_c) \log (1 - \hat{{y}}'_c)\Big)_\sigma",
            "sigmoid_as_printed": rf"\Big(-{old} y'_c \log \hat{{y}}'_c\Big)_\sigma",
        }[self.kind]


@dataclass(frozen=True, repr=False)
class TemporaryDistillation(Distillation):
    """The newest head keeps its outputs of before this phase: new images that are left out of the balanced set are
    not forgotten (EEIL, section 4, balanced fine-tuning).

    ``over="all"``: every head does, old ones too (the authors' program).
    """

    over: str = choice("new", ("new", "all"))

    teacher: ClassVar[str] = "phase"

    def guarded(self, old: int, heads: int) -> range:
        return range(heads - 1 if self.over == "new" else 0, heads)

    def latex(self, heads: str) -> str:
        if self.over == "new":
            return self.formula(r"\sum_{c \in \mathcal{C}_t}")
        return self.formula(
            r"\sum_{c \in \mathcal{C}_{1:t}}" if self.joined else r"\sum_{o \leq t}\sum_{c \in \mathcal{C}_o}"
        )
