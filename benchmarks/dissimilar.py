"""A similar and a dissimilar new task: ten scenes classes, then ten others, or then handwritten digits.

As LwF does with MNIST after ImageNet (Table 1). Every method's rate is searched on another class order, on
validation images, with the same grid, by the mean accuracy over both tasks.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import report
import torch
from searching import ALIKE, finished, search
from streams import percent

import cltutor as cl
from cltutor.evaluation.metrics import paired_difference
from cltutor.streams import Split, Stream, Task

METHODS = ("finetune", "feature_extraction", "lwf", "joint")
ORDERS, SEARCH_ORDER, PER_CLASS = range(5), 100, (100, 20)
RATES = (0.003, 0.01, 0.03, 0.1)


def similar(order: int, validation: float = 0) -> Stream:
    """Ten classes of scenes, then the ten others."""
    return cl.streams.scenes(tasks=2, order=order, per_class=PER_CLASS, validation=validation)


def dissimilar(order: int, validation: float = 0) -> Stream:
    """Ten classes of scenes, then digits as 32-pixel pictures, as many a class."""
    first = similar(order, validation)[0]
    digits = cl.streams.digits(tasks=1, order=order, validation=validation)
    new = digits[0]
    splits = [as_picture(new.train, len(first.train)), as_picture(new.validation), as_picture(new.test)]
    labels = tuple(20 + label for label in new.classes)
    scenes = cl.streams.scenes(per_class=(1, 1))
    code = f"scenes, then digits, order={order}, validation={validation}"
    names = (*scenes.class_names, *digits.class_names)
    return Stream(tasks=[first, Task(1, labels, *splits)], class_names=names, name="dissimilar", code=code)


def as_picture(split: Split, most: int | None = None) -> Split:
    """8x8 grey digits as 32x32 colour pictures, the first ``most`` of them, labelled after the scenes' classes."""
    images = split.images[:most].repeat_interleave(4, 2).repeat_interleave(4, 3).expand(-1, 3, -1, -1)
    return Split(images.contiguous(), split.labels[:most] + 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    builds = {method: getattr(cl.methods, method) for method in METHODS}
    rows = []
    with ProcessPoolExecutor(parser.parse_args().workers) as pool:
        for source in (similar, dissimilar):
            rates = search(builds, RATES, partial(source, validation=0.2), [SEARCH_ORDER], pool)
            jobs = [(source, {"order": o}, builds[m](learning_rate=rates[m]), o) for m in METHODS for o in ORDERS]
            runs = list(pool.map(finished, jobs))
            matrices = {m: [run.accuracy() for run in runs if run.name == m] for m in METHODS}
            for method, found in matrices.items():
                old, new = [a[1, 0] for a in found], [a[1, 1] for a in found]
                mean, half = paired_difference([a[1, 0] for a in matrices["lwf"]], old)
                lost = percent([a[0, 0] - a[1, 0] for a in found])
                gap = f"{100 * mean:+.1f} ± {100 * half:.1f}"
                rows.append([source.__name__, method, f"{rates[method]:g}", percent(old), lost, gap, percent(new)])
    header = ["new task", "method", "rate", "old task %", "old task lost", "lwf's gain on the old", "new task %"]
    notes = (
        f"Heads per task, task known. Mean ± half width of the 95 % t-interval over {len(ORDERS)} orders, differences "
        f"paired by order. {PER_CLASS[0]} training images a class of scenes, as many images in each "
        f"task. Rates from {RATES}, {ALIKE}."
    )
    report.write("dissimilar", "A similar and a dissimilar new task", header, rows, notes, [*ORDERS, SEARCH_ORDER])


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
