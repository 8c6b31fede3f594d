"""Keeping the codes of features: Encoder Based Lifelong Learning's losses (Triki et al. 2017, section 3)."""

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from ..checked import shaped
from ..describe import State
from ..networks import Network
from ..networks.encoded import EncodedNetwork
from .terms import Batch, Context, Term


@shaped(one="N, D", other="N, D")
def squared_distance(one: Tensor, other: Tensor) -> Tensor:
    """||one - other||^2 of each row, averaged over the batch (N, D)."""
    return (one - other).square().sum(dim=1).mean()


class Coded(Term):
    """A term that needs autoencoders."""

    def begin_task(self, context: Context, state: State) -> None:
        self.encoded(context.network)

    def encoded(self, network: Network) -> EncodedNetwork:
        """The network with its autoencoders; ValueError for one that has none."""
        if not isinstance(network, EncodedNetwork):
            raise ValueError(f"{type(self).__name__} needs a network with autoencoders: use networks.Encoded().")
        return network


@dataclass(frozen=True, repr=False)
class Codes(Coded):
    """sum_o 1/2 ||sigma(W_o F(x)) - sigma(W_o F*(x))||^2: each old task's code of the features stays as it was before
    this task, on this task's images (Triki et al. 2017, eq. 7)."""

    teacher: ClassVar[str] = "task"
    reads_features: ClassVar[bool] = True
    first_task: ClassVar[int] = 1

    def __call__(self, batch: Batch, state: State) -> Tensor:
        now, before = batch.student.features, batch.teacher(self.teacher).features.detach()
        old = list(self.encoded(batch.context.network).autoencoders)[: batch.task]
        return reduce(add, (0.5 * squared_distance(encoder.code(now), encoder.code(before)) for encoder in old))

    def latex(self, heads: str) -> str:
        return r"\sum_{o < t} \frac{1}{2} \| \sigma(W_o F(x)) - \sigma(W_o F^*(x)) \|^2"


@dataclass(frozen=True, repr=False)
class Reconstruction(Coded):
    """||r(F(x)) - F(x)||^2 of the newest task's autoencoder r, averaged over the batch (Triki et al. 2017, eq. 5)."""

    def __call__(self, batch: Batch, state: State) -> Tensor:
        features = batch.student.features.detach()
        return squared_distance(self.encoded(batch.context.network).autoencoders[-1](features), features)

    def latex(self, heads: str) -> str:
        return r"\| r_t(F(x)) - F(x) \|^2"


@dataclass(frozen=True, repr=False)
class ReconstructedCrossEntropy(Coded):
    """Cross-entropy of the newest head on reconstructed features: the code keeps what its task needs (Triki et al.
    2017, eq. 5)."""

    def __call__(self, batch: Batch, state: State) -> Tensor:
        network = self.encoded(batch.context.network)
        logits = network.heads[-1](network.autoencoders[-1](batch.student.features.detach()))
        return F.cross_entropy(logits, batch.labels - sum(network.classes[:-1]))

    def latex(self, heads: str) -> str:
        return r"\Big(-\sum_{c \in \mathcal{C}_t} y_c \log \hat{y}_c(r_t(F(x)))\Big)"
