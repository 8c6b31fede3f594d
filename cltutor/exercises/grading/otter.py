"""The exercises as test files of otter-grader: one for each, which asks the notebook's own `check`."""

import ast
from pathlib import Path

from ...runs.files import write_bytes
from .cells import read


def calls(notebook: Path) -> dict[str, str]:
    """Exercise -> the code of its answer, as the notebook checks it: "01-unknown" -> "accuracy"."""
    found = {}
    for cell in read(notebook):
        if not cell.exercises:
            continue
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("exercises.check"):
                found[ast.literal_eval(node.args[0])] = ast.unparse(node.args[1])
    return found


def test_file(exercise: str, answer: str) -> str:
    """A test in otter's format: one point for an answer that passes."""
    code = f'>>> import cltutor\n>>> cltutor.exercises.check("{exercise}", {answer}).passed\nTrue'
    case = {"code": code, "hidden": False, "locked": False}
    suite = {"cases": [case], "scored": True, "setup": "", "teardown": "", "type": "doctest"}
    return f"OK_FORMAT = True\n\ntest = { ({'name': exercise, 'points': 1, 'suites': [suite]})!r}\n"


def write(notebooks: Path, folder: Path) -> list[Path]:
    """A file for each exercise, in ``folder``/NAME/tests for the notebook NAME: otter grades one notebook at a time.

    Raises:
        NotWritten: a ValueError, where the disk refuses.
    """
    written = []
    for notebook in sorted(notebooks.glob("*.ipynb")):
        for exercise, answer in calls(notebook).items():
            path = folder / notebook.stem / "tests" / f"{exercise}.py"
            write_bytes(path, test_file(exercise, answer).encode("utf-8"))
            written.append(path)
    return written
