"""A store on a bad day: a full disk, a folder that cannot be written to, two processes at once, and hostile files.

Each fault is met so many times, with small runs. Required: every run ends with the numbers of a run without a store, or
is refused in one sentence before it begins; no file is half-written, and none is left that blocks the run.
`python benchmarks/store_faults.py 20` meets each fault 20 times.
"""

import os
import random
import resource
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import report
import torch
from kill import equal

import cltutor as cl
from cltutor.runs import files
from cltutor.runs.store import Store, checkpoint_of
from cltutor.training.events import EpochDone

TIMES = 20
METHODS = ("finetune", "lwf", "mas", "eeil")
NOBODY = 65534  # a user without rights, as root may write anywhere


@dataclass
class Score:
    """What became of the runs that met one fault."""

    times: int = 0
    refused: int = 0  # in one sentence, before training
    warned: int = 0  # learned in spite of it, with a warning
    quiet: int = 0  # learned as if nothing had been
    wrong: int = 0  # other numbers than without a store
    broken: int = 0  # half-written files, or drafts that were left
    raw: int = 0  # errors that no sentence of ours explains


Case = tuple[cl.streams.Stream, cl.Recipe, int]


def learn(case: Case, store: Store | None = None) -> cl.Run:
    return cl.learn(*case, device="cpu", threads=1, store=store, progress=False)


def met(score: Score, case: Case, store: Store, whole: cl.Run) -> None:
    """Learn in a store with a fault, and count what came of it."""
    score.times += 1
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            score.wrong += not equal(learn(case, store), whole)
        except ValueError as refusal:
            score.refused += 1
            score.raw += not str(refusal).endswith(".")
        except Exception as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            score.raw += 1
        else:
            score.warned += bool(said)
            score.quiet += not said


def check_files(score: Score, store: Store, whole: cl.Run) -> None:
    """Count files that are half-written, and drafts."""
    score.broken += sum(file.name.startswith(".") and file.suffix != ".lock" for file in store.folder.iterdir())
    if (path := store.path(whole)).is_file():
        try:
            cl.Run.load(path)
        except ValueError:
            score.broken += 1


def full_disk(score: Score, case: Case, folder: Path, whole: cl.Run, draw: random.Random) -> None:
    """No room from the start, as the store finds, or from some size of a file on, as the kernel says."""
    store = Store(folder, every=0.0)
    if draw.random() < 0.25:
        store.free_space = lambda _: draw.randrange(10_000)
        met(score, case, store, whole)
    else:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = sum(value.nbytes for state in whole.states for value in state.values())
        resource.setrlimit(resource.RLIMIT_FSIZE, (draw.randrange(1, size), limits[1]))
        try:
            met(score, case, store, whole)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    check_files(score, store, whole)
    after(score, case, Store(folder), whole)


def read_only(score: Score, case: Case, folder: Path, whole: cl.Run, draw: random.Random) -> None:
    """A folder of somebody else; in every second one the run is there already, and is found."""
    if found := draw.random() < 0.5:
        learn(case, Store(folder))
    os.chmod(folder, 0o555)
    for file in folder.iterdir():
        os.chmod(file, 0o444)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    refused = score.refused
    try:
        met(score, case, Store(folder), whole)
    finally:
        os.seteuid(user)
        os.chmod(folder, 0o755)
    score.wrong += (score.refused > refused) == found
    after(score, case, Store(folder), whole)


def two_processes(score: Score, case: Case, folder: Path, whole: cl.Run, draw: random.Random) -> None:
    """Another process learns the run at the same time, or dies while it does."""
    other = os.fork()
    if other == 0:
        try:
            for event in cl.train(*case, device="cpu", threads=1, store=Store(folder, every=0.0)):
                if isinstance(event, EpochDone) and draw.random() < 0.1:
                    os._exit(1)
        finally:
            os._exit(0)
    met(score, case, Store(folder, every=0.0), whole)
    os.waitpid(other, 0)
    check_files(score, Store(folder), whole)
    after(score, case, Store(folder), whole)


def hostile(score: Score, case: Case, folder: Path, whole: cl.Run, draw: random.Random) -> None:
    """Something else where the run or its checkpoint belongs."""
    path = Store(folder).path(whole)
    draw.choice(HOSTILE)(draw.choice((path, checkpoint_of(path))), whole, draw)
    met(score, case, Store(folder, every=0.0), whole)
    check_files(score, Store(folder), whole)
    after(score, case, Store(folder), whole)


