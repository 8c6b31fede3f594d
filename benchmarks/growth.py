"""How the time of a run grows with the number of tasks T, for every method, and where the growth comes from.

Images of 8x8 pixels, two classes, 32 training and 8 test images a task, two epochs, one thread, a memory of 320 images
where there is one. Seconds are CPU time, so that other work on the machine does not count. The exponent b of
seconds ~ T^b is fitted over T = 10 to 80. Training is split into its number of updates and the time of one of them
(median after the last task begins over the same after the tenth): a method that keeps nothing per task has b = 1 for
training. Testing asks all tasks seen after every epoch, so that its images, and its best b, are 2; after every task a
network with a part per task asks all of them about all images, which makes 3. A size that would take over SECONDS, or
has no room in the memory (every network is kept), is left out, and said so.
"""

import argparse
import json
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import report
import torch

import cltutor as cl
from cltutor.methods.registry import of_size

TASKS, CLASSES, TRAIN, TEST, MEMORY, SECONDS = (5, 10, 20, 40, 80), 2, 16, 4, 320, 150


def stream(tasks: int, classes: int = CLASSES, train: int = TRAIN, test: int = TEST) -> cl.streams.Stream:
    """Noisy copies of a pattern per class: so many classes a task, and training and test images a class."""
    drawn = torch.Generator().manual_seed(0)
    patterns = torch.rand(tasks * classes, 1, 8, 8, generator=drawn)

    def images(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.arange(len(patterns)).repeat_interleave(count)
        return 0.7 * patterns[labels] + 0.3 * torch.rand(len(labels), 1, 8, 8, generator=drawn), labels

    return cl.streams.tensors(*images(train), *images(test), tasks=tasks)


def recipe(name: str) -> cl.Recipe:
    """The method, with the small memory where it has one."""
    return cl.methods.named(name)(epochs=2, **of_size(name, MEMORY))


def measured(name: str) -> list[dict[str, float]]:
    """For each T: seconds of training and testing, updates, and seconds of an update in the last task."""
    warnings.simplefilter("ignore")
    time.perf_counter = time.process_time  # the loop's own clock too; with one thread both agree on a quiet machine
    found: list[dict[str, float]] = []
    for tasks in TASKS:
        if found and found[-1]["all"] * 4 > SECONDS:  # twice as many tasks may take four times as long
            break
        started, steps, last = time.perf_counter(), [], time.perf_counter()
        try:
            for event in cl.train(stream(tasks), recipe(name), device="cpu", threads=1):
                now = time.perf_counter()
                if isinstance(event, cl.events.Stepped) and event.task == tasks - 1:
                    steps.append(now - last)
                last = time.perf_counter()
        except ValueError as no_room:
            print(f"{name}, {tasks} tasks: {no_room}", flush=True)
            break
        seconds = event.run.seconds
        one = {"train": seconds["train"], "test": seconds["test"], "updates": event.run.updates}
        found.append({**one, "step": float(np.median(steps)), "all": time.perf_counter() - started})
    return found


def exponent(values: list[float]) -> str:
    """The slope of log(value) over log(T), from T = 10 on."""
    if len(values) < 3:
        return "-"
    return f"{np.polyfit(np.log(TASKS[1 : len(values)]), np.log(values[1:]), 1)[0]:.2f}"


def row(name: str, found: list[dict[str, float]]) -> list[str]:
    column = {key: [one[key] for one in found] for key in found[0]}
    seconds = [f"{one:.2f}" for one in column["all"]] + ["-"] * (len(TASKS) - len(found))
    slopes = [exponent(column[key]) for key in ("train", "updates", "step", "test")]
    return [name, *seconds, *slopes]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("methods", nargs="*", default=sorted(cl.methods.names()), help="all by default")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kept", type=Path, help="a JSON file of what was measured, to go on from")
    options = parser.parse_args()
    kept = json.loads(options.kept.read_text()) if options.kept and options.kept.exists() else {}
    todo = [name for name in options.methods if name not in kept]
    with ProcessPoolExecutor(options.workers, get_context("spawn")) as pool:
        for name, found in zip(todo, pool.map(measured, todo), strict=True):
            kept[name] = found
            print(row(name, found), flush=True)
            if options.kept:
                options.kept.write_text(json.dumps(kept))
    rows = [row(name, kept[name]) for name in options.methods]
    header = ["method", *(f"T = {tasks}, s" for tasks in TASKS), "training", "updates", "one update", "testing"]
    notes = (
        "Seconds of CPU of a run on one thread, then the exponents b of T^b over "
        f"T = {TASKS[1]} to {TASKS[-1]}. Training = updates x one "
        "update + what a task costs outside its steps. A dash: not run, as it would have taken too long or had no "
        "room in the memory."
    )
    report.write("growth", "Time of a run with the number of tasks", header, rows, notes, seeds=[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
