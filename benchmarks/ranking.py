"""Does importance tell the truth? Prune the least, random or the most important 30 % of every layer's shared weights.

A network has learned five tasks of digits; its Omega, summed over tasks, ranks the weights within each layer. Required
for MAS, EWC and SI: pruning the least important costs less accuracy than random ones, random ones less than the most.
"""

import sys

import numpy as np
import report
import torch
from searching import finished
from streams import percent

import cltutor as cl
from cltutor.evaluation.answers import accuracies
from cltutor.evaluation.metrics import paired_difference
from cltutor.importance.damage import by_name, damage

ORDERS, SHARE, DRAWS = range(5), 0.3, 5
METHODS = ("mas", "mas_local", "ewc_online", "si")


def accuracy(network: cl.networks.Network, tests: list) -> float:
    return float(np.mean(accuracies(network, tests, (1,))["known_top1"]))


def losses(method: str, order: int) -> dict[str, float]:
    """The accuracy lost by each way to prune, and the accuracy before."""
    stream = cl.streams.digits(tasks=5, order=order)
    run = finished((cl.streams.digits, {"tasks": 5, "order": order}, cl.methods.get(method), order))
    network, tests = run.model, [(task.test.images, stream.positions(task.test.labels)) for task in stream]
    omega = by_name(network, run.part_states["Anchor"]["importance"][0])
    whole = accuracy(network, tests)
    found = {which: whole - accuracy(damage(network, omega, SHARE, which), tests) for which in ("least", "most")}
    drawn = [accuracy(damage(network, omega, SHARE, "random", seed), tests) for seed in range(DRAWS)]
    return {**found, "random": whole - float(np.mean(drawn)), "whole": whole}


def main() -> int:
    torch.set_num_threads(1)
    rows, holds = [], []
    for method in METHODS:
        found = [losses(method, order) for order in ORDERS]
        column = {which: [one[which] for one in found] for which in ("whole", "least", "random", "most")}
        steps = [("random", "least"), ("most", "random")]
        gaps = [paired_difference(column[more], column[less]) for more, less in steps]
        rows.append(
            [method, *(percent(column[w]) for w in column), *(f"{100 * m:+.1f} ± {100 * h:.1f}" for m, h in gaps)]
        )
        holds += [mean > 0 for mean, _ in gaps] if method != "mas_local" else []
    header = [
        "importance",
        "accuracy %",
        "lost: least",
        "lost: random",
        "lost: most",
        "random - least",
        "most - random",
    ]
    notes = (
        f"Share pruned {SHARE}; points of average accuracy, task known; mean ± half width of the 95 % t-interval over "
        f"{len(ORDERS)} class orders, random pruning averaged over {DRAWS} draws; differences paired by order. Each "
        "importance comes from a run of its own method with its published lambda; EWC's is the sum over tasks."
    )
    report.write("ranking", "Pruning by importance", header, rows, notes, ORDERS)
    return 0 if all(holds) else 1


if __name__ == "__main__":
    sys.exit(main())
