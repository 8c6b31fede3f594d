"""Keeping the attention: Learning without Memorizing's attention distillation (LwM, section 4.1, eq. 4 to 6)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ..attention import activation_attention, cam, maps_of, normalised
from ..checked import shaped
from ..describe import Choice, State, choice, ruled
from .terms import Batch, Term

DISTANCE = Choice(("l1", "l2"))


@shaped({"distance": DISTANCE}, student="N, h, w", teacher="N, h, w")
def attention_distillation(student: Tensor, teacher: Tensor, distance: str = "l1") -> Tensor:
    """Distance of normalised maps (N, h, w), summed over the map, averaged over the batch (LwM, eq. 6).

    "l1" is the sum of absolute differences, "l2" of squared ones (section 4.1). The teacher's maps are constants.
    Raises ValueError for maps of different shapes.
    """
    gap = normalised(student) - normalised(teacher.detach())
    return (gap.abs() if distance == "l1" else gap.square()).sum(1).mean()


@dataclass(frozen=True, repr=False)
class AttentionDistillation(Term):
    """L_AD: Grad-CAM for the base class that the student scores highest stays the teacher's (LwM, eq. 4 to 6).

    Maps are those of the last block. The student's come from evaluation mode, as the teacher's do: L_AD is then zero
    where M_t begins, at M_(t-1) (section 1; the paper does not name the mode). A network with batch norm or dropout
    takes a second forward pass for that. ``maps="activation"`` takes class-free attention instead (Zagoruyko and
    Komodakis 2017), with which the paper contrasts its own; ``distance`` is "l1" or "l2" (section 4.1).
    """

    distance: str = ruled(DISTANCE, "l1")
    maps: str = choice("grad_cam", ("grad_cam", "activation"))

    teacher: ClassVar[str] = "task"
    reads_maps: ClassVar[bool] = True
    first_task: ClassVar[int] = 1

    @property
    def guards_any_output(self) -> bool:
        """Grad-CAM is of a class; an embedding has none."""
        return self.maps == "activation"

    def __call__(self, batch: Batch, state: State) -> Tensor:
        student, teacher = batch.as_tested, batch.teacher(self.teacher)
        if self.maps == "activation":
            pair = activation_attention(maps_of(student)), activation_attention(maps_of(teacher))
        else:
            base = student.over(range(batch.context.old_heads))
            top = base.argmax(1, keepdim=True)
            target = teacher.over(range(batch.context.old_heads)).gather(1, top).squeeze(1)
            scored = base.gather(1, top).squeeze(1)
            pair = cam(scored, maps_of(student), create_graph=True), cam(target, maps_of(teacher))
        return attention_distillation(*pair, self.distance)

    def latex(self, heads: str) -> str:
        norm, power = ("1", "") if self.distance == "l1" else ("2", "^2")
        q = {"grad_cam": "Q^{b}", "activation": "A"}[self.maps]
        return (
            rf"\| \frac{{{q}_{{t-1}}}}{{\| {q}_{{t-1}} \|_2}} - "
            rf"\frac{{{q}_t}}{{\| {q}_t \|_2}} \|_{norm}{power}"
        )
