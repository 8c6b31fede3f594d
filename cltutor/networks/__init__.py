"""What learns: backbones, and networks that grow by a task."""

from .backbone import Backbone, BackboneArchitecture, OfficeHomeCNN, SmallCNN, TaskCNN
from .copies import Copies
from .counting import parameters, parameters_of_run
from .decomposition import tensor_train, tucker
from .dfcnn import DFCNN, DFCNNTC2, DFCNNDirect
from .embedding import FactEmbedding
from .encoded import Encoded
from .expandable import Expandable
from .factorized import TensorFactorization
from .knowledge import contract, deconvolve
from .modules import evaluating
from .network import ROLES, Architecture, MultiHead, Network, Output
from .pretrained import ResNet34, Torchvision
from .progressive import Progressive
from .resnet import ResNet32
from .separate import SingleTask
from .shapes_cnn import ShapesCNN
from .widening import Widening

__all__ = [
    "ROLES",
    "Architecture",
    "Backbone",
    "BackboneArchitecture",
    "Copies",
    "DFCNN",
    "DFCNNDirect",
    "DFCNNTC2",
    "Encoded",
    "Expandable",
    "FactEmbedding",
    "MultiHead",
    "Network",
    "OfficeHomeCNN",
    "Output",
    "Progressive",
    "ResNet32",
    "ResNet34",
    "ShapesCNN",
    "SingleTask",
    "SmallCNN",
    "TaskCNN",
    "TensorFactorization",
    "Torchvision",
    "Widening",
    "contract",
    "deconvolve",
    "evaluating",
    "parameters",
    "parameters_of_run",
    "tensor_train",
    "tucker",
]
