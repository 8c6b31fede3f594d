"""`cltutor claims`: check every claim of the five papers that a classroom can test."""

import argparse
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

from ..comparing.parallel import processes
from ..studies.claims.entries import CLAIMS, SHIPPED, Entry, Ledger, claims, ledger, write
from ..studies.claims.running import check
from .writing import ready_file


def main(
    arguments: argparse.Namespace,
    check: Callable[..., Iterator[Ledger]] = check,
    shipped: Path = SHIPPED,
) -> int:
    """Train what the claims need, print their table, and write it to ``--out``; stopped, it continues from its store.

    Over the claims' own trials, the new numbers, of all papers or of one, replace those in ``shipped``, and ``--out``
    is the page of all papers. Both are written after every claim.

    Raises:
        ValueError: an unknown paper, too few trials, or a folder that cannot be written to.
    """
    chosen = claims(arguments.paper, arguments.trials)
    whole = ledger(shipped) if shipped.exists() else Ledger(tuple(map(Entry, CLAIMS)))
    numbers = shipped if arguments.trials is None else None
    for path in filter(None, (numbers, arguments.out)):
        ready_file(path)
    workers = arguments.workers
    with processes(workers) if workers > 1 else nullcontext() as pool:
        started = time.monotonic()
        for found in check(chosen, arguments.store, command(arguments), pool):
            page = whole.with_papers_of(found) if numbers else found
            if numbers:
                page.save(numbers)
            if arguments.out:
                write(arguments.out, page.markdown())
            done = sum(bool(entry.numbers) for entry in found)
            print(f"{done} of {len(chosen)} claims, {time.monotonic() - started:.0f} s", flush=True)
    print(found.markdown())
    return 0


def command(arguments: argparse.Namespace) -> str:
    """The command line that makes these numbers again."""
    typed = {name: getattr(arguments, name) for name in ("paper", "trials", "workers", "out")}
    options = [f"--{name} {shlex.quote(str(value))}" for name, value in typed.items() if value not in (None, 1)]
    return " ".join(["cltutor claims", *options])
