"""What was checked and guessed, in one JSON file for a teacher, and the files of a class in one table."""

import html
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from .. import __version__
from ..checked import checked
from ..describe import Kind
from ..runs.files import write_bytes
from ..widgets.guesses import JOURNAL, Guessed
from .checking import TRIES

File = Annotated[str | os.PathLike, Kind("the path of a file", lambda value: isinstance(value, str | os.PathLike))]


@checked
def report(path: File) -> Path:
    """Write this notebook's checks and guesses to a JSON file, and return its path.

    "exercises": of each that was checked its "exercise", "notebook" (its number), whether it has "passed", and how many
    "tries" it took or has had; "guesses": "question", "guess", "truth", "unit" and "points", null where there is none;
    "version" of cltutor.

    Raises:
        NotWritten: a ValueError, where the disk refuses.
    """
    exercises = []
    for name, tries in TRIES.items():
        passed = next((count for count, one in enumerate(tries, 1) if one.passed), None)
        facts = {"exercise": name, "notebook": name[:2], "passed": passed is not None, "tries": passed or len(tries)}
        exercises.append(facts)
    made = {"version": __version__, "exercises": exercises, "guesses": [entry.plain() for entry in JOURNAL]}
    write_bytes(Path(path), json.dumps(made, indent=1, ensure_ascii=False, allow_nan=False).encode("utf-8"))
    return Path(path)


@dataclass(frozen=True)
class ClassReport:
    """The reports of a class by the names of their files; a notebook shows a table of exercises and one of guesses."""

    reports: Mapping[str, Mapping[str, Any]]

    @property
    def exercises(self) -> dict[str, dict[str, str]]:
        """Exercise -> who -> "passed" or "not yet", with the number of tries."""
        return self._by(
            "exercises", "exercise", lambda one: f"{'passed' if one['passed'] else 'not yet'} ({one['tries']})"
        )

    @property
    def guesses(self) -> dict[str, dict[str, str]]:
        """Question -> who -> guess, and under "truth" what it turned out to be."""

        def words(one: Mapping[str, Any]) -> str:
            entry = Guessed(**{**one, "points": tuple(one["points"])})
            return entry.words(entry.guess)

        found = self._by("guesses", "question", words)
        for held in self.reports.values():
            for one in held["guesses"]:
                entry = Guessed(**{**one, "points": tuple(one["points"])})
                if entry.truth is not None:
                    found[entry.question]["truth"] = entry.words(entry.truth)
        return found

    def _by(self, kind: str, key: str, words: Any) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for who, held in self.reports.items():
            for one in held[kind]:
                found.setdefault(one[key], {})[who] = words(one)
        return found

    def _repr_html_(self) -> str:
        tables = (self._table(self.exercises, "exercise", ()), self._table(self.guesses, "question", ("truth",)))
        return "".join(tables)

    def _table(self, rows: Mapping[str, Mapping[str, str]], what: str, more: Iterable[str]) -> str:
        columns = [*self.reports, *more]
        head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in (what, *columns))
        body = "".join(
            f'<tr><th scope="row">{html.escape(name)}</th>'
            + "".join(f"<td>{html.escape(cells.get(column, ''))}</td>" for column in columns)
            + "</tr>"
            for name, cells in rows.items()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else ""


@checked
def read_reports(folder: File) -> ClassReport:
    """The reports (*.json) of a class in a folder, each named by its file.

    Raises:
        ValueError: no report in the folder, or a file that is none.
    """
    found = {}
    for path in sorted(Path(folder).glob("*.json")):
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            found[path.stem] = {kind: list(held[kind]) for kind in ("exercises", "guesses")}
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise ValueError(f"{path} is not what cl.exercises.report(path) writes.") from error
    if not found:
        raise ValueError(f"There is no report in {folder}: students write theirs by cl.exercises.report(path).")
    return ClassReport(found)
