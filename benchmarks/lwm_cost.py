"""What a step of LwF-MC and of LwM costs beside a step of fine-tuning on the same batch.

The second task is learned, all epochs, without testing; methods alternate in one process. Required: lwf_mc at most 1.4
times fine-tuning, lwm at most 1.6 times.
"""

import resource
import statistics
import sys
import time

import report
import torch

import cltutor as cl
from cltutor.events import TaskDone
from cltutor.networks import ResNet32, SmallCNN

ROUNDS, BATCH = 7, 32
LIMITS = {"finetune": 1.0, "lwf_mc": 1.4, "lwm": 1.6}
NETWORKS = {"SmallCNN()": (SmallCNN(), 4), "ResNet32()": (ResNet32(), 1)}


def milliseconds(stream: cl.streams.Stream, recipe: cl.Recipe) -> float:
    """Mean time of an update in the second task."""
    for event in cl.train(stream, recipe, device="cpu", test_every=99):
        if isinstance(event, TaskDone) and event.task == 0:
            steps, started = event.run.updates, time.perf_counter()
            tested = event.run.seconds["test"]
    passed = time.perf_counter() - started - (event.run.seconds["test"] - tested)
    return 1000 * passed / (event.run.updates - steps)


def main() -> int:
    stream = cl.streams.scenes(tasks=[4, 2], classes=range(6), per_class=(64, 1))
    rows, holds = [], []
    for name, (backbone, epochs) in NETWORKS.items():
        settings = {"heads": "class", "backbone": backbone, "epochs": epochs, "batch_size": BATCH}
        recipes = {method: getattr(cl.methods, method)(**settings) for method in LIMITS}
        rounds = [
            {method: milliseconds(stream, recipe) for method, recipe in recipes.items()} for _ in range(ROUNDS + 1)
        ]
        for method, limit in LIMITS.items():
            ratios = [one[method] / one["finetune"] for one in rounds[1:]]
            middle = statistics.median(ratios)
            spent = statistics.median(one[method] for one in rounds[1:])
            spread = f"{middle:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            rows.append([name, method, f"{spent:.1f}", spread, f"{limit:g}"])
            holds.append(middle <= limit)
    header = ["network", "method", "ms a step", "times fine-tuning (range)", "allowed"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    notes = (
        f"Batches of {BATCH} images of 32x32, {ROUNDS} alternating rounds after one unmeasured, medians. "
        f"Peak memory of the process {peak:.0f} MB, {torch.get_num_threads()} threads."
    )
    report.write("lwm_cost", "Cost of a step of LwM", header, rows, notes, seeds=[0])
    return 0 if all(holds) else 1


if __name__ == "__main__":
    sys.exit(main())
