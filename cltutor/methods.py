"""The papers' methods by name, each a few lines: a recipe made of terms, a network, a memory and phases.

Every method takes, besides its own settings, ``heads`` ("task" or "class"), ``backbone`` (such as
``networks.ResNet32()``) and the fields of ``Schedule`` (``epochs``, ``learning_rate``, ``batch_size``, ...). All
train by the same schedule unless its paper says otherwise.
"""

import difflib
import functools
import inspect
from collections.abc import Callable
from dataclasses import replace

from .importance import MAS, Fisher, LocalMAS, OnlineFisher, PathIntegral
from .losses import (
    Anchor,
    AttentionDistillation,
    BinaryCrossEntropy,
    Codes,
    CrossEntropy,
    Distillation,
    ReconstructedCrossEntropy,
    Reconstruction,
)
from .losses.terms import Loss, Term
from .memory import Everything
from .merging import MeanMerge, ModeMerge, Unmerged
from .networks import Copies, Encoded, MultiHead, SmallCNN, Widening
from .recipe import Phase, Recipe, Schedule

_METHODS: dict[str, Callable[..., Recipe]] = {}

UNMERGED = Unmerged()
JOINT = (Phase("joint", shared=1.0, old=1.0, new=1.0),)
WARM_UP_THEN_JOINT = (Phase("warm-up", share=0.2, new=1.0), Phase("joint", share=0.8, shared=1.0, old=1.0, new=1.0))


def method(build: Callable[..., Recipe]) -> Callable[..., Recipe]:
    """Enter a method under its name; a setting that it does not have is refused with the nearest one that it has."""
    own = [name for name in inspect.signature(build).parameters if name != "settings"]
    schedule = [name for name in Schedule.__dataclass_fields__ if name != "later"]  # the method itself
    known = list(dict.fromkeys([*own, "heads", "backbone", *schedule]))

    @functools.wraps(build)
    def checked(*values, **settings) -> Recipe:
        for setting in settings:
            if setting not in known:
                near = difflib.get_close_matches(setting, known, 1) or [", ".join(known)]
                raise ValueError(f"{build.__name__} has no setting {setting!r}; did you mean {near[0]}?")
        return build(*values, **settings)

    _METHODS[build.__name__] = checked
    return checked


def names() -> list[str]:
    """The names of all methods."""
    return list(_METHODS)


def get(recipe: Recipe | str) -> Recipe:
    """The recipe itself, or the method of that name with its paper's settings."""
    if isinstance(recipe, Recipe):
        return recipe
    if recipe not in _METHODS:
        near = difflib.get_close_matches(str(recipe), names(), 1) or [", ".join(names())]
        raise ValueError(f"There is no method {recipe!r}; did you mean {near[0]}?")
    return _METHODS[recipe]()


def _recipe(
    name: str,
    loss: Term | Loss,
    later: tuple[Phase, ...],
    *,
    network: Callable[..., object] = MultiHead,
    memory: Everything | None = None,
    heads: str = "task",
    backbone: object = SmallCNN(),
    merge: Unmerged = UNMERGED,
    **schedule,
) -> Recipe:
    return Recipe(name, loss, network(backbone=backbone), memory, Schedule(later=later, **schedule), heads, merge)


def _fine_tuning(shared: float, heads: str) -> tuple[Phase, ...]:
    """theta_s and theta_n learn, theta_o is fixed (LwF, section 1); one head for all classes learns as a whole."""
    return (Phase(shared=shared, old=1.0 if heads == "class" else 0.0, new=1.0),)


def _anchored(name: str, weight: float, anchor: Anchor, heads: str, **settings) -> Recipe:
    return _recipe(name, CrossEntropy() + weight * anchor, _fine_tuning(1.0, heads), heads=heads, **settings)


@method
def finetune(heads: str = "task", **settings) -> Recipe:
    """Fine-tuning: go on training on the new task and hope (LwF, section 1)."""
    return _recipe("finetune", CrossEntropy(), _fine_tuning(1.0, heads), heads=heads, **settings)


@method
def finetune_slow(heads: str = "task", **settings) -> Recipe:
    """Fine-tuning with a tenth of the learning rate on the shared weights (LwF, section 4.2, Table 2d)."""
    return _recipe("finetune_slow", CrossEntropy(), _fine_tuning(0.1, heads), heads=heads, **settings)


