"""`cltutor grade FOLDER`: what the notebooks of a class have passed, in one table."""

import argparse
import os
import sys
from pathlib import Path

from ..describe import counted
from ..exercises.grading import otter
from ..exercises.grading.grading import Graded, grade, notebooks
from ..exercises.grading.tables import as_csv, as_html
from ..runs.files import write_bytes
from . import lab
from .writing import ready_file

CONFINED = (
    "Each notebook ran in a process of its own, which could write in its own folder alone, open no TCP connection and "
    "signal no other process."
)
NOT_CONFINED = (
    "On this system nothing kept the notebooks' code from writing files or using the network: for code of people whom "
    "you do not trust, use a container."
)


def main(arguments: argparse.Namespace) -> int:
    """Grade every notebook in the folder, and write the table as CSV, and as HTML beside it; or otter's test files.

    Raises:
        ValueError: no notebook in the folder, or a file that cannot be written.
    """
    folder = Path(arguments.submissions)
    if arguments.otter:
        written = otter.write(lab.notebooks()[0], folder)
        print(f"{counted(len(written), 'test file')} for otter-grader in {folder / 'NOTEBOOK' / 'tests'}.")
        return 0
    if not os.path.isdir(folder):  # a path that is too long is none, too
        raise ValueError(f"there is no folder {folder}: name the one in which the students' notebooks are.")
    count, page = len(notebooks(folder)), arguments.out.with_suffix(".html")
    if arguments.out.suffix != ".csv":
        raise ValueError(f"the table is a .csv file, such as grades.csv, not {arguments.out}.")
    for path in (arguments.out, page):
        ready_file(path)
    graded: list[Graded] = []
    safe = True
    for number, (found, confined) in enumerate(grade(folder, arguments.limit, arguments.memory * 2**30), 1):
        graded.append(found)
        safe &= confined
        print(f"{number} of {count}  {found.name}: {found.passed} of {len(found.results)} passed", flush=True)
        _write(arguments.out, as_csv(graded))
    _write(page, as_html(graded, CONFINED if safe else NOT_CONFINED))
    if not safe:
        print(NOT_CONFINED, file=sys.stderr)
    print(f"{arguments.out} and {page}.")
    return 0


def _write(path: Path, words: str) -> None:
    """Names of files and students' messages may have characters that UTF-8 has not: they become escapes."""
    write_bytes(path, words.encode("utf-8", "backslashreplace"))
