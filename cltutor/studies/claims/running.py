"""The ledger's numbers, made: every run that a claim needs is learned once and kept in a store."""

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime

from ...runs.provenance import hardware, versions
from ...training.events import Diverged
from ..gallery.settings import BATCH, RATES, SEARCH_ORDER, SETTINGS
from .claim import Claim
from .entries import Entry, Ledger
from .training import measured


def check(
    claims: Sequence[Claim],
    store: str | os.PathLike,
    command: str = "cl.claims.check",
    executor: Executor | None = None,
) -> Iterator[Ledger]:
    """The ledger of ``claims`` as it grows: after every claim, those that come later are not run yet.

    Claims that need few runs beyond the gallery's come first. ``store`` is the folder of finished runs, where those of
    other claims and of the gallery are found. ``executor``, any of ``concurrent.futures``, learns a claim's trials at
    the same time. Stopped, it goes on from the store.
    """
    found: dict[Claim, list[tuple[float, float]]] = {}

    for claim in sorted(claims, key=cost):
        jobs = [(claim, trial, os.fspath(store)) for trial in range(claim.trials)]
        found[claim] = list((executor.map if executor else map)(one_trial, jobs))
        entries = tuple(Entry(claim, found.get(claim, [])) for claim in claims)
        made = origin(claims, command)
        yield Ledger(entries, {claim.paper: made for claim in claims})


def one_trial(job: tuple[Claim, int, str]) -> tuple[float, float]:
    """What both sides of a claim come to in a trial; no numbers where a run diverged."""
    try:
        return measured(*job)
    except Diverged:
        return math.nan, math.nan


def cost(claim: Claim) -> int:
    """How many of a trial's runs the gallery does not have."""
    return sum(bool(run.changed) or run.stream not in ("digits", "scenes") for run in claim.runs)


def origin(claims: Sequence[Claim], command: str) -> dict[str, str]:
    """What made the numbers, by name."""
    trials = sorted({claim.trials for claim in claims if not claim.counted})
    budgets = (
        f"{name}: {setting.epochs} epochs a task, batches of {BATCH}, at most {setting.capacity} exemplars in all"
        for name, setting in SETTINGS.items()
    )
    rates = (
        f"the gallery's: of every method among {', '.join(map(str, RATES))}, by accuracy on validation images of class "
        f"order {SEARCH_ORDER}; a method with something changed has its own rate, all else is as published"
    )
    return {
        "command": f"`{command}`",
        "seeds": f"class orders and seeds from 0, {' or '.join(map(str, trials))} a claim" if trials else "none",
        "budget": "; ".join(budgets),
        "rates": rates,
        "versions": versions(),
        "hardware": hardware(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }
