"""How long the choice of exemplars takes on one CPU core, beside a search by the definition.

The definition measures, for every choice, the distance to the class mean of the mean with each candidate; herding
gets by with one product of a matrix and a vector, and must choose the same images. Required: 100 of 500 images with
64 features in under 5 ms.
"""

import statistics
import sys
import time
from collections.abc import Callable

import report
import torch
from torch import Tensor

from cltutor.memory.selection import SELECTIONS

LIMIT = 5.0  # ms
SIZES = [(500, 64, 100), (500, 64, 500), (1300, 512, 20), (5000, 64, 1000)]  # images of a class, features, kept
REPEATS = 21


def by_definition(features: Tensor, n: int) -> Tensor:
    """iCaRL's herding: all candidates of a choice at once, but nothing simplified."""
    rows = features.double()
    rows = rows / rows.norm(dim=1, keepdim=True)
    mean, total, chosen = rows.mean(dim=0), torch.zeros_like(rows[0]), []
    for k in range(n):
        gaps = (mean - (total + rows) / (k + 1)).norm(dim=1)
        gaps[chosen] = torch.inf
        chosen.append(int(gaps.argmin()))
        total = total + rows[chosen[-1]]
    return torch.tensor(chosen)


def milliseconds(choose: Callable[[Tensor, int], Tensor], features: Tensor, n: int, repeats: int) -> list[float]:
    """Of each of ``repeats`` choices, after one that is not counted."""
    measured = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        choose(features, n)
        measured.append(1000 * (time.perf_counter() - start))
    return measured[1:]


def main() -> int:
    torch.set_num_threads(1)
    rows, required = [], 0.0
    for count, dim, n in SIZES:
        features = torch.randn(count, dim, generator=torch.Generator().manual_seed(0)).relu()  # as after a ReLU
        herding = milliseconds(SELECTIONS["herding"], features, n, REPEATS)
        others = [milliseconds(SELECTIONS[name], features, n, REPEATS) for name in ("closest", "random", "histogram")]
        definition = milliseconds(by_definition, features, n, 3)
        same = SELECTIONS["herding"](features, n).equal(by_definition(features, n))
        required = required or statistics.median(herding)
        spread = f"{min(herding):.2f} to {max(herding):.2f}"
        medians = [f"{statistics.median(times):.2f}" for times in (herding, *others, definition)]
        rows.append([f"{n} of {count}", dim, medians[0], spread, *medians[1:], "yes" if same else "no"])
    header = ["kept", "features", "herding ms", "(range)", "closest ms", "random ms", "histogram ms"]
    notes = f"Medians of {REPEATS} choices, of 3 by the definition. Required: {LIMIT:g} ms for the first row."
    report.write(
        "herding_speed",
        "Time to choose exemplars",
        [*header, "by definition ms", "same choice"],
        rows,
        notes,
        seeds=[0],
    )
    return 0 if required < LIMIT and all(row[-1] == "yes" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
