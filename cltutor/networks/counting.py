"""How many parameters a network has after each task (DF-CNN, section 4.2 and Figure 3)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from .network import Architecture, Network

if TYPE_CHECKING:
    from ..runs.run import Run


def size(network: Network) -> int:
    """The number of a network's parameters, those of all tasks together."""
    return sum(parameter.numel() for parameter in network.parameters())


def parameters(description: Architecture, image_shape: tuple[int, int, int], classes: Sequence[int]) -> list[int]:
    """The number of parameters after each task, with ``classes`` each, of a network that ``description`` builds.

    For networks whose shape follows from growing; for one that changes its shape as it learns use
    ``parameters_of_run``. The global random state is restored.
    """
    counts = []
    with torch.random.fork_rng():
        network = description.build(image_shape, pretrained=False)
        for count in classes:
            network.grow(count)
            counts.append(size(network))
    return counts


def parameters_of_run(run: "Run") -> list[int]:
    """The number of parameters after each task that ``run`` has learned, of its networks as trained."""
    return [size(run.model_after(task)) for task in range(run.learned)]
