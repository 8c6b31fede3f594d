"""A setting that would do nothing beside the others is refused in one sentence, not taken and forgotten."""

from dataclasses import dataclass

import pytest

import cltutor as cl
from cltutor.losses import CrossEntropy, Distillation, TemporaryDistillation, Term
from cltutor.memory import ExemplarMemory
from cltutor.methods import GradientMemory
from cltutor.recipe.recipe import Schedule
from cltutor.streams import CropFlip


@dataclass(frozen=True, repr=False)
class Told(Term):
    """A term that needs the task of an image at test."""

    needs_task_at_test = True


IDLE = {
    "a temperature of probabilities": (lambda: Distillation(3.0, "l1"), 'only kind="softmax" has a temperature'),
    "a temperature of sigmoids": (
        lambda: cl.methods.lwf(temperature=4, loss="sigmoid"),
        "leave it out with kind='sigmoid'",
    ),
    "a temperature of cross-entropy": (
        lambda: TemporaryDistillation(1.0, "cross_entropy"),
        "leave it out with kind='cross_entropy'",
    ),
    "two sizes of a memory": (
        lambda: ExemplarMemory(100, per_class=5),
        r"a capacity in all or per_class, not both: ExemplarMemory\(100\), or ExemplarMemory\(per_class=5\)",
    ),
    "two sizes of another memory": (lambda: GradientMemory(100, 5), r"not both: GradientMemory\(100\), or"),
    "a drop of a rate that never drops": (lambda: Schedule(drop_by=5), "give patience, drop_every or drop_at"),
    "the same of a method": (lambda: cl.methods.mas(drop_by=2.0), "give patience, drop_every or drop_at"),
    "a first task without no augmentation": (lambda: Schedule(augment_first=False), "there is none: give augmentation"),
    "the same in an ablation": (lambda: cl.methods.eeil_bf(augment_first=False), "there is none: give augmentation"),
    "a part of one's own that needs the task": (
        lambda: cl.Recipe("mine", CrossEntropy() + Told(), heads="class"),
        "^mine takes no heads='class': Told must be given an image's task at test",
    ),
}


@pytest.mark.parametrize(("attempt", "words"), IDLE.values(), ids=list(IDLE))
def test_what_would_do_nothing_is_refused_in_one_sentence(attempt, words):
    with pytest.raises(ValueError, match=f"(?i){words}") as caught:
        attempt()
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_what_does_something_is_taken():
    assert Distillation(3.0).temperature == 3
    assert Distillation(kind="l1").kind == "l1"
    assert ExemplarMemory(None, 5) == ExemplarMemory(None, per_class=5)
    assert ExemplarMemory(per_class=5).quota(7) == GradientMemory(per_class=5).quota(7) == 5
    for when in ({"patience": 2}, {"drop_every": 2}, {"drop_at": (2,)}):
        assert Schedule(drop_by=5, **when).drop_by == 5
    assert not Schedule(augmentation=CropFlip(), augment_first=False).augment_first
    assert cl.Recipe("mine", CrossEntropy() + 0.0 * Told(), heads="class").heads == "class"
