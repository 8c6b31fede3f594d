"""All exercises: the notebooks' solutions pass, what is not started gets its hint, each mistake its own sentence."""

import ast
import re
from pathlib import Path

import nbformat
import pytest
import torch

import cltutor as cl
from cltutor.exercises import check
from cltutor.exercises.checking import EXERCISES, Comparison, numbers

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
FOLDED = re.compile(r"<details><summary>Solution</summary>.*?```python\n(.*?)```.*?</details>", re.DOTALL)
COMPARED = [(name, one) for name, exercise in EXERCISES.items() for one in exercise.checks if type(one) is Comparison]
MISTAKES = [(name, *mistake) for name, comparison in COMPARED for mistake in comparison.mistakes]


def named(code: str):
    return pytest.param(code, id=re.search(r'exercises\.check\("([\w-]+)"', code).group(1))


CELLS = [(cell.cell_type, cell.source) for path in NOTEBOOKS for cell in nbformat.read(path, 4).cells]
SOLUTIONS = [named(code) for kind, source in CELLS if kind == "markdown" for code in FOLDED.findall(source)]
UNSOLVED = [named(source) for kind, source in CELLS if kind == "code" and "exercises.check(" in source]


def last_value(code: str, names: dict):
    """The value of the last expression of a cell, as a notebook shows it."""
    *before, last = ast.parse(code).body
    exec(compile(ast.Module(before, []), "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_every_exercise_is_in_a_notebook_with_its_solution():
    assert [one.id for one in SOLUTIONS] == [one.id for one in UNSOLVED] == cl.exercises.names()


@pytest.mark.parametrize("code", SOLUTIONS)
def test_the_folded_solution_is_accepted(code):
    found = last_value(code, {"cl": cl, "torch": torch, "settings": {"epochs": 6}})
    assert found.passed, found


@pytest.mark.parametrize("source", UNSOLVED)
def test_the_unsolved_cell_gets_the_hint(source):
    found = last_value(source, {"cl": cl, "torch": torch})
    assert not found.passed
    assert found.message == f"There is no answer here yet. Hint: {EXERCISES[found.exercise].hint}"


@pytest.mark.parametrize(("name", "comparison"), COMPARED, ids=[name for name, _ in COMPARED])
def test_a_function_is_right_or_is_refused_with_what_it_lacks(hint, name, comparison):
    assert check(name, comparison.right).passed
    assert "There is no answer here yet. Hint:" in hint(name, lambda *inputs: ...)
    assert "stopped with TypeError" in hint(name, lambda: 0)
    assert "Give the function itself" in hint(name, 3.0)
    assert "numbers were expected" in hint(name, lambda *inputs: "three")
    assert "shape (3, 2, 1, 7)" in hint(name, lambda *inputs: torch.zeros(3, 2, 1, 7))
    other = hint(name, lambda *inputs: 1.3 * numbers(comparison.right(*inputs)))
    assert "it differs, for instance" in other or "Give places, whole numbers" in other


@pytest.mark.parametrize(("name", "mistake", "words"), MISTAKES)
def test_each_mistake_gets_its_own_sentence(hint, name, mistake, words):
    assert hint(name, mistake) == words


def test_an_unknown_exercise_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="did you mean 01-forgetting"):
        check("01-forgeting", 1)


@pytest.mark.parametrize("name", ["02-distillation", "03-omega", "03-hebb", "05-loss"])
def test_an_answer_cannot_change_later_checks_or_the_random_state(name):
    right = dict(COMPARED)[name].right

    def greedy(*inputs):
        value = right(*inputs)
        for one in inputs:
            if isinstance(one, torch.Tensor):
                one.detach().zero_()
        return value

    state = torch.get_rng_state()
    assert check(name, greedy).passed
    assert check(name, right).passed
    assert torch.equal(state, torch.get_rng_state())


def test_a_check_is_shown_in_a_page_and_in_a_terminal():
    found = check("02-distillation", lambda z, v, t: 1 / 0)
    assert repr(found) == "02-distillation: not yet. Your function stopped with ZeroDivisionError: division by zero"
    page = check("02-distillation", lambda z, v, t: {}["<b>"])._repr_html_()
    assert "&lt;b&gt;" in page
    assert "not yet" in page
    assert "✓ 02-gradient: right." in check("02-gradient", cl.exercises.notebook_02.gradient)._repr_html_()


def test_a_check_that_is_required_raises_for_a_wrong_answer_alone_with_its_message():
    right = {"average_accuracy": 0.85, "forgetting": 0.09, "backward_transfer": -0.08}
    found = check("01-forgetting", right)
    assert found.require() is found
    with pytest.raises(AssertionError, match="01-forgetting: not yet. forgetting: You compare with the diagonal"):
        check("01-forgetting", right | {"forgetting": 0.08}).require()
