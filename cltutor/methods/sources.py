"""Where every detail of a method comes from: its paper, the authors' program, or a choice of ours.

The tables are data, ``sources.toml`` beside this file: rows of a method, and blocks of rows that methods share.
"""

import functools
import html
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from ..recipe.recipe import Recipe
from .registry import Build, named

KINDS = {"paper": "the paper", "program": "the authors' program", "ours": "our choice"}
HEADER = ("detail", "value", "from", "where, or why")
WIDTHS = (20, 36, 20, 41)  # of the columns in a terminal


class Row(NamedTuple):
    """A detail, its value in the method as it comes, whose it is (a value of ``KINDS``), and where it stands or why."""

    detail: str
    value: str
    source: str
    place: str


@dataclass(frozen=True, repr=False)
class Sources:
    """The details of the method ``name``, as a table: plain text in a terminal, HTML in a notebook."""

    name: str
    paper: str
    rows: tuple[Row, ...]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def title(self) -> str:
        """What stands above the table."""
        if not self.rows:
            return f"{self.name} is a method of your own, and says nothing of the sources of its details."
        return f"{self.name}, from {self.paper}: its details, and where they come from"

    def __repr__(self) -> str:
        lines = [self.title]
        for row in (HEADER, *self.rows) if self.rows else ():
            cells = [textwrap.wrap(text, width) for text, width in zip(row, WIDTHS, strict=True)]
            for parts in zip_longest(*cells, fillvalue=""):
                padded = (f"{part:<{width}}" for part, width in zip(parts, WIDTHS, strict=True))
                lines.append(" ".join(padded).rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        if not self.rows:
            return f"<p>{html.escape(self.title)}</p>"
        head, *body = (
            "".join(f'<{tag} style="text-align: left">{html.escape(cell)}</{tag}>' for cell in row)
            for tag, row in (("th", HEADER), *(("td", row) for row in self.rows))
        )
        rows = "".join(f"<tr>{cells}</tr>" for cells in body)
        caption = f"<caption>{html.escape(self.title)}</caption>"
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def sources(method: str | Build | Recipe) -> Sources:
    """The details of a method, given by name, as the function or as a recipe of it: value, and whether it is the
    paper's, the authors' program's or ours. A method of your own has no rows. ValueError for an unknown name.

    Values are those of the method without settings: ``cl.methods.eeil()``.
    """
    if isinstance(method, Recipe):
        name = method.name
    else:
        name = method if isinstance(method, str) else str(getattr(method, "__name__", method))
        named(name)
    tables = _tables()
    if name not in tables["methods"]:
        return Sources(name, "", ())
    own = tables["methods"][name]
    found: dict[str, list[str]] = {}
    for block in (own["rows"], *(tables["shared"][block] for block in own["uses"])):
        found = {**found, **{detail: row for detail, row in block.items() if detail not in found}}
    rank = {detail: place for place, detail in enumerate(tables["order"])}
    ordered = sorted(found.items(), key=lambda row: rank.get(row[0], 0.5))  # 0 is the loss
    rows = (Row(detail, value, KINDS[source], place) for detail, (value, source, place) in ordered)
    return Sources(name, own["paper"], tuple(rows))


@functools.cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("sources.toml").read_text(encoding="utf-8"))
