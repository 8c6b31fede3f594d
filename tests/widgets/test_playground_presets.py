from dataclasses import replace

import pytest

import cltutor as cl
from cltutor.widgets.playground_composition import Composition, composition_of
from cltutor.widgets.playground_presets import PAPERS, TITLES, at_hand, capacity_for, named, preset

PRESETS = [name for names in PAPERS.values() for name in names]


@pytest.mark.parametrize("method", PRESETS)
def test_a_preset_is_exactly_its_method(method):
    assert preset(method).recipe == cl.methods.get(method)


def test_every_method_that_the_toggles_can_make_is_a_preset_once():
    assert sorted(PRESETS) == sorted(set(PRESETS))
    assert TITLES.keys() == PAPERS.keys()
    own = {name for name in cl.methods.names() if cl.methods.named(name).__module__.startswith("cltutor.")}
    for method in own - set(PRESETS):
        with pytest.raises(ValueError, match="No toggle makes"):
            composition_of(cl.methods.get(method))


@pytest.mark.parametrize("method", PRESETS)
def test_a_preset_at_hand_is_its_method_with_the_epochs_of_now_and_a_memory_that_fits(method, stream):
    made = at_hand(method, Composition(epochs=3), stream).recipe
    keeps = isinstance(cl.methods.get(method).memory, cl.memory.ExemplarMemory)
    kept = {"memory": cl.memory.ExemplarMemory(40)} if keeps else {}
    assert made == getattr(cl.methods, method)(epochs=3, **kept)


def test_a_memory_is_as_published_unless_it_would_hold_everything(stream):
    assert capacity_for(stream, 31) == 31
    assert capacity_for(stream, 32) == 10 * 4


@pytest.mark.parametrize("method", PRESETS)
def test_a_method_keeps_its_name_with_other_numbers_and_heads(method):
    found = preset(method)
    moved = replace(found, temperature=5.0, beta=3.0, omega=9.0, gamma=2.0, epochs=2, rate=0.5, images=7, name="")
    assert named(moved).name == method
    assert named(replace(moved, heads="class" if found.heads == "task" else "task")).name == method


def test_another_composition_is_named_after_its_parts():
    lwf = preset("lwf")
    assert named(replace(lwf, anchor=True)).name == "distillation + MAS"
    assert named(replace(lwf, kind="l1")).name == "distillation"
    own = replace(preset("eeil"), attention=True, predict="nearest_mean", new="sigmoid, all")
    words = "sigmoids over all + distillation + attention + memory + balance + augmentation + nearest mean"
    assert named(own).name == words
    assert named(replace(preset("mas"), learns="all", anchor=False)).name == "cross-entropy"
