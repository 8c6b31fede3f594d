"""`cltutor claims`: check every claim of the five papers that a classroom can test."""

import os
import shlex
import time
from contextlib import nullcontext
from pathlib import Path

from .gallery import STORE


def report(
    paper: str | None = None,
    trials: int | None = None,
    workers: int = 1,
    store: Path | None = None,
    out: Path | None = None,
) -> int:
    """Learn what the claims need, print their table, and write it to ``out``; stopped, it goes on from its run store.

    Over the claims' own trials, the numbers of all papers or of the one asked for replace those that come with cltutor,
    and ``out`` is the page of all papers. Both are written after every claim. ValueError for a paper that there is
    not, too few trials, or a folder that cannot be written to.
    """
    from concurrent.futures import ProcessPoolExecutor

    import torch

    from ..studies.claims.entries import SHIPPED, claims, ledger, write
    from ..studies.claims.running import check

    chosen, whole = claims(paper, trials), ledger()
    numbers = SHIPPED if trials is None else None
    for path in filter(None, (numbers, out)):
        folder = path.resolve().parent
        if not os.access(folder, os.W_OK):
            raise ValueError(f"cannot write to {folder}: make the ledger in a checkout of your own")
    torch.set_num_threads(1)
    pool = ProcessPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) if workers > 1 else None
    store = store or Path(os.environ.get("CLTUTOR_RUNS", STORE))
    asked = {"paper": paper, "trials": trials, "workers": workers, "out": out}
    with pool or nullcontext():
        started = time.monotonic()
        for found in check(chosen, store, command(asked), pool):
            page = whole.with_papers_of(found) if numbers else found
            if numbers:
                page.save(numbers)
            if out:
                write(out, page.markdown())
            done = sum(bool(entry.numbers) for entry in found)
            print(f"{done} of {len(chosen)} claims, {time.monotonic() - started:.0f} s", flush=True)
    print(found.markdown())
    return 0


def command(asked: dict[str, object]) -> str:
    """The command line that makes these numbers again."""
    options = [f"--{name} {shlex.quote(str(value))}" for name, value in asked.items() if value not in (None, 1)]
    return " ".join(["cltutor claims", *options])
