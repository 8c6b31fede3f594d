"""Methods after the five papers beside theirs: task-, class- and domain-incremental, and tasks of several labels.

    python benchmarks/after.py [digits scenes rotated several] [--workers 2]

Five class orders, the same epochs for every method (GDumb, which trains on its memory alone: as many updates as
fine-tuning makes), a memory of 100 images wherever there is one. Every method's settings, baselines' too, are chosen by
the same search on two other orders, on validation images: first its rate, then, from as many further configurations,
the weight of its penalty or a finer rate if it has none. Beside each table comes one of the orders that papers have
published, and whether each holds here: that of the paired difference's interval. Finished runs are kept in a store, so
that the script can be stopped and started again.
"""

import argparse
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import report
from searching import ALIKE, STORE, finished, search

import cltutor as cl
from cltutor.comparing.candidates import RATE, Build
from cltutor.evaluation.metrics import mean_interval, paired_difference
from cltutor.methods.registry import of_size

ORDERS, SEARCH_ORDERS, GRID, IMAGES, BATCH = range(5), (100, 101), (0.003, 0.01, 0.03), 100, 32
WEIGHTS = {"derpp": ("alpha", (0.02, 0.1, 0.5)), "mas": ("lam", (0.2, 1.0, 5.0)), "lwf": ("lam", (0.2, 1.0, 5.0))}
STEPS = 1 / math.sqrt(3), 1.0, math.sqrt(3)  # finer rates: about half the way to the next ones of the grid
BASELINES = "finetune", "joint", "lwf"
REPLAY = "er", "derpp", "agem", "gdumb", "ncm"
METHODS = {
    "task": (*BASELINES, "mas", *REPLAY, "packnet"),
    "class": (*BASELINES, "mas", *REPLAY, "bic", "wa", "icarl", "eeil"),
    "domain": (*BASELINES, "mas", *REPLAY, "wa", "eeil"),
    "several": BASELINES,
}


def rotated(order: int, validation: float = 0.0) -> cl.streams.Stream:
    return cl.streams.domains(cl.streams.digits(5, order, validation=validation), "rotations", tasks=5)


def several(order: int, seed: int = 0) -> cl.streams.Stream:
    return cl.streams.several(5, order, size=16, per_task=(200, 80), seed=seed)


# The stream of an order, what else that of a search has, the scenarios measured on it, and the epochs of each task. All
# rotated digits come in every domain, five times as many as in a task of digits: fewer epochs.
STREAMS: dict[str, tuple[Callable[..., cl.streams.Stream], dict, tuple[str, ...], int]] = {
    "several": (several, {"seed": 1}, ("several",), 10),
    "digits": (partial(cl.streams.digits, 5), {"validation": 0.2}, ("class", "task"), 10),
    "rotated": (rotated, {"validation": 0.2}, ("domain",), 3),
    "scenes": (
        partial(cl.streams.scenes, 5, size=16, per_class=(40, 20)), {"validation": 0.2}, ("class", "task"), 10,
    ),
}  # fmt: skip
# Which method a paper found ahead of which, in which scenarios, and where it says so. An order counts only where it was
# published; that of class means was published for methods that start from pretrained weights, which ours do not.
ALL_REPLAY = "er", "agem", "derpp", "bic", "wa", "icarl", "eeil", "gdumb"
PUBLISHED = (
    ("lwf", ("finetune",), ("task", "several"), "LwF, Table 1"),
    ("joint", ("lwf",), ("task", "several"), "LwF, Table 1"),
    ("packnet", ("lwf", "finetune"), ("task",), "Mallya and Lazebnik 2018, experiments"),
    ("agem", ("finetune",), ("task",), "A-GEM, experiments"),
    (
        "er",
        ("agem",),
        ("task", "class", "domain"),
        "Chaudhry et al. 2019 (tiny memories), abstract; Buzzega et al. 2020, experiments",
    ),
    ("derpp", ("er", "agem"), ("task", "class", "domain"), "Buzzega et al. 2020, abstract and experiments"),
    ("derpp", ("icarl",), ("class",), "Buzzega et al. 2020, abstract and experiments"),
    ("bic", ("icarl", "eeil"), ("class",), "Wu et al. 2019, section 6"),
    ("wa", ("icarl", "eeil", "bic"), ("class",), "Zhao et al. 2020, abstract and experiments"),
    ("gdumb", ("er", "agem", "icarl"), ("class",), "Prabhu et al. 2020, abstract and experiments"),
    ("ncm", ALL_REPLAY, ("class",), "Janson et al. 2022, of methods that start from pretrained weights"),
)
TITLES = {
    "task": "task-incremental, a head per task and the task known at test",
    "class": "class-incremental, one softmax and the task unknown at test",
    "domain": "domain-incremental, one head, so that the task known and unknown are the same",
    "several": "tasks of several labels, mean average precision over a task's labels",
}


def build(method: str, scenario: str, epochs: int, images: int, **settings) -> cl.Recipe:
    """The recipe of a method in a scenario of so many epochs, on tasks of so many images."""
    own = {**of_size(method, IMAGES), "epochs": epochs, "batch_size": BATCH, **settings}
    if method == "gdumb":
        own["epochs"] = round(epochs * math.ceil(images / BATCH) / math.ceil(IMAGES / BATCH))
    if method == "ncm":
        own["epochs"] = 1  # class means take the place of what is trained
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


