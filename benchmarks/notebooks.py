"""Seconds and peak memory of each notebook, run from its first cell to its last; at most 180 s and 1,200 MB."""

import os
import subprocess
import sys
import time
from pathlib import Path

import report

SECONDS, MEGABYTES = 180, 1200
FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
CODE = """
import sys, tempfile, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
notebook.cells.append(nbformat.v4.new_code_cell(
    "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
))
NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": tempfile.mkdtemp()}}).execute()
print(notebook.cells[-1].outputs[-1].text)
"""


def main() -> int:
    rows = []
    for path in sorted(FOLDER.glob("*.ipynb")):
        started = time.perf_counter()
        environment = {**os.environ, "PYTHONPATH": str(FOLDER.parent)}
        done = subprocess.run(
            [sys.executable, "-c", CODE, str(path)], check=True, capture_output=True, text=True, env=environment
        )
        rows.append([path.stem, f"{time.perf_counter() - started:.0f}", f"{float(done.stdout.split()[-1]):.0f}"])
    notes = f"The kernel's peak, its start included. Required: at most {SECONDS} s on two cores and {MEGABYTES} MB."
    report.write("notebooks", "The notebooks", ["notebook", "s", "peak MB"], rows, notes)
    return 0 if all(float(s) < SECONDS and float(mb) < MEGABYTES for _, s, mb in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
