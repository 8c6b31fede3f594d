"""Notebook 00 in Notebook 7 and in Voila: its playground opens, and a press of a button changes a number.

    python benchmarks/other_pages.py [--python PYTHON]

PYTHON: of an environment in which notebook and voila are installed beside cltutor, this one by default. Nothing is
installed here.
"""

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

try:
    from benchmarks import browsing, report
except ImportError:  # run as a script
    import browsing
    import report

NOTEBOOK = browsing.ROOT / "notebooks" / "00_start_here.ipynb"
EMPTY = "empty.ipynb"  # what a page of its own reports without cltutor
TOOL, MINUTES = ".cltutor-playground", 6
NUMBERS = f"{TOOL} tbody td.number"  # of the table of runs


@contextlib.contextmanager
def voila(home: Path, python: str) -> Iterator[str]:
    """The address of Voila, which runs the notebook for every reader who opens the page."""
    (home / "notebooks").mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, "-m", "voila", str(shutil.copy(NOTEBOOK, home / "notebooks")), "--no-browser"]
    command += [f"--port={port}", "--Voila.ip=127.0.0.1", "--VoilaExecutor.timeout=600"]
    with open(home / "log", "w") as log:
        server = subprocess.Popen(command, env=os.environ | browsing.own_folders(home), stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(20)


@contextlib.contextmanager
def notebook(home: Path, python: str) -> Iterator[str]:
    """The address of the notebook in Notebook 7."""
    with browsing.lab(home, python, "notebook") as server:
        shutil.copy(NOTEBOOK, server.folder)
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()]), server.folder / EMPTY)
        yield f"{server.address}/notebooks/{NOTEBOOK.name}?token={server.token}"


def run_cells(page: Any) -> None:
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.ready }")
    page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells') }")


def errors_without(page: Any, address: str, errors: list[str]) -> int:
    """How many errors of scripts a notebook without cells has; they are taken from the list."""
    arrive(page, address.replace(NOTEBOOK.name, EMPTY))
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.wait_for_timeout(15_000)
    found = len(errors)
    errors.clear()
    return found


def arrive(page: Any, address: str) -> None:
    """Open the address as soon as the server answers there."""
    for _ in range(60):
        with contextlib.suppress(Exception):  # it does not listen yet
            page.goto(address, wait_until="commit", timeout=120_000)
            return
        page.wait_for_timeout(1000)
    raise RuntimeError(f"nothing answers at {address}")


def play(page: Any) -> tuple[str, str]:
    """A number of the table with the task unknown at test, and the same one with the task known."""
    page.wait_for_selector(f"{TOOL} .cltutor-live svg")
    page.wait_for_selector(NUMBERS)
    before = page.locator(NUMBERS).first.inner_text()
    page.locator(f"{TOOL} .widget-toggle-button", has_text="known").first.click()
    changed = "([query, before]) => document.querySelector(query)?.innerText !== before"
    page.wait_for_function(changed, arg=[NUMBERS, before])
    return before, page.locator(NUMBERS).first.inner_text()


def version(python: str, name: str) -> str:
    code = f"import importlib.metadata as m; print(m.version({name!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable)
    python, rows, faults = parser.parse_args().python, [], 0
    with tempfile.TemporaryDirectory() as folder, browsing.browser(browsing.find_chromium()) as context:
        for name, opened in {"notebook": notebook, "voila": voila}.items():
            page, errors = context.new_page(), []
            page.set_default_timeout(60_000 * MINUTES)
            page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
            with opened(Path(folder) / name, python) as address:
                alone = errors_without(page, address, errors) if name == "notebook" else 0
                arrive(page, address)
                if name == "notebook":
                    run_cells(page)
                before, after = play(page)
                shown = page.locator(".cltutor-error").count()
                page.close()
            print(*(f"{name}: {error}" for error in errors), sep="\n", end="", flush=True)
            faults += shown + (before == after)
            rows.append([name, version(python, name), f"{before}, then {after}", shown, len(errors), alone])
    header = [
        "page",
        "version",
        "average accuracy (%), task unknown, then known",
        "errors of widgets",
        "of scripts",
        "in an empty notebook",
    ]
    report.write("other_pages", "The playground of notebook 00 in other pages than JupyterLab", header, rows)
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
