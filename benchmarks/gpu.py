"""What can only be shown on a GPU, in 25 minutes on one: A correctness, B resuming, C a full memory, D throughput, E
EEIL's paper schedule.

    python benchmarks/gpu.py A B C       about 5 minutes
    python benchmarks/gpu.py D           about 6 minutes
    python benchmarks/gpu.py E           9 minutes; again, it goes on where it stopped

Each part stands alone and writes its own tables to results/gpu.md when it has them, beside those of the others.
Images are synthetic, so nothing is downloaded. ``--rehearse`` runs all parts in small on the CPU, which tries the
script's code and shows nothing of a GPU; without a GPU there is nothing else to run.
"""

import argparse
import gc
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import report
import torch

import cltutor as cl
from cltutor import methods, seeds
from cltutor.networks import TaskCNN
from cltutor.runs.provenance import hardware, versions
from cltutor.runs.store import Store
from cltutor.training.events import EpochDone, OutOfMemory, Stepped

SMALL = TaskCNN(channels=(8, 8, 8, 8), hidden=(20,), dropout=0.0)  # masks of dropout differ between devices
Table = tuple[str, Sequence[str], list[Sequence[object]]]  # a sentence above it, the header, the rows


@dataclass(frozen=True)
class Scale:
    """Where and how much is run; ``gpu`` is False where the script is rehearsed on the CPU."""

    gpu: bool
    methods: tuple[str, ...]
    batches: tuple[int, ...]  # of ResNet-32
    steps: int  # timed at once
    rounds: int
    tests: int  # images
    seconds: float  # of part E
    epochs: int | None  # of part E; None: the paper's

    @property
    def backbone(self) -> cl.networks.BackboneArchitecture:
        return cl.networks.ResNet32() if self.gpu else cl.networks.SmallCNN((4, 4))

    @property
    def device(self) -> str:
        return "cuda" if self.gpu else "cpu"


FULL = Scale(True, tuple(methods.names()), (32, 128, 512), 50, 5, 10_000, 540, None)
TINY = Scale(False, ("lwf",), (4,), 2, 1, 40, 60, 3)


def stream(
    tasks: int, classes: int, per_class: int, tests: int = 4, channels: int = 1, side: int = 8
) -> cl.streams.Stream:
    """Noise around a pattern for each class, which a network can learn."""
    draw = torch.Generator().manual_seed(0)
    patterns = torch.randint(0, 256, (classes, channels, side, side), generator=draw)
    parts = []
    for count in (per_class, tests):
        labels = torch.arange(classes).repeat_interleave(count)
        noise = torch.randint(-64, 65, (len(labels), channels, side, side), generator=draw)
        parts += [(patterns[labels] + noise).clamp(0, 255).to(torch.uint8), labels]
    return cl.streams.tensors(*parts, tasks=tasks, order=None)


def make(name: str) -> cl.Recipe:
    """The method on a small network, without what is drawn on the device, with an epoch for each phase."""
    recipe = None
    for settings in ({"backbone": SMALL, "noise": None}, {"noise": None}, {}):
        try:
            recipe = methods.named(name)(batch_size=8, **settings)
            break
        except methods.UnknownSetting:
            continue
    assert recipe is not None
    fewest = next(e for e in range(1, 99) if all(n for _, n in recipe.with_epochs(e).schedule.phases(1)))
    return recipe.with_epochs(fewest)


def learned(recipe: cl.Recipe, device: str) -> tuple[list[float], cl.Run]:
    """The losses of the first five steps, and the run."""
    losses = []
    for event in cl.train(stream(2, 4, 12), recipe, device=device, threads=1):
        if isinstance(event, Stepped) and len(losses) < 5:
            losses.append(sum(event.losses.values()).item())
    return losses, event.run


def same(one: cl.Run, other: cl.Run) -> bool:
    pairs = zip(one.states, other.states, strict=True)
    return all(torch.equal(a[name], b[name]) for a, b in pairs for name in a)


