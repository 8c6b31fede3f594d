"""What the rows of the Deconvolutional Factorized CNN mean (Lee et al. 2019)."""

from functools import partial

from ...runs.run import Run
from ...streams import Stream
from . import measures
from .claim import Measure, Quantity, Vocabulary, trained
from .measures import cifar_sizes

RIVALS = ("single_task", "hard_sharing", "progressive")  # with the same convolutions; DEN's size follows its learning


def total(stream: Stream, method: str) -> float:
    return cifar_sizes(method)[-1] / 1e6


def largest_total(stream: Stream) -> float:
    return max(total(stream, method) for method in RIVALS)


def added(stream: Stream, method: str, task: int) -> float:
    """What task number ``task``, from 1, adds to the network."""
    sizes = cifar_sizes(method)
    return (sizes[task - 1] - sizes[task - 2]) / 1e6


def twice_the_epochs(stream: Stream, run: Run) -> float:
    return 2 * measures.epochs(stream, run)


def growth(method: str) -> list[Quantity]:
    return [
        Quantity(f"what the tenth task adds to {method}", partial(added, method=method, task=10)),
        Quantity("what the second adds", partial(added, method=method, task=2)),
    ]


PARAMETERS = Measure("parameters for ten tasks of CIFAR-100, millions", total, counted=True)
OWN = ("parameters", "growth_of_dfcnn", "growth_of_progressive")
STATISTICS = measures.STATISTICS | dict.fromkeys(OWN, PARAMETERS)
SIDES = {
    "epochs": [Quantity("twice those of dfcnn", twice_the_epochs, (trained("dfcnn"),))],
    "parameters": [Quantity(f"the most of {', '.join(RIVALS)}", largest_total)],
    "growth_of_dfcnn": growth("dfcnn"),
    "growth_of_progressive": growth("progressive"),
}
VOCABULARY = Vocabulary(STATISTICS, SIDES)
