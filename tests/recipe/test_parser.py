"""Code of recipes and parts: read without evaluating it, written as a cell runs it, and parts of one's own."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cltutor as cl
from cltutor import methods
from cltutor.losses import CrossEntropy, Distillation, Term
from cltutor.recipe.parser import LONGEST, NotCode, UnknownPart, code_of, descriptions, parse, read, register

ATTACKS = [
    "__import__('os').system('touch x')",
    "exec('x')",
    "Recipe(name='x', loss=CrossEntropy(), network=__import__('os'))",
    "Recipe(name='x', loss=CrossEntropy().__class__)",
    "Recipe(name=(lambda: 'x')(), loss=CrossEntropy())",
    "Recipe(name='x', loss=[c for c in (CrossEntropy(),)][0])",
    "Recipe(name=open('x').read(), loss=CrossEntropy())",
    "Recipe(name=f'{1}', loss=CrossEntropy())",
    "Recipe(name='x', loss=CrossEntropy(), **{'heads': 'task'})",
    "(Recipe := 1)",
    "Recipe(name='x', loss=9 ** 9 ** 9)",
    "parse('x')",
]
NONSENSE = ["", "1", "'lwf'", "CrossEntropy()", "Recipe(", "Recipe()", "Recipe(name='x', loss=1)", "\0", "(" * 500]


@given(st.floats(0.01, 100), st.floats(0, 1e9), st.integers(1, 99), st.floats(1e-9, 10))
def test_numbers_survive_the_way_through_the_code_exactly(temperature, lam, epochs, rate):
    recipe = methods.lwf(temperature=temperature, lam=lam, epochs=epochs, learning_rate=rate)
    assert parse(repr(recipe)) == recipe


@pytest.mark.parametrize("code", [*ATTACKS, *NONSENSE, "+".join(["CrossEntropy()"] * 9999)], ids=lambda code: code[:40])
def test_code_that_is_no_recipe_is_refused_and_not_run(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="This is not the code of a recipe| is not known here"):
        parse(code)
    assert not list(tmp_path.iterdir())


def test_a_recipe_read_from_code_is_checked_like_any_other():
    with pytest.raises(ValueError, match="temperature is a finite number"):
        parse("Recipe(name='x', loss=Distillation(temperature=-1))")


# Pasted code


def test_dotted_names_positional_settings_lists_and_given_names_are_read():
    assert read("cl.losses.CrossEntropy() + 0.5 * cl.losses.Distillation(3)") == CrossEntropy() + 0.5 * Distillation(3)
    assert read("[1, (2, 'a'), -0.5, None]") == [1, (2, "a"), -0.5, None]
    assert read("f(stream, seed=2)", {"f": lambda stream, seed: (stream, seed)}, {"stream": "digits"}) == ("digits", 2)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("2 * 3", "A product is a number times a term, such as .*, not 2 \\* 3"),
        ("'a' * CrossEntropy()", "A product is a number times a term"),
        ("CrossEntropy() + 1", "A sum is of terms"),
        ("Distillation(temprature=2)", "Distillation: got an unexpected keyword argument 'temprature'"),
        ("Distillation(**{'temperature': 2})", "Give the settings of Distillation by name"),
        ("x", "x is no number, word or description"),
        ("Distillation(temperature=0)", "temperature is a finite number from 0.001 up, not 0"),
    ],
)
def test_what_code_may_not_say_is_refused_in_a_sentence(code, words):
    with pytest.raises(ValueError, match=words):
        read(code)


@pytest.mark.parametrize("code", ["a b", "x = 1", "(" * 500, "1" + "+1" * 10_000, "1 " * LONGEST])
def test_what_is_no_single_expression_is_not_code(code):
    with pytest.raises(NotCode):
        read(code)


@pytest.mark.parametrize("recipe", [methods.get(name) for name in methods.names()], ids=lambda recipe: recipe.name)
def test_the_code_of_a_recipe_runs_in_a_cell_and_is_read_back(recipe):
    code = code_of(recipe)
    own = {name: kind for name, kind in descriptions().items() if not kind.__module__.startswith("cltutor.")}
    assert eval(code, {"cl": cl, **own}) == recipe
    assert read(code) == recipe


def test_a_recipe_saved_before_merge_was_renamed_is_read():
    recipe = methods.imm_mean()
    assert parse(repr(recipe).replace("after_task=", "merge=")) == recipe


# Parts of one's own


def own_term():
    @dataclass(frozen=True, repr=False)
    class OwnTerm(Term):
        weight: float = 1.0

    return OwnTerm


def test_a_registered_part_is_read_and_a_new_definition_replaces_it():
    with pytest.raises(UnknownPart, match="OwnTerm is not known here: .* with @cl.register") as error:
        read("OwnTerm()")
    assert error.value.name == "OwnTerm"
    first = register(own_term())
    assert read("OwnTerm(weight=2.0)") == first(2.0)
    second = register(own_term())
    assert type(read("OwnTerm()")) is second
    assert code_of(second(0.5)) == "OwnTerm(weight=0.5)"


def test_a_name_of_cltutors_own_cannot_be_registered_again():
    class CrossEntropy(Term):
        pass

    with pytest.raises(ValueError, match="already a CrossEntropy in cltutor.losses.cross_entropy: give "):
        register(dataclass(frozen=True, repr=False)(CrossEntropy))


@pytest.mark.parametrize("thing", [3, "CrossEntropy", CrossEntropy(), dict, dataclass(type("Thawed", (), {}))])
def test_what_is_no_part_is_not_registered(thing):
    with pytest.raises(ValueError, match="register takes a part: a class with a base such as cl.losses.Term"):
        register(thing)


def test_a_hook_with_another_signature_is_refused_where_it_is_defined():
    with pytest.raises(ValueError, match=r"Wrong.before_update takes \(self, batch, state\), not \(self, batch\)"):

        class Wrong(Term):
            def before_update(self, batch): ...
