"""Where EEIL's paper is silent or its program differs: does the choice matter? Digits, the task unknown.

Five tasks of two classes, K = 100, five class orders, fourteen epochs (8 and 6, as the paper's 40 and 30). Each row
changes one choice of ``eeil`` and nothing else, and is paired with the default by class order. Balanced sets differ
only where a class has fewer images than its exemplars are to be: they are compared on ``unequal`` digits.
"""

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import report
import torch
from searching import finished
from streams import percent

import cltutor as cl
from cltutor.evaluation.metrics import paired_difference
from cltutor.memory import ExemplarMemory
from cltutor.recipe.noise import GradientNoise
from cltutor.streams import Stream

ORDERS, EPOCHS, CAPACITY = range(5), 14, 100
FEW = (None, 12, 8, 5, 3)  # training images of the second class of each task; None for all

EQUAL = {
    "as shipped": {},
    "old heads taught by the network before fine-tuning (program)": {"old_teacher": "phase"},
    "noise as a deviation per epoch (program)": {"noise": GradientNoise(form="deviation")},
    "no noise": {"noise": None},
    "first task without augmentation (program)": {"augment_first": False},
}
UNEQUAL = {
    "strict (paper; as shipped)": {},
    "loose (ours)": {"memory": ExemplarMemory(CAPACITY, balancing="loose")},
    "program": {"memory": ExemplarMemory(CAPACITY, balancing="program")},
}


def equal(order: int) -> Stream:
    return cl.streams.digits(tasks=5, order=order)


def unequal(order: int) -> Stream:
    """Digits whose later tasks have a class of few training images; every class has all its test images."""
    stream, tasks = equal(order), []
    for task, few in zip(stream, FEW, strict=True):
        rare = (task.train.labels == task.classes[1]).nonzero().squeeze(1)
        common = (task.train.labels == task.classes[0]).nonzero().squeeze(1)
        tasks.append(replace(task, train=task.train.take(torch.cat([common, rare[:few]]))))
    return Stream(tasks, stream.class_names, f"digits, {order}, unequal", f"unequal({order})")


def recipe(**settings) -> cl.Recipe:
    return cl.methods.eeil(**{"memory": ExemplarMemory(CAPACITY), "epochs": EPOCHS, **settings})


def measures(run: cl.Run) -> tuple[float, float]:
    """Accuracy after the last task, the mean over tasks, and average incremental accuracy."""
    return float(run.accuracy(known_task=False)[-1].mean()), run.metrics(known_task=False)[
        "average_incremental_accuracy"
    ]


def rows_of(source: Callable[[int], Stream], choices: dict[str, dict], pool: ProcessPoolExecutor) -> list[list]:
    jobs = [(source, {"order": order}, recipe(**own), order) for own in choices.values() for order in ORDERS]
    found = np.array([measures(run) for run in pool.map(finished, jobs)]).reshape(len(choices), len(ORDERS), 2)
    rows = []
    for name, own in zip(choices, found, strict=True):
        gaps = [paired_difference(own[:, column], found[0, :, column]) for column in (0, 1)]
        end, mean = [f"{100 * gap:+.1f} ± {100 * half:.1f}" if len(rows) else "" for gap, half in gaps]
        rows.append([source.__name__, name, percent(own[:, 0]), end, percent(own[:, 1]), mean])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=1)
    with ProcessPoolExecutor(parser.parse_args().workers) as pool:
        rows = [*rows_of(equal, EQUAL, pool), *rows_of(unequal, UNEQUAL, pool)]
    header = ["digits", "choice", "at the end %", "against the first", "average incremental %", "against the first"]
    notes = (
        f"Mean ± half width of the 95 % t-interval over {len(ORDERS)} class orders (seed = order), differences paired "
        f"by order. eeil, K = {CAPACITY}, {EPOCHS} epochs, rate 0.02, small CNN, task unknown; accuracy is the mean "
        "over tasks. Unequal: the second class of tasks 2 to 5 has 12, 8, 5 and 3 training images, the others all of "
        "theirs; test images are those of equal digits. 360 test images: read no difference under a point. Average "
        "incremental accuracy leaves the first step out."
    )
    report.write("eeil_choices", "EEIL's silent choices on digits", header, rows, notes, ORDERS)


if __name__ == "__main__":
    main()
