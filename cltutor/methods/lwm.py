"""Class-incremental LwF and Learning without Memorizing (LwM, sections 4 and 5)."""

from typing import Annotated

from ..describe import Choice, rule
from ..losses import AttentionDistillation, BinaryCrossEntropy, CrossEntropy, Distillation
from ..losses.terms import Loss, Term
from ..recipe.recipe import Recipe
from .registry import JOINT, Heads, Weight, compose, register

Kind = Annotated[str, Choice(("sigmoid", "softmax"))]
Maps = Annotated[str, rule(AttentionDistillation, "maps")]


def incremental(name: str, beta: float, gamma: float, kind: str, maps: str, heads: str, **settings) -> Recipe:
    """L_C + beta L_D + gamma L_AD over one head for all classes (LwM, eq. 3), without the terms of weight 0."""
    loss: Loss | Term = BinaryCrossEntropy() if kind == "sigmoid" else CrossEntropy()
    old = Distillation(kind="sigmoid") if kind == "sigmoid" else Distillation(kind="cross_entropy", joined=True)
    loss = loss + beta * old if beta else loss
    loss = loss + gamma * AttentionDistillation(maps=maps) if gamma else loss
    return compose(name, loss, JOINT, heads=heads, **settings)


@register
def lwf_mc(beta: Weight = 1.0, kind: Kind = "sigmoid", heads: Heads = "class", **settings) -> Recipe:
    """Class-incremental LwF: one sigmoid per class, with the teacher's as targets of old classes (LwM, section 5.1)."""
    return incremental("lwf_mc", beta, 0.0, kind, "grad_cam", heads, **settings)


@register
def lwm(
    beta: Weight = 1.0,
    gamma: Weight = 1.0,
    kind: Kind = "sigmoid",
    maps: Maps = "grad_cam",
    heads: Heads = "class",
    **settings,
) -> Recipe:
    """Learning without Memorizing: L_C + beta L_D + gamma L_AD keep outputs and attention (LwM, eq. 3)."""
    return incremental("lwm", beta, gamma, kind, maps, heads, **settings)


@register
def lwm_attention_only(
    gamma: Weight = 1.0, kind: Kind = "sigmoid", maps: Maps = "grad_cam", heads: Heads = "class", **settings
) -> Recipe:
    """L_C + gamma L_AD keep attention but not outputs (LwM, Table 5)."""
    return incremental("lwm_attention_only", 0.0, gamma, kind, maps, heads, **settings)
