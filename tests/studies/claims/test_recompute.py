"""Verdicts computed by a script that shares nothing with the ledger but the stored right answers."""

import ast
import json
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks import recompute_verdicts
from cltutor.studies.claims import ledger


def test_the_script_imports_nothing_of_the_ledger():
    tree = ast.parse(Path(recompute_verdicts.__file__).read_text(encoding="utf-8"))
    found = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    found |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert not any(name and name.startswith("cltutor") for name in found)


def test_stored_verdicts_are_found_again_from_the_right_answers_of_the_runs():
    numbers = json.loads(recompute_verdicts.NUMBERS.read_text(encoding="utf-8"))
    entries = {entry.claim.code: entry for entry in ledger()}
    again = list(recompute_verdicts.recomputed(numbers))
    assert len(again) >= 2
    for code, differences, p, verdict in again:
        entry = entries[code]
        assert differences == pytest.approx(np.array(entry.differences), abs=1e-4)
        assert p == pytest.approx(entry.p, rel=1e-4)
        assert verdict == entry.verdict or entry.verdict.startswith("inconclusive")


def test_the_scripts_own_arithmetic_is_that_of_paired_numbers_by_hand():
    # Differences 1, 2, 3: mean 2, deviation 1, t = 2 / (1 / sqrt(3)) with 2 degrees of freedom.
    values = np.array([[3.0, 2.0], [4.0, 2.0], [5.0, 2.0]])
    t = 2 * math.sqrt(3)
    one_sided = 0.5 - t / (2 * math.sqrt(2 + t * t))
    assert recompute_verdicts.decided(values, "greater") == (pytest.approx(one_sided), "undecided")
    assert recompute_verdicts.decided(np.array([[3.0, 2.0], [4.01, 3.0], [5.0, 4.02]]), "greater")[1] == "holds here"
    assert (
        recompute_verdicts.decided(np.array([[3.0, 2.0], [4.01, 3.0], [5.0, 4.02]]), "less")[1] == "does not hold here"
    )