@method
def feature_extraction(hidden: int = 4096, **settings) -> Recipe:
    """A two-layer classifier on frozen features, at five times the rate (LwF, section 3, implementation details)."""

    def network(backbone) -> MultiHead:
        return MultiHead(backbone, hidden=hidden)

    return _recipe("feature_extraction", CrossEntropy(), (Phase(new=5.0),), network=network, **settings)


@method
def duplicate(**settings) -> Recipe:
    """A fine-tuned copy of the first network for every task (LwF, section 1 and Figure 1)."""
    return _recipe("duplicate", CrossEntropy(), (Phase(shared=1.0, new=1.0),), network=Copies, **settings)


@method
def joint(heads: str = "task", **settings) -> Recipe:
    """Joint training on all tasks so far, the upper bound: under ``heads="task"`` as many images of each task, in
    alternating batches that each feed their own head (LwF, section 3); under ``heads="class"`` all images shuffled."""
    memory = Everything(interleaved=heads == "task")
    return _recipe("joint", CrossEntropy(), JOINT, memory=memory, heads=heads, **settings)


@method
def lwf(
    temperature: float = 2.0, lam: float = 1.0, loss: str = "softmax", task_specific_layers: int = 1, **settings
) -> Recipe:
    """Learning without Forgetting: warm-up of the new head, then all weights, while the old heads keep answering as
    before (LwF, section 3). ``loss`` is one of Table 2c's, ``task_specific_layers`` as in Table 2a."""
    terms = CrossEntropy() + lam * Distillation(temperature, kind=loss)

    def network(backbone) -> MultiHead:
        return MultiHead(backbone, task_specific_layers)

    return _recipe("lwf", terms, WARM_UP_THEN_JOINT, network=network, **settings)


@method
def l2(lam: float = 0.5, heads: str = "task", **settings) -> Recipe:
    """Fine-tuning with 1/2 lam ||w - w0||^2 over the shared weights (LwF, section 4.2: 0.5 for VOC, else 0.05)."""
    return _anchored("l2", lam / 2, Anchor(), heads, **settings)


@method
def expansion(share: float = 0.25, **settings) -> Recipe:
    """Network expansion: new nodes in the top layers learn, all else is frozen (LwF, section 4.2, Figure 6b)."""

    def network(backbone) -> Widening:
        return Widening(backbone, share)

    return _recipe("expansion", CrossEntropy(), (Phase(new=1.0),), network=network, **settings)


@method
def expansion_lwf(share: float = 0.25, temperature: float = 2.0, lam: float = 1.0, **settings) -> Recipe:
    """Network expansion with Learning without Forgetting: all nodes learn (LwF, section 4.2, Table 2b)."""

    def network(backbone) -> Widening:
        return Widening(backbone, share)

    terms = CrossEntropy() + lam * Distillation(temperature)
    return _recipe("expansion_lwf", terms, WARM_UP_THEN_JOINT, network=network, **settings)


@method
def mas(
    lam: float = 1.0,
    output: str = "norm",
    on: str = "train",
    classes: tuple[int, ...] | None = None,
    average: bool = False,
    heads: str = "task",
    **settings,
) -> Recipe:
    """Memory Aware Synapses: changes cost what they change of the learned function (MAS, eq. 2 and 3, lambda = 1)."""
    return _anchored("mas", lam / 2, Anchor(MAS(output, on, classes, average)), heads, **settings)


@method
def mas_local(
    lam: float = 1.0, on: str = "train", classes: tuple[int, ...] | None = None, heads: str = "task", **settings
) -> Recipe:
    """Local MAS, by Hebb's rule: what fires together is kept together (MAS, eq. 6; l-MAS in its tables)."""
    return _anchored("mas_local", lam / 2, Anchor(LocalMAS(on=on, classes=classes)), heads, **settings)


@method
def ewc(lam: float = 400.0, given: bool = False, heads: str = "task", **settings) -> Recipe:
    """Elastic Weight Consolidation, with a Fisher and a penalty for each task (Kirkpatrick et al. 2017, eq. 3)."""
    return _anchored("ewc", lam / 2, Anchor(Fisher(given)), heads, **settings)


