"""Tables of numbers, for a notebook and for a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows of words under a header; a notebook shows it as a table, a terminal in columns."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def _repr_markdown_(self) -> str:
        lines = [self.head, (":--", *["--:"] * (len(self.head) - 1)), *self.rows]
        return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)

    def __repr__(self) -> str:
        lines = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in lines
        )


def table(rows: Sequence[Mapping[str, object]]) -> Table:
    """A table of rows with the same columns: {"method": "lwf", "old (%)": 98.31}. Fractions get one decimal place.

    Raises:
        ValueError: no rows, or rows with different columns.
    """
    if not rows or any(list(row) != list(rows[0]) for row in rows):
        raise ValueError("give one row or more, each a dict with the same keys in the same order")
    return Table(tuple(rows[0]), tuple(tuple(map(_words, row.values())) for row in rows))


def _words(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
