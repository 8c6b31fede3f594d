"""Every notebook, executed from top to bottom as it is committed, and read for its shape."""

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
START = "00_start_here"  # one short page without exercises
SECONDS = 1800  # a busy machine is no failure: benchmarks/notebooks.py measures the time

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell) -> str:
    """All text in the outputs of a cell."""
    words = []
    for output in cell.outputs:
        words += [output.get("text", ""), *output.get("traceback", []), *map(str, output.get("data", {}).values())]
    return "\n".join(words)


def widget_values(notebook) -> list[str]:
    """Every text in the state of the notebook's widgets, where a callback's error would be seen."""
    state = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    return [str(value) for model in state.values() for value in model["state"].values()]


@pytest.mark.notebook
def test_it_runs_from_top_to_bottom_and_refuses_the_unsolved_exercises(path, tmp_path):
    notebook = nbformat.read(path, 4)
    errors = nbformat.v4.new_code_cell("import cltutor\nprint(cltutor.widgets.errors())")
    notebook.cells.append(errors)
    environment = {**os.environ, "PYTHONPATH": str(path.parents[1]), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    client = NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute(env=environment)
    assert [output for cell in code(notebook) for output in cell.outputs if output.output_type == "error"] == []
    assert printed(errors).strip() == "[]"
    values = widget_values(notebook)
    assert values, "the notebook shows no widget, or its state was not recorded"
    assert [value for value in values if "cltutor-error" in value or "Traceback" in value] == []
    exercises = [cell for cell in code(notebook) if "exercises.check(" in cell.source]
    assert len(exercises) == (0 if path.stem == START else 3)
    for cell in exercises:
        assert "not yet" in printed(cell)
        assert "There is no answer here yet. Hint:" in printed(cell)


def test_it_is_committed_without_outputs_or_widget_state(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code(notebook))
    assert "widgets" not in notebook.metadata
    assert notebook.metadata.kernelspec.name == "python3"
    assert all(cell.metadata == {} for cell in notebook.cells)


def test_it_is_a_lesson_of_short_steps(path):
    notebook = nbformat.read(path, 4)
    assert 15 <= len(notebook.cells) <= 45
    for cell in code(notebook):
        lines = cell.source.splitlines()
        assert len(lines) <= 15, cell.source
        assert max(map(len, lines)) <= 100, cell.source


def test_its_header_says_what_it_takes(path):
    first = nbformat.read(path, 4).cells[0]
    assert first.cell_type == "markdown"
    for words in (
        r"^# \d",
        r"\*\*Time\*\*: .*(seconds|minutes?) on two CPU cores",
        r"\*\*Memory\*\*: .*MB",
        r"\*\*A GPU\*\*",
    ):
        assert re.search(words, first.source, re.MULTILINE), words


def test_its_scale_is_one_switch_and_its_set_up_is_short(path):
    setup, *others = code(nbformat.read(path, 4))
    assert len([line for line in setup.source.splitlines() if line.strip()]) <= 4
    assert 'SCALE = "classroom"' in setup.source
    assert any('SCALE == "paper"' in cell.source for cell in others)
