"""A picture whose spots are touched in the page, answered by Python."""

import pytest

import cltutor as cl
from cltutor.show.picture import Picture

SPOT = {"key": "box", "number": 0, "row": 0, "column": 0, "words": "one", "frame": 0}


def box(words):
    picture = Picture(3, 2, alt=f"{words}.")
    picture.spot((1, 1, 1, 1), words, key="box")
    return picture


def touch(stage, count=1):
    """As the module tells it."""
    stage.touched = SPOT | {"count": count}


def test_what_is_touched_reaches_python_and_the_answer_takes_its_place():
    told = []
    stage = cl.widgets.Stage(box("one"), lambda spot: told.append(spot) or box("two"))
    assert stage.drawing["drawings"][0]["alt"] == "one."
    touch(stage)
    assert told == [SPOT]
    assert stage.drawing["drawings"][0]["alt"] == "two."
    touch(stage, 2)
    assert len(told) == 2


def test_a_picture_without_an_answer_stays():
    stage = cl.widgets.Stage(box("one"))
    touch(stage)
    assert stage.drawing["drawings"][0]["alt"] == "one."
    stage.show(box("three"))
    assert stage.drawing["drawings"][0]["alt"] == "three."


@pytest.mark.parametrize(("error", "words"), [(ValueError("No such channel."), "No such"), (KeyError("x"), "KeyError")])
def test_an_error_of_the_answer_is_shown_in_the_page_and_recorded(errors, error, words):
    def answer(spot):
        raise error

    stage = cl.widgets.Stage(box("one"), answer)
    touch(stage)
    assert words in stage.message
    assert len(errors.new) == 1
    errors.seen += 1
    stage.answer = None
    touch(stage, 2)
    assert stage.message == ""


def test_a_click_that_a_changed_picture_cannot_answer_is_a_sentence_and_no_error_of_cltutor(errors):
    def answer(spot):
        return {"one": box("two")}[spot["words"]]

    stage = cl.widgets.Stage(box("one"), answer)
    earlier = stage.drawing["serial"]
    stage.touched = SPOT | {"serial": earlier, "count": 1}
    assert stage.drawing["drawings"][0]["alt"] == "two."
    stage.touched = SPOT | {"serial": earlier, "count": 2, "words": "three"}
    assert stage.message == "The picture changed before this click arrived: click again."
    stage.touched = SPOT | {"serial": stage.drawing["serial"], "count": 3, "words": "three"}
    assert "KeyError" in stage.message
    errors.seen += 2


def test_a_click_that_a_changed_picture_can_answer_is_answered():
    stage = cl.widgets.Stage(box("one"), lambda spot: box(f"after {spot['words']}"))
    stage.touched = SPOT | {"serial": stage.drawing["serial"] - 1, "count": 1}
    assert stage.drawing["drawings"][0]["alt"] == "after one."
