"""How the images of a class are chosen, and how well the chosen ones stand for it: the data of the herding explorer."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..evaluation.predicting import class_means, distances
from ..memory import select
from ..memory.exemplars import features_of, top
from ..memory.selection import SELECTIONS
from ..networks import Network
from ..streams import Stream

MOST_TESTED = 200  # images of a class: so many take a second, of any stream


@dataclass(frozen=True)
class Judge:
    """Images of the classes seen: test features (M, D) and their classes (M,), the means (K, D) of training images.

    ``own``: the class, counted from 0, whose mean is that of the chosen images instead.
    """

    tested: Tensor
    labels: Tensor
    means: Tensor
    own: int

    def right(self, features: Tensor) -> tuple[float, float]:
        """Per cent of the test images of all classes, and of this class, that the nearest mean classifies rightly,
        where this class has the mean direction of ``features`` (m, D)."""
        means = self.means.clone()
        means[self.own] = class_means(features, torch.zeros(len(features), dtype=torch.int64), 1)[0]
        right = (distances(self.tested, means).argmin(dim=1) == self.labels).double()
        return 100 * float(right.mean()), 100 * float(right[self.labels == self.own].mean())


def judge(network: Network, stream: Stream, last: int, label: int) -> Judge:
    """What stands for the classes of the tasks up to ``last``, by the network after it."""
    seen, found = list(stream)[: last + 1], {}
    classes = [k for task in seen for k in task.classes]
    for part in ("train", "test"):
        data = [getattr(task, part) for task, own in zip(seen, seen, strict=True) for _ in own.classes]
        places = [top(one.labels, k, MOST_TESTED) for one, k in zip(data, classes, strict=True)]
        images = torch.cat([one.images[place] for one, place in zip(data, places, strict=True)])
        columns = torch.repeat_interleave(torch.arange(len(classes)), torch.tensor([len(place) for place in places]))
        found[part] = features_of(network, images).double(), columns
    tested, labels = found["test"]
    means = class_means(*found["train"], len(classes))
    return Judge(F.normalize(tested, dim=1), labels, means, classes.index(label))


@dataclass(frozen=True)
class Choice:
    """A class: images (N, C, H, W), features (N, D) and these at length one, what draws, PCA, a judge, a ``note``."""

    images: np.ndarray
    features: Tensor
    rows: np.ndarray
    seed: int
    places: np.ndarray
    axes: tuple[str, str]
    judge: Judge
    note: str = ""
    made: dict[int, tuple[dict[str, np.ndarray], dict[str, np.ndarray]]] = field(default_factory=dict)

    def by_strategy(self, kept: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Orders (N,) and distances (N,) by strategy: first the images that a memory chooses to keep that many, which
        is not the beginning of a larger choice by histogram, then the others."""
        if kept not in self.made:
            orders = {name: order_of(name, self.features, kept, self.seed) for name in SELECTIONS}
            self.made[kept] = orders, {name: distances_of(self.rows, order) for name, order in orders.items()}
        return self.made[kept]


def order_of(strategy: str, features: Tensor, kept: int, seed: int) -> np.ndarray:
    """The places (N,) of a class's images: those chosen to keep ``kept``, then the others as all would be chosen."""
    chosen, every = (select(strategy, features, n, seed).numpy() for n in (kept, len(features)))
    return np.concatenate([chosen, every[~np.isin(every, chosen)]])


def distances_of(rows: np.ndarray, order: np.ndarray) -> np.ndarray:
    """From the mean of the first m rows (N, D) in that order to the mean of all, for m from 1 up: (N,)."""
    means = rows[order].cumsum(0) / np.arange(1, len(order) + 1)[:, None]
    return np.linalg.norm(means - rows.mean(0), axis=1)


def pca(rows: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    """Places (N, 2) of rows (N, D) along the two directions in which they differ most, and the names of these."""
    centred = rows - rows.mean(0)
    _, lengths, directions = np.linalg.svd(centred, full_matrices=False)
    shares = 100 * lengths**2 / max(np.sum(lengths**2), 1e-12)
    first, second = (f"component of PCA ({share:.0f} % of variance)" for share in shares[:2])
    return centred @ directions[:2].T, (f"first {first}", f"second {second}")


def tsne(rows: np.ndarray) -> np.ndarray:
    """Places (N, 2) of rows (N, D) on a map that keeps neighbours together."""
    from sklearn.manifold import TSNE  # slow to import, and computed in a thread

    return TSNE(perplexity=min(30, (len(rows) - 1) / 3), init="pca", random_state=0).fit_transform(rows)
