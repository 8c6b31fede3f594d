"""What was graded as files: a table for a gradebook (CSV), and one to read (HTML)."""

import csv
import html
import io
from collections.abc import Sequence

from ..checking import names
from .grading import Graded

STYLE = (
    "body{font:16px/1.45 system-ui,sans-serif;margin:2em}table{border-collapse:collapse}"
    "th,td{border:1px solid #bbb;padding:6px 10px;text-align:left;vertical-align:top}"
    "td.passed{background:#d9f2e6}td.not{background:#fbe3d6}small{color:#444}"
)


def columns(graded: Sequence[Graded]) -> list[str]:
    """The exercises of which at least one notebook has a result."""
    found = {exercise for one in graded for exercise in one.results}
    return [exercise for exercise in names() if exercise in found]


def text(cell: str) -> str:
    """A cell of a student's words: a spreadsheet would compute one that begins with =, +, - or @."""
    return f"'{cell}" if cell.lstrip()[:1] in ("=", "+", "-", "@") else cell


def as_csv(graded: Sequence[Graded]) -> str:
    """A row for each notebook: 1 or 0 for an exercise, empty where it has none; how many it passed; notes."""
    exercises, file = columns(graded), io.StringIO()
    table = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)  # also where ; separates
    table.writerow(["notebook", *exercises, "passed", "of", "notes"])
    for one in graded:
        marks = [int(one.results[name].passed) if name in one.results else "" for name in exercises]
        table.writerow([text(one.name), *marks, one.passed, len(one.results), text("; ".join(one.notes))])
    return file.getvalue()


def as_html(graded: Sequence[Graded], confined: str) -> str:
    """The same with the words of every check; ``confined`` says what students' code could not do."""
    exercises = columns(graded)
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in ("notebook", *exercises, "passed", "notes"))
    body = "".join(_row(one, exercises) for one in graded)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Grades</title><style>{STYLE}</style>'
        f"<h1>Grades</h1><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"<p>{html.escape(confined)}</p></html>\n"
    )


def _row(one: Graded, exercises: Sequence[str]) -> str:
    cells = []
    for name in exercises:
        found = one.results.get(name)
        if found is None:
            cells.append("<td></td>")
            continue
        look, sign = ("passed", "✓ passed") if found.passed else ("not", "○ not yet")
        words = "" if found.passed else f"<br><small>{html.escape(found.message)}</small>"
        cells.append(f'<td class="{look}">{sign}{words}</td>')
    notes = html.escape("; ".join(one.notes))
    total = f"<td>{one.passed} of {len(one.results)}</td>"
    return f'<tr><th scope="row">{html.escape(one.name)}</th>{"".join(cells)}{total}<td>{notes}</td></tr>'
