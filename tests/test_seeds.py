"""Random numbers by name."""

import os
import threading
import warnings
from contextlib import closing, contextmanager

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cltutor.seeds import (
    EXACT,
    OPERATIONS,
    apart,
    full_precision,
    generator,
    global_generators,
    isolated,
    own_settings,
    rounds,
    seed_of,
    seeded,
    usual_threads,
)

keys = st.tuples(st.one_of(st.integers(), st.text()), st.one_of(st.integers(), st.text()))


@settings(max_examples=50)
@given(keys, keys)
def test_two_keys_have_the_same_seed_only_if_they_are_the_same(one, other):
    assert (seed_of(one) == seed_of(other)) == (one == other)
    assert 0 <= seed_of(one) < 2**63


@pytest.mark.parametrize(
    ("one", "other"), [(("a", 1), ("a1",)), ((1, 2), (12,)), ((1, 2), (2, 1)), (("1",), (1,)), (("a", "b"), ("ab",))]
)
def test_keys_that_read_alike_are_kept_apart(one, other):
    assert seed_of(one) != seed_of(other)


def test_a_seed_is_the_same_on_every_machine_and_in_every_version():
    # Half of the first 8 bytes of sha256("('order', 0, 3, 1)").
    assert seed_of(("order", 0, 3, 1)) == 3427230299009973666


def test_a_generator_draws_by_its_key_and_leaves_pytorchs_own_random_state_alone():
    def drawn(*key):
        return torch.rand(5, generator=generator(*key)).tolist()

    before = torch.get_rng_state()
    assert drawn("order", 0, 1) == drawn("order", 0, 1)
    assert len({tuple(drawn("order", seed, task)) for seed in range(3) for task in range(3)}) == 9
    assert torch.equal(torch.get_rng_state(), before)


def test_inside_the_block_numbers_come_from_the_key_and_outside_nothing_is_noticed():
    before = torch.get_rng_state()
    with seeded(("head", 0)):
        inside = torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(2)
    with seeded(("head", 0)):
        assert torch.equal(torch.rand(3), inside)
    with seeded(("head", 1)):
        assert not torch.equal(torch.rand(3), inside)


def test_what_another_thread_draws_and_throws_away_does_not_reach_a_seeded_block():
    with seeded(("network", 0)):
        wanted = torch.rand(4)
    waits = threading.Event()

    def throws_away():
        waits.set()
        with apart():
            torch.rand(100)

    before = torch.get_rng_state()
    with seeded(("network", 0)):
        drawn = [torch.rand(2)]
        (other := threading.Thread(target=throws_away)).start()
        waits.wait()
        other.join(0.2)  # it has the time to draw, and may not
        assert other.is_alive()
        drawn.append(torch.rand(2))
    other.join()
    assert torch.equal(torch.cat(drawn), wanted)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_state_is_restored_also_when_the_block_fails():
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError), seeded(("head", 0)):
        torch.rand(3) @ torch.rand(2)
    assert torch.equal(torch.get_rng_state(), before)


def test_every_generator_in_use_is_put_back_that_of_a_gpu_too():
    gpu = torch.Generator().manual_seed(3)
    before = torch.rand(2, generator=gpu)
    gpu.manual_seed(3)
    with seeded(("head", 0), lambda: [*global_generators(), (gpu.get_state, gpu.set_state)]):
        torch.rand(5, generator=gpu)
    assert torch.equal(torch.rand(2, generator=gpu), before)


def settings_now():
    return {
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device().type,
        "autocast": torch.is_autocast_enabled("cpu"),
        "deterministic": torch.get_deterministic_debug_mode(),
        "anomalies": torch.is_anomaly_enabled(),
        "precision": torch.get_float32_matmul_precision(),
    }


OWN = {
    "gradients": True,
    "inference": False,
    "dtype": torch.float32,
    "device": "cpu",
    "autocast": False,
    "deterministic": 0,
    "anomalies": False,
    "precision": "highest",
}


