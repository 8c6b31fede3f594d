"""Random numbers by name."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cltutor.seeds import generator, seed_of, seeded

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


def test_the_state_is_restored_also_when_the_block_fails():
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError), seeded(("head", 0)):
        torch.rand(3) @ torch.rand(2)
    assert torch.equal(torch.get_rng_state(), before)
