"""Notebook 07's exercises: mistakes written as learners write them, a t-test, and a term that trains."""

import numpy as np
import pytest
import torch
from scipy import stats

import cltutor as cl
from cltutor.evaluation import metrics
from cltutor.exercises import COMPARISON, check
from cltutor.exercises.notebook_07 import verdict


def term(value=lambda now, before: (now - before).abs().sum(1).mean(), **attributes) -> type:
    """A term of features; an attribute of None is left out."""

    def written(self, batch, state):
        return value(batch.student.features, batch.teacher("task").features)

    given = {"teacher": "task", "reads_features": True, "first_task": 1, "latex": lambda self, heads: r"\|\varphi\|"}
    given |= {"__call__": written} | attributes
    return type("Mine", (cl.losses.Term,), {name: own for name, own in given.items() if own is not None})


def of_logits(self, batch, state):
    return (batch.student.head(0) - batch.teacher("task").head(0)).abs().sum(1).mean()


def of_itself(self, batch, state):
    return (batch.student.features - batch.student.features).abs().sum(1).mean()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (term(lambda n, b: (n - b).abs().sum()), "You sum over the images"),
        (term(lambda n, b: (n - b).abs().mean()), "the L1 norm sums over them"),
        (term(lambda n, b: (n - b).square().sum(1).mean()), "You square the differences"),
        (term(lambda n, b: (n - b).norm(dim=1).mean()), "That is the L2 norm"),
        (term(lambda n, b: (n - b).sum(1).mean()), "The absolute value is missing"),
        (term(lambda n, b: n.abs().sum(1).mean()), "The teacher is missing"),
        (term(lambda n, b: -(n - b).abs().sum(1).mean()), "The sign"),
        (term(lambda n, b: (n.detach() - b).abs().sum(1).mean()), "no gradient reaches the student"),
        (term(lambda n, b: (n - b).abs().sum(1).mean().item()), "no gradient reaches the student"),
        (term(lambda n, b: n.features), "stopped with AttributeError"),
        (term(__call__=of_logits), "logits of the old head"),
        (term(__call__=of_itself), "0 whatever the networks compute"),
        (term(teacher=None), 'teacher = "task"'),
        (term(teacher="phase"), "yours is 'phase'"),
        (term(reads_features=None), "reads_features = True"),
        (term(first_task=None), "There is no teacher in task 0"),
        (term(latex=None), "give it a latex"),
        (type("Mine", (), {}), "made from cl.losses.Term"),
        (lambda batch, state: 0, "made from cl.losses.Term"),
    ],
)
def test_a_mistake_in_a_term_is_recognised(hint, wrong, words):
    assert words in hint("07-term", wrong)


@pytest.mark.parametrize("answer", [term(), term()()])
def test_the_right_term_is_accepted_as_a_class_or_an_instance(answer):
    assert check("07-term", answer).passed


def test_the_right_term_trains_and_keeps_the_features_where_they_were():
    stream = cl.streams.digits(tasks=2, classes=range(4))
    moved = []
    for weight in (0.0, 1.0):
        recipe = cl.Recipe("mine", loss=cl.losses.CrossEntropy() + weight * term()())
        run = cl.learn(stream, recipe, epochs=2, progress=False)
        before, after = (run.model_after(task)(stream[0].test.images).features for task in (0, 1))
        moved.append((before - after).abs().sum(1).mean().item())
    assert run.curves.loss["Mine"][run.curves.step_task == 1].max() > 0
    assert moved[1] < moved[0] / 2


def word(mean, half):
    return 0 if abs(mean) <= half else 1 if mean > 0 else -1


def judged(width, says=word):
    def answer(a, b, t):
        mean, half = float((a - b).mean()), float(width(a, b, t))
        return mean, half, says(mean, half)

    return answer


def paired(a, b, t):
    return t * (a - b).std() / len(a) ** 0.5


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (judged(lambda a, b, t: t * ((a.var() + b.var()) / len(a)) ** 0.5), "two unpaired groups"),
        (judged(lambda a, b, t: paired(a, b, 1)), "the standard error"),
        (judged(lambda a, b, t: t * np.std((a - b).numpy()) / len(a) ** 0.5), "divides by n; the mean was estimated"),
        (judged(paired, says=lambda mean, half: 1 if mean > 0 else -1), "the mean alone"),
        (lambda a, b, t: judged(paired)(a, b, t)[:2], "Return three numbers"),
    ],
)
def test_a_mistake_in_a_verdict_is_recognised(hint, wrong, words):
    assert words in hint("07-verdict", wrong)


def test_the_right_verdict_is_that_of_a_paired_t_test():
    draw = np.random.default_rng(0)
    seen = set()
    for gain in (-2.0, 0.0, 2.0):
        b = draw.normal(80, 5, 6)
        a = b + gain + draw.normal(0, 1, 6)
        t = float(stats.t.ppf(0.975, 5))
        mean, half, says = (float(value) for value in verdict(torch.tensor(a), torch.tensor(b), t))
        assert (mean, half) == pytest.approx(metrics.paired_difference(a, b))
        assert (says != 0) == (stats.ttest_rel(a, b).pvalue < 0.05)
        assert says in (0, np.sign(mean))
        seen.add(says)
    assert seen == {-1, 0, 1}
    assert check("07-verdict", judged(paired)).passed


FAIR = {"A": "fair", "B": "regime", "C": "budget", "D": "test", "E": "fair", "F": "orders", "G": "memory"}


@pytest.mark.parametrize(
    ("row", "given", "words"),
    [
        ("A", "memory", "A differs from most others"),
        ("E", "regime", "a low number, or a high one, is no fault"),
        ("B", "fair", "only the classes of its own task compete"),
        ("C", "fair", "longer than the others"),
        ("D", "fair", "the luck of the pick"),
        ("F", "fair", "the mean of five"),
        ("G", "fair", "more old images"),
        ("G", "budget", "not that one (budget: it was trained longer)"),
        ("B", "memory", "not that one (memory: it keeps more images)"),
        ("C", "unfair", "none of the words. fair: nothing is wrong"),
        ("C", ["budget"], "none of the words"),
    ],
)
def test_a_mistake_about_an_unfair_comparison_is_recognised(hint, row, given, words):
    message = hint("07-fair", FAIR | {row: given})
    assert message.startswith(row)
    assert words in message


def test_an_unfair_row_differs_from_the_fair_ones_in_one_thing_only():
    fair = [row for row in COMPARISON if FAIR[row[""]] == "fair"]
    own = {"", "method", "accuracy (%)"}
    settings = {name: fair[0][name] for name in fair[0] if name not in own}
    columns = {"budget": {"epochs"}, "test": {"rate chosen on"}, "orders": {"class orders"}, "fair": set()}
    columns |= {"memory": {"images kept"}, "regime": {"a softmax over", "task at test"}}
    for row in COMPARISON:
        assert {name for name in settings if row[name] != settings[name]} == columns[FAIR[row[""]]]
    assert check("07-fair", FAIR).passed


@pytest.mark.parametrize("answer", [{"A": "fair"}, "fair"])
def test_an_answer_about_a_comparison_needs_a_word_for_every_row(hint, answer):
    assert "keys A, B" in hint("07-fair", answer)


def test_an_answer_that_is_not_started_gets_the_hint(hint):
    assert "There is no answer here yet." in hint("07-term", term(__call__=lambda self, batch, state: ...))
    assert "There is no answer here yet." in hint("07-fair", dict.fromkeys("ABCDEFG"))
