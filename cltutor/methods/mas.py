"""Memory Aware Synapses, and the methods that its paper compares it with (MAS, Table 1)."""

from dataclasses import replace
from functools import partial
from typing import Annotated

from ..describe import rule
from ..importance import MAS, Fisher, LocalMAS, OnlineFisher, PathIntegral
from ..losses import Anchor, Codes, CrossEntropy, Distillation, ReconstructedCrossEntropy, Reconstruction
from ..networks import Encoded
from ..recipe.merging import MeanMerge, ModeMerge
from ..recipe.recipe import Phase, Recipe
from .lwf import fine_tuning
from .registry import WARM_UP_THEN_JOINT, Heads, Temperature, Weight, compose, register

On = Annotated[str, rule(MAS, "on")]


def anchored(name: str, weight: float, anchor: Anchor, heads: str, **settings) -> Recipe:
    return compose(name, CrossEntropy() + weight * anchor, fine_tuning(1.0, heads), heads=heads, **settings)


@register
def l2(lam: Weight = 0.5, heads: Heads = "task", **settings) -> Recipe:
    """Fine-tuning with 1/2 lam ||w - w0||^2 over the shared weights (LwF, section 4.2: 0.5 for VOC, else 0.05)."""
    return anchored("l2", lam / 2, Anchor(), heads, **settings)


@register
def mas(
    lam: Weight = 1.0,
    output: Annotated[str, rule(MAS, "output")] = "norm",
    on: On = "train",
    classes: tuple[int, ...] | None = None,
    average: bool = False,
    heads: Heads = "task",
    **settings,
) -> Recipe:
    """Memory Aware Synapses: changing a weight costs what it changes of the function (MAS, eq. 2 and 3, lambda = 1)."""
    return anchored("mas", lam / 2, Anchor(MAS(output, on, classes, average)), heads, **settings)


@register
def mas_local(
    lam: Weight = 1.0, on: On = "train", classes: tuple[int, ...] | None = None, heads: Heads = "task", **settings
) -> Recipe:
    """Local MAS, by Hebb's rule: weights between units active together matter (MAS, eq. 6; l-MAS in its tables)."""
    return anchored("mas_local", lam / 2, Anchor(LocalMAS(on=on, classes=classes)), heads, **settings)


@register
def ewc(lam: Weight = 400.0, given: bool = False, heads: Heads = "task", **settings) -> Recipe:
    """Elastic Weight Consolidation, with a Fisher and a penalty for each task (Kirkpatrick et al. 2017, eq. 3)."""
    return anchored("ewc", lam / 2, Anchor(Fisher(given)), heads, **settings)


@register
def ewc_online(lam: Weight = 400.0, decay: float = 1.0, heads: Heads = "task", **settings) -> Recipe:
    """Online EWC: a running sum of Fishers in which old tasks fade by ``decay`` (Schwarz et al. 2018, section 3)."""
    return anchored("ewc_online", lam / 2, Anchor(OnlineFisher(decay=decay)), heads, **settings)


@register
def si(lam: Weight = 1.0, damping: float = 0.001, heads: Heads = "task", **settings) -> Recipe:
    """Synaptic Intelligence: importance accumulated along the path of training (Zenke et al. 2017, eq. 4 and 5)."""
    return anchored("si", lam, Anchor(PathIntegral(damping)), heads, **settings)


@register(fixed=("after_task",))
def imm_mean(lam: Weight = 0.01, heads: Heads = "task", **settings) -> Recipe:
    """Mean-IMM: the mean of the models of all tasks, each trained with L2 towards the last (Lee et al. 2017)."""
    return anchored("imm_mean", lam / 2, Anchor(), heads, after_task=MeanMerge(), **settings)


@register(fixed=("after_task",))
def imm_mode(lam: Weight = 0.01, heads: Heads = "task", **settings) -> Recipe:
    """Mode-IMM: the models of all tasks merged by their Fisher information (Lee et al. 2017)."""
    return anchored("imm_mode", lam / 2, Anchor(), heads, after_task=ModeMerge(), **settings)


@register(fixed=("first",))
def ebll(
    alpha: Weight = 0.1,
    size: int = 16,
    temperature: Temperature = 2.0,
    lam: Weight = 1.0,
    reconstruction: Weight = 1.0,
    **settings,
) -> Recipe:
    """Encoder based lifelong learning: LwF's loss, and codes of the features that stay for every old task (Triki et
    al. 2017, eq. 7); after a task its autoencoder learns, the rest frozen, in a fifth of the epochs
    (eq. 5), of which there should be three or more."""
    terms = CrossEntropy() + lam * Distillation(temperature) + alpha * Codes()
    encoder = Phase("autoencoder", 0.2, code=20.0, loss=reconstruction * Reconstruction() + ReconstructedCrossEntropy())
    warm_up, joint = WARM_UP_THEN_JOINT
    later = (warm_up, replace(joint, share=0.6), encoder)
    first = (Phase(share=0.8, shared=1.0, new=1.0), encoder)
    return compose("ebll", terms, later, network=partial(Encoded, size=size), first=first, **settings)
