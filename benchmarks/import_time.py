"""What `import cltutor` adds to `import torch`: fresh interpreters, alternating; at most 0.15 s.

The public functions are imported too, since `import cltutor` alone imports rooms on first use.
"""

import statistics
import subprocess
import sys
import time

import report

REPEATS = 9
LIMIT = 0.15  # seconds
CODES = {
    "import torch": "import torch",
    "import torch, cltutor": "import torch; import cltutor",
    "the same, and cl.learn looked up": "import torch; import cltutor; cltutor.learn",
}


def seconds(code: str) -> float:
    """Wall-clock seconds of a fresh interpreter that runs `code`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> int:
    for code in CODES.values():
        seconds(code)  # fills the disk cache and writes the .pyc files
    rounds = [{label: seconds(code) for label, code in CODES.items()} for _ in range(REPEATS)]
    rows, added = [], {}
    for label in CODES:
        times = [measured[label] for measured in rounds]
        # Against the bare import of the same round: what else the machine does falls on both.
        over = [measured[label] - measured["import torch"] for measured in rounds]
        added[label] = statistics.median(over)
        spread = f"{min(over):.3f} to {max(over):.3f}"
        rows.append([label, statistics.median(times), min(times), max(times), f"{added[label]:.3f}", spread])
    header = ["code", "median s", "min s", "max s", "added s (median)", "added s (range)"]
    notes = f"{REPEATS} rounds, alternating. Required: `import cltutor` adds less than {LIMIT} s."
    report.write("import_time", "Import time", header, rows, notes)
    return 0 if added["import torch, cltutor"] < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
