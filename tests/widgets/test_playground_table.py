import math
import re
from dataclasses import replace

import numpy as np
import pytest

import cltutor as cl
from cltutor.widgets.playground_table import SORTS, UNTRAINED, contents_of, rows_of, table


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
    np.testing.assert_allclose([row.accuracy, row.forgetting, row.seconds], [70, 20, 9.5])
    (row,) = rows_of([A], False)
    np.testing.assert_allclose([row.accuracy, row.forgetting], [30, 90])


def test_a_run_that_was_stopped_or_that_cannot_be_asked_has_no_number():
    (row,) = rows_of([D], True)
    assert math.isnan(row.accuracy)
    assert row.note == "stopped in task 2 of 2"
    assert math.isnan(rows_of([B], False)[0].accuracy)
    assert '<td class="number">–</td>' in table(rows_of([B], False), False)


@pytest.mark.parametrize(
    ("by", "order"),
    [("newest", "dba"), ("name", "abd"), ("accuracy", "bad"), ("forgetting", "bad"), ("seconds", "dba")],
)
def test_the_best_row_of_a_column_comes_first_and_those_without_a_number_last(by, order):
    assert names(table(rows_of([A, B, D], True), True, by)) == [list(order)]
    assert by in SORTS


def test_regimes_of_training_are_never_in_one_table():
    page = table(rows_of([A, C, B], True), True, "accuracy")
    assert names(page) == [["b", "a"], ["c"]]
    assert page.count("<caption>") == 2


def test_answers_that_were_never_trained_to_compete_are_marked():
    page = table(rows_of([A, C], False), False)
    assert "30.0*" in page
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
        (cl.methods.ebll(), repr(cl.methods.ebll().loss)),
    ],
)
def test_what_is_in_a_recipe_is_said_in_a_line(recipe, words):
    assert contents_of(recipe) == words
