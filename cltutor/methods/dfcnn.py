"""The deconvolutional factorized CNN, and what its paper measures it against (DF-CNN, sections 2 and 4.1)."""

from ..losses import CrossEntropy
from ..networks import DFCNN, MultiHead, SingleTask, TaskCNN
from ..recipe import Phase, Recipe
from .registry import compose, method

# What tasks share and the newest task's own parts learn; all others stay as they are (section 2.3).
NEWEST = (Phase(shared=1.0, new=1.0),)
SMALL_KNOWLEDGE, SMALL_DECONVOLUTION = ((2, 4), (2, 6), (2, 8), (2, 9)), ((3, 2),) * 4


@method
def single_task(**settings) -> Recipe:
    """Single-task learning, STL: an isolated network for every task, drawn anew (DF-CNN, section 4.1)."""
    return compose("single_task", CrossEntropy(), NEWEST, network=SingleTask, **{"backbone": TaskCNN(), **settings})


@method
def single_task_large(**settings) -> Recipe:
    """Single-task learning with 0.935 M parameters a task (DF-CNN, section 4.2); the paper tells no more of it, and
    the sizes here are inferred."""
    large = TaskCNN(channels=(48, 48, 96, 96), hidden=(128,))
    return compose("single_task_large", CrossEntropy(), NEWEST, network=SingleTask, **{"backbone": large, **settings})


@method
def hard_sharing(**settings) -> Recipe:
    """Hard parameter sharing, HPS: all convolutions are shared and go on learning, all fully connected layers belong
    to their task (DF-CNN, section 4.1)."""

    def network(backbone) -> MultiHead:
        return MultiHead(backbone, task_specific_layers=1 + len(getattr(backbone, "hidden", ())))

    return compose("hard_sharing", CrossEntropy(), NEWEST, network=network, **{"backbone": TaskCNN(), **settings})


@method
def dfcnn(
    knowledge: tuple[tuple[int, int], ...] = DFCNN.knowledge,
    deconvolution: tuple[tuple[int, int], ...] = DFCNN.deconvolution,
    stride: int = 2,
    activation: str | None = "relu",
    **settings,
) -> Recipe:
    """The deconvolutional factorized CNN: each task's filters are rebuilt from a knowledge base that goes on learning
    (DF-CNN, section 2, eq. 1 and 2, Algorithm 1). ``activation=None`` is eq. 1 as printed, without bias and ReLU."""

    def network(backbone) -> DFCNN:
        return DFCNN(backbone, knowledge, deconvolution, stride, activation)

    return compose("dfcnn", CrossEntropy(), NEWEST, network=network, **{"backbone": TaskCNN(), **settings})


@method
def dfcnn_small(
    knowledge: tuple[tuple[int, int], ...] = SMALL_KNOWLEDGE,
    deconvolution: tuple[tuple[int, int], ...] = SMALL_DECONVOLUTION,
    stride: int = 2,
    activation: str | None = "relu",
    **settings,
) -> Recipe:
    """The reduced DF-CNN of about 2.8 M parameters for ten tasks (DF-CNN, section 4.2). The paper gives this total
    alone; with these sizes, a quarter of the knowledge and two channels of a basis, it is 2.78 M."""

    def network(backbone) -> DFCNN:
        return DFCNN(backbone, knowledge, deconvolution, stride, activation)

    return compose("dfcnn_small", CrossEntropy(), NEWEST, network=network, **{"backbone": TaskCNN(), **settings})
