"""Methods after the five papers beside theirs: task-, class- and domain-incremental, and tasks of several labels.

    python benchmarks/after.py [digits scenes rotated several] [--workers 2]

Five class orders, ten epochs a task for every method, a memory of 100 images wherever there is one. Every method's
rate, baselines' too, is chosen by the same search on two other orders, on validation images. Finished runs are kept in
a store, so that the script can be stopped and started again.
"""

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import report
from searching import ALIKE, finished, search

import cltutor as cl
from cltutor.evaluation.metrics import mean_interval, paired_difference

ORDERS, SEARCH_ORDERS, GRID, IMAGES = range(5), (100, 101), (0.003, 0.01, 0.03), 100
KEPT = {"memory": cl.memory.ExemplarMemory(IMAGES)}
SETTINGS = {  # what a memory of so many images is for each method
    **dict.fromkeys(("er", "derpp", "agem", "gdumb", "bic", "wa"), {"capacity": IMAGES}),
    **dict.fromkeys(("icarl", "eeil"), KEPT),
}
BASELINES = "finetune", "joint", "lwf"
REPLAY = "er", "derpp", "agem", "gdumb", "ncm"
METHODS = {
    "task": (*BASELINES, "mas", *REPLAY, "packnet"),
    "class": (*BASELINES, *REPLAY, "bic", "wa", "icarl", "eeil"),
    "domain": (*BASELINES, "mas", *REPLAY, "wa", "eeil"),
    "several": BASELINES,
}


def rotated(order: int, validation: float = 0.0) -> cl.streams.Stream:
    return cl.streams.domains(cl.streams.digits(5, order, validation=validation), "rotations", tasks=5)


def several(order: int, seed: int = 0) -> cl.streams.Stream:
    return cl.streams.several(5, order, size=16, per_task=(200, 80), seed=seed)


# The stream of an order, that of a search, and the scenarios that are measured on it.
STREAMS: dict[str, tuple[Callable[..., cl.streams.Stream], dict, tuple[str, ...]]] = {
    "digits": (partial(cl.streams.digits, 5), {"validation": 0.2}, ("task", "class")),
    "scenes": (partial(cl.streams.scenes, 5, size=16, per_class=(40, 20)), {"validation": 0.2}, ("task", "class")),
    "rotated": (rotated, {"validation": 0.2}, ("domain",)),
    "several": (several, {"seed": 1}, ("several",)),
}
TITLES = {
    "task": "task-incremental, a head per task and the task known at test",
    "class": "class-incremental, one softmax and the task unknown at test",
    "domain": "domain-incremental, one head, so that the task known and unknown are the same",
    "several": "tasks of several labels, mean average precision over a task's labels",
}


def build(method: str, scenario: str, **settings) -> cl.Recipe:
    """The recipe of a method in a scenario."""
    own = {**SETTINGS.get(method, {}), **settings}
    if scenario == "several":
        return cl.methods.for_several_labels(cl.methods.named(method)(**own))
    return cl.methods.named(method)(heads="task" if scenario == "task" else "class", **own)


def matrix(run: cl.Run, scenario: str) -> np.ndarray:
    """What is measured on each task (columns) after each (rows)."""
    if scenario == "several":
        return run.mean_average_precision()
    return run.accuracy(known_task=scenario != "class")


def score(run: cl.Run, scenario: str) -> float:
    return float(np.nanmean(matrix(run, scenario)[-1]))


def percent(values) -> str:
    """Mean and half width of the 95 % interval, in percent."""
    mean, half = mean_interval(values)
    return f"{100 * mean:.1f} ± {100 * half:.1f}"


def rows_of(name: str, scenario: str, pool: ProcessPoolExecutor) -> list[list]:
    """One row a method."""
    source, searched, _ = STREAMS[name]
    builds = {method: partial(build, method, scenario) for method in METHODS[scenario]}
    rates = search(
        builds, GRID, partial(source, **searched), SEARCH_ORDERS, pool,
        score=partial(score, scenario=scenario), on="test" if scenario == "several" else "validation",
    )  # fmt: skip
    jobs = [(m, (source, {"order": o}, builds[m](learning_rate=rates[m]), o)) for m in builds for o in ORDERS]
    runs: dict[str, list[cl.Run]] = {}
    for (method, _), run in zip(jobs, pool.map(finished, [job for _, job in jobs]), strict=True):
        runs.setdefault(method, []).append(run)
    final = {method: [score(run, scenario) for run in group] for method, group in runs.items()}
    found = []
    for method, group in runs.items():
        mean, half = paired_difference(final[method], final["finetune"])
        matrices = [matrix(run, scenario) for run in group]
        old, new = ([np.mean(part(m)) for m in matrices] for part in (lambda m: m[-1, :-1], lambda m: np.diag(m)[1:]))
        memory = np.mean([sum(run.memory.values()) for run in group]) / 1e3
        difference = f"{100 * mean:+.1f} ± {100 * half:.1f}"
        row = [method, f"{rates[method]:g}", percent(final[method]), difference, percent(old), percent(new)]
        found.append([*row, f"{memory:.0f}", f"{np.mean([run.seconds['train'] for run in group]):.1f}"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("streams", nargs="*", default=list(STREAMS), help=", ".join(STREAMS))
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    header = ["method", "rate", "average %", "against finetune", "old tasks %", "new tasks %", "memory kB", "train s"]
    with ProcessPoolExecutor(chosen.workers) as pool:
        for name in chosen.streams:
            for scenario in STREAMS[name][2]:
                images = "another draw of the images" if scenario == "several" else "validation images"
                notes = (
                    "Average over all tasks after the last, old tasks (all but the last) after the last, and new tasks "
                    "right after they were learned; mean ± half width of the 95 % t-interval over "
                    f"{len(ORDERS)} orders, differences paired by order. Memory of {IMAGES} images where there is one. "
                    f"Rates from {GRID}, {ALIKE}, by the average on {images} of orders {SEARCH_ORDERS}. Methods of one "
                    "table answer the same question; no table is ranked against another."
                )
                title = f"{name}: {TITLES[scenario]}"
                seeds = [*ORDERS, *SEARCH_ORDERS]
                report.write(f"after_{name}_{scenario}", title, header, rows_of(name, scenario, pool), notes, seeds)


if __name__ == "__main__":
    main()
