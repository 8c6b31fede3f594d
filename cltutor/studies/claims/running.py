"""The ledger's numbers, measured: every run that a claim needs is trained once and kept in a store."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime
from functools import partial

from ...checked import checked
from ...runs.provenance import hardware, versions
from ...runs.run import Run
from ...training.loop import learn
from ..gallery.settings import BATCH, SETTINGS, search_words
from .claim import Claim
from .entries import Entry, Ledger, Numbers
from .training import STREAMS, Source, measured


@checked
def check(
    claims: Sequence[Claim],
    store: str | os.PathLike,
    command: str = "cl.claims.check",
    executor: Executor | None = None,
    streams: Mapping[str, Source] = STREAMS,
    learn: Callable[..., Run] = learn,
) -> Iterator[Ledger]:
    """The ledger of ``claims`` as it grows: after every claim, those that come later are not run yet.

    Claims that need few runs beyond the gallery's come first. ``store`` is the folder of finished runs, where those of
    other claims and of the gallery are found. ``executor``, any of ``concurrent.futures``, runs the trials of a claim
    in parallel. Started again after an interruption, it continues from the store.
    """
    found: dict[Claim, Numbers] = {}
    trial = partial(measured, store=os.fspath(store), sources=streams, learn=learn)
    for claim in sorted(claims, key=cost):
        jobs = [(claim, number) for number in range(claim.trials)]
        found[claim] = list((executor.map if executor else map)(trial, jobs))
        entries = tuple(Entry(claim, found.get(claim, [])) for claim in claims)
        made = origin(claims, command)
        yield Ledger(entries, {claim.paper: made for claim in claims})


def cost(claim: Claim) -> int:
    """How many of the runs of a trial are not in the gallery."""
    return sum(bool(run.changed) or run.stream not in ("digits", "scenes") for run in claim.runs)


def origin(claims: Sequence[Claim], command: str) -> dict[str, str]:
    """What made the numbers, by name."""
    trials = sorted({claim.trials for claim in claims if not claim.counted})
    budgets = (
        f"{name}: {setting.epochs} epochs per task, batches of {BATCH}, at most {setting.capacity} exemplars in all"
        for name, setting in SETTINGS.items()
    )
    rates = f"the gallery's, {search_words()}; a method with changed settings has its own rate"
    return {
        "command": f"`{command}`",
        "seeds": f"class orders and seeds from 0, {' or '.join(map(str, trials))} per claim" if trials else "none",
        "budget": "; ".join(budgets),
        "rates": rates,
        "versions": versions(),
        "hardware": hardware(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }
