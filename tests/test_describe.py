"""Descriptions that print as code."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cltutor.describe import Described


@dataclass(frozen=True, repr=False)
class Thing(Described):
    size: int
    name: str = "plain"
    rate: float = 0.5
    inner: object = None


def test_defaults_are_left_out_and_settings_without_a_default_always_shown():
    assert repr(Thing(3)) == "Thing(size=3)"
    assert repr(Thing(3, rate=0.5, name="plain")) == "Thing(size=3)"
    assert repr(Thing(size=0, rate=0.25)) == "Thing(size=0, rate=0.25)"


def test_descriptions_print_inside_descriptions():
    assert repr(Thing(1, inner=(Thing(2), Thing(3)))) == "Thing(size=1, inner=(Thing(size=2), Thing(size=3)))"


@given(st.integers(), st.text(), st.floats(allow_nan=False, allow_infinity=False))
def test_the_printed_code_makes_the_same_thing_again(size, name, rate):
    thing = Thing(size, name, rate)
    assert eval(repr(thing), {"Thing": Thing}) == thing


@pytest.mark.parametrize(
    ("value", "shown"), [(np.float64(0.1), "0.1"), (np.float32(0.25), "0.25"), (np.int64(7), "7"), (np.True_, "True")]
)
def test_numpy_numbers_print_as_plain_ones(value, shown):
    assert repr(Thing(1, rate=value)) == f"Thing(size=1, rate={shown})"
