"""Verdicts of the ledger, computed again by other means: from the right answers stored for each run, with scipy.

Reads ``cltutor/studies/claims/numbers.json`` as data and imports nothing of ``cltutor.studies``; only numpy, scipy and
the standard library. Prints, for each claim that it knows, the differences, the p-value and the verdict.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy import stats

NUMBERS = Path(__file__).resolve().parents[1] / "cltutor" / "studies" / "claims" / "numbers.json"
# Of a stored run: stream, recipe, trial, right answers with the task known and unknown, test images of each task.
SETTING, RECIPE, TRIAL, KNOWN, UNKNOWN, SIZES = range(6)
LEVEL = 0.95


def old(run: list) -> float:
    """Mean over the old tasks of the share of right answers at the end."""
    last = (run[UNKNOWN] or run[KNOWN])[-1]
    return 100 * float(np.mean([right / size for right, size in list(zip(last, run[SIZES], strict=True))[:-1]]))


def new(run: list) -> float:
    """Mean over the later tasks of the share of right answers right after each."""
    rows = run[UNKNOWN] or run[KNOWN]
    return 100 * float(np.mean([rows[task][task] / run[SIZES][task] for task in range(1, len(rows))]))


def drop(run: list) -> float:
    rows, sizes = run[UNKNOWN] or run[KNOWN], run[SIZES]
    return 100 * float(np.mean([(rows[t][t] - rows[-1][t]) / sizes[t] for t in range(len(rows) - 1)]))


def incremental(run: list) -> float:
    """Mean over the steps after the first of the share of right answers over all classes seen."""
    rows, sizes = run[UNKNOWN] or run[KNOWN], run[SIZES]
    return 100 * float(np.mean([sum(row) / sum(sizes[: len(row)]) for row in rows[1:]]))


# Claims by how their code begins: which number of a run is compared, and whether the left should be above.
CLAIMS: dict[str, tuple[Callable[[list], float], str]] = {
    "lwf: accuracy on old tasks at the end, %: lwf > finetune; ": (old, "greater"),
    "lwf: accuracy on each later task right after it, %: lwf > finetune; ": (new, "greater"),
    "mas: drop of old tasks since each was learned, points: mas < finetune; ": (drop, "less"),
    "lwm: average incremental accuracy, %: lwm > C; ": (incremental, "greater"),
    "eeil: average incremental accuracy, %: eeil > icarl; ": (incremental, "greater"),
}


def recomputed(numbers: dict) -> Iterator[tuple[str, np.ndarray, float, str]]:
    """(code, differences, p-value, verdict) of every claim above that has all its trials."""
    for code, found in numbers["claims"].items():
        known = next((how for start, how in CLAIMS.items() if code.startswith(start)), None)
        if known is None or len(found["trials"]) < 10:
            continue
        number, direction = known
        values = np.array([number(numbers["runs"][key]) for key in found["keys"]]).reshape(-1, 2)
        yield code, values[:, 0] - values[:, 1], *decided(values, direction)


def decided(values: np.ndarray, direction: str) -> tuple[float, str]:
    """The p-value and the verdict of pairs (n, 2) of percentages or points."""
    result = stats.ttest_rel(values[:, 0], values[:, 1], alternative=direction)
    low, high = stats.ttest_rel(values[:, 0], values[:, 1]).confidence_interval(LEVEL)
    holds, fails = (low > 0, high < 0) if direction == "greater" else (high < 0, low > 0)
    return float(result.pvalue), "holds here" if holds else "does not hold here" if fails else "undecided"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("numbers", nargs="?", type=Path, default=NUMBERS)
    for code, differences, p, verdict in recomputed(
        json.loads(parser.parse_args().numbers.read_text(encoding="utf-8"))
    ):
        print(f"{code.split(';')[0]}\n  {np.round(differences, 2).tolist()}\n  p = {p:.4g}: {verdict}")


if __name__ == "__main__":
    main()
