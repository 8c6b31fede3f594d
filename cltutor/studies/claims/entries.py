"""The ledger: every claim with its trials and its verdict; kept in one file, from which verdicts are computed anew."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...checked import checked
from ...describe import Choice as OneOf
from ...runs import files
from .choosing import Choice
from .claim import PAPERS, Claim
from .deciding import HOLDS, NOT_RUN, VERDICTS, Trial, interval, p_value, survivors, verdict
from .differences import KINDS
from .records import Record, packed
from .rows import all_claims

SHIPPED = Path(__file__).resolve().parent / "numbers.json"
Origin = Mapping[str, str]  # what made the numbers of a paper, by name


@dataclass(frozen=True)
class Found:
    """What was measured for a claim: what the search chose, the trials, those of its variants, and the keys of the
    trials' records."""

    choice: Choice = field(default_factory=lambda: Choice(0.0))
    trials: list[Trial] = field(default_factory=list)
    variants: dict[str, list[Trial]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Entry:
    """A claim and what was found: nothing if it has not been run."""

    claim: Claim
    found: Found | None = None

    @property
    def trials(self) -> list[Trial]:
        return self.found.trials if self.found else []

    @property
    def complete(self) -> bool:
        """Whether there are all trials."""
        return len(self.trials) == self.claim.trials

    @property
    def differences(self) -> list[float]:
        """Left minus right, one per trial."""
        return [trial.difference for trial in self.trials]

    @cached_property
    def verdict(self) -> str:
        """One of ``VERDICTS``, computed from the trials."""
        return verdict(self.claim, self.trials)

    @cached_property
    def p(self) -> float | None:
        """The p-value of the claim; None for a count, or where there is none yet."""
        return p_value(self.claim, self.trials)

    @property
    def difference(self) -> tuple[float, float]:
        """(mean, half width) of the 95 % interval of left - right; nan where there is none."""
        return interval(self.differences, self.claim.counted)

    @property
    def said(self) -> str:
        """The verdict, with what a variant says where it says something else."""
        if self.verdict == NOT_RUN:
            return f"{NOT_RUN}: {len(self.trials)} of {self.claim.trials} trials" if self.trials else NOT_RUN
        words = {"own": "each at its own best rate", "published": "with the published weights"}
        others = {kind: verdict(self.claim, trials) for kind, trials in (self.found.variants if self.found else {}).items()}
        return "; ".join([self.verdict, *(f"{words[k]}: {v}" for k, v in others.items() if v not in (self.verdict, NOT_RUN))])

    def numbers(self) -> tuple[str, str, str, str]:
        """Left, right, difference and p-value as printed."""
        if not self.trials:
            return "", "", "", ""
        means = np.mean([(trial.left, trial.right) for trial in self.trials], axis=0)
        largest = np.abs(means).max()
        decimals = 3 if self.claim.counted else 2 if largest < 10 else 1 if largest < 1000 else 0
        mean, half = self.difference
        gap = f"{mean:+.{decimals}f}" + ("" if self.claim.counted else f" ± {half:.{decimals}f}")
        p = "" if self.p is None else "< 0.0001" if self.p < 1e-4 else f"{self.p:.4f}"
        return f"{means[0]:.{decimals}f}", f"{means[1]:.{decimals}f}", gap, p

    @property
    def differing(self) -> str:
        """What differs between the sides, and why what is not claimed cannot be avoided."""
        words = []
        for kind in self.claim.differences:
            reason = self.claim.also.get(kind)
            words.append(KINDS[kind] if kind in self.claim.differs else f"{KINDS[kind]} ({reason})")
        return "; ".join(words) or "nothing"

    @property
    def settings(self) -> str:
        """The rate and the weights that the search chose, and how many configurations each side tried."""
        if self.found is None or not self.claim.sides:
            return ""
        choice, words = self.found.choice, [f"rate {self.found.choice.rate:g}"]
        for label, weights in choice.weights.items():
            listed = ", ".join(f"{name} {value:g}" for name, value in weights.items())
            words.append(f"{label}: {listed} (of {choice.tried[label]})")
        return "; ".join([*words, *choice.edges])


@dataclass(frozen=True)
class Ledger(Sequence[Entry]):
    """All entries in the order of the papers; ``origins`` name what made the numbers of each paper, ``records`` are the
    runs of the trials by their key.

    Shows as an interactive table in a notebook; ``markdown()`` is a plain table for a page of the docs.
    """

    entries: tuple[Entry, ...]
    origins: Mapping[str, Origin] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index):
        return self.entries[index]

    def __repr__(self) -> str:
        return f"<{len(self)} claims, {self.summary()}>"

    def of(self, paper: str) -> "Ledger":
        """The entries of one paper: a key of ``PAPERS``; ValueError for another."""
        OneOf(PAPERS).check("paper", paper)
        return replace(self, entries=tuple(entry for entry in self if entry.claim.paper == paper))

    def with_papers_of(self, other: "Ledger") -> "Ledger":
        """This ledger, with the claims of ``other`` in place of its own; ``other`` may be one that was stopped."""
        new = {entry.claim.code: entry for entry in other}
        entries = tuple(new.get(entry.claim.code, entry) for entry in self)
        return Ledger(entries, {**self.origins, **other.origins}, {**self.records, **other.records})

    def counts(self) -> dict[str, int]:
        """How many claims have each verdict."""
        counts = Counter(entry.verdict for entry in self)
        return {word: counts[word] for word in VERDICTS if counts[word]}

    def summary(self) -> str:
        return ", ".join(f"{word}: {count}" for word, count in self.counts().items())

    def survivors(self) -> int:
        """How many claims that hold survive Holm's correction, within each paper, for all its claims with a p-value."""
        found = 0
        for _, own in self.by_paper():
            tested = [entry for entry in own if entry.p is not None]
            passed = survivors([entry.p for entry in tested])  # type: ignore[misc]  # none is None
            found += sum(one and entry.verdict == HOLDS for one, entry in zip(passed, tested, strict=True))
        return found

    def by_paper(self) -> Iterator[tuple[str, "Ledger"]]:
        """Each paper's title with its own entries."""
        for paper, title in PAPERS.items():
            if len(own := self.of(paper)):
                yield title, own

    def markdown(self) -> str:
        """The page of the docs: how a verdict is found, what made the numbers, one table per paper."""
        from .page import markdown

        return markdown(self)

    def _repr_html_(self) -> str:
        from .page import interactive

        return interactive(self)

    @checked
    def save(self, path: str | os.PathLike) -> None:
        """Write the trials, the recipes, the records of all runs and their origin as JSON, in full or not at all."""
        keys = {key for entry in self if entry.found for key in entry.found.keys}
        records = {key: packed(self.records[key]) for key in sorted(keys & self.records.keys())}
        recipes = list(dict.fromkeys(values[1] for values in records.values()))
        places = {code: place for place, code in enumerate(recipes)}
        runs = {key: [values[0], places[values[1]], *values[2:]] for key, values in records.items()}
        rows = {entry.claim.code: asdict(entry.found) for entry in self if entry.found}
        parts = {"origins": self.origins, "claims": rows, "recipes": recipes, "runs": runs}
        files.write_bytes(Path(path), _compact(parts).encode("utf-8"))


