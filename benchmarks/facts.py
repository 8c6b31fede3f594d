"""Fact learning without labels or a softmax: retrieval of images by facts, two and four tasks (MAS, Tables 3 and 4).

Rendered facts <subject, predicate, object>, a random split into tasks; mean average precision of each task and of all
facts together at the end. Lambda of SI, MAS and local MAS is searched on one grid over the first two of four tasks of
another order, on validation images; MAS with the paper's lambda of 5 stands beside. Then the adaptation test of Figure
7, on facts clustered by their subject: Omega on a few facts of the first task alone.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import report
from searching import ALIKE, finished, search

import cltutor as cl
from cltutor.comparing.search import held_out
from cltutor.evaluation.metrics import mean_interval, retrieval
from cltutor.importance import MAS, LocalMAS, PathIntegral
from cltutor.losses import Anchor, EmbeddingDistance
from cltutor.networks import FactEmbedding
from cltutor.recipe.recipe import Phase, Schedule
from cltutor.streams import Stream
from cltutor.streams.facts import units

ORDERS, SEARCH_ORDER, SEEDS = range(5), 100, range(5)
GRID = (0.01, 0.1, 1.0, 10.0, 100.0)
PER_CLASS, EPOCHS, RATE, BATCH = (20, 8), 12, 0.05, 20
IMPORTANCE = {
    "si": PathIntegral(),
    "mas": MAS(),
    "mas, train and test": MAS(on="both"),
    "mas_local": LocalMAS(),
}


def recipe(name: str, importance: object = None, lam: float = 0.0) -> cl.Recipe:
    loss = EmbeddingDistance() + lam / 2 * Anchor(importance) if importance else EmbeddingDistance()
    learn_all = (Phase(shared=1.0),)
    schedule = Schedule(later=learn_all, first=learn_all, epochs=EPOCHS, batch_size=BATCH, learning_rate=RATE)
    return cl.Recipe(name, loss, FactEmbedding(), schedule=schedule, heads="class")


def stream_of(tasks: int, order: int, validation: float = 0) -> Stream:
    return cl.streams.facts(tasks=tasks, order=order, per_class=PER_CLASS, validation=validation)


def first_two(order: int) -> Stream:
    whole = stream_of(4, order, validation=0.25)
    return Stream(list(whole[:2]), whole.class_names, whole.name, whole.code + "[:2]")


def validated(run: cl.Run) -> float:
    """MAP over both tasks of a search stream, on validation images."""
    return float(np.mean(retrieval(run, held_out(first_two(run.seed)))["tasks"]))


def searched(pool: ProcessPoolExecutor) -> dict[str, float]:
    builds = {name: partial(recipe, name, importance) for name, importance in IMPORTANCE.items()}
    return search(builds, GRID, first_two, [SEARCH_ORDER], pool, "lam", score=validated)


def percent(values: list[float]) -> str:
    mean, half = mean_interval(values)
    return f"{100 * mean:.1f} ± {100 * half:.1f}"


def table(tasks: int, recipes: dict[str, cl.Recipe], pool: ProcessPoolExecutor) -> list[list[str]]:
    rows = []
    for name, own in recipes.items():
        count = 1 if name == "joint" else tasks
        runs = pool.map(finished, [(stream_of, {"tasks": count, "order": o}, own, o) for o in ORDERS])
        found = [among(run, count, o, tasks) for o, run in zip(ORDERS, runs, strict=True)]
        columns = [percent([values[t] for values, _ in found]) for t in range(tasks)]
        rows.append([f"{tasks} tasks", name, *columns, *[""] * (4 - tasks), percent([whole for _, whole in found])])
    return rows


def among(run: cl.Run, count: int, order: int, tasks: int) -> tuple[np.ndarray, float]:
    """MAP of each task and of all; joint training, which has one task, is asked for the facts of each."""
    stream = stream_of(count, order)
    if count == tasks:
        found = retrieval(run, stream)
        return found["tasks"], found["all"]
    parts = stream_of(tasks, order)
    values = [retrieval(run, stream, classes=task.classes)["classes"] for task in parts]
    return np.array(values), retrieval(run, stream)["all"]


def adaptation(recipes: dict[str, cl.Recipe], lam: float, pool: ProcessPoolExecutor) -> list[list[str]]:
    """MAP on a subset of the first of four clusters of facts after each task, and on the last task at the end."""
    stream, rows = stream_of(4, None), []
    subset = subset_of(stream)
    recipes = {**recipes, "mas on the subset": recipe("mas", MAS(classes=subset), lam)}
    for name in ("finetune", "si", "mas", "mas on the subset"):
        runs = pool.map(finished, [(stream_of, {"tasks": 4, "order": None}, recipes[name], seed) for seed in SEEDS])
        found = []
        for run in runs:
            steps = [retrieval(run, stream, after=t, classes=subset)["classes"] for t in range(4)]
            found.append([*steps, retrieval(run, stream)["tasks"][3]])
        rows.append([name, *(percent([values[i] for values in found]) for i in range(5))])
    whole, last = stream_of(1, None), stream[3].classes
    runs = list(pool.map(finished, [(stream_of, {"tasks": 1, "order": None}, recipes["joint"], s) for s in SEEDS]))
    ends = [percent([retrieval(run, whole, classes=c)["classes"] for run in runs]) for c in (subset, last)]
    return [*rows, ["joint", "", "", "", *ends]]


def subset_of(stream: Stream) -> tuple[int, ...]:
    """The facts of the first task that share the subject and the predicate of its first one."""
    start = units(stream.class_names[stream[0].classes[0]])[:2]
    return tuple(label for label in stream[0].classes if units(stream.class_names[label])[:2] == start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    with ProcessPoolExecutor(parser.parse_args().workers) as pool:
        lams = searched(pool)
        guarded = {name: recipe(name, own, lams[name]) for name, own in IMPORTANCE.items()}
        recipes = {"finetune": recipe("finetune"), **guarded, "mas, lambda 5": recipe("mas, lambda 5", MAS(), 5.0)}
        everything = {**recipes, "joint": recipe("joint")}
        rows = [row for tasks in (2, 4) for row in table(tasks, everything, pool)]
        adapted = adaptation(everything, lams["mas"], pool)
    notes = (
        f"MAP x 100 at the end of the sequence, mean ± half width of the 95 % t-interval over {len(ORDERS)} random "
        f"splits. 60 facts, {PER_CLASS[0]} training and {PER_CLASS[1]} test images each, {EPOCHS} epochs, batches of "
        f"{BATCH}, rate {RATE}. Joint training sees all facts for as many epochs. Lambda from {GRID}, {ALIKE}, on "
        f"order {SEARCH_ORDER}: {lams}, entering as lambda / 2 for all, SI too."
    )
    header = ["stream", "method", "T1", "T2", "T3", "T4", "all"]
    report.write("facts", "Fact learning: mean average precision", header, rows, notes, [*ORDERS, SEARCH_ORDER])
    header = ["method", "after T1", "after T2", "after T3", "after T4", "T4 itself"]
    notes = (
        "MAP x 100 on the facts of the first of four tasks that share one subject and one predicate, after each task, "
        "and on the last task at the end (does it gain by adaptation?). Facts are clustered by their subject, in their "
        f"natural order; mean ± half width of the 95 % t-interval over {len(SEEDS)} seeds. Lambda as in facts.md."
    )
    report.write("facts_adaptation", "Learning what not to forget", header, adapted, notes, SEEDS)


if __name__ == "__main__":
    main()
