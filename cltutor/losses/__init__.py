"""What is optimised: the terms of a loss, and the plain functions behind them."""

from .anchor import Anchor, anchor
from .attention import AttentionDistillation, attention_distillation
from .codes import Codes, ReconstructedCrossEntropy, Reconstruction, squared_distance
from .cross_entropy import BinaryCrossEntropy, CrossEntropy, compete
from .distillation import Distillation, TemporaryDistillation, distillation, l1, l2
from .embedding import EmbeddingDistance, embedding_distance
from .labels import LabelCrossEntropy
from .sparsity import Drift, GroupLasso, L1Penalty, L2Penalty, group_soft_threshold, soft_threshold
from .terms import Batch, Context, Loss, Part, Term

__all__ = [
    "AttentionDistillation",
    "BinaryCrossEntropy",
    "attention_distillation",
    "Codes",
    "ReconstructedCrossEntropy",
    "Reconstruction",
    "squared_distance",
    "Anchor",
    "Batch",
    "Context",
    "CrossEntropy",
    "Distillation",
    "Drift",
    "EmbeddingDistance",
    "GroupLasso",
    "L1Penalty",
    "LabelCrossEntropy",
    "L2Penalty",
    "Loss",
    "Part",
    "TemporaryDistillation",
    "Term",
    "anchor",
    "compete",
    "distillation",
    "embedding_distance",
    "group_soft_threshold",
    "l1",
    "l2",
    "soft_threshold",
]
