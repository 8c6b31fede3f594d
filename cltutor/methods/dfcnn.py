"""The deconvolutional factorized CNN, and the methods its paper compares it with (DF-CNN, sections 2 and 4.1):
single-task networks, hard parameter sharing, progressive networks, the dynamically expandable network, and tensor
factorization."""

from dataclasses import replace
from functools import partial
from typing import Annotated

from ..describe import rule
from ..losses import CrossEntropy, Drift, GroupLasso, L1Penalty, L2Penalty
from ..losses.terms import as_loss
from ..memory import Everything
from ..networks import (
    DFCNN,
    DFCNNTC2,
    DFCNNDirect,
    Expandable,
    MultiHead,
    Progressive,
    SingleTask,
    TaskCNN,
    TensorFactorization,
)
from ..recipe import Phase, Recipe
from . import schedules
from .registry import Build, Heads, Weight, compose, register
from .schedules import Data

# The shared parts and those of the newest task learn; all others stay as they are (section 2.3).
NEWEST = (Phase(shared=1.0, new=1.0),)
SMALL_KNOWLEDGE, SMALL_DECONVOLUTION = ((2, 4), (2, 6), (2, 8), (2, 9)), ((3, 2),) * 4
OFFICE_HOME = {  # Lifelong-ML/DF-CNN, utils/utils_env_cl.py: ten tasks of 13 classes have 201.8 M parameters
    "knowledge": ((6, 24), (3, 64), (2, 64), (2, 64)),
    "deconvolution": ((3, 48), (3, 128), (3, 128), (3, 128)),
}


@register
def single_task(**settings) -> Recipe:
    """Single-task learning, STL: a separate, newly initialised network for every task (DF-CNN, section 4.1)."""
    return compose("single_task", CrossEntropy(), NEWEST, network=SingleTask, **{"backbone": TaskCNN(), **settings})


@register
def single_task_large(**settings) -> Recipe:
    """Single-task learning with 0.935 M parameters per task (DF-CNN, section 4.2); the paper gives no sizes, and those
    here are inferred."""
    large = TaskCNN(channels=(48, 48, 96, 96), hidden=(128,))
    return compose("single_task_large", CrossEntropy(), NEWEST, network=SingleTask, **{"backbone": large, **settings})


@register
def hard_sharing(**settings) -> Recipe:
    """Hard parameter sharing, HPS: all convolutions are shared and keep learning, all fully connected layers are
    task-specific (DF-CNN, section 4.1)."""

    def network(backbone) -> MultiHead:
        return MultiHead(backbone, task_specific_layers=1 + len(getattr(backbone, "hidden", ())))

    return compose("hard_sharing", CrossEntropy(), NEWEST, network=network, **{"backbone": TaskCNN(), **settings})


@register
def dfcnn(
    knowledge: tuple[tuple[int, ...], ...] = DFCNN.knowledge,
    deconvolution: tuple[tuple[int, ...], ...] = DFCNN.deconvolution,
    stride: int = 2,
    activation: Annotated[str | None, rule(DFCNN, "activation")] = None,
    bias: bool = True,
    initialisation: Annotated[str, rule(DFCNN, "initialisation")] = "he",
    **settings,
) -> Recipe:
    """The deconvolutional factorized CNN: each task's filters are rebuilt from a knowledge base that keeps learning
    (DF-CNN, section 2, eq. 1 and 2, Algorithm 1). The deconvolution is linear with a bias, as in the authors' program;
    ``bias=False`` is eq. 1 as printed, and ``activation="relu"`` a variant of ours. ``initialisation`` is "he", ours,
    or "glorot", the authors'."""

    def network(backbone) -> DFCNN:
        return DFCNN(backbone, knowledge, deconvolution, stride, activation, bias, initialisation)

    return compose("dfcnn", CrossEntropy(), NEWEST, network=network, **{"backbone": TaskCNN(), **settings})


@register
def dfcnn_small(
    knowledge: tuple[tuple[int, ...], ...] = SMALL_KNOWLEDGE,
    deconvolution: tuple[tuple[int, ...], ...] = SMALL_DECONVOLUTION,
    stride: int = 2,
    activation: Annotated[str | None, rule(DFCNN, "activation")] = None,
    bias: bool = True,
    **settings,
) -> Recipe:
    """The reduced DF-CNN of about 2.8 M parameters for ten tasks (DF-CNN, section 4.2). The paper gives only this
    total; with these sizes, a quarter of the knowledge and two channels of a basis, it is 2.78 M."""

    def network(backbone) -> DFCNN:
        return DFCNN(backbone, knowledge, deconvolution, stride, activation, bias)

    return compose("dfcnn_small", CrossEntropy(), NEWEST, network=network, **{"backbone": TaskCNN(), **settings})


