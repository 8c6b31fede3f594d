"""Notebook 02's exercises: mistakes written as learners write them, the gradient by autograd, the recipe trained."""

import pytest
from torch.nn import functional as F

import cltutor as cl
from cltutor.exercises import check


def loss(end=lambda x, soft, t: x.mean(), teacher=1.0, student=1.0, detach=True):
    """Eq. 2 with the temperature to some power, and another reduction."""

    def written(logits, targets, temperature):
        targets = targets.detach() if detach else targets
        soft = F.softmax(targets / temperature**teacher, 1)
        terms = -(soft * F.log_softmax(logits / temperature**student, 1)).sum(1)
        return end(terms, soft, temperature)

    return written


def autograd(logits, targets, temperature):
    z = logits.clone().requires_grad_()
    loss()(z, targets, temperature).backward()
    return z.grad


@pytest.mark.parametrize(
    ("exercise", "wrong", "words"),
    [
        ("02-distillation", loss(lambda x, soft, t: (x + (soft * soft.log()).sum(1)).mean()), "Kullback-Leibler"),
        ("02-distillation", loss(teacher=0), "teacher's probabilities need the temperature"),
        ("02-distillation", loss(student=0), "student's probabilities need the temperature"),
        ("02-distillation", loss(teacher=0, student=0), "The temperature does nothing yet"),
        ("02-distillation", loss(teacher=-1, student=-1), "you multiply"),
        ("02-distillation", loss(detach=False), "forgot targets.detach()"),
        ("02-distillation", lambda z, v, t: loss()(z.detach(), v, t), "no gradient reaches the student"),
        ("02-distillation", lambda z, v, t: loss()(z, v, t).item(), "no gradient reaches the student"),
        ("02-gradient", lambda z, v, t: t * autograd(z, v, t), "chain rule is missing"),
        ("02-gradient", lambda z, v, t: autograd(z, v, 1.0) / t, "the temperature too"),
    ],
)
def test_a_mistake_is_recognised(hint, exercise, wrong, words):
    assert words in hint(exercise, wrong)


def test_the_right_gradient_is_that_of_autograd():
    assert check("02-gradient", autograd).passed
    assert check("02-distillation", loss()).passed


def mine(weight=0.5, temperature=4, anchor=0.005, kind="softmax", extra=None, schedule=None):
    new, old = cl.losses.CrossEntropy(), cl.losses.Distillation(temperature, kind)
    terms = new + weight * old + anchor * cl.losses.Anchor()
    terms = terms + extra if extra else terms
    return cl.Recipe("mine", loss=terms, schedule=schedule or cl.methods.lwf().schedule)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (cl.methods.lwf(), "The term Anchor is missing"),
        (cl.methods.l2(), "The term Distillation is missing"),
        (mine().loss, "wrap it in cl.Recipe"),
        ("lwf", "not a str"),
        (mine(temperature=2), "eq. 2 at T = 4"),
        (mine(temperature=2, kind="l2"), "eq. 2 at T = 4"),
        (mine(weight=1.0), "is 1/2, not 1"),
        (mine(anchor=0.01), "its weight is 0.005"),
        (mine(anchor=1.0), "0.01 / 2 * Anchor()"),
        (mine(extra=cl.losses.Distillation()), "more terms"),
        (mine(schedule=cl.methods.finetune().schedule), "warm-up is missing"),
    ],
)
def test_a_mistake_in_the_recipe_is_recognised(hint, wrong, words):
    assert words in hint("02-recipe", wrong)


def test_in_the_right_recipe_all_terms_act():
    stream = cl.streams.digits(tasks=2, classes=range(4))
    run = cl.learn(stream, mine(), epochs=3, progress=False)
    second = run.curves.step_task == 1
    for name in ("CrossEntropy", "Distillation", "Anchor"):
        assert run.curves.loss[name][second].max() > 0
