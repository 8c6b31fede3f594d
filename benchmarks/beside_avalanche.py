"""cltutor beside Avalanche 0.6 on the same tensors and the same small CNN, on the CPU: seconds of training five tasks.

10,000 images of 8x8 pixels, two classes a task, one epoch in batches of 32, one head for all classes. Without metrics,
logs or tests on either side; cltutor clips gradients besides. Avalanche's importance for MAS is the squared gradient of
a whole batch, cltutor's the exact mean over images. The two alternate in one process. Wanted, as Avalanche's seconds
over cltutor's: naive fine-tuning 1.40, LwF 1.25, MAS 1.00. Avalanche is no dependency: `pip install avalanche-lib`.
"""

import importlib.util
import sys
import time
import warnings

import numpy as np
import report
import torch
from loop_cost import PAIRS, alternating, median
from torch import nn

import cltutor as cl
from cltutor.losses import Anchor, CrossEntropy, Distillation
from cltutor.networks import SmallCNN
from cltutor.recipe.recipe import Phase, Schedule

TASKS, CLASSES, IMAGES, BATCH, RATE = 5, 2, 1000, 32, 0.01
WANTED = {"naive": 1.40, "LwF": 1.25, "MAS": 1.00}
LOSSES = {
    "naive": CrossEntropy(),
    "LwF": CrossEntropy() + Distillation(temperature=2, joined=True),
    "MAS": CrossEntropy() + 0.5 * Anchor(cl.importance.MAS()),
}


def tensors() -> tuple[torch.Tensor, torch.Tensor]:
    drawn = torch.Generator().manual_seed(0)
    labels = torch.arange(TASKS * CLASSES).repeat_interleave(IMAGES)
    patterns = torch.rand(TASKS * CLASSES, 1, 8, 8, generator=drawn)
    return (255 * (0.6 * patterns[labels] + 0.4 * torch.rand(len(labels), 1, 8, 8, generator=drawn))).byte(), labels


def ours(name: str, stream: cl.streams.Stream) -> float:
    everything = Phase(shared=1, old=1, new=1)
    schedule = Schedule(epochs=1, batch_size=BATCH, learning_rate=RATE, first=(everything,), later=(everything,))
    recipe = cl.Recipe(name, LOSSES[name], schedule=schedule, heads="class")
    started = time.perf_counter()
    run = cl.learn(stream, recipe, device="cpu", progress=False, test_every=2)
    return time.perf_counter() - started - run.seconds["test"]


def theirs(name: str, images: torch.Tensor, labels: torch.Tensor) -> float:
    from avalanche.benchmarks import tensors_benchmark
    from avalanche.training import MAS, LwF, Naive
    from avalanche.training.plugins import EvaluationPlugin

    own = [labels // CLASSES == task for task in range(TASKS)]
    parts = [(images[chosen], labels[chosen]) for chosen in own]
    stream = tensors_benchmark(
        train_tensors=parts, test_tensors=[(i[:2], y[:2]) for i, y in parts], task_labels=[0] * TASKS
    )
    backbone = SmallCNN().build((1, 8, 8))
    backbone.normalise.fit(images[:IMAGES])
    network = nn.Sequential(backbone, nn.Linear(backbone.width, TASKS * CLASSES))
    optimiser = torch.optim.SGD(network.parameters(), lr=RATE, momentum=0.9, weight_decay=0.0005)
    common = {"model": network, "optimizer": optimiser, "criterion": nn.CrossEntropyLoss(), "train_mb_size": BATCH}
    common |= {"train_epochs": 1, "eval_mb_size": 128, "evaluator": EvaluationPlugin(loggers=[])}
    if name == "LwF":
        strategy = LwF(alpha=1.0, temperature=2.0, **common)
    else:
        strategy = MAS(lambda_reg=0.5, **common) if name == "MAS" else Naive(**common)
    started = time.perf_counter()
    for experience in stream.train_stream:
        strategy.train(experience)
    return time.perf_counter() - started


def main() -> int:
    if importlib.util.find_spec("avalanche") is None:
        print("Avalanche is not installed: pip install avalanche-lib==0.6.0, in an environment of its own.")
        return 2
    import avalanche

    warnings.simplefilter("ignore")
    images, labels = tensors()
    stream = cl.streams.tensors(images, labels, images[::IMAGES], labels[::IMAGES], tasks=TASKS)
    rows, reached = [], True
    for name, wanted in WANTED.items():
        loops = [lambda name=name: ours(name, stream), lambda name=name: theirs(name, images, labels)]
        seconds = alternating(loops)
        ratio, words = median(seconds[:, 1] / seconds[:, 0])
        reached &= ratio >= wanted
        rows.append([name, *(f"{one:.2f}" for one in np.median(seconds, axis=0)), words, f"{wanted:.2f}"])
        print(rows[-1], flush=True)
    notes = f"Medians of {PAIRS} alternating rounds, with the 95 % interval of the median ratio (bootstrap)."
    header = ["method", "cltutor, s", f"Avalanche {avalanche.__version__}, s", "times as fast", "wanted"]
    report.write("beside_avalanche", "Training beside Avalanche", header, rows, notes, seeds=[0])
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
