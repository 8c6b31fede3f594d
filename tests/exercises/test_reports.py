"""What a student checked and guessed, in one file, and the files of a class."""

import json

import pytest

import cltutor as cl
from cltutor.exercises import checking
from cltutor.widgets.guesses import JOURNAL, Guessed

NAME = "99-two"


def is_two(answer):
    if answer != 2:
        raise checking.NotYet("It is not two.")


@pytest.fixture(autouse=True)
def nothing_before():
    """No checks and guesses of other tests."""
    kept = dict(checking.TRIES), dict(JOURNAL.entries)
    checking.TRIES.clear()
    JOURNAL.entries.clear()
    checking.exercise(NAME, "one and one", "right", is_two)
    yield
    del checking.EXERCISES[NAME]
    for now, before in zip((checking.TRIES, JOURNAL.entries), kept, strict=True):
        now.clear()
        now.update(before)


def test_a_report_has_every_exercise_with_its_tries_and_every_guess(tmp_path):
    assert not cl.exercises.check(NAME, None).passed
    assert cl.exercises.check(NAME, 2).passed
    JOURNAL.keep(Guessed("How much?", 3, 4.0, " %"))
    path = cl.exercises.report(tmp_path / "ada.json")
    assert json.loads(path.read_text()) == {
        "version": cl.__version__,
        "exercises": [{"exercise": NAME, "notebook": "99", "passed": True, "tries": 2}],
        "guesses": [{"question": "How much?", "guess": 3, "truth": 4.0, "unit": " %", "points": []}],
    }


def test_tries_after_the_first_right_answer_do_not_count(tmp_path):
    for answer in (3, 2, None, 2):
        cl.exercises.check(NAME, answer)
    (found,) = json.loads(cl.exercises.report(tmp_path / "a.json").read_text())["exercises"]
    assert (found["passed"], found["tries"]) == (True, 2)


def test_a_teacher_sees_the_exercises_and_guesses_of_a_class(tmp_path):
    for who, guess in (("ada", 3), ("bob", 5)):
        checking.TRIES.clear()
        JOURNAL.entries.clear()
        cl.exercises.check(NAME, None)
        JOURNAL.keep(Guessed("How <much>?", guess, 4.0 if who == "bob" else None, " %"))
        cl.exercises.report(tmp_path / f"{who}.json")
    found = cl.exercises.read_reports(tmp_path)
    assert found.guesses == {"How <much>?": {"ada": "3 %", "bob": "5 %", "truth": "4 %"}}
    assert found.exercises == {NAME: {"ada": "not yet (1)", "bob": "not yet (1)"}}
    assert "<td>3 %</td><td>5 %</td><td>4 %</td>" in found._repr_html_()
    assert "How &lt;much&gt;?" in found._repr_html_()


def test_what_is_no_report_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(ValueError, match="There is no report in"):
        cl.exercises.read_reports(tmp_path)
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"x\.json is not what cl\.exercises\.report\(path\) writes"):
        cl.exercises.read_reports(tmp_path)
    with pytest.raises(ValueError, match="cannot be written"):
        cl.exercises.report(tmp_path)
