"""The ledger as a page of the docs, in Markdown."""

from typing import TYPE_CHECKING

from . import variants
from .claim import PAPERS
from .deciding import LEVEL
from .entry import Entry
from .rows import instructive, unrunnable
from .settings import RATES, SEARCH, SETTINGS

if TYPE_CHECKING:
    from .entries import Ledger

HEADER = (
    "place",
    "claim",
    "comparison",
    "statistic",
    "differs in",
    "rate and weights",
    "left",
    "right",
    "difference",
    "p",
    "verdict",
)


def _listed(values: tuple[float, ...]) -> str:
    return ", ".join(map(str, values))


NOTES = f"""Every comparison of the five papers that a classroom can run: where the paper makes it, what it says in our
words, and the result here, on small images and a small network. A claim that does not hold here may hold at the
paper's scale, which has other images, other networks and more than minutes of training.

**One ingredient.** The two recipes of a row share rate, warm-up, epochs, augmentation and everything else; what differs
is computed from them and printed. What differs beyond the claimed ingredient is named with its reason, or the claim is
refused.

**One search.** One learning rate for both sides, the best by their common mean on three class orders whose pictures no
trial sees ({_listed(SEARCH)}), of {_listed(RATES)} (facts: 0.0125, 0.05, 0.2) and further ones
until the best lies inside. Then each side's own weights at that rate, as many configurations for each side that has
any (in brackets).

**Variants.** "Each at its own best rate" repeats the trials with each side at the rate that is best for it alone, with
the weights found at the common rate; "as published" with the weights that the paper gives, at the common rate. Where a
paper's weights are those of the row in the first place, the column says "as run". LwM gives no values for beta and
gamma. Learning rates are not taken over, as they belong to the papers' networks and batches.

**Verdicts.** The number of a trial is its class order and its seed; left and right are means over ten trials (five on
Tiny-ImageNet), and the difference is paired by trial, with the half width of its 95 % t-interval. A claim of order
holds if the whole interval lies on its side of zero, and does not hold if it lies on the other; a claim of equality
holds if the interval lies within the margin, and does not hold if it lies outside; anything else is undecided.
*Inconclusive (ceiling)*: a side lies within half a point of 0 or 100 %, or at the first epoch, in more than half of the
trials, or the other side cannot go beyond it. *Inconclusive (not converged)*: the peak lies in the last quarter of the
epochs. *By construction*: the claim cannot fail, and is not counted as holding. Margins were set before any run: the
paper's own where it gives one, 2 points where it says no more than "similar". A claim is run where the paper makes it:
the stream lies in the paper's range of tasks, of classes per step as a share of all, or of images per class.

**p**: for an order the one-sided paired t-test, for an equality the larger of two one-sided tests at the margin; none
for counts, which are the same in every trial. Holm's correction is per paper, at {LEVEL} for all its claims together.

A row that is not run yet lacks trials, and is neither supported nor contradicted."""


def markdown(ledger: "Ledger") -> str:
    """How a verdict is found, the streams, what made the numbers, and one table per paper."""
    parts = ["# The papers' claims, checked", NOTES, summary(ledger), in_words(ledger), streams(ledger)]
    parts += [f"- {name}: {value}" for name, value in made(ledger).items()]
    for title, own in ledger.by_paper():
        parts += [f"## {title}", f"{own.summary().capitalize()}. {held(own)}"]
        parts.append(table(own))
        if left := unrunnable(own[0].claim.paper):
            parts.append("Not here: " + "; ".join(f"{place} ({reason})" for place, reason in left) + ".")
    return "\n\n".join(filter(None, parts)) + "\n"


def table(own: "Ledger") -> str:
    """The table of a paper's claims, with a column for each kind of variant that any of them has."""
    more = [variants.cells(entry) for entry in own]
    kinds = [kind for kind in variants.TITLES if any(cell[kind] for cell in more)]
    rows = [(*cells(entry), *(cell[kind] for kind in kinds)) for entry, cell in zip(own, more, strict=True)]
    return _table((*HEADER, *(variants.TITLES[kind] for kind in kinds)), rows)


def in_words(ledger: "Ledger") -> str:
    """The most instructive claims in words, where the verdict is still the one that the words are about."""
    found = {entry.claim.sentence: entry for entry in ledger}
    lines = [
        f"- **{sentence}** {verdict.capitalize()} ({found[sentence].numbers()[2]}). {words}"
        for sentence, verdict, words in instructive()
        if sentence in found and found[sentence].verdict == verdict
    ]
    return "\n".join(["## Claims to learn from", "", *lines]) if lines else ""


def cells(entry: Entry) -> tuple[str, ...]:
    """The cells of a row under ``HEADER``."""
    claim = entry.claim
    return (
        claim.place,
        claim.sentence,
        claim.comparison,
        f"{claim.statistic}{'' if claim.counted else f'; on {where(entry)}'}",
        entry.differing,
        entry.settings,
        *entry.numbers(),
        (entry.verdict if entry.complete else entry.said) + (f" ({claim.construction})" if claim.construction else ""),
    )


def where(entry: Entry) -> str:
    return " and ".join(dict.fromkeys(side.setting for side in entry.claim.sides))


def summary(ledger: "Ledger") -> str:
    """The counts per verdict and paper."""
    words = list(ledger.counts())
    rows = [
        [title, str(len(own)), *(str(own.counts().get(word, 0)) for word in words), str(own.survivors())]
        for title, own in ledger.by_paper()
    ]
    rows.append(["all", str(len(ledger)), *(str(count) for count in ledger.counts().values()), str(ledger.survivors())])
    return _table(("paper", "claims", *words, "of those that hold, after Holm"), rows)


def held(ledger: "Ledger") -> str:
    return f"After Holm's correction {ledger.survivors()} of those that hold remain."


def streams(ledger: "Ledger") -> str:
    """The streams that the claims use, with their budgets and the ranges of the papers."""
    used = dict.fromkeys(side.setting for entry in ledger for side in entry.claim.sides)
    ranges: dict[str, dict[str, None]] = {name: {} for name in used}
    for entry in ledger:
        for side in entry.claim.sides:
            assert entry.claim.range is not None  # every claim with sides has one
            ranges[side.setting][f"{PAPERS[entry.claim.paper].split(' (')[0]}: {entry.claim.range.words((side,))}"] = (
                None
            )
    rows = [[name, SETTINGS[name].words, "; ".join(ranges[name])] for name in used]
    return _table(("stream", "what it is", "the papers' range"), rows)


def made(ledger: "Ledger") -> dict[str, str]:
    """What made the numbers of the papers of this ledger, by name; the papers apart where it differs."""
    papers = dict.fromkeys(entry.claim.paper for entry in ledger)
    own = {paper: ledger.origins[paper] for paper in papers if paper in ledger.origins}
    if len({tuple(origin.items()) for origin in own.values()}) == 1:
        return dict(next(iter(own.values())))
    return {f"{paper}, {name}": value for paper, origin in own.items() for name, value in origin.items()}


def _table(head: tuple[str, ...], rows: list) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
