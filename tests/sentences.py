"""The sentences of the notebooks that state a result, and whether each is true for five class orders.

    python tests/sentences.py 01 03 --orders 0 1   # execute notebooks for these orders, store what was found

tests/notebooks/sentences.toml lists each sentence with an expression over the notebook's own variables, evaluated after
its last cell; tests/notebooks/sentences.json holds what was found, with a digest of the code that was executed.
"""

import argparse
import ast
import hashlib
import json
import os
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"
TABLE = ROOT / "tests" / "notebooks" / "sentences.toml"
STORED = TABLE.with_suffix(".json")
ORDERS = range(5)
SWITCH = "ORDER = 0"  # in a notebook's set-up: the class order, which the seed follows


def table() -> dict[str, dict[str, str]]:
    """notebook -> sentence -> the expression that is true where the sentence is."""
    entries = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {name: {row["sentence"]: row["holds"] for row in rows} for name, rows in entries.items()}


def stored() -> dict:
    """notebook -> {"digest": of its code, "found": order -> expression -> true or false}."""
    return json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}


def code_of(name: str, folder: Path = FOLDER) -> list[str]:
    cells = nbformat.read(folder / f"{name}.ipynb", 4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


def digest(name: str, folder: Path = FOLDER) -> str:
    """Of a notebook's code: changed code asks for another evaluation, changed prose and comments do not."""
    code = [ast.dump(ast.parse(source)) for source in code_of(name, folder)]
    return hashlib.sha256(json.dumps(code).encode()).hexdigest()[:16]


def evaluate(
    name: str, expressions: Iterable[str], order: int, keep: Path | None = None, folder: Path = FOLDER
) -> dict[str, bool]:
    """Execute a notebook of ``folder`` for a class order; expression -> whether it is true.

    ``keep``: a folder that gets what was executed, with its outputs.
    """
    notebook = nbformat.read(folder / f"{name}.ipynb", 4)
    setup = next(cell for cell in notebook.cells if cell.cell_type == "code")
    if SWITCH not in setup.source:
        raise ValueError(f"{name} does not set {SWITCH!r} in its first cell of code.")
    setup.source = setup.source.replace(SWITCH, f"ORDER = {order}")
    asked = f"import json\nprint(json.dumps({{e: bool(eval(e)) for e in {list(expressions)!r}}}))"
    notebook.cells.append(nbformat.v4.new_code_cell(asked))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    with tempfile.TemporaryDirectory() as place:
        client = NotebookClient(notebook, timeout=1800, kernel_name="python3", resources={"metadata": {"path": place}})
        try:
            client.execute(env=environment)
        finally:
            if keep:
                nbformat.write(notebook, keep / f"{name}-{order}.ipynb")
    return json.loads(notebook.cells[-1].outputs[-1].text.splitlines()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", help="the beginnings of notebooks' names (default: all)")
    parser.add_argument("--orders", nargs="+", type=int, default=list(ORDERS), metavar="N")
    parser.add_argument("--keep", type=Path, help="a folder for the executed notebooks")
    asked, status = parser.parse_args(), 0
    names = [name for name in table() if not asked.only or name.startswith(tuple(asked.only))]
    for name in names:
        expressions = table()[name]
        for order in asked.orders:
            code = digest(name)
            found = evaluate(name, expressions.values(), order, asked.keep)
            remember(name, code, order, found)
            untrue = [sentence for sentence, expression in expressions.items() if not found[expression]]
            status |= bool(untrue)
            print(f"{name}, order {order}: {len(found) - len(untrue)} of {len(found)} sentences are true", flush=True)
            print("".join(f"  not so: {sentence}\n" for sentence in untrue), end="", flush=True)
    return int(status)


def remember(name: str, code: str, order: int, found: dict[str, bool]) -> None:
    """Add what was found to the stored results, in place of what older code gave."""
    everything = stored()
    if everything.get(name, {}).get("digest") != code:
        everything[name] = {"digest": code, "found": {}}
    everything[name]["found"][str(order)] = found
    text = json.dumps(dict(sorted(everything.items())), indent=1, ensure_ascii=False)
    STORED.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
