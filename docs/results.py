"""Writes docs/results.md: the tables of benchmarks/results/ that the notebooks and the README refer to, in one page.

    python docs/results.py

Numbers are read from the result files, never typed; the sentences between them are docs/results.toml.
"""

import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "results.md"
Table = list[list[str]]


def read_table(path: Path) -> Table:
    """The first table of a result file: its header, then its rows."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [cells[0], *cells[2:]]


def selected(table: Table, columns: list[str], rows: list[str]) -> Table:
    """The named columns, and the rows whose first cell is named (all if none is); ValueError for a missing one."""
    header, *body = table
    for name in (*columns, *rows):
        if name not in header and name not in [row[0] for row in body]:
            raise ValueError(f"There is no {name!r} in this table.")
    places = [header.index(name) for name in columns or header]
    return [[row[place] for place in places] for row in [header, *body] if row is header or not rows or row[0] in rows]


def conditions(path: Path) -> str:
    """How the numbers of a result file were made: its command, seeds and versions."""
    lines = [line[2:] for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("- ")]
    return "; ".join(line for line in lines if line.startswith(("command", "seeds", "versions")))


def markdown(table: Table) -> str:
    header, *body = table
    lines = [header, [":--", *["--:"] * (len(header) - 1)], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(source: dict[str, Any], folder: Path = RESULTS) -> str:
    """The whole page from its sentences and the result files in ``folder``."""
    parts = ["<!-- made by docs/results.py from docs/results.toml and benchmarks/results/ -->", source["introduction"]]
    for section in source["section"]:
        parts += [f"## {section['title']}", section["words"]]
        for one in section["tables"]:
            path = folder / f"{one['file']}.md"
            table = selected(read_table(path), one.get("columns", []), one.get("rows", []))
            parts += [f"**{one['title']}** {one['setting']}", markdown(table)]
            parts += [f"<details><summary>How it was made</summary>\n\n{conditions(path)} ({path.name})\n\n</details>"]
            parts += [one["after"]] if "after" in one else []
    return "\n\n".join(part.strip() for part in parts) + "\n"


def main() -> int:
    source = tomllib.loads((ROOT / "docs" / "results.toml").read_text(encoding="utf-8"))
    PAGE.write_text(page(source), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