@method
def ewc_online(lam: float = 400.0, decay: float = 1.0, heads: str = "task", **settings) -> Recipe:
    """Online EWC: one Fisher that sums over tasks, older ones fading by ``decay`` (Schwarz et al. 2018, section 3)."""
    return _anchored("ewc_online", lam / 2, Anchor(OnlineFisher(decay=decay)), heads, **settings)


@method
def si(lam: float = 1.0, damping: float = 0.1, heads: str = "task", **settings) -> Recipe:
    """Synaptic Intelligence: importance gathered along the path of training (Zenke et al. 2017, eq. 4 and 5)."""
    return _anchored("si", lam, Anchor(PathIntegral(damping)), heads, **settings)


@method
def imm_mean(lam: float = 0.01, heads: str = "task", **settings) -> Recipe:
    """Mean-IMM: the mean of the models of all tasks, each trained with L2 towards the last (Lee et al. 2017)."""
    return _anchored("imm_mean", lam / 2, Anchor(), heads, merge=MeanMerge(), **settings)


@method
def imm_mode(lam: float = 0.01, heads: str = "task", **settings) -> Recipe:
    """Mode-IMM: the models of all tasks merged by their Fisher information (Lee et al. 2017)."""
    return _anchored("imm_mode", lam / 2, Anchor(), heads, merge=ModeMerge(), **settings)


@method
def ebll(
    alpha: float = 0.1,
    size: int = 16,
    temperature: float = 2.0,
    lam: float = 1.0,
    reconstruction: float = 1.0,
    **settings,
) -> Recipe:
    """Encoder based lifelong learning: LwF's loss and, for every old task, codes of the features that stay (Triki et
    al. 2017, eq. 7); after a task its autoencoder learns, the rest frozen, in a fifth of the epochs
    (eq. 5), of which there should be three or more."""
    terms = CrossEntropy() + lam * Distillation(temperature) + alpha * Codes()
    encoder = Phase("autoencoder", 0.2, code=20.0, loss=reconstruction * Reconstruction() + ReconstructedCrossEntropy())
    warm_up, joint = WARM_UP_THEN_JOINT
    later = (warm_up, replace(joint, share=0.6), encoder)
    first = (Phase(share=0.8, shared=1.0, new=1.0), encoder)

    def network(backbone) -> Encoded:
        return Encoded(backbone, size)

    return _recipe("ebll", terms, later, network=network, first=first, **settings)


def _incremental(name: str, beta: float, gamma: float, kind: str, maps: str, heads: str, **settings) -> Recipe:
    """L_C + beta L_D + gamma L_AD over one head for all classes (LwM, eq. 3), without the terms of weight 0."""
    if kind not in ("sigmoid", "softmax"):
        raise ValueError(f'kind is "sigmoid" or "softmax", not {kind!r}.')
    loss: Loss | Term = BinaryCrossEntropy() if kind == "sigmoid" else CrossEntropy()
    held = Distillation(kind="sigmoid") if kind == "sigmoid" else Distillation(kind="cross_entropy", joined=True)
    loss = loss + beta * held if beta else loss
    loss = loss + gamma * AttentionDistillation(maps=maps) if gamma else loss
    return _recipe(name, loss, JOINT, heads=heads, **settings)


@method
def lwf_mc(beta: float = 1.0, kind: str = "sigmoid", heads: str = "class", **settings) -> Recipe:
    """Class-incremental LwF: sigmoids over all classes, the teacher's as targets of the old (LwM, section 5.1)."""
    return _incremental("lwf_mc", beta, 0.0, kind, "grad_cam", heads, **settings)


@method
def lwm(
    beta: float = 1.0,
    gamma: float = 1.0,
    kind: str = "sigmoid",
    maps: str = "grad_cam",
    heads: str = "class",
    **settings,
) -> Recipe:
    """Learning without Memorizing: L_C + beta L_D + gamma L_AD, answers and attention are held (LwM, eq. 3)."""
    return _incremental("lwm", beta, gamma, kind, maps, heads, **settings)


@method
def lwm_attention_only(
    gamma: float = 1.0, kind: str = "sigmoid", maps: str = "grad_cam", heads: str = "class", **settings
) -> Recipe:
    """L_C + gamma L_AD, attention held and answers not (LwM, Table 5)."""
    return _incremental("lwm_attention_only", 0.0, gamma, kind, maps, heads, **settings)
