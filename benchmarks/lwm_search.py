"""Rate, beta and gamma for Learning without Memorizing's comparison: one search of equal budget, on held-out classes.

The streams that are measured (scenes, Tiny-ImageNet) leave no class over, so the search learns fifty classes of
Caltech-101 at 32x32 pixels in five steps of ten, in two class orders. All methods have one rate, the best by their
common mean of three and of more where the best lies at the edge. At that rate each tries five values of a weight of its
own, and more likewise: beta for lwf_mc, which lwm takes over, gamma where attention is held, weight decay for those
that hold nothing: C, the classification loss of lwf_mc alone (the paper's baseline, Table 4), and fine-tuning. Scored
is the average incremental accuracy on the held-out classes' test images, all classes competing.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import report
import torch
from searching import GROWN, STORE

import cltutor as cl
from cltutor.comparing.found import Configuration
from cltutor.streams import Split, Stream

DATA = Path(os.environ.get("CLTUTOR_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
RATES, WEIGHTS, DECAYS = (0.01, 0.03, 0.1), (0.1, 0.3, 1.0, 3.0, 10.0), (0.0, 0.0001, 0.0005, 0.002, 0.01)
OWN = {
    "finetune": ("weight_decay", DECAYS),
    "C": ("weight_decay", DECAYS),
    "lwf_mc": ("beta", WEIGHTS),
    "lwm": ("gamma", WEIGHTS),
    "lwm_attention_only": ("gamma", WEIGHTS),
}
ORDERS, IMAGES = (100, 101), 40

Settings = dict[str, float]


def build(method: str) -> Callable[..., cl.Recipe]:
    """What makes the recipe of a method here, all classes competing."""
    if method == "C":
        return partial(cl.methods.lwf_mc, heads="class", beta=0.0)
    return partial(getattr(cl.methods, method), heads="class")


def few(stream: Stream, train: int, test: int | None = None, validation: int | None = None) -> Stream:
    """The first ``train`` pictures a class of a stream, and the first ``test`` to test on and ``validation`` to search
    with (None: all)."""

    def first(split: Split, count: int | None) -> Split:
        if not len(split):
            return split
        labels = split.labels.numpy()
        rows = [np.flatnonzero(labels == label)[:count] for label in np.unique(labels)]
        return split.take(torch.from_numpy(np.concatenate(rows)))

    counts = {"train": train, "validation": validation, "test": test}
    tasks = [replace(t, **{part: first(getattr(t, part), n) for part, n in counts.items()}) for t in stream]
    held = f", {validation} validation" if validation else ""
    code = f"{stream.code}, {train} training{held} and {test or 'all'} test pictures a class"
    return Stream(tasks=tasks, class_names=stream.class_names, name=stream.name, code=code)


def held_out_classes(order: int) -> Stream:
    draw = np.random.default_rng(order).permutation(101)[:50].tolist()
    source = cl.streams.folder(DATA / "caltech-101-112px.zip", tasks=5, order=draw, classes=draw, size=32)
    return few(source, IMAGES)


OPTIONS = {"store": STORE, "score": "average_incremental_accuracy", "on": "test", "progress": False}


def common_rate(pool: ProcessPoolExecutor) -> tuple[float, dict[str, str]]:
    """The rate of all, and the mean score of each method at each rate in words."""
    found = cl.search({method: build(method) for method in OWN}, held_out_classes, RATES, ORDERS, pool, **OPTIONS)
    means = {method: [one for one in found.tried if one.recipe == method] for method in OWN}
    return found.settings["C"]["learning_rate"], {
        method: in_words(own, "learning_rate") for method, own in means.items()
    }


def in_words(tried: Sequence[Configuration], setting: str) -> str:
    means = sorted((one.settings[setting], 100 * one.mean) for one in tried)
    return ", ".join(f"{value:g}: {mean:.1f}" for value, mean in means)


def best(
    method: str, fixed: Settings, setting: str, grid: Sequence[float], pool: ProcessPoolExecutor
) -> tuple[Settings, str]:
    """``fixed`` with the best value of one more setting, and the mean score of each value in words."""
    made = {method: partial(build(method), **fixed)}
    found = cl.search(made, held_out_classes, {method: {setting: grid}}, ORDERS, pool, **OPTIONS)
    return {**fixed, **found.settings[method]}, in_words(found.tried, setting)


def searched(pool: ProcessPoolExecutor) -> tuple[dict[str, Settings], list[list]]:
    """The settings of each method, and the rows of the search's table."""
    found, rows = {}, []
    rate, tried = common_rate(pool)
    for method, (own, weights) in OWN.items():
        beta = {"beta": found["lwf_mc"]["beta"]} if method == "lwm" else {}
        found[method], more = best(method, {"learning_rate": rate, **beta}, own, weights, pool)
        rows.append([method, str(found[method]), own, tried[method], more])
        print(*rows[-1], flush=True)
    return found, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    with ProcessPoolExecutor(parser.parse_args().workers) as pool:
        _, rows = searched(pool)
    header = ["method", "chosen", "own weight", "% at each common rate", "% at each value of the own weight"]
    notes = (
        f"Fifty classes of Caltech-101 at 32x32, at most {IMAGES} training pictures a class, five steps, 10 epochs. "
        f"Rates {RATES}, weights {WEIGHTS}, for weight decay {DECAYS}, {GROWN}; "
        "mean average incremental accuracy of two class orders."
    )
    report.write("lwm_search", "Learning without Memorizing: the search", header, rows, notes, [0, *ORDERS])


if __name__ == "__main__":
    main()