def chosen(builds: Mapping[str, Build], source: Callable, scenario: str, pool: ProcessPoolExecutor) -> dict[str, dict]:
    """The settings of each method: its rate, then at that rate its weight, or a finer rate where it has none.

    GDumb has more epochs than the others and is searched by itself; class means have nothing to search.
    """
    on = "test" if scenario == "several" else "validation"
    options = {"score": partial(score, scenario=scenario), "on": on}
    found: dict[str, dict] = {"ncm": {}} if "ncm" in builds else {}
    for group in (
        [name for name in builds if name not in ("gdumb", "ncm")],
        [name for name in builds if name == "gdumb"],
    ):
        if not group:
            continue
        own = {name: builds[name] for name in group}
        rates = search(own, GRID, source, SEARCH_ORDERS, pool, **options)
        finer = {name: {RATE: tuple(float(f"{rate * step:.3g}") for step in STEPS)} for name, rate in rates.items()}
        grids = {name: dict([WEIGHTS[name]]) if name in WEIGHTS else finer[name] for name in group}
        fixed = {
            name: partial(own[name], learning_rate=rates[name]) if name in WEIGHTS else own[name] for name in group
        }
        again = cl.search(fixed, source, grids, SEARCH_ORDERS, pool, store=STORE, progress=False, **options)
        print(again, flush=True)
        found |= {name: {RATE: rates[name], **settings} for name, settings in again.settings.items()}
    return found


def learned(name: str, scenario: str, pool: ProcessPoolExecutor) -> tuple[dict[str, list[cl.Run]], dict[str, dict]]:
    """The runs of every method in all orders, and its settings."""
    source, searched, _, epochs = STREAMS[name]
    images = len(source(0)[0].train)
    builds = {method: partial(build, method, scenario, epochs, images) for method in METHODS[scenario]}
    settings = chosen(builds, partial(source, **searched), scenario, pool)
    jobs = [(m, (source, {"order": o}, builds[m](**settings[m]), o)) for m in builds for o in ORDERS]
    runs: dict[str, list[cl.Run]] = {}
    for (method, _), run in zip(jobs, pool.map(finished, [job for _, job in jobs]), strict=True):
        runs.setdefault(method, []).append(run)
    return runs, settings


def rows_of(runs: dict[str, list[cl.Run]], settings: dict[str, dict], scenario: str) -> list[list]:
    """One row a method."""
    base, found = [score(run, scenario) for run in runs["finetune"]], []
    for method, group in runs.items():
        own = [score(run, scenario) for run in group]
        mean, half = paired_difference(own, base)
        matrices = [matrix(run, scenario) for run in group]
        old, new = ([np.mean(part(m)) for m in matrices] for part in (lambda m: m[-1, :-1], lambda m: np.diag(m)[1:]))
        memory = np.mean([sum(run.memory.values()) for run in group]) / 1e3
        words = ", ".join(f"{'rate' if name == RATE else name} {value:g}" for name, value in settings[method].items())
        row = [
            method,
            words or "none",
            percent(own),
            f"{100 * mean:+.1f} ± {100 * half:.1f}",
            percent(old),
            percent(new),
        ]
        found.append([*row, f"{np.mean([run.updates for run in group]):.0f}", f"{memory:.0f}"])
    return found


def verdict(mean: float, half: float) -> str:
    """What the 95 % interval of a paired difference says of an order."""
    if mean - half > 0:
        return "holds"
    return "reversed" if mean + half < 0 else "undecided"


def order_rows(runs: dict[str, list[cl.Run]], scenario: str) -> list[list]:
    """One row a published order, in the scenarios in which it was published."""
    scores, found = {method: [score(run, scenario) for run in group] for method, group in runs.items()}, []
    for ahead, behind, scenarios, source in PUBLISHED:
        for other in [name for name in behind if scenario in scenarios and ahead in scores and name in scores]:
            mean, half = paired_difference(scores[ahead], scores[other])
            row = [f"{ahead} over {other}", source, f"{100 * mean:+.1f} ± {100 * half:.1f}"]
            found.append([*row, verdict(mean, half)])
    return found


def notes_of(scenario: str, epochs: int) -> str:
    images = "another draw of the images" if scenario == "several" else "validation images"
    return (
        "Average over all tasks after the last, old tasks (all but the last) after the last, and new tasks right after "
        f"they were learned; mean ± half width of the 95 % t-interval over {len(ORDERS)} orders, differences paired by "
        f"order. {epochs} epochs a task; gdumb as many updates as finetune. Memory of {IMAGES} images where there is "
        f"one. Rates from {GRID}, {ALIKE}; then from as many configurations the weight of a penalty (alpha, lam) or a "
        f"finer rate, by the average on {images} of orders {SEARCH_ORDERS}; ncm has nothing to search, and gdumb was "
        "searched by itself. Methods of one table answer the same question; no table is ranked against another."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("streams", nargs="*", default=list(STREAMS), help=", ".join(STREAMS))
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    header = [
        "method",
        "settings",
        "average %",
        "against finetune",
        "old tasks %",
        "new tasks %",
        "updates",
        "memory kB",
    ]
    with ProcessPoolExecutor(asked.workers) as pool:
        for name in asked.streams:
            *_, scenarios, epochs = STREAMS[name]
            for scenario in scenarios:
                runs, settings = learned(name, scenario, pool)
                title, seeds = f"{name}: {TITLES[scenario]}", [*ORDERS, *SEARCH_ORDERS]
                rows = rows_of(runs, settings, scenario)
                report.write(f"after_{name}_{scenario}", title, header, rows, notes_of(scenario, epochs), seeds)
                columns = ["published order", "where", "difference", "here"]
                words = (
                    "Difference of the averages of the table of this stream, paired by order, with its 95 % interval: "
                    '"holds" if it lies above zero, "reversed" if below, "undecided" if it contains zero.'
                )
                orders = order_rows(runs, scenario)
                report.write(
                    f"after_{name}_{scenario}_orders", f"Published orders on {title}", columns, orders, words, seeds
                )


if __name__ == "__main__":
    main()
