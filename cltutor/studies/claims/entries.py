"""The ledger: every claim with its numbers and its verdict, as a table; kept in one file of numbers."""

import html
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...checked import checked
from ...describe import Choice
from ...runs import files
from .claim import PAPERS, VERDICTS, Claim, interval, verdict
from .rows import CLAIMS

SHIPPED = Path(__file__).resolve().parent / "numbers.json"
HEADER = ("place", "claim", "statistic", "comparison", "left", "right", "difference", "trials", "verdict")

Origin = Mapping[str, str]  # what made the numbers of a paper, by name
Numbers = list[tuple[float, float]]  # the left and the right side, one pair per trial


@dataclass(frozen=True)
class Entry:
    """A claim and the numbers of its trials: none if it has not been run."""

    claim: Claim
    numbers: Numbers = field(default_factory=list)

    @property
    def differences(self) -> list[float]:
        """Left minus right, one per trial."""
        return [left - right for left, right in self.numbers]

    @property
    def verdict(self) -> str:
        """One of ``VERDICTS``, computed from the differences."""
        return verdict(self.claim, self.differences)

    @property
    def difference(self) -> tuple[float, float]:
        """(mean, half width) of the 95 % interval of left - right; nan where there is none."""
        return interval(self.differences, self.claim.counted) if self.numbers else (np.nan, np.nan)

    def row(self) -> tuple[str, ...]:
        """The cells under ``HEADER``."""
        claim, sides, gap = self.claim, ["", ""], ""
        if self.numbers:
            means = np.mean(self.numbers, axis=0)
            largest = np.abs(means).max()
            decimals = 3 if claim.counted else 2 if largest < 10 else 1 if largest < 1000 else 0
            sides = [f"{value:.{decimals}f}" for value in means]
            mean, half = self.difference
            gap = f"{mean:+.{decimals}f}" + ("" if claim.counted else f" ± {half:.{decimals}f}")
        trials = "counted" if claim.counted else str(claim.trials)
        return (claim.place, claim.sentence, claim.statistic, claim.comparison, *sides, gap, trials, self.verdict)


@dataclass(frozen=True)
class Ledger(Sequence[Entry]):
    """All entries in the order of the papers; ``origins`` name what made the numbers of each paper.

    Shows as a table in a notebook; ``markdown()`` is the same table for a page of the docs.
    """

    entries: tuple[Entry, ...]
    origins: Mapping[str, Origin] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index):
        return self.entries[index]

    def __repr__(self) -> str:
        return f"<{len(self)} claims, {self.summary()}>"

    def of(self, paper: str) -> "Ledger":
        """The entries of one paper: a key of ``PAPERS``; ValueError for another."""
        Choice(PAPERS).check("paper", paper)
        own = tuple(entry for entry in self if entry.claim.paper == paper)
        return Ledger(own, {name: origin for name, origin in self.origins.items() if name == paper})

    def with_papers_of(self, other: "Ledger") -> "Ledger":
        """This ledger, with the papers of ``other`` in place of its own; ``other`` may be one that was stopped."""
        new = {entry.claim: entry for entry in other}
        papers = {claim.paper for claim in new}
        entries = (new.get(e.claim, Entry(e.claim)) if e.claim.paper in papers else e for e in self)
        return Ledger(tuple(entries), {**self.origins, **other.origins})

    def summary(self) -> str:
        """How many claims have each verdict."""
        counts = Counter(entry.verdict for entry in self)
        return ", ".join(f"{word}: {counts[word]}" for word in VERDICTS if counts[word])

    def by_paper(self) -> Iterator[tuple[str, "Ledger"]]:
        """Each paper's title with its own entries."""
        for paper, title in PAPERS.items():
            if len(own := self.of(paper)):
                yield title, own

    def made(self) -> Origin | None:
        """What made the numbers, where it is the same for all papers."""
        different = {json.dumps(origin): origin for origin in self.origins.values()}
        return next(iter(different.values())) if len(different) == 1 else None

    def markdown(self) -> str:
        """The page of the docs: how a verdict is found, what made the numbers, one table per paper."""
        parts = ["# The papers' claims, checked", NOTES, _listed(self.made())]
        parts.append(f"{len(self)} claims. In all, {self.summary()}.")
        for title, own in self.by_paper():
            lines = [HEADER, ["---"] * len(HEADER), *(entry.row() for entry in own)]
            parts += [f"## {title}", f"{own.summary().capitalize()}."]
            parts += ["\n".join(f"| {' | '.join(line)} |" for line in lines)]
            parts += [] if self.made() else [_listed(own.made())]
        return "\n\n".join(filter(None, parts)) + "\n"

    def _repr_html_(self) -> str:
        head = "".join(f"<th {_LEFT}>{name}</th>" for name in HEADER)
        body = []
        for title, own in self.by_paper():
            caption = f"{html.escape(title)}: {own.summary()}"
            body.append(f'<tr><th colspan="{len(HEADER)}" {_LEFT}>{caption}</th></tr><tr>{head}</tr>')
            rows = ("".join(f"<td {_LEFT}>{html.escape(cell)}</td>" for cell in entry.row()) for entry in own)
            body += [f"<tr>{row}</tr>" for row in rows]
        made = (f"{name}: {value}" for name, value in (self.made() or {}).items())
        return f"<table>{''.join(body)}</table><p>{html.escape('; '.join(made))}</p>"

    @checked
    def save(self, path: str | os.PathLike) -> None:
        """Write the numbers and their origin as JSON, in full or not at all."""
        numbers = {entry.claim.code: entry.numbers for entry in self if entry.numbers}
        text = json.dumps({"origins": self.origins, "numbers": numbers}, indent=1)
        write(path, text + "\n")


