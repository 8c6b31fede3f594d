"""Prediction rules: by logits, or by the nearest mean of exemplars (iCaRL; Rebuffi et al. 2017, Algorithm 1).

A rule gives every image one score per class seen. The largest score among the competing classes wins, so that all
rules are tested alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ..checked import Tensors, checked
from ..describe import Part, Whole, flag
from ..networks import Network
from .answers import check_labels, features, logits

Score = Callable[[Network, Tensor], Tensor]  # (network, images (N, C, H, W)) -> scores (N, classes seen)
Exemplars = Callable[[], tuple[Tensor, Tensor]]  # images (M, C, H, W), and their columns (M,) of the logits


@dataclass(frozen=True, repr=False)
class Prediction(Part):
    """A rule that turns a network into scores; recipes name it: ``predict="nearest_mean"``."""

    needs_exemplars: ClassVar[bool] = False  # reads the images in memory

    def rule(self, network: Network, exemplars: Exemplars) -> Score:
        """The score function for ``network``: of images (N, C, H, W) the scores (N, classes). ``exemplars()`` gives the
        images (M, C, H, W) in memory and their columns (M,).
        """
        raise NotImplementedError

    def __call__(self, network: Network, exemplars: Exemplars) -> Score:
        return self.rule(network, exemplars)


@dataclass(frozen=True, repr=False)
class ByLogits(Prediction):
    """Scores are the logits (LwF, section 3; EEIL, section 3.2)."""

    def rule(self, network: Network, exemplars: Exemplars) -> Score:
        return logits


@dataclass(frozen=True, repr=False)
class NearestMean(Prediction):
    """Scores are minus the distance between an image's unit-length features and the mean of a class's exemplars (iCaRL,
    Algorithm 1).

    ``mirrored``: exemplars count twice, as they are and mirrored left to right, as in iCaRL's program, which trains on
    mirrors too. It is an option of its own, since a mirrored digit is no digit.
    """

    mirrored: bool = flag(False)

    needs_exemplars: ClassVar[bool] = True

    def rule(self, network: Network, exemplars: Exemplars) -> Score:
        images, labels = exemplars()
        if self.mirrored:
            images, labels = torch.cat([images, images.flip(3)]), labels.repeat(2)
        found = features(network, images)
        means = class_means(found, labels.to(found.device), sum(network.classes))

        def score(network: Network, images: Tensor) -> Tensor:
            return -distances(F.normalize(features(network, images), dim=1), means)

        return score


@checked(features=Tensors("N, D"), classes=Whole(at_least=1))
def class_means(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Mean direction (classes, D) of each class: features (N, D) scaled to length one, averaged and scaled again.

    ``labels`` (N,) are columns of the logits. The mean of a class without images is infinitely far from everything.
    """
    check_labels(labels, len(features), classes)
    unit = F.normalize(features, dim=1)
    sums = torch.zeros(classes, unit.shape[1]).to(unit).index_add(0, labels, unit)
    means = F.normalize(sums, dim=1)
    return means.masked_fill(torch.bincount(labels, minlength=classes).unsqueeze(1) == 0, float("inf"))


@checked(features=Tensors("N, D"), means=Tensors("classes, D"))
def distances(features: Tensor, means: Tensor) -> Tensor:
    """From each row of ``features`` (N, D) to each of ``means`` (classes, D): (N, classes), infinite to a mean that is
    infinitely far. ``torch.cdist`` itself makes nan of infinity above 25 rows, and nan would win every comparison.
    ValueError for two lengths D."""
    if features.shape[1] != means.shape[1]:
        raise ValueError(f"features and means have one length D, not {features.shape[1]} and {means.shape[1]}.")
    absent = means.isinf().any(dim=1)
    return torch.cdist(features, means.masked_fill(absent.unsqueeze(1), 0)).masked_fill(absent, float("inf"))


PREDICTIONS: dict[str, Prediction] = {
    "logits": ByLogits(),
    "nearest_mean": NearestMean(),
    "nearest_mean_mirrored": NearestMean(mirrored=True),
}
