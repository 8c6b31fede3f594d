"""Methods for tasks whose images have several labels (LwF, section 3: multi-label classification)."""

from dataclasses import replace
from typing import Annotated

from ..checked import checked
from ..losses import CrossEntropy, Distillation, LabelCrossEntropy
from ..losses.terms import Loss, Term
from ..recipe.recipe import Phase, Recipe
from .registry import MethodName


@checked
def for_several_labels(recipe: Annotated[Recipe | str, MethodName()]) -> Recipe:
    """The recipe, or the method of that name, for images with several labels: each softmax becomes a sigmoid for each
    label, and the loss of a task the sum over its labels, of old tasks the sum over theirs (LwF, section 3).

    Cross-entropy becomes ``LabelCrossEntropy()``, distillation that of sigmoids, at temperature 1; all else stays.
    """
    assert isinstance(recipe, Recipe), "MethodName makes one of a name"
    schedule = recipe.schedule
    first, later = (tuple(map(_phase, phases)) for phases in (schedule.first, schedule.later))
    return replace(recipe, loss=_loss(recipe.loss), schedule=replace(schedule, first=first, later=later))


def _phase(phase: Phase) -> Phase:
    return replace(phase, loss=_loss(phase.loss)) if phase.loss else phase


def _loss(loss: Loss) -> Loss:
    return Loss(tuple((weight, _term(term)) for weight, term in loss.terms))


def _term(term: Term) -> Term:
    if type(term) is CrossEntropy:
        return LabelCrossEntropy()
    return replace(term, kind="sigmoid", temperature=2.0) if isinstance(term, Distillation) else term