@register
def dfcnn_direct(
    knowledge: tuple[tuple[int, ...], ...] = DFCNNDirect.knowledge,
    deconvolution: tuple[tuple[int, ...], ...] = DFCNNDirect.deconvolution,
    **settings,
) -> Recipe:
    """The ablation of DF-CNN without a contraction, which deconvolves straight to the filters (DF-CNN, section 2.2,
    online appendix; sizes from the authors' program)."""
    network = partial(DFCNNDirect, knowledge=knowledge, deconvolution=deconvolution)
    return compose("dfcnn_direct", CrossEntropy(), NEWEST, network=network, **{"backbone": TaskCNN(), **settings})


@register
def dfcnn_tc2(
    knowledge: tuple[tuple[int, ...], ...] = DFCNNTC2.knowledge,
    deconvolution: tuple[tuple[int, ...], ...] = DFCNNTC2.deconvolution,
    **settings,
) -> Recipe:
    """The ablation of DF-CNN that contracts twice, to the input and to the output channels of a filter (DF-CNN, section
    2.2, online appendix; sizes from the authors' program)."""
    network = partial(DFCNNTC2, knowledge=knowledge, deconvolution=deconvolution)
    return compose("dfcnn_tc2", CrossEntropy(), NEWEST, network=network, **{"backbone": TaskCNN(), **settings})


@register
def progressive(
    reduction: int = 2, adapters: Annotated[str, rule(Progressive, "adapters")] = "joint", **settings
) -> Recipe:
    """Progressive networks: one column per task, with connections from earlier, frozen ones (Rusu et al. 2016).

    ``adapters="separate"`` builds these as the DF-CNN authors' program does, one for each earlier column, in
    convolutions alone."""
    network = partial(Progressive, reduction=reduction, adapters=adapters)
    return compose(
        "progressive", CrossEntropy(), (Phase(new=1.0),), network=network, **{"backbone": TaskCNN(), **settings}
    )


@register
def expandable(
    l1: Weight = 1e-6,
    l2: Weight = 0.01,
    group_lasso: Weight = 0.8e-4,
    drift: Weight = 0.5,
    expansion: int = 16,
    loss_threshold: float = 0.01,
    drift_threshold: float = 0.05,
    updates: int | None = 34_000,
    **settings,
) -> Recipe:
    """Dynamically expandable network: select the weights that a task needs, retrain them, add units, and duplicate
    units that moved (Yoon et al. 2018, Algorithms 1 to 4).

    DF-CNN's paper names no constant of its comparison. ``l1``, ``l2``, ``group_lasso``, ``drift``, ``expansion`` and
    ``loss_threshold`` are numbers of its authors' program, whose network is not public (Lifelong-ML/DF-CNN,
    utils/utils_env_cl.py); ``drift_threshold`` is that of DEN's own program, the shares of the epochs are ours. ``l1``
    and ``group_lasso`` are what an update subtracts; the listed 0.8 is multiplied by that program's rate, 0.0001.

    They are meant for 2,000 epochs of 17 batches, 34,000 ``updates`` a task (section 4.2). Ours: a task of n updates
    subtracts ``updates`` / n times as much at each, so that a task subtracts as much in all; None subtracts the listed
    numbers at every update. ``l2`` and ``drift`` weigh gradients and the thresholds compare losses and lengths: these
    are not numbers per update, and stay.

    ValueError with a weight decay. These numbers are weak whatever the budget. In a task l1 subtracts 0.034 in all,
    0.0034 of it in selection, where the weights of a head of 64 inputs are drawn up to 0.125; the group lasso subtracts
    0.8, where a new unit's weights have a length of 1.4. So selection takes nearly every unit, and few are removed:
    what is seen is growth and splits.

    The pull to the weights from before the task starts with selective retraining, which is thus also the
    first of Algorithm 4's two trainings. A recipe's equation shows the loss of the first task and of selection.
    """
    sparse, pull = CrossEntropy() + l1 * L1Penalty(updates), drift / 2 * Drift()
    small = CrossEntropy() + l2 / 2 * L2Penalty() + pull
    later = (
        Phase("select", share=0.1, new=1.0),
        Phase("retrain", share=0.3, shared=1.0, new=1.0, loss=small),
        Phase("expand", share=0.3, shared=1.0, new=1.0, loss=sparse + group_lasso * GroupLasso(updates)),
        Phase("split", share=0.3, shared=1.0, new=1.0, loss=CrossEntropy() + pull),
    )

    def network(backbone) -> Expandable:
        return Expandable(backbone, expansion, loss_threshold, drift_threshold)

    settings = {"backbone": TaskCNN(), "weight_decay": 0.0, **settings}
    recipe = compose("expandable", sparse, later, network=network, **settings)
    if recipe.schedule.weight_decay != 0:
        raise ValueError("expandable has no weight decay: it would move weights that must not change.")
    return recipe


