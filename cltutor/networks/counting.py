"""How many parameters a network has after each task (DF-CNN, section 4.2 and Figure 3)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..checked import Many, checked
from ..describe import Kind, Whole
from ..seeds import apart
from .backbone import IMAGE_SHAPE
from .network import MOST_CLASSES, Architecture, Network

if TYPE_CHECKING:
    from ..runs.run import Run
else:
    Run = object

A_RUN = Kind("a run, such as cl.learn returns", lambda value: hasattr(value, "model_after") and hasattr(value, "seed"))


def size(network: Network) -> int:
    """The number of a network's parameters, those of all tasks together."""
    return sum(parameter.numel() for parameter in network.parameters())


@checked(image_shape=IMAGE_SHAPE, classes=Many(Whole(at_least=1, at_most=MOST_CLASSES)))
def parameters(description: Architecture, image_shape: tuple[int, int, int], classes: Sequence[int]) -> list[int]:
    """The number of parameters after each task, with ``classes`` each, of a network that ``description`` builds.

    For networks whose shape follows from growing; for one that changes its shape as it learns use
    ``parameters_of_run``. The global random state is restored.
    """
    counts = []
    with apart():
        network = description.build(image_shape, pretrained=False)
        for count in classes:
            network.grow(count)
            counts.append(size(network))
    return counts


@checked(run=A_RUN)
def parameters_of_run(run: Run) -> list[int]:
    """The number of parameters after each task that ``run`` has learned, of its networks as trained."""
    return [size(run.model_after(task)) for task in range(run.learned)]


def check_shape(what: str, network: Network) -> None:
    """Refuse a network that changes itself while it learns a task: ``what`` needs one that does not."""
    if type(network).begin_phase is not Network.begin_phase:
        raise ValueError(
            f"{what} needs a network that keeps its shape while it learns a task, and {type(network).__name__} does "
            "not: use MultiHead()."
        )


def check_shared(what: str, network: Network, shared: Sequence[int]) -> None:
    """The same where there is more than one task of a network that has no parameters that all tasks share, or, as
    ``shared`` counts after each task, others than before."""
    if len(shared) < 2:
        return
    check_shape(what, network)
    if not shared[-1]:
        raise ValueError(
            f"{what} needs parameters that tasks share, and {type(network).__name__} has none: use MultiHead()."
        )
    if shared[-1] != shared[-2]:
        raise ValueError(
            f"{what} needs a network that keeps its shared parameters: there were {shared[-2]}, now there are "
            f"{shared[-1]}."
        )