def _compact(parts: Mapping[str, Any]) -> str:
    """JSON with one line for each claim, recipe and run."""

    def text(value: Any) -> str:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    blocks = []
    for name, values in parts.items():
        if isinstance(values, Mapping):
            lines = ",\n".join(f"{text(key)}:{text(value)}" for key, value in values.items())
            blocks.append(f"{text(name)}:{{\n{lines}\n}}")
        else:
            blocks.append(f"{text(name)}:[\n{f',{chr(10)}'.join(map(text, values))}\n]")
    return "{" + ",\n".join(blocks) + "}\n"


@checked
def ledger(path: str | os.PathLike | None = None, paper: str | None = None) -> Ledger:
    """The ledger with the numbers that come with cltutor, or those in the file ``path``; of all papers or of one.

    Nothing is trained. A claim without numbers, or changed since they were made, is "not run yet".

    Raises:
        ValueError: a file that ``Ledger.save`` did not write, or an unknown paper.
    """
    saved = _read(SHIPPED if path is None else Path(path))
    entries = tuple(Entry(claim, saved.found.get(claim.code)) for claim in all_claims())
    whole = Ledger(entries, saved.origins, saved.records)
    return whole if paper is None else whole.of(paper)


class Saved(NamedTuple):
    """What a file of numbers contains: origins, what was found by a claim's code, and records by key."""

    origins: dict[str, Origin]
    found: dict[str, Found]
    records: dict[str, Record]


def _read(path: Path) -> Saved:
    try:
        files.refuse_irregular(path)
        saved = json.loads(path.read_text(encoding="utf-8"))
        recipes = saved["recipes"]
        records = {key: Record(values[0], recipes[values[1]], *values[2:]) for key, values in saved["runs"].items()}
        found = {code: _found(one) for code, one in saved["claims"].items()}
        return Saved({paper: dict(origin) for paper, origin in saved["origins"].items()}, found, records)
    except FileNotFoundError:
        raise ValueError(f"There is no ledger in {path}: the file does not exist.") from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"{path} is not a ledger: make it again with cltutor claims.") from error


def _found(saved: Mapping[str, Any]) -> Found:
    def trials(rows: Sequence[Mapping[str, Any]]) -> list[Trial]:
        return [Trial(**{**row, "lefts": tuple(row["lefts"]), "rights": tuple(row["rights"])}) for row in rows]

    variants = {kind: trials(rows) for kind, rows in saved["variants"].items()}
    return Found(Choice(**saved["choice"]), trials(saved["trials"]), variants, saved["keys"])


def claims(paper: str | None = None, trials: int | None = None, with_data: bool = False) -> list[Claim]:
    """The claims of all papers or of one, over their own number of trials or another; ValueError for a bad one."""
    if paper is not None:
        OneOf(PAPERS).check("paper", paper)
    chosen = [claim for claim in all_claims() if paper is None or claim.paper == paper]
    chosen = [claim for claim in chosen if with_data or not claim.data]
    return [claim if trials is None or claim.counted else replace(claim, trials=trials) for claim in chosen]


@checked
def write(path: str | os.PathLike, text: str) -> None:
    """Write a text file in full or not at all."""
    files.write_bytes(Path(path), text.encode("utf-8"))
