"""What a class waits for on two cores: one run on digits, and runs with many tasks. Seconds on the wall.

A run on digits is the classroom's: 5 tasks, its method's own defaults. Many tasks: noisy patterns of 8x8 pixels; 40
tasks of two classes with 60 training and 20 test images a task, or 100 tasks of one class with as many, two epochs;
iCaRL keeps 2,000 images. Testing of the 40 tasks is compared with one batched pass over the same images, as often as
they were tested, by the trained network.
"""

import sys
import time
import warnings
from collections.abc import Callable
from statistics import median

import report
import torch
from growth import stream

import cltutor as cl
from cltutor.runs.run import Run

TIMES = 5  # of what takes seconds; what takes a minute is run once
WANTED = {"lwf": 1.2, "eeil": 5.0, "finetune": 1.0, "pass": 1.3, "progressive": 40.0, "icarl": 25.0}


def timed(learn: Callable[[], Run], times: int = 1) -> tuple[float, Run]:
    """Median seconds of a run, and the last one."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        run = learn()
        seconds.append(time.perf_counter() - started)
    return median(seconds), run


def batched_pass(run: Run, images: torch.Tensor, tasks: int) -> float:
    """Seconds of asking the trained network, in one batch at a time, for what was tested after each of two epochs."""
    model, each = run.model.eval(), len(images) // tasks
    started = time.perf_counter()
    with torch.inference_mode():
        for seen in range(1, tasks + 1):
            for _ in range(2):
                model(images[: seen * each])
    return time.perf_counter() - started


def main() -> int:
    warnings.simplefilter("ignore")
    digits, learn = cl.streams.digits(tasks=5, order=0), cl.learn
    learn(digits, cl.methods.finetune(epochs=1), progress=False)  # torch's first steps are slow
    lwf, _ = timed(lambda: learn(digits, cl.methods.lwf(), progress=False), TIMES)
    eeil, _ = timed(lambda: learn(digits, cl.methods.eeil(), progress=False), TIMES)
    many = stream(40, train=30, test=10)
    runs = [timed(lambda: learn(many, cl.methods.finetune(epochs=2), progress=False))[1] for _ in range(TIMES)]
    testing = median(run.seconds["test"] for run in runs)
    images = torch.cat([task.test.images for task in many])
    once = median(batched_pass(runs[-1], images, 40) for _ in range(TIMES))
    progressive, _ = timed(lambda: learn(many, cl.methods.progressive(epochs=2), progress=False))
    singles = stream(100, classes=1, train=60, test=20)
    icarl, _ = timed(lambda: learn(singles, cl.methods.icarl(epochs=2), progress=False))
    rows = [
        ["lwf on digits", lwf, WANTED["lwf"]],
        ["eeil on digits", eeil, WANTED["eeil"]],
        ["40 tasks, finetune: testing", testing, WANTED["finetune"]],
        ["40 tasks, finetune: testing over one batched pass", testing / once, WANTED["pass"]],
        ["40 tasks, progressive", progressive, WANTED["progressive"]],
        ["100 tasks of one class, icarl", icarl, WANTED["icarl"]],
    ]
    note = f"Medians of {TIMES}, but for the last two, which are single runs. The fourth row is a ratio."
    report.write("classroom", "What a class waits for", ["what", "seconds", "wanted"], rows, note, seeds=[0])
    return int(any(value > wanted for _, value, wanted in rows))


if __name__ == "__main__":
    sys.exit(main())
