"""DF-CNN beside the networks that its paper compares (DF-CNN, section 4): peak, forgetting, convergence.

``digits``: five tasks. ``tiny``: ten tasks of ten classes of Tiny-ImageNet at the paper's amount of data, 17 training
and 3 validation pictures a class, batches of 10, and the optimiser of the authors' program. All methods have as many
epochs; the rate of each is found by one search on the validation pictures of another class order. The task being
learned is tested after every epoch, all tasks after every tenth. The paper's own setting, CIFAR-100 with 2,000 epochs a
task, is ``paper``: it needs CIFAR-100 and a GPU, and goes on where it was stopped. Seconds are dfcnn_cost.py's.
"""

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import report
import torch
from lwm_search import DATA, few
from searching import ALIKE, STORE, search
from streams import percent

import cltutor as cl
from cltutor.evaluation import metrics
from cltutor.networks.counting import parameters_of_run
from cltutor.streams import Stream

METHODS = (
    "single_task",
    "single_task_large",
    "hard_sharing",
    "progressive",
    "expandable",
    "dfcnn",
    "dfcnn_small",
)
PAPER = {"validation": 3 / 20}


def digits(order: int) -> Stream:
    return cl.streams.digits(tasks=5, order=order, validation=0.1)


def tiny(order: int, tested: int = 30) -> Stream:
    whole = cl.streams.folder(DATA / "tiny-imagenet-100-32px.zip", tasks=10, order=order, **PAPER)
    return few(whole, 17, tested, 3)


def tiny_search(order: int) -> Stream:
    """The first three tasks of another class order."""
    whole = tiny(order)
    code = f"the first three tasks of {whole.code}"
    return Stream(tasks=list(whole[:3]), class_names=whole.class_names, name=whole.name, code=code)


def cifar(order: int) -> Stream:
    return cl.streams.torchvision("CIFAR100", tasks=10, order=order, per_class=(20, 100), **PAPER)


@dataclass(frozen=True)
class Scale:
    """The stream by its class order, the stream to search on, the trials, and what the schedule fixes."""

    stream: Callable[[int], Stream]
    searched: Callable[[int], Stream]
    trials: int
    schedule: dict
    rates: tuple[float, ...] = (0.005, 0.02, 0.05)


ADAPTIVE = (0.0001, 0.0003, 0.001)
SCALES = {
    "digits": Scale(digits, digits, 5, {"epochs": 20, "batch_size": 32}),
    "tiny": Scale(tiny, tiny_search, 3, {"epochs": 20, "batch_size": 10, **cl.schedules.dfcnn_optimiser()}, ADAPTIVE),
    "paper": Scale(cifar, cifar, 5, cl.schedules.dfcnn_paper(), ADAPTIVE),
}
SEARCH_ORDER = 100


def run_of(job: tuple) -> cl.Run:
    """One trial: its number is the class order and the seed."""
    scale, method, rate, trial = job
    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    recipe = getattr(cl.methods, method)(**{**scale.schedule, "learning_rate": rate})
    return cl.learn(scale.stream(trial), recipe, trial, store=STORE, progress=False, test_old_every=10, threads=1)


@dataclass(frozen=True)
class Measured:
    """What the trials of one method come to, a number a trial."""

    peak: np.ndarray
    kept: np.ndarray
    epochs: np.ndarray
    gained: np.ndarray
    transfer: np.ndarray
    parameters: int


def measured(runs: list[cl.Run]) -> Measured:
    curves = [(run.curves.known, run.curves.epoch_task) for run in runs]
    peaks = [metrics.peak_accuracy(*curve) for curve in curves]
    ends = [run.accuracy()[-1] for run in runs]
    after = [np.diag(run.accuracy()) for run in runs]
    return Measured(
        peak=np.array([peak.mean() for peak in peaks]),
        kept=np.array([(end / peak)[:-1].mean() for end, peak in zip(ends, peaks, strict=True)]),
        epochs=np.array([metrics.epochs_to_peak(*curve).mean() for curve in curves]),
        gained=np.array([(end > own)[:-1].mean() for end, own in zip(ends, after, strict=True)]),
        transfer=np.array([metrics.backward_transfer(run.accuracy()) for run in runs]),
        parameters=parameters_of_run(runs[0])[-1],
    )


def plain(values: np.ndarray) -> str:
    mean, half = metrics.mean_interval(values)
    return f"{mean:.1f} ± {half:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scale", choices=SCALES)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    scale, trials = SCALES[asked.scale], range(SCALES[asked.scale].trials)
    builds = {m: lambda m=m, **rate: getattr(cl.methods, m)(**{**scale.schedule, **rate}) for m in METHODS}
    with ProcessPoolExecutor(asked.workers) as pool:
        rates = search(builds, scale.rates, scale.searched, [SEARCH_ORDER], pool)
        jobs = [(scale, method, rates[method], trial) for method in METHODS for trial in trials]
        runs = list(pool.map(run_of, jobs))
    count = len(trials)
    found = {m: measured(runs[i * count : (i + 1) * count]) for i, m in enumerate(METHODS)}
    rows = [
        [m, f"{rates[m]:g}", f"{f.parameters / 1e6:.2f}", percent(f.peak), percent(f.kept), plain(f.epochs)]
        + [percent(f.transfer), percent(f.gained)]
        for m, f in found.items()
    ]
    header = ["method", "rate", "parameters, M", "peak %", "kept of it %", "epochs to 98 %"]
    header += ["backward transfer", "old tasks better at the end %"]
    words = {key: value for key, value in scale.schedule.items() if key != "backbone"}
    notes = (
        f"Mean ± half width of the 95 % t-interval over {count} trials, each with its class order. Task known. "
        f"{words}; rates found among {scale.rates}, {ALIKE}, on validation images of class order {SEARCH_ORDER}. "
        "Seconds are compared by dfcnn_cost.py, on a machine that does nothing else."
    )
    seeds = [*trials, SEARCH_ORDER]
    report.write(f"dfcnn_{asked.scale}", f"DF-CNN and its baselines, {asked.scale}", header, rows, notes, seeds)


if __name__ == "__main__":
    main()
