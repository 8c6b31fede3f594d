"""What cltutor's loop costs beside a bare PyTorch loop over the same tensors, network, layout and optimiser.

One task after another has been learned; timed is the learning of the second, all epochs, without testing. The two
loops alternate in one process. LwF's time holds the recording of its responses and no warm-up, so that every epoch
trains all weights. Required: fine-tuning at 0.95 of the bare loop's images a second, LwF at 0.90.
"""

import copy
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import report
import torch
from torch.nn import functional as F

import cltutor as cl
from cltutor.networks import Network
from cltutor.recipe.optimiser import SGD
from cltutor.streams import Stream
from cltutor.training.events import TaskDone

PAIRS, EPOCHS, BATCH = 15, 10, 32
STREAMS = {
    "digits, 8x8": lambda: cl.streams.digits(tasks=2),
    "scenes, 32x32": lambda: cl.streams.scenes(tasks=2, classes=range(4), per_class=(150, 5)),
}


def cltutor_seconds(stream: Stream, recipe: cl.Recipe) -> float:
    """Seconds from the end of the first task to the end of the second, without testing."""
    started = tested = 0.0
    for event in cl.train(stream, recipe, device="cpu"):
        if isinstance(event, TaskDone) and event.task == 0:
            started, tested = time.perf_counter(), event.run.seconds["test"]
    return time.perf_counter() - started - (event.run.seconds["test"] - tested)


def bare_seconds(stream: Stream, first: Network, distil: bool) -> float:
    """The same by hand: grow a head, record the old one's answers where asked, and train."""
    images = stream[1].train.images
    labels = stream.positions(stream[1].train.labels) - len(stream[0].classes)
    network = copy.deepcopy(first).requires_grad_(True).to("cpu", memory_format=torch.channels_last)
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
    optimiser = SGD([(parameters, 0.02)], momentum=0.9, weight_decay=0.0005, clip=1.0)
    for _ in range(EPOCHS):
        for places in torch.randperm(len(labels)).tensor_split(-(-len(labels) // BATCH)):
            output = network(images[places])
            loss = F.cross_entropy(output.head(1), labels[places])
            if distil:
                loss = loss - (recorded[places] * F.log_softmax(output.head(0) / 2, dim=1)).sum(dim=1).mean()
            loss.backward()
            optimiser.clip_gradients()
            optimiser.step()
    return time.perf_counter() - started


def pairs(ours: Callable[[], float], bare: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Seconds of both, alternating, after one unmeasured round."""
    rounds = [(ours(), bare()) if i % 2 else (bare(), ours())[::-1] for i in range(PAIRS + 1)][1:]
    return [own for own, _ in rounds], [other for _, other in rounds]


def main() -> int:
    rows, worst = [], {"finetune": 1e9, "lwf": 1e9}
    for name, make in STREAMS.items():
        stream = make()
        for method in worst:
            recipe = getattr(cl.methods, method)(epochs=EPOCHS, batch_size=BATCH)
            recipe = replace(recipe, schedule=replace(recipe.schedule, later=recipe.schedule.later[-1:]))
            first = cl.learn(stream, recipe, device="cpu", progress=False).model_after(0)
            ours, bare = pairs(
                lambda recipe=recipe, stream=stream: cltutor_seconds(stream, recipe),
                lambda first=first, stream=stream, method=method: bare_seconds(stream, first, method == "lwf"),
            )
            count = EPOCHS * len(stream[1].train)
            ratios = [other / own for own, other in zip(ours, bare, strict=True)]
            worst[method] = min(worst[method], statistics.median(ratios))
            rows.append(
                [
                    name,
                    method,
                    f"{count / statistics.median(ours):,.0f}",
                    f"{count / statistics.median(bare):,.0f}",
                    f"{statistics.median(ratios):.3f}",
                    f"{min(ratios):.3f} to {max(ratios):.3f}",
                ]
            )
    header = ["stream", "method", "cltutor images/s", "bare images/s", "ratio (median)", "ratio (range)"]
    notes = f"{PAIRS} alternating pairs, {EPOCHS} epochs, batches of {BATCH}. The bare loop of lwf distils too."
    report.write("loop_cost", "Cost of the loop", header, rows, notes, seeds=[0])
    return 0 if worst["finetune"] >= 0.95 and worst["lwf"] >= 0.90 else 1


if __name__ == "__main__":
    sys.exit(main())
