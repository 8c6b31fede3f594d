"""The methods of Learning without Forgetting on digits and scenes, in both regimes of training.

Five tasks of equal size, five class orders, ten epochs a task for every method, one seed an order. Every method's
rate, baselines' too, is chosen by the same search on two other orders, on validation images. Finished runs are kept
in a store, so that the script can be stopped and started again.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import report
from searching import ALIKE, finished, search

import cltutor as cl
from cltutor.evaluation.metrics import mean_interval, paired_difference

SOURCES = {
    "digits": (cl.streams.digits, {}, (0.003, 0.01, 0.03)),
    "scenes": (cl.streams.scenes, {"per_class": (60, 20)}, (0.003, 0.01, 0.03, 0.1)),
}
ORDERS, SEARCH_ORDERS = range(5), (100, 101)
METHODS = (
    "finetune",
    "finetune_slow",
    "feature_extraction",
    "duplicate",
    "joint",
    "lwf",
    "l2",
    "expansion",
    "expansion_lwf",
)


def percent(values) -> str:
    """Mean and half width of the 95 % interval, in percent."""
    mean, half = mean_interval(values)
    return f"{100 * mean:.1f} ± {100 * half:.1f}"


def rows_of(name: str, regime: str, pool: ProcessPoolExecutor) -> list[list]:
    """One row a method: what it reached on this stream under this regime of training."""
    source, fixed, grid = SOURCES[name]
    builds = {method: partial(getattr(cl.methods, method), heads=regime) for method in METHODS}
    rates = search(builds, grid, partial(source, 5, **fixed, validation=0.2), SEARCH_ORDERS, pool)
    jobs = [(m, (source, {**fixed, "order": o}, builds[m](learning_rate=rates[m]), o)) for m in builds for o in ORDERS]
    runs: dict[str, list[cl.Run]] = {}
    for (method, _), run in zip(jobs, pool.map(finished, [job for _, job in jobs]), strict=True):
        runs.setdefault(method, []).append(run)
    final = {
        method: [run.accuracy(known_task=regime == "task")[-1].mean() for run in group]
        for method, group in runs.items()
    }
    return [row(method, rates[method], group, final, regime) for method, group in runs.items()]


def row(method: str, rate: float, runs: list[cl.Run], final: dict[str, list[float]], regime: str) -> list:
    mean, half = paired_difference(final[method], final["finetune"])
    forgetting = [run.metrics(known_task=regime == "task")["forgetting"] for run in runs]
    return [
        method,
        f"{rate:g}",
        percent(final[method]),
        f"{100 * mean:+.1f} ± {100 * half:.1f}",
        percent(forgetting),
        runs[0].updates,
        f"{np.mean([run.seconds['train'] for run in runs]):.1f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("streams", nargs="*", default=list(SOURCES), help="digits, scenes")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    header = ["method", "rate", "accuracy %", "against finetune", "forgetting %", "updates", "train s"]
    with ProcessPoolExecutor(arguments.workers) as pool:
        for name in arguments.streams:
            for regime, asked in (("task", "task known at test"), ("class", "task unknown at test")):
                heads = "a head per task" if regime == "task" else "one head"
                notes = (
                    "Average accuracy over all tasks after the last; mean ± half width of the 95 % t-interval over "
                    f"{len(ORDERS)} class orders; differences are paired by order. Rates from {SOURCES[name][2]}, "
                    f"{ALIKE}, by average validation accuracy on orders {SEARCH_ORDERS}. "
                    "Seconds: one thread, two workers."
                )
                title = f"{name}: {heads}, {asked}"
                rows = rows_of(name, regime, pool)
                report.write(f"streams_{name}_{regime}", title, header, rows, notes, seeds=[*ORDERS, *SEARCH_ORDERS])


if __name__ == "__main__":
    main()