def after(score: Score, case: Case, store: Store, whole: cl.Run) -> None:
    """The fault is gone: the run is learned, or found, with the same numbers."""
    with warnings.catch_warnings(action="ignore"):
        score.wrong += not equal(learn(case, store), whole)
        score.broken += not store.find(whole).complete


def garbage(place: Path, whole: cl.Run, draw: random.Random) -> None:
    place.write_bytes(draw.randbytes(draw.randrange(2000)))


def flipped(place: Path, whole: cl.Run, draw: random.Random) -> None:
    whole.save(place)
    data = bytearray(place.read_bytes())
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    place.write_bytes(data)


def cut(place: Path, whole: cl.Run, draw: random.Random) -> None:
    whole.save(place)
    os.truncate(place, draw.randrange(place.stat().st_size))


def claiming(place: Path, whole: cl.Run, draw: random.Random) -> None:
    whole.save(place)
    tensors, facts = files.read(place)
    name = draw.choice(["learned", "tasks", "test_sizes", "terms", "recipe", "seconds"])
    files.write(place, tensors, {**facts, name: draw.choice([10**9, None, [], "x", [[0] * 1000], {"run": 1}])})


def foreign(place: Path, whole: cl.Run, draw: random.Random) -> None:
    files.write(place, {"x": torch.zeros(draw.randrange(1, 9))}, {"run": place.stem, "task": 0, "learned": 2})


def folder_there(place: Path, whole: cl.Run, draw: random.Random) -> None:
    (place / "inside").mkdir(parents=True)


def pipe(place: Path, whole: cl.Run, draw: random.Random) -> None:
    os.mkfifo(place)


def without_end(place: Path, whole: cl.Run, draw: random.Random) -> None:
    place.write_bytes((10**9).to_bytes(8, "little") + b"{")
    os.truncate(place, 10**9)  # sparse: it takes no room


HOSTILE = (garbage, flipped, cut, claiming, foreign, folder_there, pipe, without_end)
FAULTS: dict[str, Callable[[Score, Case, Path, cl.Run, random.Random], None]] = {
    "full disk": full_disk,
    "read-only folder": read_only,
    "two processes": two_processes,
    "hostile file": hostile,
}


def cases() -> Iterator[tuple[Case, cl.Run]]:
    """Small runs, each with the same run learned without a store."""
    stream = cl.streams.digits(tasks=5, order=0).fewer(0.2)
    for seed, method in enumerate(METHODS):
        memory = {"memory": cl.memory.ExemplarMemory(capacity=40)} if method == "eeil" else {}
        small = cl.networks.SmallCNN((8, 8), (32,))
        case = stream, cl.methods.named(method)(backbone=small, epochs=2, **memory), seed
        yield case, learn(case)


@contextmanager
def readable_folder() -> Iterator[Path]:
    """A new folder that every user may read."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def meet(times: int, draw: random.Random) -> dict[str, Score]:
    """Each fault so many times."""
    known, scores = list(cases()), {}
    for name, fault in FAULTS.items():
        score = scores[name] = Score()
        for number in range(times):
            case, whole = known[number % len(known)]
            with readable_folder() as folder:
                fault(score, case, folder, whole, draw)
    return scores


def main() -> int:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else TIMES
    torch.set_num_threads(1)  # a forked process has no threads of its parent
    scores = meet(times, random.Random(0))
    header = ["fault", "times", "refused", "with a warning", "without", "other numbers", "broken files", "raw errors"]
    rows = [[name, *vars(score).values()] for name, score in scores.items()]
    rows.append(["all", *(sum(row[i] for row in rows) for i in range(1, len(header)))])
    notes = (
        f"Five tasks of digits, two epochs each, of {', '.join(METHODS)}. *Refused*: in one sentence, before training. "
        "*With a warning*, *without*: learned, or found, all the same. After each fault the run is learned again in "
        "the same folder, without it. Required: 0 in the last three columns."
    )
    report.write("store_faults", "A store with faults", header, rows, notes, seeds=range(len(METHODS)))
    return int(any(rows[-1][5:]))


if __name__ == "__main__":
    sys.exit(main())
