"""How a network answers: by its logits, or by the nearest mean of exemplars (iCaRL; Rebuffi et al. 2017, Algorithm 1).

A score (N, classes seen) an image is what competes at test, so that both ways are tested alike.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ..networks import Network
from .answers import answers, logits

Score = Callable[[Network, Tensor], Tensor]
Exemplars = Callable[[], tuple[Tensor, Tensor]]  # images (M, C, H, W), and their columns (M,) of the logits


def class_means(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Means (classes, D) of features (N, D) of length one, themselves made of length one; ``labels`` (N,) columns.

    A class without an image has a mean that is infinitely far.
    """
    unit = F.normalize(features, dim=1)
    sums = torch.zeros(classes, unit.shape[1]).to(unit).index_add(0, labels, unit)
    means = F.normalize(sums, dim=1)
    return means.masked_fill(torch.bincount(labels, minlength=classes).unsqueeze(1) == 0, float("inf"))


def nearest_mean(network: Network, exemplars: Exemplars) -> Score:
    """Scores by minus the distance of an image's features, of length one, to the mean of each class's exemplars."""
    images, labels = exemplars()
    features = answers(network, images, features=True)[1]
    means = class_means(features, labels.to(features.device), sum(network.classes))

    def score(network: Network, images: Tensor) -> Tensor:
        return -torch.cdist(F.normalize(answers(network, images, features=True)[1], dim=1), means)

    return score


def by_logits(network: Network, exemplars: Exemplars) -> Score:
    """Scores are logits, whatever the memory holds."""
    return logits


PREDICTIONS: dict[str, Callable[[Network, Exemplars], Score]] = {"logits": by_logits, "nearest_mean": nearest_mean}
