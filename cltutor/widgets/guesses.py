"""What a reader guessed, and what turned out: kept without a page, so that reports need no widget."""

import html
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Guessed:
    """A question with its guess and its truth, None as long as there is none; ``unit`` stands behind numbers.

    Both are a number, a word, or a list of numbers, one for each of the ``points`` of a curve: None where no guess was
    drawn.
    """

    question: str
    guess: Any = None
    truth: Any = None
    unit: str = ""
    points: tuple[str, ...] = ()

    @property
    def difference(self) -> float | None:
        """How far the guess lies from the truth: of a curve the mean over its points; 0 or 1 for a choice."""
        if self.guess is None or self.truth is None:
            return None
        if isinstance(self.truth, str):
            return float(self.guess != self.truth)
        pairs = zip(_listed(self.guess), _listed(self.truth), strict=True)
        away = [abs(one - other) for one, other in pairs if one is not None]
        return sum(away) / len(away)

    @property
    def verdict(self) -> str:
        """How far off the guess was, in words."""
        if self.difference is None:
            return "no guess" if self.guess is None else "not known yet"
        if isinstance(self.truth, str):
            return "right" if self.guess == self.truth else "not so"
        return f"{self.difference:.3g}{self.unit} off{' on average' * bool(self.points)}"

    def words(self, value: Any) -> str:
        """A guess or truth as a reader sees it."""
        if value is None:
            return "–"
        if isinstance(value, str):
            return value
        return ", ".join("–" if one is None else f"{one:.3g}" for one in _listed(value)) + self.unit

    def plain(self) -> dict[str, Any]:
        """All of it as JSON can hold it."""
        return asdict(self) | {"points": list(self.points)}


class Journal:
    """The guesses of this process, by their questions in order; a notebook shows it as a table."""

    def __init__(self) -> None:
        self.entries: dict[str, Guessed] = {}

    def __iter__(self) -> Iterator[Guessed]:
        return iter(self.entries.values())

    def __len__(self) -> int:
        return len(self.entries)

    def keep(self, entry: Guessed) -> Guessed:
        """The entry of its question: the one that was kept before, if it asks for the same kind of answer."""
        before = self.entries.get(entry.question)
        if before is None or (before.unit, before.points) != (entry.unit, entry.points):
            self.entries[entry.question] = entry
        return self.entries[entry.question]

    def __repr__(self) -> str:
        rows = (f"{e.question} guess: {e.words(e.guess)}; truth: {e.words(e.truth)}; {e.verdict}" for e in self)
        return "\n".join(rows) or "There is no guess yet."

    def _repr_html_(self) -> str:
        cells = ((e.question, e.words(e.guess), e.words(e.truth), e.verdict) for e in self)
        rows = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in cells)
        head = "".join(f'<th scope="col">{name}</th>' for name in ("question", "your guess", "truth", ""))
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if rows else repr(self)


JOURNAL = Journal()


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
