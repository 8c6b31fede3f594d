"""What exact importance costs, beside a batched forward and backward pass and beside a loop over single samples.

2,000 images of 32x32. Required of ``mas``: at most 1.6 times the batched pass with the small CNN, 3 times with
ResNet-32, and at least 2.5 times faster than the loop over samples. Its guard, which measures two images alone first,
takes at most 5 % of it.
"""

import copy
import resource
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import report
import torch

import cltutor as cl
from cltutor.importance.gradients import provable
from cltutor.importance.samples import FEW, Responding, measuring
from cltutor.networks import MultiHead, Network, ResNet32, SmallCNN

IMAGES, SINGLE, EXACT, REPEATS, CHUNK = 2000, 100, 40, 5, 64
LIMITS = {"SmallCNN()": 1.6, "ResNet32()": 3.0}


def batched(network: Network, images: torch.Tensor) -> None:
    """The gradient of the summed squared norm, all parameters at once."""
    network.eval().requires_grad_(True).zero_grad()
    for chunk in images.split(CHUNK):
        network(chunk).logits.square().sum().backward()


def one_by_one(network: Network, images: torch.Tensor) -> dict[str, torch.Tensor]:
    network.eval().requires_grad_(True)
    totals = {name: torch.zeros_like(p) for name, p in network.named_parameters()}
    for image in images.split(1):
        grads = torch.autograd.grad(network(image).logits.square().sum(), list(network.parameters()))
        for total, grad in zip(totals.values(), grads, strict=True):
            total += grad.abs() / len(images)
    return totals


def error(network: Network, images: torch.Tensor) -> float:
    """The relative norm, over all parameters together, of the difference to the loop."""
    exact, loop = cl.importance.mas(network, images), one_by_one(copy.deepcopy(network).double(), images)
    gap = torch.cat([(exact[name] - value).flatten() for name, value in loop.items()])
    return (gap.norm() / torch.cat([value.flatten() for value in loop.values()]).norm()).item()


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def guard(network: Network, images: torch.Tensor) -> None:
    """What ``mas`` does first: are its closed forms right for this network?"""
    model = Responding(network, None)
    with measuring(model):
        provable(model, images[:FEW])


def measured(description: object) -> tuple[list, bool]:
    network = MultiHead(description).build((3, 32, 32))
    network.grow(10)
    images = cl.streams.scenes(tasks=1, per_class=(IMAGES // 20, 1))[0].train.images
    errors = [error(copy.deepcopy(network).to(kind), images[:EXACT]) for kind in (torch.float32, torch.float64)]
    rounds = [
        (seconds(lambda: batched(network, images)), seconds(lambda: cl.importance.mas(network, images, chunk=CHUNK)))
        for _ in range(REPEATS)
    ]
    loops = [seconds(lambda: one_by_one(network, images[:SINGLE])) for _ in range(REPEATS)]
    guards = statistics.median(seconds(lambda: guard(network, images)) for _ in range(REPEATS))
    single = IMAGES / SINGLE * statistics.median(loops)
    ratios, ours = [own / bare for bare, own in rounds], statistics.median(own for _, own in rounds)
    limit = LIMITS[repr(description)]
    row = [
        repr(description),
        f"{statistics.median(bare for bare, _ in rounds):.2f}",
        f"{ours:.2f}",
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        f"{limit:g}",
        f"{100 * guards / ours:.1f}",
        f"{single / ours:.1f}",
        *(f"{one:.1e}" for one in errors),
    ]
    fast = statistics.median(ratios) <= limit and single / ours >= 2.5 and guards / ours <= 0.05
    return row, fast and errors[0] < 1e-5 and errors[1] < 1e-10


def peak(chunk: int) -> float:
    """Peak memory (MB) of a process that measures MAS of a ResNet-32, ``chunk`` images at a time."""
    torch.manual_seed(0)
    network = MultiHead(ResNet32()).build((3, 32, 32))
    network.grow(10)
    cl.importance.mas(network, torch.zeros(512, 3, 32, 32, dtype=torch.uint8), chunk=chunk)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def alone(chunk: int) -> float:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(peak, chunk).result()


def main() -> int:
    torch.manual_seed(0)
    rows, holds = zip(*[measured(description) for description in (SmallCNN(), ResNet32())], strict=True)
    timed = ["batched pass s", "mas s", "ratio (range)", "allowed", "of it the guard %", "faster than a loop"]
    header = ["network", *timed, "error", "error, float64"]
    peaks = ", ".join(f"{chunk}: {alone(chunk):.0f} MB" for chunk in (1, 32, 128, 512))
    notes = (
        f"{IMAGES} images of 32x32, chunks of {CHUNK}, {REPEATS} alternating rounds, medians. The loop over single "
        f"samples is timed on {SINGLE} images, {REPEATS} times; the error is the relative norm of the gap to it, "
        f"in float64, on {EXACT} images. Peak memory of a process that measures 512 images with ResNet-32, by chunk: "
        f"{peaks}."
    )
    report.write("importance_cost", "Cost of exact importance", header, rows, notes, seeds=[0])
    return 0 if all(holds) else 1


if __name__ == "__main__":
    sys.exit(main())
