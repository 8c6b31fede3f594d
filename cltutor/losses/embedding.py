"""Learning facts: the distance between the embeddings of an image and of its words (MAS, section 5.2)."""

from dataclasses import dataclass

from torch import Tensor

from ..checked import shaped
from ..describe import State
from ..networks import Network
from ..networks.embedding import FactNetwork
from .terms import Batch, Context, Term


@shaped(embedding="N, D", words="N, D")
def embedding_distance(embedding: Tensor, words: Tensor) -> Tensor:
    """||e_i - w_i||^2, the mean over the images i: embeddings (N, D) and those of their words (N, D) -> scalar."""
    return (embedding - words).square().sum(1).mean()


@dataclass(frozen=True, repr=False)
class EmbeddingDistance(Term):
    """ "The loss minimizes the pairwise distance between the visual and the language embedding" (MAS, section 5.2).

    The squared Euclidean distance, summed over subject, predicate and object, averaged over the batch. Facts do
    not compete with each other, so ``heads`` changes nothing. Raises ValueError for a network without ``facts``.
    """

    def begin_task(self, context: Context, state: State) -> None:
        facts_of(context.network)

    def __call__(self, batch: Batch, state: State) -> Tensor:
        return embedding_distance(batch.student.features, facts_of(batch.context.network)[batch.labels])

    def latex(self, heads: str) -> str:
        return r"\sum_{u \in \{S, P, O\}} \|f_u(x; \theta) - w_u\|_2^2"


def facts_of(network: Network) -> Tensor:
    """The vector (classes, D) of each fact; ValueError for a network without facts."""
    if not isinstance(network, FactNetwork):
        raise ValueError("EmbeddingDistance needs a network that embeds facts: use networks.FactEmbedding().")
    return network.facts
