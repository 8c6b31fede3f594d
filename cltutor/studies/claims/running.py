"""The ledger's numbers, measured: every run that a claim needs is trained once and kept as a record."""

import hashlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, as_completed
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

from ...checked import checked
from ...networks.counting import parameters_of_run
from ...runs.provenance import hardware, versions
from ...runs.run import Run
from ...streams import Stream
from ...training.events import Diverged
from ...training.loop import learn
from .choosing import Search
from .claim import Claim
from .deciding import Trial
from .entries import Ledger
from .entry import Entry, Found
from .extras import EXTRAS
from .planning import cheapest_first, extras_of, lacking_variants, ordered, variants_of
from .records import Job, Missing, Record, Records, record_of
from .rows import all_claims
from .settings import SEARCH, setting_of
from .sides import Side

Train = Callable[[Job], Record]


@lru_cache(maxsize=64)
def stream_of(setting: str, trial: int) -> Stream:
    return setting_of(setting).make(trial)


def train(job: Job, learn: Callable[..., Run] = learn) -> Record:
    """The record of a job; one with ``diverged`` where it did, or where so large a rate left no feature alive."""
    setting, stream = setting_of(job.setting), stream_of(job.setting, job.trial)
    every = 1 if setting.curve else setting.epochs + 1
    with warnings.catch_warnings(action="ignore"):  # of idle terms: the row says which weights were chosen
        try:
            run = learn(
                stream,
                job.recipe,
                job.trial,
                device="cpu",
                progress=False,
                threads=1,
                test_every=every,
                test_old_every=setting.epochs + 1,
            )
        except Diverged:
            return Record(job.setting, repr(job.recipe), job.trial, diverged=True)
        extras = {name: round(EXTRAS[name](stream, run), 6) for name in job.extras}
    return record_of(job, run, parameters_of_run(run)[-1], extras)


@checked
def check(
    claims: Sequence[Claim],
    store: str | os.PathLike,
    command: str = "cl.claims.check",
    executor: Executor | None = None,
    train: Train = train,
    variants: bool = True,
) -> Iterator[Ledger]:
    """The ledger of ``claims`` as it grows, after every claim. ``store`` is a folder of records: started again after an
    interruption, it continues from there. ``executor``, any of ``concurrent.futures``, trains a claim's runs in
    parallel.

    Claims that need little come first, so that a ledger that is stopped has many whole rows; the ``variants`` come when
    all claims have their trials, as with ``vary``.
    """
    records, extras = Records(store), extras_of((*all_claims(), *claims))
    found = {claim: resume(claim, records, extras) for claim in claims}
    yield ledger_of(claims, found, records, command)
    for claim in ordered(claims, records, extras):
        complete(partial(advance, Search(claim, records, extras), claim), records, executor, train)
        found[claim] = resume(claim, records, extras)
        yield ledger_of(claims, found, records, command)
    if variants:
        yield from vary(claims, store, command, executor, train)


@checked
def vary(
    claims: Sequence[Claim],
    store: str | os.PathLike,
    command: str = "cl.claims.check",
    executor: Executor | None = None,
    train: Train = train,
) -> Iterator[Ledger]:
    """The ledger of ``claims`` as their variants are added: each side at its own best rate, and with the published
    weights. Of a claim without its trials there are none. Arguments as of ``check``; those that need little come first.
    """
    records, extras = Records(store), extras_of((*all_claims(), *claims))
    found = {claim: resume(claim, records, extras) for claim in claims}
    lacking = {claim: lacking_variants(Search(claim, records, extras), claim) for claim in claims if found[claim]}
    for claim in cheapest_first({claim: jobs for claim, jobs in lacking.items() if jobs}):
        complete(partial(varied, Search(claim, records, extras), claim), records, executor, train)
        found[claim] = resume(claim, records, extras)
        yield ledger_of(claims, found, records, command)
    yield ledger_of(claims, found, records, command)


def complete(need: Callable[[], Any], records: Records, executor: Executor | None, train: Train) -> None:
    """Train what ``need`` misses until it misses nothing."""
    while True:
        try:
            return need()
        except Missing as missing:
            jobs = list({job.key: job for job in missing.jobs}.values())
        if executor is None:
            for job in jobs:
                records.add(job.key, train(job))
        else:
            futures = {executor.submit(train, job): job for job in jobs}
            for future in as_completed(futures):
                records.add(futures[future].key, future.result())


def advance(search: Search, claim: Claim) -> None:
    """The claim's trials; Missing where runs are needed for them."""
    if not claim.counted:
        search.trials(search.choice(), range(claim.trials))


def varied(search: Search, claim: Claim) -> None:
    """All trials of the claim's variants; Missing where runs are needed for them."""
    if claim.counted:
        return
    choice, numbers = search.choice(), range(claim.trials)
    for variant in variants_of(search, choice):
        search.trials(choice, numbers, variant)


def counted(claim: Claim, records: Records) -> Trial:
    """The numbers of a claim that needs no run, kept as if it were one."""
    key = "count-" + hashlib.sha256(claim.code.encode()).hexdigest()[:20]
    if (found := records.get(key)) is None:
        sides = {"left": claim.left, "right": claim.right}
        values = {
            name: q.statistic.of(q.method) if q.statistic and q.method else q.constant for name, q in sides.items()
        }
        found = Record("", "", 0, extras={name: round(value, 6) for name, value in values.items()})
        records.add(key, found)
    return Trial(0, found.extras["left"], found.extras["right"])


def resume(claim: Claim, records: Records, extras: Callable[[Side], tuple[str, ...]]) -> Found | None:
    """What the records say about a claim now: its choice, and its trials up to the first that is missing."""
    if claim.counted:
        return Found(trials=[counted(claim, records)])
    search = Search(claim, records, extras)
    try:
        choice = search.choice()
    except Missing:
        return None
    trials: list[Trial] = []
    jobs: list[Job] = []
    for number in range(claim.trials):
        try:
            trials += search.trials(choice, [number])
        except Missing:
            break
        jobs += [search.job(side, *search.settled(side, choice, ""), number) for side in search.sides]
    others = {}
    for variant in variants_of(search, choice):
        try:
            others[variant] = search.trials(choice, range(claim.trials), variant)
        except Missing:
            continue
    return Found(choice, trials, others, [job.key for job in jobs])


def ledger_of(claims: Sequence[Claim], found: dict[Claim, Found | None], records: Records, command: str) -> Ledger:
    entries = tuple(Entry(claim, found[claim]) for claim in claims)
    made = origin(command)
    keys = {key for entry in entries if entry.found for key in entry.found.keys}
    return Ledger(
        entries, {claim.paper: made for claim in claims}, {key: record for key in keys if (record := records.get(key))}
    )


def origin(command: str) -> dict[str, str]:
    """What made the numbers, by name."""
    return {
        "command": f"`{command}`",
        "seeds": f"class orders and seeds from 0; {', '.join(map(str, SEARCH))} for the search",
        "versions": versions(),
        "hardware": hardware(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }
