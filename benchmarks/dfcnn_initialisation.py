"""How much of DF-CNN's speed is its parametrisation: its first task, in which nothing can transfer, in a 2 x 2.

Initialisation (He's, as all networks here, or that of the authors' program) x method (single-task learning, DF-CNN), on
the first task of Tiny-ImageNet at the paper's amount of data: ten classes, 17 training pictures a class, batches of 10.
All else is the authors' program and the same for the four: the optimiser, the loss, each image normalised by itself.
Once at the authors' rate, once at the rate that is best for the four together on validation pictures of other classes.

The numbers are kept in ``cltutor/studies/results/dfcnn_initialisation.json``, from which notebook 06 draws them.
"""

import argparse
import json
import os
import shlex
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

import numpy as np
import report
import torch
from lwm_search import DATA, few
from searching import STORE

import cltutor as cl
from cltutor.comparing.found import SearchResult
from cltutor.comparing.grids import MORE
from cltutor.comparing.search import ALL
from cltutor.evaluation.metrics import mean_interval, paired_difference
from cltutor.networks import TaskCNN
from cltutor.runs.provenance import hardware, versions
from cltutor.streams import Stream

OUT = Path(os.environ.get("CLTUTOR_RESULTS", Path(cl.__file__).parent / "studies" / "results"))
EPOCHS, TESTED, RATE, RATES, SEARCH_ORDERS = 20, 20, 1e-4, (1e-4, 3e-4, 1e-3), (100, 101)
Cell = tuple[str, str]  # method and initialisation
CELLS: list[Cell] = [(method, drawn) for method in ("single_task", "dfcnn") for drawn in ("he", "authors")]


def recipe_of(cell: Cell, learning_rate: float) -> cl.Recipe:
    """The authors' preset, with their initialisation or with He's in all layers."""
    method, drawn = cell
    own = {} if drawn == "authors" else {"backbone": TaskCNN(normalise="image")}
    recipe = getattr(cl.methods, f"{method}_authors")(epochs=EPOCHS, learning_rate=learning_rate, **own)
    if cell == ("dfcnn", "he"):
        return replace(recipe, network=replace(recipe.network, initialisation="he"))
    return recipe


@cache
def first_task(order: int) -> Stream:
    """Ten classes of Tiny-ImageNet: 17 training, 3 validation and 20 test pictures of each."""
    drawn = np.random.default_rng(order).permutation(100)[:10].tolist()
    zipped = DATA / "tiny-imagenet-100-32px.zip"
    whole = cl.streams.folder(zipped, tasks=1, order=drawn, classes=drawn, validation=3 / 20)
    return few(whole, 17, TESTED, 3)


def curve(job: tuple[Cell, float, int]) -> np.ndarray:
    """Accuracy on test pictures after each epoch (20,)."""
    cell, rate, seed = job
    torch.set_num_threads(1)
    run = cl.learn(first_task(seed), recipe_of(cell, rate), seed, device="cpu", store=STORE, progress=False, threads=1)
    return np.array(run.curves.known)[:, 0]


def common_rate(pool: ProcessPoolExecutor) -> SearchResult:
    """The rate with the best mean over the four cells of the accuracy on validation pictures at the end."""
    builds = {", ".join(cell): partial(recipe_of, cell) for cell in CELLS}
    return cl.search(builds, first_task, RATES, SEARCH_ORDERS, pool, device="cpu", store=STORE, progress=False)


def measured(rate: float, seeds: list[int], pool: ProcessPoolExecutor) -> dict[str, list[list[float]]]:
    """For each cell the test accuracy after every epoch, a row for every seed."""
    rows: dict[Cell, list[list[float]]] = {cell: [] for cell in CELLS}
    jobs = [(cell, rate, seed) for seed in seeds for cell in CELLS]
    for (cell, _, seed), own in zip(jobs, pool.map(curve, jobs), strict=True):
        rows[cell].append(own.round(4).tolist())
        print(f"rate {rate:g}, seed {seed}, {cell}: epoch 5 {own[4]:.3f}, end {own[-1]:.3f}", flush=True)
    return {", ".join(cell): own for cell, own in rows.items()}


def effects(curves: dict[str, list[list[float]]], epoch: int) -> dict[str, np.ndarray]:
    """Differences in accuracy after ``epoch`` epochs (from 1), one for each seed."""
    at = {tuple(name.split(", ")): np.array(rows)[:, epoch - 1] for name, rows in curves.items()}
    return {
        "dfcnn - single_task, he": at["dfcnn", "he"] - at["single_task", "he"],
        "dfcnn - single_task, authors": at["dfcnn", "authors"] - at["single_task", "authors"],
        "authors - he, single_task": at["single_task", "authors"] - at["single_task", "he"],
        "authors - he, dfcnn": at["dfcnn", "authors"] - at["dfcnn", "he"],
        "dfcnn, authors - single_task, he": at["dfcnn", "authors"] - at["single_task", "he"],
    }


def points(values: np.ndarray) -> str:
    mean, half = paired_difference(values, np.zeros_like(values))
    return f"{100 * mean:+.1f} ± {100 * half:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    seeds = list(range(asked.seeds))
    with ProcessPoolExecutor(asked.workers) as pool:
        found = {f"{RATE:g}": measured(RATE, seeds, pool)}
        tried = common_rate(pool)
        print(tried, flush=True)
        rate = tried.recipes[0].schedule.learning_rate
        if rate != RATE:
            found[f"{rate:g}"] = measured(rate, seeds, pool)
    together = sorted((one.settings["learning_rate"], one.mean) for one in tried.tried if one.recipe == ALL)
    listed = ", ".join(f"{100 * mean:.1f} % at {one:g}" for one, mean in together)
    words = f"best of {listed}; {'at the edge' if tried.edges else 'inside the grid'}"
    made = {
        "command": f"python benchmarks/{Path(sys.argv[0]).name} {shlex.join(sys.argv[1:])}".strip(),
        "stream": f"the first task of Tiny-ImageNet: 10 classes, 17 training and {TESTED} test pictures a class",
        "seeds": f"0 to {seeds[-1]}, each also the draw of the classes; the search: {SEARCH_ORDERS}",
        "optimiser": "the DF-CNN authors': TensorFlow 1's RMSProp, summed loss, batches of 10, each image normalised",
        "rates": f"the authors' {RATE:g}; {rate:g}, {words}, mean of the four on validation pictures",
        "versions": versions(),
        "hardware": hardware(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / "dfcnn_initialisation.json"
    path.write_text(json.dumps({"origin": made, "accuracy": found}, indent=1) + "\n", encoding="utf-8")
    rows = []
    for at, curves in found.items():
        for name, values in curves.items():
            cells = [mean_interval(np.array(values)[:, epoch - 1]) for epoch in (5, 10, EPOCHS)]
            rows.append([at, name, *(f"{100 * mean:.1f} ± {100 * half:.1f}" for mean, half in cells)])
        for name in effects(curves, 5):
            rows.append([at, name, *(points(effects(curves, epoch)[name]) for epoch in (5, 10, EPOCHS))])
    notes = (
        f"Test accuracy in percent; mean ± half width of the 95 % t-interval over {len(seeds)} seeds, each with "
        f"classes of its own; differences in points, paired by seed. Stream: {made['stream']}. Optimiser: "
        f"{made['optimiser']}. Rates: {made['rates']}, tried among {RATES}, and "
        f"up to {MORE} further ones on the side where the best was at the edge."
    )
    header = ["rate", "method, initialisation", "epoch 5", "epoch 10", f"epoch {EPOCHS}"]
    report.write("dfcnn_initialisation", "DF-CNN's first task: initialisation x method", header, rows, notes, seeds)


if __name__ == "__main__":
    main()
