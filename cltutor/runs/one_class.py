"""Tasks of one class: what is no result and what teaches nothing where only one class competes.

With the task known every answer in such a task is right, so that its accuracy is nan: a dash where it is shown, left
out of averages; in a stream of one class the same holds with the task unknown. A term of the loss that compares two
softmaxes over one class is constant.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..recipe.recipe import Recipe
from ..streams.stream import arrivals
from ..warned import warn

if TYPE_CHECKING:
    from .run import Run

DASH = "–"
NOTE = f"{DASH}: a task of one class, in which every answer is right when the task is known"


def informative(known: ArrayLike, classes: Sequence[int]) -> np.ndarray:
    """Accuracies (..., T) with the task known, nan on every task of one class; ``classes`` (T,) counts them."""
    found = np.asarray(known, dtype=float)
    return np.where(np.asarray(classes) == 1, np.nan, found) if 1 in classes and found.size else found


def competitors(tasks: Sequence[Sequence[int]]) -> list[int]:
    """How many classes compete, with the task known, in the largest head of each of ``tasks`` (T,), given the classes
    of each: a class that returns is in the head of the task that it first came with."""
    sizes = {label: len(new) for new in arrivals(tasks) for label in new}
    return [max(sizes[label] for label in task) for task in tasks]


def remarks(recipe: Recipe, tasks: Sequence[Sequence[int]]) -> list[str]:
    """What a recipe cannot learn or show on ``tasks``, given the classes of each, one sentence each."""
    if len({label for task in tasks for label in task}) == 1:
        words = "the stream has one class: every answer is right, so that no accuracy is a result"
        return [f"{recipe.name}: {words}.", *constant_terms(recipe, tasks)]
    single = [task for task, count in enumerate(competitors(tasks)) if count == 1]
    if not single or recipe.heads == "class":
        return constant_terms(recipe, tasks)
    words = "every answer is right when the task is known, so that its accuracy is no result"
    have = "has" if len(single) == 1 else "have"
    return [f"{recipe.name}: {listed(single)} {have} one class: {words}.", *constant_terms(recipe, tasks)]


def warn_of_one_class(run: "Run") -> None:
    """Warn of the ``remarks`` on a run, once each, and keep them in it for the page."""
    for sentence in remarks(run.recipe, run.tasks):
        if sentence not in run.warnings:
            run.warnings[sentence] = sentence
            warn(sentence)


def constant_terms(recipe: Recipe, tasks: Sequence[Sequence[int]]) -> list[str]:
    """Those terms of the loss that nothing can change in some tasks, a sentence for each."""
    found = dict[str, list[int]]()
    heads = [len(new) for new in arrivals(tasks)]
    for task in range(len(tasks)) if 1 in heads else ():
        # A task without new classes adds no head, so that all heads are old ones and the newest is the last of them.
        before = [count for count in heads[:task] if count]
        classes = [*before, heads[task] or before[-1]]
        terms = {name: term for _, _, active in recipe.plan(task) for name, (_, term) in active.items()}
        for name in (name for name, term in terms.items() if term.constant(classes)):
            found.setdefault(name, []).append(task)
    why = "a softmax over one class cannot change"
    return [f"{recipe.name}: {name} is constant in {listed(tasks)}: {why}." for name, tasks in found.items()]


def listed(tasks: Sequence[int]) -> str:
    """Tasks counted from 1, as in pictures: "task 3", or "tasks 2, 3, 5"."""
    return f"task{'s' if len(tasks) > 1 else ''} {', '.join(str(task + 1) for task in tasks)}"
