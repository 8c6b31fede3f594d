"""What a step of LwF-MC and of LwM costs beside a step of fine-tuning on the same batch, in time and in memory.

The second task is learned, all epochs, without testing; methods alternate in one process. The teacher's answers are
recorded before the first batch (and that is counted), or asked for every augmented batch. Required: lwf_mc at most 1.4
times fine-tuning, lwm at most 1.6 times.
"""

import multiprocessing
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import report
import torch

import cltutor as cl
from cltutor.networks import ResNet32, SmallCNN
from cltutor.streams import CropFlip
from cltutor.training.events import TaskDone

ROUNDS, BATCH, EPOCHS = 5, 32, {"SmallCNN()": 10, "ResNet32()": 4}
LIMITS = {"finetune": 1.0, "lwf_mc": 1.4, "lwm": 1.6}


def stream() -> cl.streams.Stream:
    return cl.streams.scenes(tasks=[4, 2], classes=range(6), per_class=(64, 1))


def recipe_of(method: str, backbone: object, augmentation: CropFlip | None) -> cl.Recipe:
    settings = {"heads": "class", "backbone": backbone, "epochs": EPOCHS[repr(backbone)], "batch_size": BATCH}
    return getattr(cl.methods, method)(**settings, augmentation=augmentation)


def milliseconds(recipe: cl.Recipe) -> float:
    """Mean time of an update in the second task."""
    for event in cl.train(stream(), recipe, device="cpu", test_every=99):
        if isinstance(event, TaskDone) and event.task == 0:
            steps, started = event.run.updates, time.perf_counter()
            tested = event.run.seconds["test"]
    passed = time.perf_counter() - started - (event.run.seconds["test"] - tested)
    return 1000 * passed / (event.run.updates - steps)


def peak(recipe: cl.Recipe) -> float:
    """Peak memory of this process in MB, after learning; the peak that getrusage tells is inherited."""
    milliseconds(recipe)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def rows_of(backbone: object, augmentation: CropFlip | None, fresh: ProcessPoolExecutor) -> list[tuple[list, bool]]:
    """A row for each method, and whether it keeps within its limit."""
    recipes = {method: recipe_of(method, backbone, augmentation) for method in LIMITS}
    rounds = [{method: milliseconds(recipe) for method, recipe in recipes.items()} for _ in range(ROUNDS + 1)][1:]
    rows = []
    for method, limit in LIMITS.items():
        ratios = [one[method] / one["finetune"] for one in rounds]
        middle, spent = statistics.median(ratios), statistics.median(one[method] for one in rounds)
        spread = f"{middle:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        answers = "asked" if augmentation else "recorded"
        peak_memory = fresh.submit(peak, recipes[method]).result()
        row = [backbone, answers, method, f"{spent:.1f}", spread, f"{limit:g}", f"{peak_memory:.0f}"]
        rows.append((row, middle <= limit))
    return rows


def main() -> int:
    context = multiprocessing.get_context("spawn")
    found = []
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as fresh:
        for backbone in (SmallCNN(), ResNet32()):
            for augmentation in (None, CropFlip()):
                found += rows_of(backbone, augmentation, fresh)
    header = ["network", "teacher", "method", "ms a step", "times fine-tuning (range)", "allowed", "peak MB"]
    notes = (
        f"Batches of {BATCH} images of 32x32, {EPOCHS} epochs, {ROUNDS} alternating rounds after one unmeasured, "
        f"medians; {torch.get_num_threads()} threads. Peak memory of a fresh process that learns the two tasks once."
    )
    report.write("lwm_cost", "Cost of a step of LwM", header, [row for row, _ in found], notes, seeds=[0])
    return 0 if all(holds for _, holds in found) else 1


if __name__ == "__main__":
    sys.exit(main())
