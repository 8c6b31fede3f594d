"""Nearest class mean on a frozen pretrained backbone: the baseline without any learning (Mensink et al. 2013)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..describe import State
from ..evaluation.answers import features
from ..losses import Context, CrossEntropy
from ..networks import Network, ShapesCNN
from ..recipe.merging import AfterTask
from ..recipe.recipe import Phase, Recipe
from .registry import Heads, compose, register
from .wa import check_heads

PROBE = (Phase("probe", new=1.0),)


def mean_classifier(means: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (C, D) and biases (C,) whose logits rank classes as the distance to ``means`` (C, D) does.

    -1/2 ||f - mu||^2 = mu . f - 1/2 ||mu||^2 - 1/2 ||f||^2, and the last part is the same for all classes: the nearest
    mean is a linear classifier (Mensink et al. 2013, the nearest class mean classifier).
    """
    return means, -means.square().sum(dim=1) / 2


@dataclass(frozen=True, repr=False)
class ClassMeans(AfterTask):
    """After a task its head is replaced by the means of its classes' features (Mensink et al. 2013), which never
    change.

    ValueError, before training, for a network whose heads are more than one fully connected layer.
    """

    def fits(self, network: Network, shared: Sequence[int]) -> None:
        check_heads(network)

    @torch.no_grad()
    def end_task(self, context: Context, state: State) -> None:
        network, train = context.network, context.data.train
        if not len(train):
            return
        found = features(network, train.images)
        columns = context.positions(train.labels).to(found.device)
        for name, value in (("sums", found), ("counts", torch.ones_like(found[:, :1]))):
            before = state.get(name, value[:0])
            state[name] = F.pad(before, (0, 0, 0, sum(network.classes) - len(before))).index_add(0, columns, value)
        means = (state["sums"] / state["counts"]).split(network.classes)
        for head, own in zip(network.heads, means, strict=True):  # type: ignore[arg-type]  # fits has checked them
            if own.isfinite().all():  # a first task without images has its classifier from a file
                for value, exact in zip((head.weight, head.bias), mean_classifier(own), strict=True):
                    value.copy_(exact)


@register(fixed=("first", "memory", "after_task", "predict"))
def ncm(heads: Heads = "class", **settings) -> Recipe:
    """Nearest class mean on frozen features: no weight of the backbone ever learns (Mensink et al. 2013, "Distance-
    Based Image Classification"; with a pretrained backbone a baseline that methods must beat: Janson et al. 2022).

    The backbone has learned other shapes than those of any stream here, ``networks.ShapesCNN()``;
    ``backbone=cl.networks.Torchvision(name, weights)`` reads a file of yours. The loop trains a head, which the means
    replace: what the schedule says of it changes no result, and one epoch is enough.
    """
    own = {"backbone": ShapesCNN(), **settings}
    return compose("ncm", CrossEntropy(), PROBE, first=PROBE, after_task=ClassMeans(), heads=heads, **own)