@contextmanager
def odd_process():
    """A process that has set everything otherwise; afterwards all is as PyTorch has it."""
    torch.set_default_dtype(torch.float64)
    torch.set_deterministic_debug_mode("warn")
    torch.set_float32_matmul_precision("medium")
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            torch.autograd.set_detect_anomaly(True),
            torch.inference_mode(),
            torch.autocast("cpu"),
            torch.device("meta"),
        ):
            yield
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_deterministic_debug_mode("default")
        torch.set_float32_matmul_precision("highest")


def test_what_a_process_has_set_is_put_aside_inside_the_block_and_is_back_after_it():
    with odd_process():
        odd = settings_now()
        assert all(odd[name] != OWN[name] for name in OWN)
        with own_settings():
            assert settings_now() == OWN
            assert torch.nn.Linear(2, 2).weight.requires_grad
        assert settings_now() == odd
        with pytest.raises(RuntimeError), own_settings():
            torch.rand(3) @ torch.rand(2)
        assert settings_now() == odd
    assert settings_now() == OWN


def precisions():
    return [place.fp32_precision for place in (torch.backends, *OPERATIONS)]


@pytest.mark.parametrize(
    "place", [torch.backends, torch.backends.cuda.matmul, torch.backends.mkldnn.matmul, torch.backends.mkldnn.conv]
)
def test_float32_is_computed_in_full_by_whatever_name_a_process_has_asked_for_less(place):
    try:
        place.fp32_precision = "tf32"
        odd = precisions()
        with own_settings():
            assert set(precisions()) <= set(EXACT)
        assert precisions() == odd
    finally:
        place.fp32_precision = "none"
    assert torch.get_float32_matmul_precision() == "highest"


def test_a_gpus_convolutions_which_round_by_default_are_exact_inside_and_follow_pytorchs_switch_again_after_it():
    assert rounds(gpu=lambda: True)
    assert not rounds(gpu=lambda: False)
    before = precisions()
    with full_precision():
        assert not rounds(gpu=lambda: True)
        assert set(precisions()) == {"ieee"}
    assert precisions() == before
    torch.backends.fp32_precision = "ieee"
    try:
        assert set(precisions()) == {"ieee"}
    finally:
        torch.backends.fp32_precision = "none"


def test_a_generator_computes_with_its_own_settings_and_waits_with_the_process_s():
    closed = []

    @isolated
    def steps(count):
        try:
            for step in range(count):
                yield step, settings_now()
            return "the end"
        finally:
            closed.append(settings_now())

    with odd_process():
        odd, events = settings_now(), steps(2)
        for step in range(2):
            assert next(events) == (step, OWN)
            assert settings_now() == odd
        with pytest.raises(StopIteration, match="the end"):
            next(events)
        with closing(steps(3)) as stopped:
            next(stopped)
    assert len(closed) == 2


@pytest.mark.parametrize(("words", "threads"), [("max 100000", 4), ("150000 100000", 2), ("50000 100000", 1), ("?", 4)])
def test_the_usual_threads_are_the_cores_that_a_container_may_use_and_at_most_four(tmp_path, words, threads):
    (tmp_path / "cpu.max").write_text(words)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert usual_threads(tmp_path / "cpu.max") == min(threads, cores)
    assert usual_threads(tmp_path / "nothing") == min(4, cores)


def test_what_all_threads_share_is_set_back_by_the_last_one_that_computes():
    second, left, seen = threading.Event(), threading.Event(), []

    def stays_longer():
        with own_settings():
            second.set()
            left.wait(10)
            seen.append(settings_now()["dtype"])

    with odd_process():
        odd = settings_now()
        other = threading.Thread(target=stays_longer)
        with own_settings():
            other.start()
            second.wait(10)
        left.set()
        other.join()
        assert settings_now() == odd
    assert seen == [torch.float32]


def test_threads_are_set_inside_and_restored_outside():
    before = torch.get_num_threads()
    with own_settings(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
