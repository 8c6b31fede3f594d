"""Tables of numbers, for a notebook, a page and a terminal."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from ..checked import Many, Text, checked
from ..checked import Table as Entries

Rows = Annotated[Sequence[Mapping[str, object]], Many(Entries(None, Text(), least=1), least=1)]


@dataclass(frozen=True)
class Table:
    """Rows of words under a header; a notebook shows it as a table, a terminal in columns."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def _repr_markdown_(self) -> str:
        lines = [self.head, (":--", *["--:"] * (len(self.head) - 1)), *self.rows]
        return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)

    def html(self, caption: str = "") -> str:
        """The table for a page: header cells with their scope, all columns but the first aligned right."""
        body = "".join(_line(row, "td", 'th scope="row"') for row in self.rows)
        style = "text-align:left;font-weight:bold;padding:0.5em 0"
        above = f'<caption style="{style}">{html.escape(caption)}</caption>' if caption else ""
        head = _line(self.head, 'th scope="col"', 'th scope="col"')
        return f"<table>{above}<thead>{head}</thead><tbody>{body}</tbody></table>"

    def _repr_html_(self) -> str:
        return self.html()

    def __repr__(self) -> str:
        lines = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in lines
        )


def _line(words: Sequence[str], kind: str, first: str) -> str:
    """A line of a table in HTML, whose first cell is of another kind; numbers stay whole, headings may break."""
    cells = []
    for place, word in enumerate(words):
        one, side = (kind, "right") if place else (first, "left")
        whole = ";white-space:nowrap" if one == "td" else ""
        cells.append(f'<{one} style="text-align:{side}{whole}">{html.escape(word)}</{one.split()[0]}>')
    return f"<tr>{''.join(cells)}</tr>"


@checked
def table(rows: Rows) -> Table:
    """A table of rows with the same columns: {"method": "lwf", "old (%)": 98.31}. Fractions get one decimal place.

    Raises:
        ValueError: rows with different columns.
    """
    if any(list(row) != list(rows[0]) for row in rows):
        raise ValueError("The rows have the same keys in the same order, which are the columns.")
    words = (tuple(f"{v:.1f}" if isinstance(v, float) else str(v) for v in row.values()) for row in rows)
    return Table(tuple(rows[0]), tuple(words))
