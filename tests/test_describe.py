"""Descriptions that print as code and check their fields."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cltutor.describe import Described, Whole, real, several, whole


@dataclass(frozen=True, repr=False)
class Thing(Described):
    size: int
    name: str = "plain"
    rate: float = 0.5


def test_defaults_are_left_out_and_settings_without_a_default_always_shown():
    assert repr(Thing(3)) == "Thing(size=3)"
    assert repr(Thing(3, rate=0.5, name="plain")) == "Thing(size=3)"
    assert repr(Thing(size=0, rate=0.25)) == "Thing(size=0, rate=0.25)"


@given(st.integers(), st.text(), st.floats(allow_nan=False, allow_infinity=False))
def test_the_printed_code_makes_the_same_thing_again(size, name, rate):
    thing = Thing(size, name, rate)
    assert eval(repr(thing), {"Thing": Thing}) == thing


@pytest.mark.parametrize(
    ("value", "shown"), [(np.float64(0.1), "0.1"), (np.float32(0.25), "0.25"), (np.int64(7), "7"), (np.True_, "True")]
)
def test_numpy_numbers_print_as_plain_ones(value, shown):
    assert repr(Thing(1, rate=value)) == f"Thing(size=1, rate={shown})"


# Rules


@dataclass(frozen=True, repr=False)
class Ruled(Described):
    epochs: int = whole(10, at_least=1)
    rate: float = real(0.1, above=0, below=1)
    sizes: tuple[int, ...] = several((3, 4), Whole(at_least=1))


@pytest.mark.parametrize("number", [np.int64(3), torch.tensor(3), np.array(3)])
def test_numpy_and_torch_scalars_count_as_the_numbers_that_they_are(number):
    made = Ruled(epochs=number, rate=number / 10, sizes=[number, 2])
    assert (made.epochs, made.rate, made.sizes) == (3, pytest.approx(0.3), (3, 2))
    assert [type(value) for value in (made.epochs, made.rate, made.sizes)] == [int, float, tuple]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"epochs": 0.5}, "epochs is a whole number from 1 up, not 0.5."),
        ({"epochs": True}, "epochs is a whole number from 1 up, not True."),
        ({"rate": 1}, "rate is a number above 0 to below 1, not 1."),
        ({"rate": math.nan}, "rate is a number above 0 to below 1, not nan."),
        ({"sizes": (1, 0)}, "sizes is a tuple in which each is a whole number from 1 up, not (1, 0)."),
        ({"sizes": 3}, "sizes is a tuple in which each is a whole number from 1 up, not 3."),
    ],
)
def test_a_refusal_is_one_sentence_with_the_right_values(settings, words):
    with pytest.raises(ValueError, match="^") as error:
        Ruled(**settings)
    assert str(error.value) == words
