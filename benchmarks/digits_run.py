"""Seconds and peak memory of one `lwf` run on digits, each in a fresh process; at most 15 s and 700 MB."""

import json
import statistics
import subprocess
import sys

import report

REPEATS, SECONDS, MEGABYTES = 5, 15, 700
CODE = """
import json, resource, time
import cltutor as cl
stream = cl.streams.digits(tasks=5, order={order})
started = time.perf_counter()
run = cl.learn(stream, "lwf", seed={order}, device="cpu", progress=False)
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([seconds, peak, run.metrics()["average_accuracy"]]))
"""


def main() -> int:
    rows = []
    for order in range(REPEATS):
        done = subprocess.run([sys.executable, "-c", CODE.format(order=order)], check=True, capture_output=True)
        seconds, peak, accuracy = json.loads(done.stdout)
        rows.append([order, f"{seconds:.1f}", f"{peak:.0f}", f"{100 * accuracy:.1f}"])
    slowest, largest = (max(float(row[column]) for row in rows) for column in (1, 2))
    median = statistics.median(float(row[1]) for row in rows)
    notes = f"Median {median:.1f} s. Required: under {SECONDS} s on two cores and a process peak under {MEGABYTES} MB."
    report.write("digits_run", "One lwf run on digits", ["order", "s", "peak MB", "accuracy %"], rows, notes, range(5))
    return 0 if slowest < SECONDS and largest < MEGABYTES else 1


if __name__ == "__main__":
    sys.exit(main())
