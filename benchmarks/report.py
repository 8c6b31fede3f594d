"""Write a benchmark's table where others can find and repeat it.

A benchmark ends with `report.write(...)`: the table is printed and kept in `results/<name>.md`,
with the command that made it, seeds, versions, hardware and date. The environment variable CLTUTOR_RESULTS names
another folder, for a run whose table is not meant to be committed.
"""

import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cltutor.runs.provenance import hardware, versions

RESULTS = Path(os.environ.get("CLTUTOR_RESULTS", Path(__file__).resolve().parent / "results"))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table whose columns line up; floats get three significant digits.

    ValueError when a row has more or fewer cells than the header.
    """
    lines = [list(header)] + [[_cell(value) for value in row] for row in rows]
    for line in lines[1:]:
        if len(line) != len(header):
            raise ValueError(f"a row has {len(line)} cells, but the header has {len(header)}: {line}")
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def write(
    name: str,
    title: str,
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    notes: str = "",
    seeds: Iterable[int] | None = None,
) -> Path:
    """Print the table and write it to `results/<name>.md`; returns that path.

    `seeds` are the seeds and class orders the numbers come from, None where nothing is drawn.
    """
    text = table(header, rows)
    origin = {
        "command": f"`{_command()}`",
        "seeds": "none" if seeds is None else ", ".join(map(str, seeds)),
        "versions": versions(),
        "hardware": hardware(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    listed = "\n".join(f"- {key}: {value}" for key, value in origin.items())
    parts = [f"# {title}", text, notes.strip(), listed]
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.md"
    path.write_text("\n\n".join(filter(None, parts)) + "\n", encoding="utf-8")
    print(f"{title}\n\n{text}\n" + (f"\n{notes.strip()}\n" if notes else ""))
    return path


def _command() -> str:
    """The command line, the script by its path inside the repository."""
    script, *arguments = sys.argv
    return f"python benchmarks/{Path(script).name} {shlex.join(arguments)}".strip()


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
