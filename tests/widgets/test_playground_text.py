import math
import re
from dataclasses import replace

import numpy as np
import pytest

import cltutor as cl
from cltutor.recipe.parser import code_of
from cltutor.widgets.playground_composition import Composition
from cltutor.widgets.playground_presets import PAPERS, named, preset
from cltutor.widgets.playground_text import (
    SORTS,
    UNTRAINED,
    contents_of,
    method_code,
    read_line,
    rows_of,
    table,
    widget_code,
)

PRESETS = [name for names in PAPERS.values() for name in names]
USUAL = {"known_task": True, "seed": 0, "seeds": 1, "view": "curves"}
OWN = replace(preset("eeil"), attention=True, heads="task", name="my own")


@pytest.mark.parametrize("method", PRESETS)
def test_the_code_of_a_preset_runs_in_a_cell_and_sets_the_same_toggles(method):
    recipe = replace(preset(method), epochs=3).recipe
    for code in (code_of(recipe), method_code(recipe)):
        assert eval(code, {"cl": cl}) == recipe
        assert read_line(code, USUAL) == (recipe, {})
    assert method_code(recipe) == f"cl.methods.{method}(epochs=3)"


def test_a_recipe_that_is_no_method_is_written_out():
    assert method_code(OWN.recipe) is None
    code = code_of(OWN.recipe)
    assert eval(code, {"cl": cl}) == OWN.recipe
    assert read_line(code, USUAL)[0] == OWN.recipe
    assert code.startswith('cl.Recipe(name="my own", loss=cl.losses.CrossEntropy() + cl.losses.Distillation() + ')
    # neither is one with the name of a method that it is not
    assert method_code(replace(preset("lwf"), anchor=True).recipe) is None
    assert method_code(Composition(name="own").recipe) is None


@pytest.mark.parametrize(
    ("method", "moved", "code"),
    [
        ("lwf", {"temperature": 3.0, "beta": 0.5}, "cl.methods.lwf(temperature=3, lam=0.5)"),
        ("mas", {"omega": 2.0, "rate": 0.1}, "cl.methods.mas(learning_rate=0.1, lam=4)"),
        ("si", {"omega": 2.0}, "cl.methods.si(lam=2)"),
        ("lwm", {"gamma": 2.0}, "cl.methods.lwm(gamma=2)"),
        ("eeil", {"temperature": 3.0, "heads": "task"}, 'cl.methods.eeil(temperature=3, heads="task")'),
        ("icarl", {"images": 50}, "cl.methods.icarl(memory=cl.memory.ExemplarMemory(capacity=50))"),
    ],
)
def test_the_call_of_a_method_has_the_papers_own_numbers(method, moved, code):
    recipe = replace(preset(method), **moved).recipe
    assert method_code(recipe) == code
    assert eval(code, {"cl": cl}) == recipe == read_line(code, USUAL)[0]


def test_the_line_of_the_widget_is_read_again():
    for made in (preset("lwf"), named(OWN)):
        code = widget_code(made.recipe, {"seed": 3, "known_task": False})
        assert read_line(code, USUAL) == (made.recipe, USUAL | {"known_task": False, "seed": 3})
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
        ("'lwf'", cl.methods.lwf()),
    ],
)
def test_what_a_learner_may_paste(code, recipe):
    assert read_line(code, USUAL)[0] == recipe


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("3 + 4", "A sum is of terms"),
        ("cl.methods.lwf(print(1))", "print is not known here"),
        ("cl.methods.lwf(**more)", "Give the settings of lwf by name"),
        ("cl.methods.lwf(epoch=3)", "did you mean epochs"),
        ("Playground()", "begins with a recipe"),
        ("Playground(stream, 'lwf', 3)", "begins with a recipe"),
        ("Playground(stream, backbone=3)", "No control sets backbone"),
    ],
)
def test_code_that_cannot_be_meant_is_refused_in_one_sentence(code, words):
    with pytest.raises(ValueError, match=words):
        read_line(code, USUAL)


class Done:
    """What the table asks of a run."""

    def __init__(self, name, known, unknown, seconds, competes=False, seed=0, learned=2):
        self.recipe = replace(cl.methods.get("lwf"), name=name)
        self.name, self.seed, self.competes, self.learned = name, seed, competes, learned
        self.tasks, self.complete, self.seconds = ((0, 1), (2, 3)), learned == 2, {"train": seconds, "test": 0.5}
        self._matrices = {True: np.array(known, dtype=float), False: np.array(unknown, dtype=float)}

    def accuracy(self, known_task=True, untrained=False):
        assert known_task or self.competes or untrained
        return self._matrices[known_task]


