"""Methods that guard weights by importance, on digits: five tasks, heads per task, the task known.

Equal budgets and one rate for all. Every lambda, LwF's and EBLL's too, is searched on one grid over the first two
tasks of two other orders, on validation images; a second column gives lambda as published, never searched.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import report
from searching import ALIKE, finished, search
from streams import percent

import cltutor as cl
from cltutor.evaluation.metrics import paired_difference
from cltutor.streams import Stream

ORDERS, SEARCH_ORDERS = range(5), (100, 101)
GRID = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1000.0, 10000.0)
METHODS = {
    "finetune": None,
    "lwf": cl.methods.lwf,
    "ebll": cl.methods.ebll,
    "l2": cl.methods.l2,
    "imm_mean": cl.methods.imm_mean,
    "imm_mode": cl.methods.imm_mode,
    "ewc": cl.methods.ewc,
    "ewc_online": cl.methods.ewc_online,
    "si": cl.methods.si,
    "mas": cl.methods.mas,
    "mas, vector output": partial(cl.methods.mas, output="vector"),
    "mas, on test images": partial(cl.methods.mas, on="test"),
    "mas, on both": partial(cl.methods.mas, on="both"),
    "mas_local": cl.methods.mas_local,
    "joint": None,
}


def first_two(order: int) -> Stream:
    """The first two tasks of an order, with validation images."""
    whole = cl.streams.digits(tasks=5, order=order, validation=0.2)
    return Stream(list(whole[:2]), whole.class_names, whole.name, whole.code + "[:2]")


def searched(pool: ProcessPoolExecutor) -> dict[str, float]:
    """Each method's lambda with the best average accuracy over two tasks."""
    builds = {name: build for name, build in METHODS.items() if build}
    return search(builds, GRID, first_two, SEARCH_ORDERS, pool, setting="lam")


def runs_of(recipes: dict[str, cl.Recipe], pool: ProcessPoolExecutor) -> dict[str, list[cl.Run]]:
    jobs = [(cl.streams.digits, {"tasks": 5, "order": o}, recipe, o) for recipe in recipes.values() for o in ORDERS]
    runs = list(pool.map(finished, jobs))
    return {name: runs[len(ORDERS) * i : len(ORDERS) * (i + 1)] for i, name in enumerate(recipes)}


def drop(run: cl.Run) -> float:
    """How far the accuracy on earlier tasks fell since each was learned, on average (MAS, Figure 5b)."""
    return run.metrics()["drop"]


def average(runs: list[cl.Run]) -> list[float]:
    return [run.accuracy()[-1].mean() for run in runs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    with ProcessPoolExecutor(parser.parse_args().workers) as pool:
        lams = searched(pool)
        tuned = runs_of({n: b(lam=lams[n]) if b else cl.methods.get(n) for n, b in METHODS.items()}, pool)
        published = runs_of({n: b() for n, b in METHODS.items() if b}, pool)
    rows = []
    for name, runs in tuned.items():
        mean, half = paired_difference(average(runs), average(tuned["finetune"]))
        against, spread = paired_difference(average(tuned["mas"]), average(runs))
        rows.append(
            [
                name,
                f"{lams[name]:g}" if name in lams else "",
                percent(average(runs)),
                f"{100 * mean:+.1f} ± {100 * half:.1f}",
                f"{100 * against:+.1f} ± {100 * spread:.1f}",
                percent([drop(run) for run in runs]),
                percent(average(published[name])) if name in published else "",
            ]
        )
    header = ["method", "lambda", "accuracy %", "against finetune", "mas against it", "drop %", "published lambda: %"]
    notes = (
        "Average accuracy over all five tasks after the last; mean ± half width of the 95 % t-interval over "
        f"{len(ORDERS)} class orders; differences are paired by order. Lambda from {GRID}, {ALIKE}, by average "
        f"validation accuracy after the first two tasks of orders {SEARCH_ORDERS}. The published lambda is that of the "
        "method's defaults: 1 for MAS. One rate, 0.02, and ten epochs for all."
    )
    title = "Digits, five tasks, a head per task: importance and its rivals"
    report.write("importance_methods", title, header, rows, notes, [*ORDERS, *SEARCH_ORDERS])


if __name__ == "__main__":
    main()
