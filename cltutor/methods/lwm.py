"""Class-incremental LwF and Learning without Memorizing (LwM, sections 4 and 5)."""

from ..losses import AttentionDistillation, BinaryCrossEntropy, CrossEntropy, Distillation
from ..losses.terms import Loss, Term
from ..recipe.recipe import Recipe
from .registry import JOINT, compose, register


def incremental(name: str, beta: float, gamma: float, kind: str, maps: str, heads: str, **settings) -> Recipe:
    """L_C + beta L_D + gamma L_AD over one head for all classes (LwM, eq. 3), without the terms of weight 0."""
    if kind not in ("sigmoid", "softmax"):
        raise ValueError(f'kind is "sigmoid" or "softmax", not {kind!r}.')
    loss: Loss | Term = BinaryCrossEntropy() if kind == "sigmoid" else CrossEntropy()
    held = Distillation(kind="sigmoid") if kind == "sigmoid" else Distillation(kind="cross_entropy", joined=True)
    loss = loss + beta * held if beta else loss
    loss = loss + gamma * AttentionDistillation(maps=maps) if gamma else loss
    return compose(name, loss, JOINT, heads=heads, **settings)


@register
def lwf_mc(beta: float = 1.0, kind: str = "sigmoid", heads: str = "class", **settings) -> Recipe:
    """Class-incremental LwF: sigmoids over all classes, the teacher's as targets of the old (LwM, section 5.1)."""
    return incremental("lwf_mc", beta, 0.0, kind, "grad_cam", heads, **settings)


@register
def lwm(
    beta: float = 1.0,
    gamma: float = 1.0,
    kind: str = "sigmoid",
    maps: str = "grad_cam",
    heads: str = "class",
    **settings,
) -> Recipe:
    """Learning without Memorizing: L_C + beta L_D + gamma L_AD, answers and attention are held (LwM, eq. 3)."""
    return incremental("lwm", beta, gamma, kind, maps, heads, **settings)


@register
def lwm_attention_only(
    gamma: float = 1.0, kind: str = "sigmoid", maps: str = "grad_cam", heads: str = "class", **settings
) -> Recipe:
    """L_C + gamma L_AD, attention held and answers not (LwM, Table 5)."""
    return incremental("lwm_attention_only", 0.0, gamma, kind, maps, heads, **settings)
