"""Notebook 01's exercises: mistakes written as learners write them, and numbers done by hand."""

import math

import pytest

import cltutor as cl
from cltutor.exercises import MATRIX, check


def evaluation(known_is=lambda known: known):
    def accuracy(logits, labels, task_of, known_task):
        if known_is(known_task):
            logits = logits.masked_fill(task_of != task_of[labels].unsqueeze(1), float("-inf"))
        return (logits.argmax(1) == labels).double().mean()

    return accuracy


def both(logits, labels, task_of):
    """Whether the task is right, and whether the class is (N,)."""
    found = logits.argmax(1)
    return (task_of[found] == task_of[labels]).double(), (found == labels).double()


@pytest.mark.parametrize(
    ("exercise", "wrong", "words"),
    [
        ("01-unknown", evaluation(lambda known: True), "only the image's own task compete, also when unknown"),
        ("01-unknown", evaluation(lambda known: False), "All columns compete in yours"),
        ("01-confusion", lambda *a: (both(*a)[0].mean(), evaluation()(*a, True)), "known-task accuracy of all images"),
        ("01-confusion", lambda *a: (both(*a)[0].mean(), both(*a)[1].mean()), "a share of all images"),
    ],
)
def test_a_mistake_is_recognised(hint, exercise, wrong, words):
    assert words in hint(exercise, wrong)


RIGHT = {"average_accuracy": 0.85, "forgetting": 0.09, "backward_transfer": -0.08}


def test_the_numbers_by_hand_are_those_of_the_metrics():
    assert {name: cl.metrics.summary(MATRIX)[name] for name in RIGHT} == pytest.approx(RIGHT)
    assert check("01-forgetting", RIGHT).passed
    assert all(math.isnan(MATRIX[i, j]) == (j > i) for i in range(4) for j in range(4))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("average_accuracy", (0.75 + 0.88 + 0.80) / 3, "the last one too"),
        ("average_accuracy", float(MATRIX[MATRIX > 0].mean()), "the last row only"),
        ("average_accuracy", 85, "in percent"),
        ("forgetting", -0.09, "The sign"),
        ("forgetting", 0.08, "compare with the diagonal"),
        ("forgetting", 0.10, "before the last one"),
        ("forgetting", 0.27, "take their mean"),
        ("forgetting", 0.27 / 4, "the old tasks only"),
        ("forgetting", "much", "should be a number"),
        ("backward_transfer", 0.08, "The sign"),
        ("backward_transfer", -0.09, "with the diagonal, not with the best"),
        ("backward_transfer", -0.24, "take their mean"),
        ("backward_transfer", -0.06, "the old tasks only"),
        ("backward_transfer", 0.5, "look at its formula"),
    ],
)
def test_a_mistake_by_hand_is_recognised(hint, name, value, words):
    message = hint("01-forgetting", RIGHT | {name: value})
    assert name in message
    assert words in message


@pytest.mark.parametrize("answer", [{"forgetting": 0.09}, 0.09])
def test_an_answer_by_hand_needs_its_three_numbers(hint, answer):
    assert "keys average_accuracy, forgetting" in hint("01-forgetting", answer)
