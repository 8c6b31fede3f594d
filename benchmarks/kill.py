"""Kill runs with SIGKILL at random moments, while they train and while they save, and resume them.

The parent forks one worker after another. A worker learns a run into a store, with a checkpoint after every epoch;
the parent kills it, reads every file, and starts the next worker, which must go on from the last checkpoint. Required:
no file half-written, nothing lost beyond the last checkpoint, and every run equal, bit for bit, to one that was not
killed. `python benchmarks/kill.py 20` kills 20 times.
"""

import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import report
import torch

import cltutor as cl
from cltutor.runs import files
from cltutor.runs.store import Store, checkpoint_of
from cltutor.training.events import TaskBegun

KILLS = 200
METHODS = ("lwf", "si", "ebll", "imm_mode", "lwm", "eeil", "icarl", "expandable", "tensor_factorization")
PER_RUN = 20  # kills of one run, at most
BEGUN = "begun.txt"
LONGEST = 0.5  # seconds until a kill, at most; an epoch must fit into a quarter of it, or no run advances


@dataclass
class Score:
    """What happened to the runs of one method."""

    runs: int = 0
    kills: int = 0
    saving: int = 0  # kills that left a draft behind
    broken: int = 0  # files that were half-written
    lost: int = 0  # times that less was found than there had been
    different: int = 0  # runs whose numbers differ


def recipe_of(method: str) -> cl.Recipe:
    memory = {"memory": cl.memory.ExemplarMemory(capacity=40)} if method in ("eeil", "icarl") else {}
    small = cl.networks.TaskCNN((8, 8), (16,)) if method in ("expandable", "tensor_factorization") else None
    backbone = small or cl.networks.SmallCNN((8, 8), (32,))
    return getattr(cl.methods, method)(backbone=backbone, epochs=6, **memory)


def work(stream: cl.streams.Stream, recipe: cl.Recipe, seed: int, folder: Path) -> int:
    """Learn in a forked process; returns its id."""
    if process := os.fork():
        return process
    status = 1
    try:
        for event in cl.train(stream, recipe, seed, device="cpu", store=Store(folder, every=0.0), threads=1):
            if isinstance(event, TaskBegun):
                begun = folder / BEGUN  # where this worker goes on, for the parent to compare
                if not begun.exists():
                    begun.write_text(repr(event.progress))
        status = 0
    finally:
        os._exit(status)


def progress_of(store: Store, run: cl.Run, score: Score) -> float:
    """The progress of a run on disk, from 0 to 1; a damaged file is counted."""
    path, found = store.path(run), 0.0
    try:
        if path.exists():
            found = cl.Run.load(path).learned / len(run.tasks)
        if checkpoint_of(path).exists():
            _, facts = files.read(checkpoint_of(path))
            inside = facts["epochs"] / run.recipe.schedule.epochs
            found = max(found, (facts["task"] + inside) / len(run.tasks))
    except ValueError:
        score.broken += 1
    return found


def learn_killed(
    stream: cl.streams.Stream, recipe: cl.Recipe, seed: int, score: Score, kills: int, draw: random.Random
) -> int:
    """Kill and resume the run until it is complete, at most ``kills`` times; returns how often it was killed."""
    whole = cl.learn(stream, recipe, seed, device="cpu", progress=False, threads=1)
    with tempfile.TemporaryDirectory() as name:
        folder, store, killed, before, complete = Path(name), Store(name), 0, 0.0, False
        path = store.path(whole)
        while not complete:
            process = work(stream, recipe, seed, folder)
            if killed < kills:
                time.sleep(draw.uniform(0, LONGEST))
                os.kill(process, signal.SIGKILL)  # no effect where the worker has already finished
            _, status = os.waitpid(process, 0)
            killed += os.WIFSIGNALED(status)
            complete = os.WIFEXITED(status)
            if complete and os.WEXITSTATUS(status):
                raise RuntimeError("A worker failed: what it printed says why.")
            if (begun := folder / BEGUN).exists():
                score.lost += float(begun.read_text() or before) < before
                begun.unlink()
            score.saving += any(True for file in (path, checkpoint_of(path)) for _ in files.drafts(file))
            now = progress_of(store, whole, score)
            score.lost += now < before
            before = now
        score.different += not equal(cl.Run.load(path), whole)
        score.broken += sum(file.suffix not in (".safetensors", ".lock") for file in folder.iterdir())
    score.runs += 1
    score.kills += killed
    return killed


def equal(run: cl.Run, other: cl.Run) -> bool:
    """Whether two runs are equal bit for bit: networks, states of parts, and all numbers."""
    ours, theirs = everything(run), everything(other)
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[n], theirs[n], equal_nan=True) for n in ours)


def everything(run: cl.Run) -> dict[tuple, np.ndarray]:
    """All numbers of a run except its seconds, by name."""
    named = {("state", task, name): value for task, state in enumerate(run.states) for name, value in state.items()}
    named |= {("kept", part, name): value for part, state in run.part_states.items() for name, value in state.items()}
    named |= dict(run.curves.tensors())
    return {name: value.numpy() for name, value in named.items()} | run.accuracies


def main() -> int:
    left = int(sys.argv[1]) if len(sys.argv) > 1 else KILLS
    torch.set_num_threads(1)  # a forked process has no threads of its parent
    stream, draw, scores = cl.streams.digits(tasks=5, order=0).fewer(0.3), random.Random(0), {}
    for seed, method in enumerate(cycle(METHODS)):
        if left == 0:
            break
        score = scores.setdefault(method, Score())
        left -= learn_killed(stream, recipe_of(method), seed, score, min(left, PER_RUN), draw)
    header = ["method", "runs", "kills", "while saving", "half-written", "lost", "different"]
    rows = [[m, s.runs, s.kills, s.saving, s.broken, s.lost, s.different] for m, s in scores.items()]
    rows.append(["all", *(sum(row[i] for row in rows) for i in range(1, len(header)))])
    notes = (
        f"Five tasks of digits, six epochs each, killed after up to {LONGEST:g} s, at most {PER_RUN} times per run. "
        "*While saving*: the kill left a draft of a file behind. Required: 0 in the last three columns."
    )
    report.write(
        "kill", "Runs that were killed", header, rows, notes, seeds=range(sum(s.runs for s in scores.values()))
    )
    return int(any(rows[-1][4:]))


if __name__ == "__main__":
    sys.exit(main())