def correctness(scale: Scale) -> Iterator[Table]:
    """Part A."""
    rows = []
    for name in scale.methods:
        recipe = make(name)
        (cpu, on_cpu), (gpu, on_gpu), (_, again) = (learned(recipe, d) for d in ("cpu", scale.device, scale.device))
        gap = max(abs(a - b) / max(1, abs(a)) for a, b in zip(cpu, gpu, strict=True))
        points = 100 * abs(on_cpu.accuracy(untrained=True)[-1] - on_gpu.accuracy(untrained=True)[-1]).max()
        right = "yes" if gap < 1e-3 and points <= 5 else "NO"
        rows.append([name, f"{gap:.1e}", f"{points:.1f}", right, "yes" if same(on_gpu, again) else "NO"])
    header = [
        "method",
        "losses of 5 steps differ by",
        "accuracies by (points)",
        "within 1e-3 and 5",
        "equal bits twice",
    ]
    yield "CPU against device. Dropout, where a method has it, draws other numbers on a GPU.", header, rows

    run, images = learned(make("mas"), "cpu")[1], stream(2, 4, 12)[0].test.images
    labels, network = torch.tensor([0, 1]).repeat_interleave(4), run.model
    asked: dict[str, Callable] = {
        "mas": lambda net: torch.cat([v.flatten() for v in cl.importance.mas(net, images, task=0).values()]),
        "fisher": lambda net: torch.cat([v.flatten() for v in cl.importance.fisher(net, images, labels, 0).values()]),
        "grad_cam": lambda net: cl.attention.grad_cam(net, images, labels),
    }
    rows = []
    for name, measure in asked.items():
        here, there = measure(network), measure(run.model_on(scale.device)).cpu()
        rows.append([name, f"{((here - there).abs().max() / here.abs().max()).item():.1e}"])
    yield (
        "The largest difference, in parts of the largest value (wanted: below 1e-4).",
        ["measured", "differs by"],
        rows,
    )

    before = [setting.read() for setting in (*seeds.OF_A_THREAD, *seeds.OF_THE_PROCESS)]
    rows = [[name, names] for name in scale.methods[:8] for names in [", ".join(nondeterministic(make(name), scale))]]
    yield "Operations that PyTorch calls nondeterministic.", ["method", "operations"], rows
    after = [setting.read() for setting in (*seeds.OF_A_THREAD, *seeds.OF_THE_PROCESS)]
    yield "What the process has set in PyTorch.", ["", ""], [["unchanged after all that", before == after]]
    if scale.gpu:
        rows = [[name, "; ".join(waits(make(name))) or "none"] for name in scale.methods]
        yield "Where a step waits for the GPU.", ["method", "lines"], rows


def nondeterministic(recipe: cl.Recipe, scale: Scale) -> set[str]:
    """What PyTorch warns of in a run, the mode of warning being left on inside it."""
    kept = seeds.OF_THE_PROCESS
    seeds.OF_THE_PROCESS = tuple(one for one in kept if one.read is not torch.get_deterministic_debug_mode)
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            torch.use_deterministic_algorithms(True, warn_only=True)
            learned(recipe, scale.device)
    finally:
        torch.use_deterministic_algorithms(False)
        seeds.OF_THE_PROCESS = kept
    return {str(one.message).split(" ")[0] for one in said if "determinis" in str(one.message)} or {"none"}


def waits(recipe: cl.Recipe) -> Counter[str]:
    """The lines at which a step of an epoch, after its first, waits for the GPU."""
    found: Counter[str] = Counter()
    before = None
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            for event in cl.train(stream(2, 4, 12), recipe, device="cuda"):
                if isinstance(before, Stepped) and isinstance(event, Stepped):
                    found.update(
                        f"{Path(one.filename).name}:{one.lineno}" for one in said if "synchroniz" in str(one.message)
                    )
                said.clear()
                before = event
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return found


def finish(name: str, folder: str, device: str) -> cl.Run:
    """In a process of its own: go on with a run."""
    return cl.learn(
        stream(2, 4, 12), make(name), device=device, store=Store(folder, every=0), threads=1, progress=False
    )


def resuming(scale: Scale) -> Iterator[Table]:
    """Part B."""
    names, rows = ("eeil", "expandable", "dfcnn", "imm_mode")[: None if scale.gpu else 1], []
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, get_context("spawn")) as processes:
        for name in names:
            store = Store(folder, every=0)
            for event in cl.train(stream(2, 4, 12), make(name), device=scale.device, store=store, threads=1):
                if isinstance(event, EpochDone) and event.task == 1:
                    break
            path = store.path(event.run)
            run = processes.submit(finish, name, folder, scale.device).result()
            images = stream(2, 4, 12)[0].test.images
            read = cl.evaluation.answers.logits(cl.Run.load(path).model, images)
            gap = (read - cl.evaluation.answers.logits(run.model_on(scale.device), images).cpu()).abs().max().item()
            rows.append([name, "yes" if same(run, learned(make(name), scale.device)[1]) else "NO", f"{gap:.1e}"])
    yield (
        "A run cut in its second task and finished in another process; its file, read and asked on a CPU.",
        ["method", "the bits of an uninterrupted run", "logits on the CPU differ by"],
        rows,
    )


