"""What claims need and the records lack: in which order it is trained, and how long it will take."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from .choosing import Choice, Search
from .claim import Claim
from .records import Job, Missing, Records
from .rows import all_claims
from .settings import SEARCH, setting_of
from .sides import Side


def extras_of(claims: Sequence[Claim]) -> Callable[[Side], tuple[str, ...]]:
    """What has to be measured on the runs of a side, by any of the claims: a run that several need is trained once."""
    needed: dict[tuple[str, str], set[str]] = {}
    for claim in claims:
        for quantity in (claim.left, claim.right):
            for side in quantity.sides:
                own = needed.setdefault((side.label, side.setting), set())
                own |= {quantity.statistic.extra} - {""} if quantity.statistic else set()
    return lambda side: tuple(sorted(needed.get((side.label, side.setting), ())))


def ordered(claims: Sequence[Claim], records: Records, extras: Callable[[Side], tuple[str, ...]]) -> list[Claim]:
    """The claims in an order in which a ledger that is stopped has many whole rows: next is the claim that needs the
    least beyond what is trained by then."""
    return cheapest_first({claim: lacking(Search(claim, records, extras), claim) for claim in claims})


def cheapest_first(lacked: Mapping[Claim, Mapping[str, float]]) -> list[Claim]:
    """Claims by what they lack, seconds by the key of a run: next is the one that needs the least beyond what is
    trained by then."""
    placed: dict[Claim, None] = {}
    done: set[str] = set()
    while left := [claim for claim in lacked if claim not in placed]:
        costs = {claim: sum(s for key, s in lacked[claim].items() if key not in done) for claim in left}
        claim = min(costs, key=lambda one: costs[one])
        done |= lacked[claim].keys()
        placed[claim] = None
    return list(placed)


def lacking(search: Search, claim: Claim) -> dict[str, float]:
    """What a claim is expected to need and the records lack: seconds by key."""
    jobs = expected(search, claim)
    return {job.key: setting_of(job.setting).seconds for job in jobs if job not in search.records}


def estimate(claims: Sequence[Claim], store: str | os.PathLike) -> tuple[int, float]:
    """(runs, seconds on one core) that are missing: the trials, and where the search is not over, at least its first
    grids."""
    records, extras = Records(store), extras_of((*all_claims(), *claims))
    needed: dict[str, float] = {}
    for claim in claims:
        needed |= lacking(Search(claim, records, extras), claim)
    return len(needed), sum(needed.values())


class VariantsEstimate(NamedTuple):
    """What the variants of claims need: ``claims`` that have any, ``runs`` that are missing, ``seconds`` on one core;
    ``waiting`` claims whose search has not been made, so that nothing is known of theirs."""

    claims: int
    runs: int
    seconds: float
    waiting: int


def estimate_variants(claims: Sequence[Claim], store: str | os.PathLike) -> VariantsEstimate:
    """What the variants of ``claims`` need beyond the records in ``store``."""
    records, extras = Records(store), extras_of((*all_claims(), *claims))
    needed: dict[str, float] = {}
    some = waiting = 0
    for claim in claims:
        if claim.counted:
            continue
        search = Search(claim, records, extras)
        try:
            some += bool(variants_of(search, search.choice()))
        except Missing:
            waiting += 1
        else:
            needed |= lacking_variants(search, claim)
    return VariantsEstimate(some, len(needed), sum(needed.values()), waiting)


def lacking_variants(search: Search, claim: Claim) -> dict[str, float]:
    """What the variants of a claim whose search was made lack: seconds by the key of a run."""
    if claim.counted:
        return {}
    choice = search.choice()
    jobs = [
        search.job(side, *search.settled(side, choice, variant), number)
        for variant in variants_of(search, choice)
        for number in range(claim.trials)
        for side in search.sides
    ]
    return {job.key: setting_of(job.setting).seconds for job in jobs if job not in search.records}


def expected(search: Search, claim: Claim) -> list[Job]:
    """What a claim is expected to need, found or not: its trials as chosen, or, before the search is over, the first
    grids, what the search asks for next, and the trials at a rate of the grid."""
    try:
        choice = search.choice()
    except Missing as asked:
        return [*first_grids(search, claim), *asked.jobs]
    settled = {side: search.settled(side, choice, "") for side in search.sides}
    return [search.job(side, *chosen, number) for side, chosen in settled.items() for number in range(claim.trials)]


def first_grids(search: Search, claim: Claim) -> list[Job]:
    jobs = []
    for side in claim.sides:
        setting = setting_of(side.setting)
        jobs += [search.job(side, rate, {}, order) for rate in setting.rates for order in SEARCH]
        middle = setting.rates[1]
        for name, values in side.weights.items():
            jobs += [search.job(side, middle, {name: value}, order) for value in values for order in SEARCH]
        jobs += [search.job(side, middle, {}, number) for number in range(claim.trials)]
    return jobs


def variants_of(search: Search, choice: Choice) -> list[str]:
    """Which variants differ from the comparison itself."""
    usual = [search.settled(side, choice, "") for side in search.sides]
    kinds = ("own", "published")
    return [kind for kind in kinds if [search.settled(side, choice, kind) for side in search.sides] != usual]
