"""Learning without Memorizing step by step, one head, the task unknown (LwM, Figure 5 and Table 5).

``scenes``: ten base classes, then five steps of two; ``tiny``: the hundred Tiny-ImageNet classes, ten a step, fifty
pictures a class. After every step: top-1 and top-5 accuracy over all classes seen, and on test images of the base
classes the drift of Grad-CAM from the first model's (LwM, eq. 6) and, on scenes, the share of attention inside the
object. Settings are those that lwm_search.py finds on other classes, one rate for all.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import report
import torch
from lwm_search import DATA, OWN, build, few, searched
from searching import learn
from streams import percent

import cltutor as cl
from cltutor import attention
from cltutor.evaluation.metrics import mean_interval, paired_difference
from cltutor.streams import Stream

BASELINE = "lwf_mc"
ORDERS = {"scenes": range(5), "tiny": range(3)}
TITLES = {"scenes": "scenes", "tiny": "100 classes of Tiny-ImageNet"}

Measures = dict[str, list[float]]


def stream_of(name: str, order: int) -> Stream:
    if name == "scenes":
        return cl.streams.scenes(tasks=[10, 2, 2, 2, 2, 2], order=order, per_class=(60, 20))
    return few(cl.streams.folder(DATA / "tiny-imagenet-100-32px.zip", tasks=10, order=order), 50)


def measured(job: tuple[str, int, str, dict]) -> Measures:
    """One run's top1, top5, drift and inside after every step; drift is 0 after the first."""
    name, order, method, settings = job
    torch.set_num_threads(1)
    stream = stream_of(name, order)
    run = learn(stream, build(method)(**settings), order)
    found: Measures = {f"top{k}": of_images(run.accuracy(known_task=False, top=k), run.test_sizes) for k in (1, 5)}
    base, before = stream[0].test, None
    for step in range(len(stream)):
        maps = attention.grad_cam(run.model_after(step), base.images, stream.positions(base.labels))
        before = maps if before is None else before
        found.setdefault("drift", []).append(attention.drift(before, maps).mean().item())
        if base.masks is not None:
            found.setdefault("inside", []).append(attention.inside(maps, base.masks).nanmean().item())
    return found


def of_images(matrix: np.ndarray, sizes: tuple[int, ...]) -> list[float]:
    """Accuracy over all test images of the classes seen, after each step."""
    return [float(np.average(row[: i + 1], weights=sizes[: i + 1])) for i, row in enumerate(matrix)]


def later(run: Measures, measure: str) -> float:
    """Mean over the steps after the first; a map without attention, as of a class that is never predicted, counts in
    no share of it."""
    return float(np.nanmean(run[measure][1:]))


def summary(method: str, settings: dict, runs: dict[str, list[Measures]]) -> list[str]:
    top1 = {name: [later(run, "top1") for run in own] for name, own in runs.items()}
    gap, half = paired_difference(top1[method], top1[BASELINE])
    own = runs[method]
    cells = [percent([run[measure][-1] for run in own]) for measure in ("top1", "top5")]
    for measure in ("drift", "inside"):
        if measure in own[0]:
            mean, spread = mean_interval([later(run, measure) for run in own])
            gap_of = paired_difference(*([later(run, measure) for run in runs[n]] for n in (method, BASELINE)))
            cells.append(f"{mean:.3f} ± {spread:.3f} ({gap_of[0]:+.3f} ± {gap_of[1]:.3f})")
    return [method, str(settings), percent(top1[method]), f"{100 * gap:+.1f} ± {100 * half:.1f}", *cells]


def steps(runs: dict[str, list[Measures]], sizes: list[int]) -> tuple[list[str], list[list[str]]]:
    """The table of every measure after every step: its header and rows."""
    rows = []
    for measure in next(iter(runs.values()))[0]:
        for method, own in runs.items():
            orders = [np.array(step) for step in zip(*(run[measure] for run in own), strict=True)]
            values = [mean_interval(step[~np.isnan(step)]) for step in orders]
            scale, digits = (100, 1) if measure.startswith("top") else (1, 2)
            rows.append([measure, method, *(f"{scale * m:.{digits}f} ± {scale * h:.{digits}f}" for m, h in values)])
    return ["measure", "method", *(f"{count} classes" for count in sizes)], rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", choices=ORDERS)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    name, orders = asked.source, ORDERS[asked.source]
    with ProcessPoolExecutor(asked.workers) as pool:
        found, _ = searched(pool)
        jobs = [(name, order, method, found[method]) for method in OWN for order in orders]
        done = list(pool.map(measured, jobs))
    runs = {method: done[i * len(orders) : (i + 1) * len(orders)] for i, method in enumerate(OWN)}
    sizes = np.cumsum([len(task.classes) for task in stream_of(name, 0)]).tolist()
    masks = ["in mask"] if "inside" in done[0] else []
    header = ["method", "settings", "top-1 %", f"against {BASELINE}", "last step, top-1 %", "last step, top-5 %"]
    notes = (
        f"Mean ± half width of the 95 % t-interval over {len(orders)} class orders, differences paired by order (in "
        f"brackets for drift and mask). Top-1, drift and mask: mean over the steps after the first. {sizes[0]} base "
        f"classes, {'60 training and 20 test' if name == 'scenes' else '50 training and 50 test'} images a class, "
        "10 epochs, small CNN."
    )
    rows = [summary(method, found[method], runs) for method in OWN]
    report.write(
        f"lwm_{name}",
        f"Learning without Memorizing on {TITLES[name]}",
        [*header, "drift", *masks],
        rows,
        notes,
        [*orders],
    )
    notes = "Mean ± half width of the 95 % t-interval over the class orders; drift from the first model's maps."
    report.write(
        f"lwm_{name}_steps", f"The same, step by step, on {TITLES[name]}", *steps(runs, sizes), notes, [*orders]
    )


if __name__ == "__main__":
    main()
