"""What learns: backbones, and networks that grow by a task."""

from .backbone import Backbone, ResNet32, SmallCNN
from .copies import Copies
from .embedding import FactEmbedding
from .encoded import Encoded
from .measuring import evaluating
from .network import ROLES, MultiHead, Network, Output
from .pretrained import Torchvision
from .widening import Widening

__all__ = [
    "ROLES",
    "Backbone",
    "Copies",
    "Encoded",
    "FactEmbedding",
    "MultiHead",
    "Network",
    "Output",
    "ResNet32",
    "SmallCNN",
    "Torchvision",
    "Widening",
    "evaluating",
]
