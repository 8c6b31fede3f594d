"""`cltutor claims`: check every claim of the five papers that a classroom can test."""

import argparse
import shlex
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import nullcontext
from pathlib import Path

from ..comparing.parallel import processes
from ..describe import counted
from ..studies.claims.claim import Claim
from ..studies.claims.entries import SHIPPED, Ledger, claims, ledger, write
from ..studies.claims.entry import Entry
from ..studies.claims.planning import estimate, estimate_variants
from ..studies.claims.rows import all_claims
from ..studies.claims.running import check, vary
from .writing import ready, ready_file

SAVED_EVERY = 300.0  # seconds


def main(
    arguments: argparse.Namespace,
    check: Callable[..., Iterator[Ledger]] = check,
    shipped: Path = SHIPPED,
    vary: Callable[..., Iterator[Ledger]] = vary,
) -> int:
    """Say how long it will take, train what the claims need, print their table, and write it to ``--out``; stopped, it
    continues from its store.

    Over the claims' own trials, the new numbers, of all papers or of one, replace those in ``shipped``, and ``--out``
    is the page of all papers. Both are written now and then, and at the end. With ``--variants`` each side at its own
    best rate and the published weights follow when the claims are done, after an estimate of their own.

    Raises:
        ValueError: an unknown paper, too few trials, no data where ``--with-data`` needs them, or a folder that cannot
            be written to.
    """
    chosen = claims(arguments.paper, arguments.trials, arguments.with_data)
    whole = ledger(shipped) if shipped.exists() else Ledger(tuple(map(Entry, all_claims())))
    numbers = shipped if arguments.trials is None else None
    for path in filter(None, (numbers, arguments.out)):
        ready_file(path)
    ready(Path(arguments.store), "--store")
    print(of_claims(chosen, arguments), flush=True)
    if arguments.estimate:
        if arguments.variants:
            print(of_variants(chosen, arguments))
        return 0
    workers, found, saved = arguments.workers, Ledger(()), time.monotonic()

    def save() -> None:
        page = whole.with_papers_of(found) if numbers else found
        if numbers:
            page.save(numbers)
        if arguments.out:
            write(arguments.out, page.markdown())

    with processes(workers) if workers > 1 else nullcontext() as pool:
        try:
            for found in steps(chosen, arguments, pool, check, vary):
                if time.monotonic() - saved > SAVED_EVERY:
                    save()
                    saved = time.monotonic()
                print(f"{sum(entry.complete for entry in found)} of {len(chosen)} claims", flush=True)
        finally:
            save()
    print((whole.with_papers_of(found) if numbers else found).markdown())
    return 0


def steps(
    chosen: list[Claim],
    arguments: argparse.Namespace,
    pool: Executor | None,
    check: Callable[..., Iterator[Ledger]],
    vary: Callable[..., Iterator[Ledger]],
) -> Iterator[Ledger]:
    """The ledger as it grows: the claims, then their variants if they are wanted."""
    given = chosen, arguments.store, command(arguments), pool
    yield from check(*given, variants=False)
    if arguments.variants:
        print(of_variants(chosen, arguments), flush=True)
        yield from vary(*given)


def of_claims(chosen: list[Claim], arguments: argparse.Namespace) -> str:
    """How many claims there are, and what they need."""
    runs, seconds = estimate(chosen, arguments.store)
    if not runs:
        return f"{counted(len(chosen), 'claim')}; every run that they need is in the store."
    time_needed = in_words(seconds / arguments.workers)
    return f"{counted(len(chosen), 'claim')}; at least {counted(runs, 'run')} to train, about {time_needed}."


def of_variants(chosen: list[Claim], arguments: argparse.Namespace) -> str:
    """How many claims have variants, and what they need."""
    need = estimate_variants(chosen, arguments.store)
    words = f"{counted(need.claims, 'claim')} with variants; {counted(need.runs, 'run')} to train for them, about "
    words += in_words(need.seconds / arguments.workers)
    return f"{words}; of {need.waiting} claims nothing is known before their search." if need.waiting else f"{words}."


def in_words(seconds: float) -> str:
    """Such as "3 h 20 min"."""
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{max(1, minutes)} min"


def command(arguments: argparse.Namespace) -> str:
    """The command line that makes these numbers again."""
    typed = {name: getattr(arguments, name) for name in ("paper", "trials", "workers", "out")}
    options = [f"--{name} {shlex.quote(str(value))}" for name, value in typed.items() if value not in (None, 1)]
    flags = [f"--{name.replace('_', '-')}" for name in ("with_data", "variants") if getattr(arguments, name)]
    return " ".join(["cltutor claims", *options, *flags])
