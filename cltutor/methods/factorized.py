"""Tensor factorization of the filters of all tasks (Yang and Hospedales 2017)."""

from ..losses import CrossEntropy
from ..memory import Everything
from ..networks import TaskCNN, TensorFactorization
from ..recipe import Phase, Recipe
from .registry import compose, method

TRAINED_THEN_FACTORIZED = (
    Phase("single tasks", old=1.0, new=1.0),
    Phase("factorized", shared=1.0, old=1.0, new=1.0),
)


@method
def tensor_factorization(kind: str = "tucker", threshold: float = 1e-3, heads: str = "task", **settings) -> Recipe:
    """Tensor factorization: every task's own network first, then the filters of all as factors that learn jointly.

    This is multi-task learning, no lifelong learning: it trains on the data of all tasks so far, and belongs beside
    ``joint``, in no table of lifelong learners. The DF-CNN paper found it to work only from trained single-task
    learners, and leaves it out of that comparison (DF-CNN, section 4.1; Yang and Hospedales 2017).

    Old tasks' own networks go on learning in the first phase too, as their images are there. ``kind`` is "tucker" or
    "tensor_train", ``threshold`` the relative error of the decomposition between the phases.
    """
    own = {"first": TRAINED_THEN_FACTORIZED, "backbone": TaskCNN(), "memory": Everything(interleaved=heads == "task")}

    def network(backbone) -> TensorFactorization:
        return TensorFactorization(backbone, kind, threshold)

    return compose(
        "tensor_factorization",
        CrossEntropy(),
        TRAINED_THEN_FACTORIZED,
        network=network,
        heads=heads,
        **{**own, **settings},
    )