TRAINED_THEN_FACTORIZED = (
    Phase("single tasks", old=1.0, new=1.0),
    Phase("factorized", shared=1.0, old=1.0, new=1.0),
)


@register
def tensor_factorization(
    kind: Annotated[str, rule(TensorFactorization, "kind")] = "tucker",
    threshold: float = 1e-3,
    heads: Heads = "task",
    **settings,
) -> Recipe:
    """Tensor factorization: a network per task first, then the filters of all as factors that are trained jointly.

    This is multi-task learning, not lifelong learning: it trains on the data of all tasks so far, and belongs beside
    ``joint``, not in a table of lifelong learners. The DF-CNN paper found it to work only from trained single-task
    learners, and leaves it out of that comparison (DF-CNN, section 4.1; Yang and Hospedales 2017).

    Old tasks' networks keep learning in the first phase too, as their images are available. ``kind`` is "tucker" or
    "tensor_train", ``threshold`` the relative error of the decomposition between the phases. ``heads="class"`` shuffles
    the images of all tasks, and the outputs of all networks compete for each.
    """
    own = {"first": TRAINED_THEN_FACTORIZED, "backbone": TaskCNN(), "memory": Everything(interleaved=heads == "task")}
    network = partial(TensorFactorization, kind=kind, threshold=threshold)
    return compose(
        "tensor_factorization",
        CrossEntropy(),
        TRAINED_THEN_FACTORIZED,
        network=network,
        heads=heads,
        **{**own, **settings},
    )


def as_its_authors(method: Build, data: str, settings: dict) -> Recipe:
    """``method`` trained as the DF-CNN authors' program trains it: the loss is summed over the batch."""
    recipe = method(**{**schedules.dfcnn_authors(data), **settings})
    return replace(recipe, name=f"{recipe.name}_authors", loss=as_loss(CrossEntropy(reduction="sum")))


@register
def dfcnn_authors(data: Data = "cifar100", **settings) -> Recipe:
    """The deconvolutional factorized CNN as its authors' program builds and trains it, on "cifar100" or "office_home"
    (DF-CNN, section 4.2; Lifelong-ML/DF-CNN): ``cl.schedules.dfcnn_authors``, with Glorot's initialisation of all that
    filters are rebuilt from."""
    sizes = OFFICE_HOME if data == "office_home" else {}
    return as_its_authors(dfcnn, data, {**sizes, "initialisation": "glorot", **settings})


@register
def single_task_authors(data: Data = "cifar100", **settings) -> Recipe:
    """Single-task learning as the DF-CNN authors' program trains it (DF-CNN, section 4.2; Lifelong-ML/DF-CNN)."""
    return as_its_authors(single_task, data, settings)


@register
def hard_sharing_authors(data: Data = "cifar100", **settings) -> Recipe:
    """Hard parameter sharing as the DF-CNN authors' program trains it (DF-CNN, section 4.2; Lifelong-ML/DF-CNN)."""
    return as_its_authors(hard_sharing, data, settings)


@register
def progressive_authors(data: Data = "cifar100", **settings) -> Recipe:
    """Progressive networks as the DF-CNN authors' program builds and trains them, with adapters in convolutions alone
    (DF-CNN, section 4.2; Lifelong-ML/DF-CNN)."""
    return as_its_authors(progressive, data, {"adapters": "separate", **settings})
