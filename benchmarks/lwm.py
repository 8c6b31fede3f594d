"""Learning without Memorizing on scenes: ten base classes, then five steps of two, one head, the task unknown.

Accuracy, top-5 accuracy, and where the network looks: the drift of Grad-CAM on test images of base classes from the
first model to the last (LwM, eq. 6), and the share of attention inside the object's mask. Every method gets the same
search on another class order, on validation images: of the rate, and then of the weight that is its own (beta, which
lwf_mc and lwm share, or gamma).
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import report
import torch
from searching import final_accuracy, finished
from streams import percent

import cltutor as cl
from cltutor import attention
from cltutor.metrics import paired_difference
from cltutor.streams import Stream

TASKS, ORDERS, SEARCH_ORDER = (10, 2, 2, 2, 2, 2), range(5), 100
RATES, WEIGHTS = (0.01, 0.03, 0.1), (0.1, 0.3, 1.0, 3.0, 10.0)
OWN = {"finetune": None, "lwf_mc": "beta", "lwm": "gamma", "lwm_attention_only": "gamma"}


def stream_of(order: int, validation: float = 0) -> Stream:
    return cl.streams.scenes(tasks=list(TASKS), order=order, per_class=(60, 20), validation=validation)


def searched(pool: ProcessPoolExecutor) -> dict[str, dict[str, float]]:
    """The settings of each method: rate first, at weights of 1, then its own weight."""
    builds = {name: partial(getattr(cl.methods, name), heads="class") for name in OWN}

    def best(asked: list[dict], build: partial) -> dict:
        jobs = [(stream_of, {"order": SEARCH_ORDER, "validation": 0.2}, build(**one), 0) for one in asked]
        scores = list(pool.map(final_accuracy, jobs))
        return asked[int(np.argmax(scores))]

    found = {name: best([{"learning_rate": rate} for rate in RATES], build) for name, build in builds.items()}
    for name, own in OWN.items():  # in this order: lwm takes the beta that lwf_mc was given
        if name == "lwm":
            found[name]["beta"] = found["lwf_mc"]["beta"]
        if own:
            found[name] = best([{**found[name], own: weight} for weight in WEIGHTS], builds[name])
    return found


def looked(run: cl.Run, stream: Stream) -> tuple[float, float]:
    """Mean drift on base-class test images from the first model to the last, and the last one's share in the mask."""
    test = stream[0].test
    targets = stream.positions(test.labels)
    maps = [attention.grad_cam(run.model_after(t), test.images, targets) for t in (0, len(stream) - 1)]
    inside = attention.inside(maps[1], test.masks)
    return attention.drift(*maps).mean().item(), inside.nanmean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    torch.set_num_threads(1)
    with ProcessPoolExecutor(parser.parse_args().workers) as pool:
        chosen = searched(pool)
        recipes = {name: getattr(cl.methods, name)(heads="class", **settings) for name, settings in chosen.items()}
        runs = {
            n: list(pool.map(finished, [(stream_of, {"order": o}, r, o) for o in ORDERS])) for n, r in recipes.items()
        }
    streams = [stream_of(order) for order in ORDERS]
    ends = {
        name: [run.metrics(known_task=False)["average_incremental_accuracy"] for run in own]
        for name, own in runs.items()
    }
    rows = []
    for name, own in runs.items():
        last = [mean_of_images(run, 1) for run in own]
        fifth = [mean_of_images(run, 5) for run in own]
        drifts, inside = zip(*(looked(run, stream) for run, stream in zip(own, streams, strict=True)), strict=True)
        gap, half = paired_difference(ends[name], ends["lwf_mc"])
        means = [f"{np.mean(v):.3f} ± {cl.metrics.mean_interval(v)[1]:.3f}" for v in (drifts, inside)]
        against = f"{100 * gap:+.1f} ± {100 * half:.1f}"
        rows.append([name, str(chosen[name]), percent(ends[name]), against, percent(last), percent(fifth), *means])
    header = [
        "method",
        "settings",
        "average incremental %",
        "against lwf_mc",
        "last step %",
        "top-5 %",
        "drift",
        "in mask",
    ]
    notes = (
        f"Mean ± half width of the 95 % t-interval over {len(ORDERS)} class orders, differences paired by order. 60 "
        f"training and 20 test images a class, 10 epochs. Search on order {SEARCH_ORDER}: rates {RATES}, then weights "
        f"{WEIGHTS}. Average incremental accuracy leaves the first step out."
    )
    report.write("lwm_scenes", "Learning without Memorizing on scenes", header, rows, notes, [*ORDERS, SEARCH_ORDER])


def mean_of_images(run: cl.Run, top: int) -> float:
    """Accuracy over all test images after the last step, all classes competing."""
    return float(np.average(run.accuracy(known_task=False, top=top)[-1], weights=run.test_sizes))


if __name__ == "__main__":
    main()