def full_memory(scale: Scale) -> Iterator[Table]:
    """Part C."""
    if not scale.gpu:
        yield "Skipped: only a GPU's memory can be made small.", ["", ""], []
        return
    images = stream(1, 10, 1000, channels=3, side=32)
    large, small = (cl.methods.finetune(backbone=cl.networks.ResNet32(), epochs=1, batch_size=b) for b in (4096, 32))
    torch.cuda.set_per_process_memory_fraction(0.02)
    rows: list[Sequence[object]] = []
    try:
        cl.learn(images, large, device="cuda", progress=False)
        rows.append(["batch 4096", "fitted"])
    except OutOfMemory as error:
        rows.append(["batch 4096", str(error)])
        gc.collect()
        rows.append(["MB still allocated while the error is held", torch.cuda.memory_allocated() / 1e6])
    try:
        cl.learn(images, small, device="cuda", progress=False)
        rows.append(["batch 32 afterwards", "learned"])
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    yield "With 2 % of the memory.", ["", "what happened"], rows


def paper_schedule(scale: Scale) -> Iterator[Table]:
    """Part E: the run is in a store, so that another call goes on with it."""
    hundred = stream(10, 100, 500, 100, 3, 32) if scale.gpu else stream(2, 4, 8)
    settings = cl.schedules.eeil_paper() if scale.gpu else {"backbone": SMALL, "batch_size": 8}
    recipe = cl.methods.eeil(memory=cl.memory.ExemplarMemory(2000), **settings).with_epochs(scale.epochs)
    folder = Path(tempfile.gettempdir()) / f"cltutor-gpu-{scale.device}"
    started, epochs = time.perf_counter(), recipe.schedule.epochs
    training = cl.train(hundred, recipe, device=scale.device, store=folder, test_every=epochs, test_old_every=epochs)
    for event in training:
        run = event.run
        if isinstance(event, EpochDone) and time.perf_counter() - started > scale.seconds:
            break
    else:  # it is complete, now or since an earlier call
        run = cl.learn(hundred, recipe, device=scale.device, store=folder, test_every=epochs, test_old_every=epochs)
    training.close()
    rows = [[task + 1, 100 * run.accuracy(known_task=False)[task, : task + 1].mean()] for task in range(run.learned)]
    yield (
        f"EEIL on 100 synthetic classes, which says nothing of photographs: {run.learned} of {len(run.tasks)} tasks "
        f"learned, {run.seconds['train']:.0f} s of training and {run.seconds['test']:.0f} s of testing in all calls.",
        ["tasks", "accuracy (%)"],
        rows,
    )


def throughput(scale: Scale) -> Iterator[Table]:
    """Part D."""
    import gpu_speed

    return gpu_speed.tables(scale)


PARTS = {
    "A": ("Correctness", correctness),
    "B": ("Resuming", resuming),
    "C": ("A full memory", full_memory),
    "D": ("Throughput", throughput),
    "E": ("EEIL's paper schedule", paper_schedule),
}


def write(part: str, tables: Sequence[Table], seconds: float) -> None:
    """Put a part's tables beside those of the others."""
    path = report.RESULTS / "gpu.md"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    sections = {section[0]: section for section in text.split("\n## ")[1:]}
    shown = [f"{words}\n\n{report.table(header, rows)}" if rows else words for words, header, rows in tables]
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    origin = f"`python benchmarks/gpu.py {part}`, {seconds:.0f} s, {hardware()}, {versions()}, {when}"
    sections[part] = "\n\n".join([f"{part} {PARTS[part][0]}", *shown, origin]) + "\n"
    missing = [name for name in PARTS if name not in sections]
    notes = f"Not run yet: {', '.join(missing)}.\n" if missing else ""
    report.RESULTS.mkdir(parents=True, exist_ok=True)
    body = "".join(f"\n## {sections[name].strip()}\n" for name in sorted(sections))
    path.write_text(f"# On one GPU\n\n{notes}{body}", encoding="utf-8")
    print("\n\n".join(shown), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="which parts (all)")
    parser.add_argument("--rehearse", action="store_true", help="run them in small on the CPU; nothing is kept")
    given = parser.parse_args(arguments)
    if not given.rehearse and not torch.cuda.is_available():
        sys.exit("This script measures a CUDA GPU, and PyTorch sees none here; --rehearse tries its code on the CPU.")
    with tempfile.TemporaryDirectory() as folder:
        if given.rehearse:
            report.RESULTS = Path(folder)
        for part in given.parts or PARTS:
            started, tables = time.perf_counter(), []
            print(f"\n{part} {PARTS[part][0]}", flush=True)
            for table in PARTS[part][1](TINY if given.rehearse else FULL):
                tables.append(table)
                write(part, tables, time.perf_counter() - started)  # as it goes: a part may be cut off
    return 0


if __name__ == "__main__":
    sys.exit(main())
