"""Comparing methods: same orders, same first weights, the same numbers whoever runs them."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

import cltutor as cl


def test_runs_come_by_method_then_seed(tiny):
    quick = [cl.methods.finetune(epochs=1), cl.methods.l2(epochs=1)]
    runs = cl.compare(tiny, quick, seeds=(3, 1), device="cpu")
    assert [(run.name, run.seed) for run in runs] == [
        ("finetune", 3),
        ("finetune", 1),
        ("l2", 3),
        ("l2", 1),
    ]


def test_an_executor_gives_the_same_numbers(tiny):
    quick = [cl.methods.finetune(epochs=1), cl.methods.lwf(epochs=1)]
    alone = cl.compare(tiny, quick, seeds=(0, 1), device="cpu")
    with ThreadPoolExecutor(2) as executor:
        together = cl.compare(tiny, quick, seeds=(0, 1), executor=executor, device="cpu")
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.accuracy(), other.accuracy())


def test_a_seed_gives_every_method_the_same_first_weights(tiny):
    first = {}
    for name in ("finetune", "lwf", "joint", "feature_extraction"):
        for event in cl.train(tiny, cl.methods.get(name), seed=4, device="cpu"):
            if event.task == 0 and event.run.learned == 1:
                first[name] = event.run.states[0]
                break
    reference = first.pop("finetune")
    for state in first.values():
        assert all(torch.equal(state[name], reference[name]) for name in reference)
