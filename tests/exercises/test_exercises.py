"""Every solution in the notebooks is accepted; what is unsolved or typically wrong is refused with its hint."""

import ast
import math
import re
from pathlib import Path

import nbformat
import pytest
import torch
from torch.nn import functional as F

import cltutor as cl
from cltutor.exercises import MATRIX, check

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
FOLDED = re.compile(r"<details><summary>Solution</summary>.*?```python\n(.*?)```.*?</details>", re.DOTALL)


def solutions() -> list:
    found = []
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, 4).cells:
            for code in FOLDED.findall(cell.source) if cell.cell_type == "markdown" else ():
                name = re.search(r'exercises\.check\("([\w-]+)"', code).group(1)
                found.append(pytest.param(name, code, id=name))
    return found


def unsolved() -> list:
    cells = [c.source for path in NOTEBOOKS for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
    cells = [source for source in cells if "exercises.check(" in source]
    return [pytest.param(source, id=re.search(r'check\("([\w-]+)"', source).group(1)) for source in cells]


def last_value(code: str, names: dict):
    """The value of the last expression of a cell, as a notebook shows it."""
    *before, last = ast.parse(code).body
    exec(compile(ast.Module(before, []), "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


@pytest.mark.parametrize(("name", "code"), solutions())
def test_the_folded_solution_is_accepted(name, code):
    told = last_value(code, {"cl": cl, "torch": torch, "settings": {"epochs": 6}})
    assert told.exercise == name
    assert told.passed, told


@pytest.mark.parametrize("source", unsolved())
def test_the_unsolved_cell_is_refused_kindly_with_a_hint(source):
    told = last_value(source, {"cl": cl, "torch": torch})
    assert not told.passed
    assert "There is no answer here yet. Hint: " in told.message


def test_every_exercise_stands_in_a_notebook_with_its_solution():
    assert [p.values[0] for p in solutions()] == [p.id for p in unsolved()] == cl.exercises.names()


def hint(exercise, answer) -> str:
    told = check(exercise, answer)
    assert not told.passed
    return told.message


# 01


def evaluation(known_is=lambda known: known, scale=1.0, total=False):
    def accuracy(logits, labels, task_of, known_task):
        if known_is(known_task):
            logits = logits.masked_fill(task_of != task_of[labels].unsqueeze(1), float("-inf"))
        right = (logits.argmax(1) == labels).double()
        return scale * (right.sum() if total else right.mean())

    return accuracy


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (evaluation(lambda known: True), "only the image's own task compete, also when unknown"),
        (evaluation(lambda known: False), "All columns compete in yours"),
        (evaluation(lambda known: not known), "swapped"),
        (evaluation(scale=100), "in percent"),
        (evaluation(total=True), "divide by their number"),
    ],
)
def test_typical_mistakes_of_the_two_evaluations_are_recognised(wrong, told):
    assert told in hint("01-unknown", wrong)


RIGHT = {"average_accuracy": 0.85, "forgetting": 0.09, "backward_transfer": -0.08}


def test_the_numbers_by_hand_are_those_of_the_metrics():
    assert {name: cl.metrics.summary(MATRIX)[name] for name in RIGHT} == pytest.approx(RIGHT)
    assert check("01-forgetting", RIGHT).passed


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("average_accuracy", (0.75 + 0.88 + 0.80) / 3, "the last one too"),
        ("average_accuracy", float(MATRIX[MATRIX > 0].mean()), "the last row only"),
        ("average_accuracy", 85, "in percent"),
        ("forgetting", -0.09, "The sign"),
        ("forgetting", 0.08, "compare with the diagonal"),
        ("forgetting", 0.10, "before the last one"),
        ("forgetting", 0.27, "take their mean"),
        ("forgetting", 0.27 / 4, "the old tasks only"),
        ("backward_transfer", 0.08, "The sign"),
        ("backward_transfer", -0.09, "with the diagonal, not with the best"),
        ("backward_transfer", -0.24, "take their mean"),
        ("backward_transfer", -0.06, "the old tasks only"),
        ("backward_transfer", 0.5, "look at its formula"),
        ("forgetting", "much", "should be a number"),
    ],
)
def test_typical_mistakes_by_hand_are_recognised(name, value, told):
    message = hint("01-forgetting", RIGHT | {name: value})
    assert name in message
    assert told in message


def test_an_answer_by_hand_needs_its_three_numbers():
    assert "keys average_accuracy, forgetting" in hint("01-forgetting", {"forgetting": 0.09})
    assert "keys" in hint("01-forgetting", 0.09)


def parts(logits, labels, task_of):
    found = logits.argmax(1)
    return task_of[found] == task_of[labels], found == labels


def known(logits, labels, task_of):
    return evaluation()(logits, labels, task_of, True)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda *a: (parts(*a)[0].double().mean(), known(*a)), "known-task accuracy of all images"),
        (lambda *a: (parts(*a)[0].double().mean(), parts(*a)[1].double().mean()), "a share of all images"),
        (lambda *a: (parts(*a)[1][parts(*a)[0]].double().mean(), parts(*a)[0].double().mean()), "other way round"),
        (lambda *a: ((~parts(*a)[0]).double().mean(), parts(*a)[1][parts(*a)[0]].double().mean()), "not wrong"),
        (lambda *a: parts(*a)[0].double().mean(), "shape ()"),
    ],
)
def test_typical_mistakes_about_confusion_are_recognised(wrong, told):
    assert told in hint("01-confusion", wrong)


# 02


