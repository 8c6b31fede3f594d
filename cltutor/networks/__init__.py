"""What learns: backbones, and networks that grow by a task."""

from .backbone import Backbone, ResNet32, SmallCNN, TaskCNN
from .copies import Copies
from .counting import parameters, parameters_of_run
from .dfcnn import DFCNN, contract, deconvolve
from .embedding import FactEmbedding
from .encoded import Encoded
from .measuring import evaluating
from .network import ROLES, MultiHead, Network, Output
from .pretrained import Torchvision
from .single_task import SingleTask
from .widening import Widening

__all__ = [
    "ROLES",
    "Backbone",
    "Copies",
    "DFCNN",
    "Encoded",
    "FactEmbedding",
    "MultiHead",
    "Network",
    "Output",
    "ResNet32",
    "SingleTask",
    "SmallCNN",
    "TaskCNN",
    "Torchvision",
    "Widening",
    "contract",
    "deconvolve",
    "evaluating",
    "parameters",
    "parameters_of_run",
]
