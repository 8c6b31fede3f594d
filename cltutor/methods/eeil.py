"""End-to-End Incremental Learning, its ablations, and iCaRL beside it (EEIL, sections 3 to 6)."""

from dataclasses import replace
from typing import Annotated

from ..describe import Choice
from ..losses import CrossEntropy, Distillation, TemporaryDistillation
from ..memory import ExemplarMemory
from ..recipe.noise import GradientNoise
from ..recipe.recipe import Phase, Recipe
from ..streams import PhotometricCropFlip
from .lwm import incremental
from .registry import JOINT, Heads, Temperature, Weight, compose, register

Teacher = Annotated[str, Choice(("task", "phase"))]


def end_to_end(
    name: str, balance: bool, temperature: float, heads: str, old_teacher: str = "task", **settings
) -> Recipe:
    """L_C + sum over old heads of L_D, over old and new images (EEIL, eq. 1); then the balanced set, if ``balance``.

    While it is fine-tuned, the new head is taught by the network just before fine-tuning (section 4), and old heads by
    the network before the task with ``old_teacher="task"`` (ours: the balanced set is "a subset of the training data",
    whose labels section 4 records before the task, and says no more), by the network just before fine-tuning with
    "phase" (the authors' program).
    """
    loss = CrossEntropy() + Distillation(temperature)
    balanced = loss + TemporaryDistillation(temperature)
    if old_teacher == "phase":
        balanced = CrossEntropy() + TemporaryDistillation(temperature, over="all")
    fine = Phase("balanced fine-tuning", 3.0, shared=0.1, old=0.1, new=0.1, loss=balanced, balanced=True)
    later = (replace(JOINT[0], name="train", share=4.0), fine) if balance else JOINT
    own = {"memory": ExemplarMemory(), "noise": GradientNoise()}
    return compose(name, loss, later, heads=heads, **{**own, **settings})


@register
def eeil(temperature: Temperature = 2.0, heads: Heads = "class", old_teacher: Teacher = "task", **settings) -> Recipe:
    """End-to-End Incremental Learning: a herded memory, the cross-distilled loss, augmentation, and fine-tuning on a
    balanced set (EEIL, sections 3 to 5).

    Where the authors' program differs from the paper or fills it in, it can be chosen: ``old_teacher="phase"``,
    ``memory=ExemplarMemory(balancing="program")``, ``noise=GradientNoise(form="deviation")``, ``augment_first=False``.
    """
    settings = {"augmentation": PhotometricCropFlip(), **settings}
    return end_to_end("eeil", True, temperature, heads, old_teacher, **settings)


@register
def eeil_base(temperature: Temperature = 2.0, heads: Heads = "class", **settings) -> Recipe:
    """EEIL without augmentation and without balanced fine-tuning (EEIL, Table 2b, Our-CNN-Base)."""
    return end_to_end("eeil_base", False, temperature, heads, **settings)


@register
def eeil_da(temperature: Temperature = 2.0, heads: Heads = "class", **settings) -> Recipe:
    """EEIL with augmentation and without balanced fine-tuning (EEIL, Table 2b, Our-CNN-DA)."""
    return end_to_end("eeil_da", False, temperature, heads, **{"augmentation": PhotometricCropFlip(), **settings})


@register
def eeil_bf(
    temperature: Temperature = 2.0, heads: Heads = "class", old_teacher: Teacher = "task", **settings
) -> Recipe:
    """EEIL without augmentation and with balanced fine-tuning (EEIL, Table 2b, Our-CNN-BF)."""
    return end_to_end("eeil_bf", True, temperature, heads, old_teacher, **settings)


@register
def icarl(beta: Weight = 1.0, heads: Heads = "class", **settings) -> Recipe:
    """iCaRL: LwF-MC's loss, a herded memory, and prediction by the nearest mean of exemplars (Rebuffi et al. 2017,
    Algorithms 1 to 5), as EEIL compares it."""
    own = {"memory": ExemplarMemory(), "predict": "nearest_mean"}
    return incremental("icarl", beta, 0.0, "sigmoid", "grad_cam", heads, **{**own, **settings})


@register
def hybrid1(beta: Weight = 1.0, heads: Heads = "class", **settings) -> Recipe:
    """iCaRL's training, with prediction by the network's outputs (Rebuffi et al. 2017, section 4.2, hybrid1), as EEIL
    compares it."""
    own = {"memory": ExemplarMemory()}
    return incremental("hybrid1", beta, 0.0, "sigmoid", "grad_cam", heads, **{**own, **settings})
