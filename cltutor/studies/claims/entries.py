"""The ledger: every claim with its trials and its verdict; kept in one file, from which verdicts are computed anew."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from ...checked import checked
from ...describe import Choice as OneOf
from ...runs import files
from . import interactive, page
from .choosing import Choice
from .claim import PAPERS, Claim
from .deciding import CONSTRUCTION, HOLDS, VERDICTS, Trial, survivors
from .entry import Entry, Found
from .records import Record, packed
from .rows import all_claims

SHIPPED = Path(__file__).resolve().parent / "numbers.json"
Origin = Mapping[str, str]  # what made the numbers of a paper, by name


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
        """This ledger, with the claims of ``other`` in place of its own; of one that was stopped, those that have as
        many trials."""
        new = {entry.claim.code: entry for entry in other}
        both = ((entry, new.get(entry.claim.code, entry)) for entry in self)
        entries = tuple(later(before, after) for before, after in both)
        return Ledger(entries, {**self.origins, **other.origins}, {**self.records, **other.records})

    def counts(self) -> dict[str, int]:
        """How many claims have each verdict."""
        counts = Counter(entry.verdict for entry in self)
        return {word: counts[word] for word in VERDICTS if counts[word]}

    def summary(self) -> str:
        """The count of every verdict, in one line."""
        return ", ".join(f"{word}: {count}" for word, count in self.counts().items())

    def survivors(self) -> int:
        """How many claims that hold survive Holm's correction, within each paper, for all its claims with a p-value."""
        found = 0
        for _, own in self.by_paper():
            tested = [entry for entry in own if entry.p is not None and entry.verdict != CONSTRUCTION]
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
        return page.markdown(self)

    def _repr_html_(self) -> str:
        return interactive.interactive(self)

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


def later(before: Entry, after: Entry) -> Entry:
    """Of a claim found twice the later one, if it has as many trials; with the variants of the one before, where its
    own were not run and the trials are the same."""
    if len(after.trials) < len(before.trials):
        return before
    old, new = before.found, after.found
    if old is None or new is None or (old.choice, old.trials) != (new.choice, new.trials):
        return after
    return replace(after, found=replace(new, variants={**old.variants, **new.variants}))


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
    if paper is not None:
        OneOf(PAPERS).check("paper", paper)
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
