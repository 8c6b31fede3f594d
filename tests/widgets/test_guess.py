"""Guesses: asked before a result is seen, kept, and shown beside the truth."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

import cltutor as cl
from cltutor.widgets.guess import Asking, after_next_cells
from cltutor.widgets.guesses import Guessed, Journal


@pytest.fixture
def ask():
    return Asking(Journal())


def test_a_number_is_slid_or_typed_and_the_truth_stands_beside_it(ask):
    made = ask("How much is left?", span=(0, 100), unit=" %")
    assert made.answer.value == ""
    made.control.slider.value = 30
    assert "Your guess: 30 %." in made.answer.value
    made.control.text.value = 31
    made.reveal(42)
    assert "Your guess: 31 %. The truth: 42 % (11 % off)." in made.answer.value
    assert list(ask.summary()) == [Guessed("How much is left?", 31, 42.0, " %")]


def test_a_choice_is_right_or_not(ask):
    made = ask("Which one forgets more?", options=["finetune", "joint"])
    made.control.buttons["joint"].value = True
    made.reveal("finetune")
    assert "Your guess: joint. The truth: finetune (not so)." in made.answer.value
    made.control.buttons["finetune"].value = True
    assert "(right)" in made.answer.value


def test_a_curve_is_drawn_by_clicks_and_compared_point_by_point(ask):
    made = ask("Draw the accuracy.", span=(0, 100), points=["task 1", "task 2"], unit=" %")
    (spots,) = made.control.drawing["drawings"][0]["spots"]
    assert spots["shape"] == (21, 2)
    touch(made, row=4, column=0)
    assert made.entry.guess == [80.0, None]
    touch(made, row=20, column=1)
    assert made.control.words == "Draw the accuracy. Your curve: 80, 0 %; the truth: –."
    made.reveal([70, 30])
    assert "(20 % off on average)" in made.answer.value
    assert made.control.words.endswith("the truth: 70, 30 %.")


def touch(made, row, column):
    made.control.touched = {"key": "curve", "row": row, "column": column, "words": "", "count": 10 * row + column}


def test_a_cell_that_runs_again_keeps_the_guess_and_another_kind_of_answer_does_not(ask):
    ask("How much?", span=(0, 10)).control.slider.value = 4
    again = ask("How much?", span=(0, 10))
    assert again.control.value == again.entry.guess == 4
    assert ask("How much?", span=(0, 10), unit=" %").entry.guess is None
    assert len(ask.summary()) == 1


@pytest.mark.parametrize(
    ("before", "guess", "now"),
    [
        ({"options": ["a", "b"]}, "a", {"span": (0, 10)}),
        ({"options": ["a", "b"]}, "a", {"options": ["b", "c"]}),
        ({"span": (0, 100)}, 90.0, {"options": ["a", "b"]}),
        ({"span": (0, 100)}, 90.0, {"span": (0, 10)}),
        ({"span": (0, 100), "points": ["1", "2"]}, [None, 90.0], {"span": (0, 10), "points": ["1", "2"]}),
    ],
)
def test_a_question_that_was_changed_begins_without_the_guess_that_no_longer_answers_it(ask, before, guess, now):
    ask("How much?", **before).entry.guess = guess
    assert ask("How much?", **before).entry.guess == guess
    again = ask("How much?", **now)
    assert again.entry.guess is None
    assert again.answer.value == ""
    assert [entry.guess for entry in ask.summary()] == [None]


class Shell:
    """IPython's part that runs something after each cell."""

    def __init__(self):
        self.after = []
        register, remove = (lambda _, f: self.after.append(f)), (lambda _, f: self.after.remove(f))
        self.events = SimpleNamespace(register=register, unregister=remove)

    def run_cell(self):
        for function in list(self.after):
            function(None)


def test_the_truth_appears_after_the_cell_that_makes_what_it_needs(ask):
    shell, variables = Shell(), {}
    made = ask("How much?", span=(0, 10), truth=lambda: eval("found + 1", variables))
    after_next_cells(made, shell)
    shell.run_cell()  # the cell of the question itself
    variables["found"] = 4
    assert made.answer.value == ""
    del variables["found"]
    shell.run_cell()
    assert made.answer.value == ""
    variables["found"] = 4
    shell.run_cell()
    assert "The truth: 5 (no guess)." in made.answer.value
    assert shell.after == []


def test_an_error_of_the_truth_is_shown_in_the_page_once(ask, errors):
    shell = Shell()
    made = ask("How much?", span=(0, 10), truth=lambda: "many")
    after_next_cells(made, shell)
    for _ in range(3):
        shell.run_cell()
    errors.expect(made, "The truth is a number, not")
    assert shell.after == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, r"Give span=\(lowest, highest\)"),
        ({"span": (0, 1), "options": ["a", "b"]}, r"Give span=\(lowest, highest\)"),
        ({"options": ["a"]}, "options are two different names or more"),
        ({"options": ["a", "a", "b"]}, "options are two different names or more"),
        ({"span": (0, 1), "points": ["a", "a"]}, "points are two different names or more"),
        ({"span": (1, 0)}, r"span is \(lowest, highest\)"),
        ({"span": (0, float("nan"))}, "span is"),
        ({"span": "high"}, "span is"),
        ({"options": [1, 2]}, "options is"),
        ({"span": (0, 1), "truth": 3}, "truth is"),
    ],
)
def test_a_guess_of_the_wrong_kind_is_refused_when_it_is_asked(ask, settings, words):
    with pytest.raises(ValueError, match=words):
        ask("How much?", **settings)
    assert len(ask.summary()) == 0


def test_a_truth_of_another_kind_is_refused(ask):
    for settings, value, words in (
        ({"span": (0, 1)}, float("nan"), "The truth is a number, not"),
        *(({"span": (0, 1)}, value, "The truth is a number, not") for value in (True, "1", "abc", {}, 1j)),
        ({"span": (0, 1)}, [[1], [1, 2]], "The truth is a number, not"),
        ({"options": ["a", "b"]}, "c", "The truth is one of a, b, not 'c'"),
        ({"options": ["a", "b"]}, np.zeros(2), "The truth is one of a, b, not"),
        ({"span": (0, 1), "points": ["a", "b"]}, [1, 2, 3], "The truth is 2 numbers"),
    ):
        made = ask(f"How {words}?", **settings)
        with pytest.raises(ValueError, match=words):
            made.reveal(value)
        assert made.entry.truth is None


def test_the_summary_is_a_table_of_questions_guesses_and_truths(ask):
    assert ask.summary()._repr_html_() == "There is no guess yet."
    ask("Is 1 < 2?", options=["yes", "no"]).reveal("yes")
    assert "<td>Is 1 &lt; 2?</td><td>–</td><td>yes</td><td>no guess</td>" in ask.summary()._repr_html_()
    assert repr(ask.summary()) == "Is 1 < 2? guess: –; truth: yes; no guess"


def test_what_is_kept_of_a_guess_is_plain_json(ask):
    made = ask("Draw.", span=(0, 100), points=["a", "b"])
    touch(made, 0, 0)
    assert json.loads(json.dumps(made.entry.plain())) == {
        "question": "Draw.", "guess": [100.0, None], "truth": None, "unit": "", "points": ["a", "b"]
    }  # fmt: skip


def test_the_package_has_it_by_its_name():
    assert isinstance(cl.guess, Asking)
