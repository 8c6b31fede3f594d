"""What cltutor's loop costs beside a bare PyTorch loop over the same tensors and network, on the CPU.

One task after another has been learned; timed is the learning of the second, all epochs, without testing. The loops
alternate in one process. The bare loop is what a user would write: ``torch.optim.SGD`` and ``clip_grad_norm_`` with
their defaults, images as they are; a third loop is the same with images and weights in the layout that cltutor chooses
(channels last). LwF's time holds the recording of its responses and no warm-up, so that every epoch trains all weights.
Wanted, in images per second over the bare loop: fine-tuning 1.10, LwF 1.05, ResNet-32 1.00.
"""

import copy
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import report
import torch
from torch import nn
from torch.nn import functional as F

import cltutor as cl
from cltutor.networks import Network, ResNet32, SmallCNN
from cltutor.streams import Stream
from cltutor.training.events import TaskDone

PAIRS, BATCH = 15, 32
LAYOUTS = {"as a user would": torch.contiguous_format, "channels last": torch.channels_last}
SCENES = {"tasks": 2, "classes": range(4)}
CASES = {  # stream, backbone, epochs
    "digits, 8x8, SmallCNN": (lambda: cl.streams.digits(tasks=2), SmallCNN(), 10),
    "scenes, 32x32, SmallCNN": (lambda: cl.streams.scenes(per_class=(150, 5), **SCENES), SmallCNN(), 10),
    "scenes, 32x32, ResNet-32": (lambda: cl.streams.scenes(per_class=(80, 5), **SCENES), ResNet32(), 2),
}
WANTED = {"finetune": 1.10, "lwf": 1.05}


def cltutor_seconds(stream: Stream, recipe: cl.Recipe) -> float:
    """Seconds from the end of the first task to the end of the second, without testing."""
    started = tested = 0.0
    for event in cl.train(stream, recipe, device="cpu"):
        if isinstance(event, TaskDone) and event.task == 0:
            started, tested = time.perf_counter(), event.run.seconds["test"]
    return time.perf_counter() - started - (event.run.seconds["test"] - tested)


def bare_seconds(stream: Stream, first: Network, distil: bool, epochs: int, layout: torch.memory_format) -> float:
    """The same by hand: grow a head, record the old one's answers where asked, and train."""
    images = stream[1].train.images
    labels = stream.positions(stream[1].train.labels) - len(stream[0].classes)
    network = copy.deepcopy(first).requires_grad_(True).to("cpu", memory_format=layout)
    started = time.perf_counter()
    recorded = None
    if distil:
        with torch.no_grad():
            recorded = F.softmax(torch.cat([first(chunk).head(0) for chunk in images.split(512)]) / 2, dim=1)
    network.grow(len(stream[1].classes))
    network.train()
    if not distil:
        network.heads[0].requires_grad_(False)
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.SGD(parameters, lr=0.02, momentum=0.9, weight_decay=0.0005)
    for _ in range(epochs):
        for places in torch.randperm(len(labels)).tensor_split(-(-len(labels) // BATCH)):
            output = network(images[places])
            loss = F.cross_entropy(output.head(1), labels[places])
            if distil:
                loss = loss - (recorded[places] * F.log_softmax(output.head(0) / 2, dim=1)).sum(dim=1).mean()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
    return time.perf_counter() - started


def alternating(loops: list[Callable[[], float]]) -> np.ndarray:
    """Seconds (PAIRS, loops), each round in another order, after one unmeasured round."""
    rounds = np.zeros((PAIRS + 1, len(loops)))
    for i in range(PAIRS + 1):
        for j in np.roll(np.arange(len(loops)), i):
            rounds[i, j] = loops[j]()
    return rounds[1:]


def median(ratios: np.ndarray) -> tuple[float, str]:
    """The median, and its 95 % interval by 10,000 bootstrap samples, as text."""
    drawn = np.median(np.random.default_rng(0).choice(ratios, (10_000, len(ratios))), axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(np.median(ratios)), f"{np.median(ratios):.2f} [{low:.2f}, {high:.2f}]"


def main() -> int:
    rows, reached = [], True
    for name, (make, backbone, epochs) in CASES.items():
        stream = make()
        for method, wanted in WANTED.items():
            recipe = getattr(cl.methods, method)(epochs=epochs, batch_size=BATCH, backbone=backbone)
            recipe = replace(recipe, schedule=replace(recipe.schedule, later=recipe.schedule.later[-1:]))
            first = cl.learn(stream, recipe, device="cpu", progress=False).model_after(0)
            loops = [lambda recipe=recipe, stream=stream: cltutor_seconds(stream, recipe)]
            for layout in LAYOUTS.values():
                arguments = stream, first, method == "lwf", epochs, layout
                loops.append(lambda arguments=arguments: bare_seconds(*arguments))
            seconds = alternating(loops)
            speeds = [f"{epochs * len(stream[1].train) / one:,.0f}" for one in np.median(seconds, axis=0)]
            ratios = [median(seconds[:, i] / seconds[:, 0]) for i in (1, 2)]
            reached &= ratios[0][0] >= (1.0 if "ResNet" in name else wanted)
            rows.append([name, method, *speeds, *(words for _, words in ratios)])
            print(rows[-1], flush=True)
    header = [
        "stream, network",
        "method",
        "cltutor, images/s",
        "bare",
        "bare, channels last",
        "over bare",
        "over the last",
    ]
    notes = (
        f"Medians of {PAIRS} alternating rounds, batches of {BATCH}; ratios with the 95 % interval of the median "
        "(bootstrap), above 1 is faster. The bare loop of lwf distils too."
    )
    report.write("loop_cost", "Cost of the loop", header, rows, notes, seeds=[0])
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
