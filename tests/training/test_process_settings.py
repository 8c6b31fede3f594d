"""What the user's process has set in PyTorch changes no result, and is not changed by one."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import torch
from running import assert_same, learn

import cltutor as cl


@contextmanager
def gradients_off():
    torch.set_grad_enabled(False)
    try:
        yield
    finally:
        torch.set_grad_enabled(True)


@contextmanager
def default_dtype(dtype):
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def default_device(device):
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


PROCESSES = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "gradients off": gradients_off,
    "float64": lambda: default_dtype(torch.float64),
    "half": lambda: default_dtype(torch.float16),
    "autocast": lambda: torch.autocast("cpu"),
    "meta": lambda: default_device("meta"),
}
METHODS = "lwf", "icarl", "mas", "lwm"


@pytest.fixture(scope="module")
def plain(tiny):
    return {name: learn(tiny, name, epochs=1) for name in METHODS}


@pytest.mark.parametrize("process", PROCESSES)
def test_a_run_and_what_is_measured_of_it_are_the_same_in_any_process(tiny, plain, process):
    images = tiny[0].test.images[:8]

    def measured(run):
        model = run.model
        return cl.importance.mas(model, images), cl.attention.grad_cam(model, images, 0)

    for name in METHODS:
        expected = measured(plain[name])
        with PROCESSES[process]():
            run = learn(tiny, name, epochs=1)
            omega, maps = measured(run)
        assert_same(run, plain[name])
        assert all(torch.equal(value, omega[parameter]) for parameter, value in expected[0].items())
        assert torch.equal(maps, expected[1])


def test_a_loop_over_the_events_of_training_keeps_its_own_settings(tiny):
    with torch.no_grad(), torch.autocast("cpu"):
        for _ in cl.train(tiny, "lwf", epochs=1):
            assert not torch.is_grad_enabled()
            assert torch.is_autocast_enabled("cpu")


def test_runs_that_learn_side_by_side_in_threads_are_bit_for_bit_those_learned_alone(tiny):
    alone = learn(tiny, "lwf", epochs=1)
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(lambda _: learn(tiny, "lwf", epochs=1), range(60)))
    for run in together:
        assert_same(run, alone)