@checked
def ledger(path: str | os.PathLike | None = None, paper: str | None = None) -> Ledger:
    """The ledger with the numbers that come with cltutor, or those in the file ``path``; of all papers or of one.

    Nothing is trained. A claim without numbers, or changed since they were made, is "not run".

    Raises:
        ValueError: a file that ``Ledger.save`` did not write, or an unknown paper.
    """
    found = _read(SHIPPED if path is None else Path(path))
    entries = tuple(Entry(claim, found.numbers.get(claim.code, [])) for claim in CLAIMS)
    whole = Ledger(entries, found.origins)
    return whole if paper is None else whole.of(paper)


def claims(paper: str | None = None, trials: int | None = None) -> list[Claim]:
    """The claims of all papers or of one, over their own number of trials or another; ValueError for a bad one."""
    if paper is not None:
        Choice(PAPERS).check("paper", paper)
    chosen = [claim for claim in CLAIMS if paper is None or claim.paper == paper]
    return [claim if trials is None or claim.counted else replace(claim, trials=trials) for claim in chosen]


@checked
def write(path: str | os.PathLike, text: str) -> None:
    """Write a text file in full or not at all."""
    files.write_bytes(Path(path), text.encode("utf-8"))


class Saved(NamedTuple):
    """What a file of numbers contains."""

    origins: dict[str, Origin]
    numbers: dict[str, Numbers]


def _read(path: Path) -> Saved:
    try:
        files.refuse_irregular(path)
        found = json.loads(path.read_text(encoding="utf-8"))
        numbers = {code: [(float(left), float(right)) for left, right in own] for code, own in found["numbers"].items()}
        return Saved({paper: dict(origin) for paper, origin in found["origins"].items()}, numbers)
    except FileNotFoundError:
        raise ValueError(f"There is no ledger in {path}: the file does not exist.") from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"{path} is not a ledger: make it again with cltutor claims.") from error


def _listed(origin: Origin | None) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in (origin or {}).items())


_LEFT = 'style="text-align: left"'
NOTES = """Every claim of the five papers that a classroom can test: where the paper makes it, what it says in our
words, and the result here, on small images and a small network. A claim that does not hold here may hold at the
paper's scale, which has other images, other networks and more than minutes of training.

The number of a trial is its class order and its seed; left and right are means over the trials, and the difference is
paired by trial, with the half width of its 95 % t-interval. The verdict is computed from it: a claim of order holds if
the whole interval lies on its side of zero, and does not hold if it lies on the other side; a claim of equality holds
if the interval lies within the margin that the comparison names, and does not hold if it lies outside; anything else is
undecided. Margins were set before any run: the paper's own where it gives one, 2 points where it says no more than
"similar". Five trials left a third of the claims undecided; all claims, not only those, were then given ten. A counted
number is the same in every trial. Of so many intervals, about one in twenty misses the true difference. A claim without
numbers has not been run, and is neither supported nor contradicted. Claims about speed are left to the benchmarks:
seconds on a shared machine decide nothing."""