NAN = math.nan
A = Done("a", [[1, NAN], [0.8, 0.6]], [[1, NAN], [0.1, 0.5]], 9)
B = Done("b", [[1, NAN], [0.9, 1.0]], [[1, NAN], [NAN, NAN]], 3)
C = Done("c", [[1, NAN], [0.5, 0.5]], [[1, NAN], [0.4, 0.4]], 5, competes=True)
D = Done("d", [[1, NAN], [NAN, NAN]], [[1, NAN], [NAN, NAN]], 1, learned=1)


def names(page):
    """The names of the runs in each table, from its first row on."""
    parts = page.split("<table>")[1:]
    return [re.findall(r'<th scope="row">(\w)', part) for part in parts]


def test_a_row_has_accuracy_and_forgetting_in_percent():
    (row,) = rows_of([A], True)
    np.testing.assert_allclose([row.accuracy[0], row.forgetting[0], row.seconds], [70, 20, 9.5])
    (row,) = rows_of([A], False)
    np.testing.assert_allclose([row.accuracy[0], row.forgetting[0]], [30, 90])


def test_seeds_of_a_recipe_are_a_row_with_mean_and_interval():
    other = Done("a", [[1, NAN], [1, 0.8]], [[1, NAN], [0.1, 0.5]], 11, seed=1)
    (row,) = rows_of([A, other], True)
    np.testing.assert_allclose(row.accuracy, cl.metrics.mean_interval([70, 90]))
    assert (row.seconds, row.note) == (10.5, "seeds 0, 1")
    assert f"80.0 ± {row.accuracy[1]:.1f}<" in table([row], True)


def test_the_question_is_in_the_headings_and_each_is_a_button():
    page = table(rows_of([A], True), True, "accuracy")
    assert "average accuracy (%), task known at test ▾</button>" in page
    assert page.count("<button") == len(SORTS)
    assert 'aria-sort="descending"><button type="button" data-press="accuracy"' in page


def test_a_run_that_was_stopped_or_that_cannot_be_asked_has_no_number():
    (row,) = rows_of([D], True)
    assert math.isnan(row.accuracy[0])
    assert row.note == "seed 0, stopped in task 2 of 2"
    assert rows_of([D], True, live=D)[0].note == "seed 0, learning task 2 of 2"
    assert math.isnan(rows_of([B], False)[0].accuracy[0])
    assert '<td class="number">–</td>' in table(rows_of([B], False), False)


@pytest.mark.parametrize(
    ("by", "order"),
    [("newest", "dba"), ("name", "abd"), ("accuracy", "bad"), ("forgetting", "bad"), ("seconds", "dba")],
)
def test_the_best_row_of_a_column_comes_first_and_those_without_a_number_last(by, order):
    assert names(table(rows_of([A, B, D], True), True, by)) == [list(order)]
    assert by in (*SORTS, "newest")


def test_regimes_of_training_are_never_in_one_table():
    page = table(rows_of([A, C, B], True), True, "accuracy")
    assert names(page) == [["b", "a"], ["c"]]
    assert page.count("<caption>") == 2


def test_answers_that_were_never_trained_to_compete_are_marked():
    page = table(rows_of([A, C], False), False)
    assert "30.0*<" in page
    assert "40.0<" in page
    assert page.count(UNTRAINED) == 1
    assert "*" not in table(rows_of([A, C], True), True)


def test_names_are_shown_as_they_are_written():
    page = table(rows_of([Done("<b>", [[1, NAN], [1, 1]], [[1, NAN], [1, 1]], 1)], True), True)
    assert "&lt;b&gt;" in page


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (cl.methods.finetune(epochs=3), "softmax; 3 epochs"),
        (cl.methods.lwf(lam=0.5), "softmax + 0.5 x distillation (T = 2); 10 epochs"),
        (cl.methods.lwm(gamma=3), "sigmoids + 1 x distillation (sigmoid) + 3 x attention; 10 epochs"),
        (cl.methods.ewc(lam=4), "softmax + 2 x Fisher anchor; 10 epochs"),
        (cl.methods.joint(), "softmax; all images; 10 epochs"),
        (
            cl.methods.eeil(memory=cl.memory.ExemplarMemory(9)),
            "softmax + 1 x distillation (T = 2); 9 images by herding; balanced fine-tuning; augmentation; 10 epochs",
        ),
        (cl.methods.dfcnn(), "softmax; DFCNN; 10 epochs"),
        (cl.methods.ebll(), f"{cl.methods.ebll().loss!r}; Encoded; 10 epochs"),
        (cl.methods.er(), "softmax + 1 x Replay; 200 images; 10 epochs"),
        (cl.methods.gdumb(), "softmax; GreedyMemory; 200 images; 10 epochs"),
        (cl.methods.er(capacity=1, epochs=1), "softmax + 1 x Replay; 1 image; 1 epoch"),
        (cl.methods.wa(), "NewShare() + OldShare(joined=True); 2,000 images; MultiHead; WeightAligning; 10 epochs"),
    ],
)
def test_what_is_in_a_recipe_is_said_in_a_line(recipe, words):
    assert contents_of(recipe) == words
