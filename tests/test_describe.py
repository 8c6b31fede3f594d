"""Descriptions that print as code and check their fields; every field of every description keeps its rule."""

import math
import typing
from dataclasses import MISSING, dataclass, fields

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cltutor.describe import Choice, Described, Flag, Kind, Real, Rule, Several, Whole, real, several, whole
from cltutor.recipe.parser import descriptions


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


# Every description: what a rule refuses is refused, what is right is taken


def wrong_values(rule: Rule) -> list:
    """Values that a rule must refuse: of another type, no number, and just outside its bounds."""
    match rule:
        case Real():
            below = [] if rule.at_least is None else [rule.at_least - 1e-6]
            beyond = [] if rule.at_most is None else [rule.at_most + 1e-6]
            open_ends = [end for end in (rule.above, rule.below) if end is not None]
            return ["fast", math.nan, math.inf, -math.inf, True, [1], *below, *beyond, *open_ends]
        case Whole():
            below = [] if rule.at_least is None else [rule.at_least - 1]
            return ["3", 1.5, math.nan, True, (1,), *below, *([] if rule.at_most is None else [rule.at_most + 1])]
        case Choice():
            return ["no such choice", 0.123, ("l1",)]
        case Flag():
            return [1, 0, "True", "no"]
        case Several():
            empty = [] if rule.accepts(()) else [()]
            return ["ab", 3, *empty, *((value,) * (rule.length or 1) for value in wrong_values(rule.each))]
        case Kind():
            return [object(), 3.5]
    raise AssertionError(f"The contract does not know what a {type(rule).__name__} refuses: add it above.")


RULED = [
    pytest.param(one, id=f"{kind.__name__}.{one.name}")
    for kind in descriptions().values()
    for one in fields(kind)
    if "rule" in one.metadata
]


@pytest.mark.parametrize("one", RULED)
def test_a_field_takes_its_default_and_refuses_in_one_sentence_what_is_outside_its_rule(one):
    rule = one.metadata["rule"]
    if one.default is not MISSING:
        assert rule.check(one.name, one.default) == one.default
    for value in [*wrong_values(rule), *([] if rule.or_none or rule.accepts(None) else [None])]:
        with pytest.raises(ValueError, match=f"^{one.name} is .*, not .*[.]$") as error:
            rule.check(one.name, value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", descriptions().values(), ids=lambda kind: kind.__name__)
def test_every_number_word_and_switch_of_a_description_declares_its_rule(kind):
    free = {("Recipe", "name"), ("Phase", "name"), ("Torchvision", "weights")}  # any text
    plain = {int, float, bool, str, int | None, float | None, str | None}
    hints = typing.get_type_hints(kind)
    bare = [one.name for one in fields(kind) if hints[one.name] in plain and "rule" not in one.metadata]
    assert [name for name in bare if (kind.__name__, name) not in free] == []
