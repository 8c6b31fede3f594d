"""How many parameters a network has as tasks come (DF-CNN, section 4.2 and Figure 3)."""

from collections.abc import Sequence

import torch

from .network import Network


def size(network: Network) -> int:
    """The number of a network's parameters, those of all tasks together."""
    return sum(parameter.numel() for parameter in network.parameters())


def parameters(description: object, image_shape: tuple[int, int, int], classes: Sequence[int]) -> list[int]:
    """The number of parameters after each task of so many ``classes``, of a network that ``description`` builds.

    For networks whose shape follows from growing; of one that changes its shape as it learns, ask
    ``parameters_of_run``. Nobody's random state is touched.
    """
    counts = []
    with torch.random.fork_rng():
        network = description.build(tuple(image_shape), pretrained=False)
        for count in classes:
            network.grow(count)
            counts.append(size(network))
    return counts


def parameters_of_run(run) -> list[int]:
    """The number of parameters after each task that a ``Run`` has learned: of the networks that it kept."""
    return [size(run.model_after(task)) for task in range(run.learned)]
