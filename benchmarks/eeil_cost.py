"""What EEIL costs an image seen beside fine-tuning, with everything that it does between two tasks.

The second task is learned: main phase, balanced fine-tuning with its snapshot, herding twice and the change of the
memory, all divided by the images that were shown; testing is left out. Methods alternate in one process. Required:
eeil at most 1.6 times fine-tuning.
"""

import statistics
import sys
import time

import report
import torch

import cltutor as cl
from cltutor.memory import ExemplarMemory
from cltutor.streams import Stream
from cltutor.training.events import TaskDone

ROUNDS, LIMIT = 9, 1.6
STREAMS = {
    "digits, 8x8": lambda: cl.streams.digits(tasks=5),
    "scenes, 32x32": lambda: cl.streams.scenes(tasks=5, classes=range(10)),
}
METHODS = ("finetune", "eeil_base", "eeil_bf", "eeil")


def recipe_of(method: str) -> cl.Recipe:
    memory = {} if method == "finetune" else {"memory": ExemplarMemory(100)}
    return getattr(cl.methods, method)(heads="class", **cl.schedules.classroom(), **memory)


def microseconds(stream: Stream, method: str) -> float:
    """Time of the second task for an image seen."""
    recipe, new = recipe_of(method), len(stream[1].train)
    for event in cl.train(stream, recipe, device="cpu", test_every=99):
        if isinstance(event, TaskDone) and event.task == 0:
            started, tested = time.perf_counter(), event.run.seconds["test"]
            old = len(event.run.part_states["memory"]["labels"]) if recipe.memory else 0
        if isinstance(event, TaskDone) and event.task == 1:
            break
    passed = time.perf_counter() - started - (event.run.seconds["test"] - tested)
    sizes = {False: old + new, True: 2 * old}  # as many new images as old ones in a balanced set of two equal tasks
    seen = sum(sizes[phase.balanced] * len(epochs) for phase, epochs in recipe.schedule.phases(1))
    return 1e6 * passed / seen


def main() -> int:
    rows, holds = [], []
    for name, make in STREAMS.items():
        stream = make()
        rounds = [{method: microseconds(stream, method) for method in METHODS} for _ in range(ROUNDS + 1)][1:]
        for method in METHODS:
            ratios = [one[method] / one["finetune"] for one in rounds]
            middle, spent = statistics.median(ratios), statistics.median(one[method] for one in rounds)
            rows.append([name, method, f"{spent:.0f}", f"{middle:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"])
            holds.append(middle <= LIMIT)
    header = ["stream", "method", "microseconds an image", f"times fine-tuning (range), allowed {LIMIT}"]
    notes = (
        f"The classroom schedule (batches of at most 32, 30 epochs), K = 100, the streams as they come, {ROUNDS} "
        f"alternating rounds after one unmeasured, medians; {torch.get_num_threads()} threads."
    )
    report.write("eeil_cost", "Cost of EEIL an image seen", header, rows, notes, seeds=[0])
    return 0 if all(holds) else 1


if __name__ == "__main__":
    sys.exit(main())
