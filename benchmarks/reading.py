"""Seconds from a cell to its first picture of the gallery, in a fresh process each time; at most 2 s.

A page pays this once: importing cltutor, reading all runs of a stream, and the picture of all methods as the page
gets it.
"""

import subprocess
import sys

import numpy as np
import report

import cltutor as cl
from cltutor.studies.gallery.settings import FOLDER, SETTINGS

SECONDS, TIMES = 2.0, 5
CODE = """
import sys, time
started = time.perf_counter()
import cltutor as cl
cl.gallery
imported = time.perf_counter()
runs = cl.gallery.runs(sys.argv[1])
read = time.perf_counter()
cl.show.gallery(runs)._repr_html_()
print(imported - started, read - imported, time.perf_counter() - read)
"""


def measured(stream_name: str) -> np.ndarray:
    """(3,) median seconds to import, to read and to draw."""
    command = [sys.executable, "-c", CODE, stream_name]
    done = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(TIMES)]
    return np.median([[float(value) for value in line.split()] for line in done], axis=0)


def main() -> int:
    rows, slowest = [], 0.0
    for name in SETTINGS:
        parts = measured(name)
        size = (FOLDER / f"{name}.safetensors").stat().st_size
        rows.append([name, len(cl.gallery.runs(name)), f"{size / 1e6:.2f}", *(f"{part:.2f}" for part in parts)])
        rows[-1].append(f"{parts.sum():.2f}")
        slowest = max(slowest, parts.sum())
    header = ["stream", "runs", "MB", "import s", "read s", "first picture s", "together s"]
    notes = f"Medians of {TIMES} fresh processes. Required: at most {SECONDS:g} s together."
    report.write("reading", "From a cell to the gallery's first picture", header, rows, notes)
    return 0 if slowest < SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
