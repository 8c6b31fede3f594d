"""Networks that gain capacity with every task, as the DF-CNN paper compares them (section 4.1)."""

from ..losses import CrossEntropy, Drift, GroupLasso, L1Penalty, L2Penalty
from ..networks import Expandable, Progressive, TaskCNN
from ..recipe import Phase, Recipe
from .registry import compose, method


@method
def progressive(reduction: int = 2, **settings) -> Recipe:
    """Progressive networks: a column per task that hears the earlier ones, which are frozen (Rusu et al. 2016)."""

    def network(backbone) -> Progressive:
        return Progressive(backbone, reduction)

    return compose(
        "progressive", CrossEntropy(), (Phase(new=1.0),), network=network, **{"backbone": TaskCNN(), **settings}
    )


@method
def expandable(
    l1: float = 1e-6,
    l2: float = 0.01,
    group_lasso: float = 0.8e-4,
    drift: float = 0.5,
    expansion: int = 16,
    loss_threshold: float = 0.01,
    drift_threshold: float = 0.05,
    **settings,
) -> Recipe:
    """Dynamically expandable network: select the weights that a task needs, train them again, add units, and duplicate
    those that moved (Yoon et al. 2018, Algorithms 1 to 4), with the constants and shares of the epochs of DF-CNN's
    comparison (section 4.1).

    ``l1`` and ``group_lasso`` are what an update takes off; the published 0.8 is multiplied by that program's rate,
    0.0001. As there, the pull to the weights of before the task acts from selective retraining on, which so is also
    the first of Algorithm 4's two trainings. A recipe's equation shows the loss of the first task and of selection.
    """
    sparse, pull = CrossEntropy() + l1 * L1Penalty(), drift / 2 * Drift()
    small = CrossEntropy() + l2 / 2 * L2Penalty() + pull
    later = (
        Phase("select", share=0.1, new=1.0),
        Phase("retrain", share=0.3, shared=1.0, new=1.0, loss=small),
        Phase("expand", share=0.3, shared=1.0, new=1.0, loss=sparse + group_lasso * GroupLasso()),
        Phase("split", share=0.3, shared=1.0, new=1.0, loss=CrossEntropy() + pull),
    )

    def network(backbone) -> Expandable:
        return Expandable(backbone, expansion, loss_threshold, drift_threshold)

    settings = {"backbone": TaskCNN(), "weight_decay": 0.0, **settings}
    if settings["weight_decay"] != 0:
        raise ValueError("expandable has no weight decay: it would move weights that are to stay as they are.")
    return compose("expandable", sparse, later, network=network, **settings)
