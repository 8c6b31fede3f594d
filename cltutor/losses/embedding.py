"""Learning facts: the distance between what the network sees and the words that say it (MAS, section 5.2)."""

from dataclasses import dataclass

from torch import Tensor

from ..describe import Described
from .terms import Batch, Context, Kept, Term


def embedding_distance(embedding: Tensor, words: Tensor) -> Tensor:
    """||e_i - w_i||^2, the mean over the images i: embeddings (N, D) and those of their words (N, D) -> scalar."""
    return (embedding - words).square().sum(1).mean()


@dataclass(frozen=True, repr=False)
class EmbeddingDistance(Described, Term):
    """ "The loss minimizes the pairwise distance between the visual and the language embedding" (MAS, section 5.2).

    The squared Euclidean distance, summed over subject, predicate and object, averaged over the batch. No fact
    competes with another one, so ``heads`` changes nothing. Raises ValueError for a network without ``facts``.
    """

    def begin_task(self, context: Context, kept: Kept) -> None:
        if not hasattr(context.network, "facts"):
            raise ValueError("EmbeddingDistance needs a network that embeds facts: use networks.FactEmbedding().")

    def __call__(self, batch: Batch, kept: Kept) -> Tensor:
        return embedding_distance(batch.student.features, batch.context.network.facts[batch.labels])

    def latex(self, heads: str) -> str:
        return r"\sum_{u \in \{S, P, O\}} \|f_u(x; \theta) - w_u\|_2^2"
