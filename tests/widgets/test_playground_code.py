from dataclasses import replace

import pytest

import cltutor as cl
from cltutor.recipe.parser import code_of
from cltutor.widgets.playground_code import method_code, read_line, widget_code
from cltutor.widgets.playground_composition import Composition
from cltutor.widgets.playground_presets import PAPERS, named, preset

PRESETS = [name for names in PAPERS.values() for name in names]
OWN = replace(preset("eeil"), attention=True, heads="task", name="my own")


@pytest.mark.parametrize("method", PRESETS)
def test_the_code_of_a_preset_runs_in_a_cell_and_sets_the_same_toggles(method):
    recipe = replace(preset(method), epochs=3).recipe
    for code in (code_of(recipe), method_code(recipe)):
        assert eval(code, {"cl": cl}) == recipe
        assert read_line(code) == (recipe, {})
    assert method_code(recipe) == f"cl.methods.{method}(epochs=3)"


def test_a_recipe_that_is_no_method_is_written_out():
    assert method_code(OWN.recipe) is None
    code = code_of(OWN.recipe)
    assert eval(code, {"cl": cl}) == OWN.recipe
    assert read_line(code)[0] == OWN.recipe
    assert code.startswith('cl.Recipe(name="my own", loss=cl.losses.CrossEntropy() + cl.losses.Distillation() + ')


def test_a_method_with_the_name_of_one_that_it_is_not_is_written_out():
    assert method_code(replace(preset("lwf"), anchor=True).recipe) is None
    assert method_code(Composition(name="own").recipe) is None


@pytest.mark.parametrize(
    ("method", "moved", "code"),
    [
        ("lwf", {"temperature": 3.0, "beta": 0.5}, "cl.methods.lwf(temperature=3, lam=0.5)"),
        ("mas", {"omega": 2.0, "rate": 0.1}, "cl.methods.mas(learning_rate=0.1, lam=4)"),
        ("si", {"omega": 2.0}, "cl.methods.si(lam=2)"),
        ("lwm", {"gamma": 2.0, "heads": "task"}, 'cl.methods.lwm(gamma=2, heads="task")'),
        ("icarl", {"images": 50}, "cl.methods.icarl(memory=cl.memory.ExemplarMemory(capacity=50))"),
    ],
)
def test_the_call_of_a_method_has_the_papers_own_numbers(method, moved, code):
    recipe = replace(preset(method), **moved).recipe
    assert method_code(recipe) == code
    assert eval(code, {"cl": cl}) == recipe == read_line(code)[0]


def test_the_line_of_the_widget_is_read_again():
    for made in (preset("lwf"), named(OWN)):
        code = widget_code(made.recipe, {"seed": 3, "known_task": False})
        assert read_line(code) == (made.recipe, {"known_task": False, "seed": 3})
    assert widget_code(preset("lwf").recipe, {}) == "cl.widgets.Playground(stream, cl.methods.lwf())"


@pytest.mark.parametrize(
    ("code", "recipe"),
    [
        ("Playground(stream)", cl.methods.finetune()),
        ("cl.widgets.Playground(stream, 'lwf')", cl.methods.lwf()),
        ("Playground(stream, recipe=cl.methods.lwf(lam=2))", cl.methods.lwf(lam=2)),
        ("lwf()", cl.methods.lwf()),
        ("icarl(memory=cl.memory.ExemplarMemory(9))", cl.methods.icarl(memory=cl.memory.ExemplarMemory(9))),
        ('cl.Recipe("x", cl.losses.CrossEntropy())', cl.Recipe("x", cl.losses.CrossEntropy())),
        (repr(cl.methods.mas()), cl.methods.mas()),
        ("'lwf'", cl.methods.lwf()),
    ],
)
def test_what_a_learner_may_paste(code, recipe):
    assert read_line(code)[0] == recipe


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("lwf(temperature=", "not one line of code"),
        ("3 + 4", "A sum is of terms"),
        ("cl.methods.lwf(print(1))", "print is not known here"),
        ("cl.methods.lwf(**more)", "Give the settings of lwf by name"),
        ("cl.methods.lwf(temperature=0)", "temperature is a finite number above 0"),
        ("cl.methods.lwf(epoch=3)", "did you mean epochs"),
        ("cl.methods.lfw()", "did you mean"),
        ("Recipe(name='x', loss=3)", "loss"),
        ("Playground()", "begins with a recipe"),
        ("Playground(stream, 'lwf', 3)", "begins with a recipe"),
        ("Playground(stream, backbone=3)", "No control sets backbone"),
    ],
)
def test_code_that_cannot_be_meant_is_refused_in_one_sentence(code, words):
    with pytest.raises(ValueError, match=words):
        read_line(code)