def loss(end=lambda x, soft, t: x.mean(), teacher=1.0, student=1.0, detach=True):
    """Eq. 2 with the temperature to some power, and its own end."""

    def written(logits, targets, temperature):
        targets = targets.detach() if detach else targets
        soft = F.softmax(targets / temperature**teacher, 1)
        terms = -(soft * F.log_softmax(logits / temperature**student, 1)).sum(1)
        return end(terms, soft, temperature)

    return written


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (loss(lambda x, soft, t: t * t * x.mean()), "no factor T²"),
        (loss(lambda x, soft, t: -x.mean()), "The sign"),
        (loss(lambda x, soft, t: x.sum()), "the mean over the batch"),
        (loss(lambda x, soft, t: x.mean() / soft.shape[1]), "the mean is over images only"),
        (loss(lambda x, soft, t: (x + (soft * soft.log()).sum(1)).mean()), "Kullback-Leibler"),
        (loss(teacher=0), "teacher's probabilities need the temperature"),
        (loss(student=0), "student's probabilities need the temperature"),
        (loss(teacher=0, student=0), "The temperature does nothing yet"),
        (loss(teacher=-1, student=-1), "you multiply"),
        (lambda z, v, t: loss()(v, z, t), "swapped"),
        (loss(detach=False), "forgot targets.detach()"),
        (lambda z, v, t: loss()(z.detach(), v, t), "no gradient reaches the student"),
        (lambda z, v, t: loss()(z, v, t).item(), "no gradient reaches the student"),
        (lambda z, v, t: loss()(z, v, 3.0), "differs"),
        (lambda z, v, t: z, "shape"),
        (lambda z, v, t: "loss", "returns a str"),
        (lambda z, v: z, "stopped with TypeError"),
        (3.0, "Give the function itself"),
    ],
)
def test_typical_mistakes_of_the_loss_are_recognised(wrong, told):
    assert told in hint("02-distillation", wrong)


def autograd(logits, targets, temperature):
    z = logits.clone().requires_grad_()
    loss()(z, targets, temperature).backward()
    return z.grad


def test_the_gradient_that_is_asked_for_is_that_of_autograd():
    assert check("02-gradient", autograd).passed


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda z, v, t: t * autograd(z, v, t), "chain rule is missing"),
        (lambda z, v, t: autograd(z, v, t) / t, "Only one factor 1/T"),
        (lambda z, v, t: -autograd(z, v, t), "The sign"),
        (lambda z, v, t: len(z) * autograd(z, v, t), "divide by their number"),
        (lambda z, v, t: autograd(z, v, 1.0) / t, "the temperature too"),
        (lambda z, v, t: autograd(z, v, t).norm(), "shape ()"),
    ],
)
def test_typical_mistakes_of_the_gradient_are_recognised(wrong, told):
    assert told in hint("02-gradient", wrong)


def mine(weight=0.5, temperature=4, anchor=0.005, kind="softmax", extra=None, schedule=None):
    new, old = cl.losses.CrossEntropy(), cl.losses.Distillation(temperature, kind)
    terms = new + weight * old + anchor * cl.losses.Anchor()
    terms = terms + extra if extra else terms
    return cl.Recipe("mine", loss=terms, schedule=schedule or cl.methods.lwf().schedule)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (cl.methods.lwf(), "The term Anchor is missing"),
        (cl.methods.l2(), "The term Distillation is missing"),
        (mine().loss, "wrap it in cl.Recipe"),
        ("lwf", "not a str"),
        (mine(temperature=2), "kept at T = 4"),
        (mine(kind="l2"), "kept at T = 4"),
        (mine(weight=1.0), "is 1/2, not 1"),
        (mine(anchor=0.01), "its weight is 0.005"),
        (mine(anchor=1.0), "0.01 / 2 * Anchor()"),
        (mine(extra=cl.losses.Distillation()), "more terms"),
        (mine(schedule=cl.methods.finetune().schedule), "warm-up is missing"),
        (mine(schedule=cl.methods.joint().schedule), "warm-up is missing"),
    ],
)
def test_typical_mistakes_of_the_recipe_are_recognised(wrong, told):
    assert told in hint("02-recipe", wrong)


def test_the_recipe_that_is_asked_for_trains_and_all_its_terms_act():
    stream = cl.streams.digits(tasks=2, classes=range(4))
    run = cl.learn(stream, mine(), epochs=3, progress=False)
    second = run.curves.step_task == 1
    for name in ("CrossEntropy", "Distillation", "Anchor"):
        assert run.curves.loss[name][second].max() > 0


# the checker itself


def test_an_unknown_exercise_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="did you mean 01-forgetting"):
        check("01-forgeting", 1)


def test_an_answer_may_not_change_what_others_see():
    def greedy(logits, targets, temperature):
        value = loss()(logits, targets, temperature)
        targets.detach().zero_()
        return value

    assert check("02-distillation", greedy).passed
    assert check("02-distillation", loss()).passed


def test_the_same_answer_is_judged_the_same_whatever_the_global_seed():
    torch.manual_seed(1)
    first = hint("02-distillation", lambda z, v, t: z.sum())
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert hint("02-distillation", lambda z, v, t: z.sum()) == first
    assert torch.equal(state, torch.get_rng_state())


def test_a_check_is_told_in_a_page_and_in_a_terminal():
    told = check("02-distillation", lambda z, v, t: 1 / 0)
    assert repr(told) == "02-distillation: not yet. Your function stopped with ZeroDivisionError: division by zero"
    page = check("02-distillation", lambda z, v, t: {}["<b>"])._repr_html_()
    assert "&lt;b&gt;" in page
    assert "not yet" in page
    assert "✓ 02-gradient: right." in check("02-gradient", autograd)._repr_html_()


def test_numbers_of_the_matrix_are_shares_and_nan_above_the_diagonal():
    assert all(math.isnan(MATRIX[i, j]) == (j > i) for i in range(4) for j in range(4))
