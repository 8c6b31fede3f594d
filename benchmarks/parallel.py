"""A comparison of 8 methods with 3 seeds on digits: two processes of one thread beside one process of two threads.

Both learn the same runs, none of which is kept, and take turns in going first. Two processes are started within what
is timed. Required: at least 1.5 times faster.
"""

import argparse
import statistics
import sys
import time
from functools import partial

import report
import torch

import cltutor as cl
from cltutor.comparing.comparison import processes

SEEDS, WORKERS, REQUIRED = (0, 1, 2), 2, 1.5
# Both papers' rivals, and what each kind costs: nothing more, a teacher, an importance, a path, all old images.
METHODS = ("finetune", "feature_extraction", "lwf", "l2", "ewc", "si", "mas", "joint")


def seconds(together: bool, epochs: int | None) -> float:
    """Seconds of the whole comparison, with the start of the processes."""
    stream = partial(cl.streams.digits, 5)
    asked = {"seeds": SEEDS, "device": "cpu", "epochs": epochs, "progress": False}
    torch.set_num_threads(WORKERS)
    started = time.perf_counter()
    if together:
        with processes(WORKERS) as executor:
            runs = cl.compare(stream, METHODS, executor=executor, **asked)
    else:
        runs = cl.compare(stream, METHODS, **asked)
    assert len(runs) == len(METHODS) * len(SEEDS)
    return time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="epochs a task (default: the methods' own, ten)")
    arguments = parser.parse_args()
    seconds(False, epochs=1)  # the first steps of a process are slow
    rows, ratios = [], []
    for number in range(arguments.rounds):
        turns = (False, True) if number % 2 == 0 else (True, False)
        taken = {together: seconds(together, arguments.epochs) for together in turns}
        ratios.append(taken[False] / taken[True])
        rows.append([number + 1, f"{taken[False]:.1f}", f"{taken[True]:.1f}", f"{ratios[-1]:.2f}"])
    header = ["round", "one process, two threads: s", "two processes, one thread: s", "times faster"]
    notes = (
        f"{', '.join(METHODS)}. Median {statistics.median(ratios):.2f} times faster, {min(ratios):.2f} to "
        f"{max(ratios):.2f}. Required: at least {REQUIRED}."
    )
    title = f"A comparison of {len(METHODS)} methods and {len(SEEDS)} seeds on digits"
    report.write("parallel", title, header, rows, notes, seeds=SEEDS)
    return 0 if statistics.median(ratios) >= REQUIRED else 1


if __name__ == "__main__":
    sys.exit(main())
