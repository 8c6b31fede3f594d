"""End-to-End Incremental Learning on digits, the task unknown: every method, the ablation, the memory.

Five tasks of two classes, K = 100, five class orders, thirty epochs for every method. Rates are found by one search for
all methods on two other orders, on validation images. ``methods``: EEIL, iCaRL, hybrid1, LwF-MC, fine-tuning, joint
training, the ablation (EEIL, Table 2b), EEIL with the paper's twelve images for one, and EEIL's base with as many
updates. ``selection``: four strategies and three memories (section 6.3). ``fixed``: a fixed number a class (Table 2a).
``steps``: classes a step varied (Table 1a).
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import report
from searching import ALIKE, finished, search
from streams import percent

import cltutor as cl
from cltutor.evaluation.metrics import paired_difference
from cltutor.memory import SELECTIONS, ExemplarMemory
from cltutor.streams import PhotometricCropFlip

ORDERS, SEARCH_ORDERS, RATES = range(5), (100, 101), (0.01, 0.02, 0.05)
EPOCHS, CAPACITY, CAPACITIES, EACH = 30, 100, (50, 100, 200), (14, 21, 28)  # 10, 15 and 20 % of a class, as in Table 2a
PLAIN = ("finetune", "lwf_mc", "joint")
REMEMBERING = ("hybrid1", "icarl", "eeil_base", "eeil_da", "eeil_bf", "eeil")

Runs = dict[str, list[cl.Run]]


def build(method: str, capacity: int | None = None, **settings) -> cl.Recipe:
    """The method's recipe at this benchmark's budget, with the memory of ``capacity`` images if it keeps any."""
    if method not in PLAIN and "memory" not in settings:
        settings["memory"] = ExemplarMemory(capacity or CAPACITY)
    return getattr(cl.methods, method)(**{"heads": "class", "epochs": EPOCHS, **settings})


def rates(pool: ProcessPoolExecutor) -> dict[str, float]:
    builds = {method: partial(build, method) for method in (*PLAIN, *REMEMBERING)}
    return search(builds, RATES, partial(cl.streams.digits, 5, validation=0.2), SEARCH_ORDERS, pool)


def learned(recipes: dict[str, cl.Recipe], tasks: int, pool: ProcessPoolExecutor) -> Runs:
    """The runs of each recipe, one a class order."""
    jobs = [
        (cl.streams.digits, {"tasks": tasks, "order": order}, recipe, order)
        for recipe in recipes.values()
        for order in ORDERS
    ]
    runs = list(pool.map(finished, jobs))
    return {name: runs[i * len(ORDERS) : (i + 1) * len(ORDERS)] for i, name in enumerate(recipes)}


def final(runs: list[cl.Run]) -> list[float]:
    """Accuracy over all test images after the last task, all classes competing."""
    return [float(np.average(run.accuracy(known_task=False)[-1], weights=run.test_sizes)) for run in runs]


def later(runs: list[cl.Run]) -> list[float]:
    """Average incremental accuracy, the first step left out (EEIL, section 5)."""
    return [run.metrics(known_task=False)["average_incremental_accuracy"] for run in runs]


def difference(values: list[float], others: list[float]) -> str:
    gap, half = paired_difference(values, others)
    return f"{100 * gap:+.1f} ± {100 * half:.1f}"


def methods(found: dict[str, float], pool: ProcessPoolExecutor) -> tuple[list[str], list[list]]:
    recipes = {method: build(method, learning_rate=found[method]) for method in found}
    twelve = {"learning_rate": found["eeil"], "epochs": 10, "augmentation": PhotometricCropFlip(once=True)}
    recipes["eeil, twelve images for one"] = build("eeil", **twelve)
    recipes["eeil_base, as many updates"] = build("eeil_base", learning_rate=found["eeil_base"], epochs=91)
    runs = learned(recipes, 5, pool)
    base, rows = final(runs["eeil"]), []
    for name, own in runs.items():
        updates = round(np.mean([run.updates for run in own]))
        gap = difference(final(own), base)
        rate = recipes[name].schedule.learning_rate
        rows.append([name, f"{rate:g}", updates, percent(final(own)), gap, percent(later(own))])
    return ["method", "rate", "updates", "at the end %", "against eeil", "average incremental %"], rows


def selection(found: dict[str, float], pool: ProcessPoolExecutor) -> tuple[list[str], list[list]]:
    rows = []
    for capacity in CAPACITIES:
        memories = {name: ExemplarMemory(capacity, selection=name) for name in SELECTIONS}
        recipes = {n: build("eeil_bf", memory=m, learning_rate=found["eeil_bf"]) for n, m in memories.items()}
        runs = learned(recipes, 5, pool)
        base = final(runs["herding"])
        rows += [[capacity, name, percent(final(own)), difference(final(own), base)] for name, own in runs.items()]
    return ["K", "selection", "eeil_bf at the end %", "against herding"], rows


def fixed(found: dict[str, float], pool: ProcessPoolExecutor) -> tuple[list[str], list[list]]:
    rows = []
    for each in EACH:
        names = ("eeil_bf", "icarl", "hybrid1")
        memory = ExemplarMemory(per_class=each)
        runs = learned({n: build(n, memory=memory, learning_rate=found[n]) for n in names}, 5, pool)
        base = later(runs["eeil_bf"])
        rows += [[each, name, percent(later(own)), difference(later(own), base)] for name, own in runs.items()]
    return ["images per class", "method", "average incremental %", "against eeil_bf"], rows


def steps(found: dict[str, float], pool: ProcessPoolExecutor) -> tuple[list[str], list[list]]:
    names, rows = ("eeil_bf", "icarl", "hybrid1", "lwf_mc"), []
    by_size = {
        10 // tasks: learned({name: build(name, learning_rate=found[name]) for name in names}, tasks, pool)
        for tasks in (10, 5, 2)
    }
    for name in names:
        means = [percent(later(runs[name])) for runs in by_size.values()]
        rows.append([name, *means, difference(later(by_size[5][name]), later(by_size[1][name]))])
    return ["method", *(f"{size} a step, %" for size in by_size), "5 a step against 1"], rows


PARTS = {"methods": methods, "selection": selection, "fixed": fixed, "steps": steps}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    with ProcessPoolExecutor(asked.workers) as pool:
        header, rows = PARTS[asked.part](rates(pool), pool)
    notes = (
        f"Mean ± half width of the 95 % t-interval over {len(ORDERS)} class orders, differences paired by order. Five "
        f"tasks of two classes and K = {CAPACITY} unless said otherwise, {EPOCHS} epochs, small CNN, task unknown. "
        f"Rates searched for every method among {RATES}, {ALIKE}, on orders {SEARCH_ORDERS}, on validation images. "
        "Average incremental accuracy leaves the first step out. The test set has 360 images: read no difference under "
        "a point."
    )
    title = f"End-to-End Incremental Learning on digits: {asked.part}"
    report.write(f"eeil_{asked.part}", title, header, rows, notes, [*ORDERS, *SEARCH_ORDERS])


if __name__ == "__main__":
    main()
