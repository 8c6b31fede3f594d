"""What DF-CNN costs beside a network of its own for every task: a training step, testing, and ten tasks in a row.

A step is forward, backward, clipping and update at the paper's batch of 10 on 3x32x32 images of ten classes, 17 each,
in the second task, when an earlier one's parts are frozen. Tested are images of the newest task, in chunks as after
an epoch: there the filters are rebuilt once. Networks alternate in one process. Required: a step of DF-CNN at most 1.5
times the single-task learner's.

Ten tasks: Tiny-ImageNet's as in ``dfcnn.py tiny``, a few epochs each, by all seven networks in turn; seconds of
training alone, for expandable with all it does before and after its epochs.
"""

import statistics
import sys
import time
from collections.abc import Callable

import dfcnn
import numpy as np
import report
import torch
from torch.nn import functional as F

import cltutor as cl
from cltutor.evaluation.answers import own_logits
from cltutor.networks import Network
from cltutor.recipe.optimiser import SGD
from cltutor.streams import Stream
from cltutor.training.events import TaskDone

ROUNDS, LIMIT, CLASSES, PER_CLASS, BATCH, TESTED = 11, 1.5, 10, 17, 10, 500
METHODS = ("single_task", "dfcnn", "dfcnn_small")
EPOCHS, REPEATS = 2, 3  # of a task, where ten tasks are learned in a row
# Training time in 10,000 s on Office-Home (DF-CNN, Figure 5a); it gives none for the small single-task learner.
PAPER = {"single_task_large": 6.09, "hard_sharing": 3.79, "progressive": 11.7, "expandable": 4.09, "dfcnn": 4.11}


def network_of(method: str, images: torch.Tensor) -> Network:
    torch.manual_seed(0)
    network = cl.methods.get(method).network.build(tuple(images.shape[1:]))
    network.normalise_like(images)
    for _ in range(2):
        network.grow(CLASSES)
    return network.to("cpu", memory_format=torch.channels_last)


def epoch_of(network: Network, images: torch.Tensor, labels: torch.Tensor) -> Callable[[], None]:
    """One pass over the task, as the learner makes it."""
    roles = ("shared", "new")
    network.train_only(roles)
    optimiser = SGD([(network.parameters_of(role), 0.005) for role in roles], 0.9, 0.0, clip=1.0)

    def epoch() -> None:
        for places in torch.randperm(len(labels)).split(BATCH):
            F.cross_entropy(network(images[places]).head(1), labels[places]).backward()
            optimiser.clip_gradients()
            optimiser.step()

    return epoch


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def shown(values: list[float], digits: int = 2) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def task_seconds(method: str, stream: Stream) -> list[float]:
    """Seconds of training that each task took, an epoch."""
    recipe = getattr(cl.methods, method)(**{**dfcnn.SCALES["tiny"].schedule, "epochs": EPOCHS})
    events = cl.train(stream, recipe, test_every=EPOCHS + 1)
    so_far = [event.run.seconds["train"] for event in events if isinstance(event, TaskDone)]
    return [seconds / EPOCHS for seconds in np.diff([0.0, *so_far])]


def ten_tasks() -> None:
    stream = dfcnn.tiny(0, tested=1)  # testing is not timed, and would take longer than what is
    taken = {method: [] for method in dfcnn.METHODS}
    for _ in range(REPEATS):
        for method in dfcnn.METHODS:
            taken[method].append(task_seconds(method, stream))
    rows = []
    for method, rounds in taken.items():
        whole = [sum(tasks) for tasks in rounds]
        ratios = [one / sum(ours) for one, ours in zip(whole, taken["dfcnn"], strict=True)]
        growth = statistics.median(tasks[-1] / tasks[0] for tasks in rounds)
        theirs = f"{PAPER[method] / PAPER['dfcnn']:.2f}" if method in PAPER else ""
        rows.append([method, shown(whole), shown(ratios), theirs, f"{growth:.1f}"])
    header = ["network", "seconds of training, ten tasks, an epoch", "times dfcnn", "the paper's, on Office-Home"]
    header += ["tenth task, times the first"]
    notes = (
        f"Ten tasks of ten classes of Tiny-ImageNet, 17 pictures each, batches of 10, {EPOCHS} epochs a task; "
        f"medians (ranges) of {REPEATS} rounds in which the networks take turns; {torch.get_num_threads()} threads. "
        "The paper's are for other images and a larger network (DF-CNN, Figure 5a), as multiples of its DF-CNN."
    )
    report.write("dfcnn_seconds", "Seconds to train, DF-CNN and its baselines", header, rows, notes, seeds=[0])


def main() -> int:
    holds = steps_and_tests()
    ten_tasks()
    return 0 if holds else 1


def steps_and_tests() -> bool:
    """Whether a step of DF-CNN stays within its limit."""
    torch.manual_seed(0)
    draw = torch.randint(0, 256, (TESTED, 3, 32, 32), dtype=torch.uint8)
    images = draw[: CLASSES * PER_CLASS]
    labels = torch.arange(CLASSES).repeat_interleave(PER_CLASS)
    networks = {method: network_of(method, images) for method in METHODS}
    epochs = {method: epoch_of(network, images, labels) for method, network in networks.items()}
    steps, tests = {method: [] for method in METHODS}, {method: [] for method in METHODS}
    for _ in range(ROUNDS + 1):
        for method, network in networks.items():
            steps[method].append(1e3 * seconds(epochs[method]) / -(-len(labels) // BATCH))
            tests[method].append(TESTED / seconds(lambda network=network: own_logits(network, draw, 1)))
    rows = []
    for method in METHODS:
        times, rates = steps[method][1:], tests[method][1:]  # the first round warms up
        ratios = [one / plain for one, plain in zip(times, steps["single_task"][1:], strict=True)]
        speed = [one / plain for one, plain in zip(rates, tests["single_task"][1:], strict=True)]
        middle = f"{statistics.median(rates):.0f}"
        rows.append([method, f"{statistics.median(times):.1f}", shown(ratios), middle, shown(speed)])
        if method == "dfcnn":
            holds = statistics.median(ratios) <= LIMIT
    header = ["network", "ms a step", f"times single_task (range), allowed {LIMIT}", "images tested a second", "times"]
    notes = (
        f"Batches of {BATCH} of 3x32x32 images, {CLASSES} classes of {PER_CLASS}; {TESTED} images tested with the task "
        f"known. {ROUNDS} alternating rounds after one unmeasured, medians; {torch.get_num_threads()} threads. "
        "The limit is dfcnn's."
    )
    report.write("dfcnn_cost", "Cost of DF-CNN beside single-task learning", header, rows, notes, seeds=[0])
    return holds


if __name__ == "__main__":
    sys.exit(main())
