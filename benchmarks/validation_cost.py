"""What the checks before a run cost: for the small CNN on digits, and for every torchvision classifier at 224 pixels.

Required: under 20 ms for the small CNN, under 150 ms for any torchvision model. Before there was a rehearsal, building
such a model asked it one blank image with real weights; that pass is gone, so its time is given beside.

    python benchmarks/validation_cost.py [MODEL ...]    all of them by default
"""

import gc
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace

import report
import torch
from torchvision import models

import cltutor as cl
from cltutor.networks import MultiHead, Torchvision
from cltutor.training import rehearsal
from cltutor.training.loop import check

ROUNDS, SMALL, LARGE = 7, 20, 150  # repetitions; milliseconds that are allowed


def milliseconds(work: Callable[[], object]) -> float:
    gc.collect()
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def cost(stream: cl.streams.Stream, recipe: cl.Recipe) -> list[float]:
    """Milliseconds of the checks, each time as if for the first time in the process; the first round is left out."""

    def fresh() -> None:
        rehearsal.rehearsed.cache_clear()
        check(stream, recipe)

    return sorted(milliseconds(fresh) for _ in range(ROUNDS + 1))[:ROUNDS]


def large(name: str, stream: cl.streams.Stream) -> list[float]:
    """Median milliseconds of the checks, the most of all rounds, and the pass of one blank image with weights."""
    network = MultiHead(Torchvision(name))
    checks = cost(stream, replace(cl.methods.finetune(), network=network))
    backbone = network.backbone.build(stream.image_shape).eval()
    blank = torch.zeros(1, *stream.image_shape, dtype=torch.uint8)
    with torch.no_grad():
        passes = [milliseconds(lambda: backbone(blank)) for _ in range(3)]
    return [statistics.median(checks), checks[-1], statistics.median(passes)]


def main() -> int:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    own = cost(cl.streams.digits(), cl.methods.finetune())
    images, labels = torch.zeros(4, 3, 224, 224, dtype=torch.uint8), torch.arange(4)
    stream = cl.streams.tensors(images, labels, images, labels, tasks=2)
    rows = [["small CNN, 8x8", f"{statistics.median(own):.1f}", f"{own[-1]:.1f}", ""]]
    over, beyond = [], []
    for name in sys.argv[1:] or models.list_models(module=models):
        middle, most, blank = large(name, stream)
        rows.append([name, f"{middle:.0f}", f"{most:.0f}", f"{blank:.0f}"])
        print(*rows[-1], flush=True)
        over += [name] * (middle >= LARGE)
        beyond += [name] * (middle - blank >= LARGE)
    notes = (
        f"Milliseconds of `check`, which builds the network without weights, lets it grow to the second task and shows "
        f"it an image: median and maximum of {ROUNDS} rounds on one thread, each as if for the first time (a process "
        f"remembers a recipe that it has checked). Beside it the pass of one blank image, which building a torchvision "
        f"model took until now. {LARGE} ms or more: {', '.join(over) or 'none'}; {LARGE} ms or more beyond the blank "
        f"image: {', '.join(beyond) or 'none'}."
    )
    header = ["network", "checks", "at most", "one blank image"]
    report.write("validation_cost", "Cost of the checks before a run, in milliseconds", header, rows, notes)
    return int(statistics.median(own) >= SMALL)


if __name__ == "__main__":
    sys.exit(main())
