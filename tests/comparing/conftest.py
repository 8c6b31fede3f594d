"""Runs made by hand, whose numbers are known."""

from dataclasses import replace

import numpy as np
import pytest

import cltutor as cl


@pytest.fixture
def made():
    """A run of two tasks that learned each to 0.9 and has these accuracies (2,) after the last, task known and not."""

    def make(recipe, seed, known, unknown=None, **changes):
        rows = {"known_top1": known, "unknown_top1": known if unknown is None else unknown}
        matrices = {name: np.array([[0.9, np.nan], row]) for name, row in rows.items()}
        code, tasks = "streams.digits(tasks=2, order=0)", ((0, 1), (2, 3))
        run = cl.Run(
            cl.methods.get(recipe), seed, "cpu", code, tuple("abcd"), tasks, (8, 8), (1, 8, 8), "same",
            accuracies=matrices, states=[{}, {}], seconds={"train": 3.0, "test": 1.0}, updates=1200,
            memory={"network": 1_000_000, "Anchor": 500_000},
        )  # fmt: skip
        return replace(run, **changes)

    return make
