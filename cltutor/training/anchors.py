"""Said before a task is learned: an anchor that is too stiff for the steps, and one that holds nothing; and a last
phase without an epoch."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from math import ceil

from ..describe import State, counted
from ..losses.terms import Term
from ..recipe.recipe import Phase, Terms
from ..runs.run import Run
from ..warned import warn

IDLE = 1.0  # percent


def warn_of_anchors(
    run: Run, task: int, plan: Sequence[tuple[Phase, range, Terms]], states: dict[str, State], images: int
) -> None:
    """Warn of a pull that overshoots in the ``task`` that begins, and of one that is idle; once per run each.

    A term w Omega (theta - theta*)^2 has the curvature c = 2 w Omega. Descent at rate eta with momentum m follows it
    only while eta c < 2 (1 + m) (Polyak 1964); beyond that each step overshoots. Far below it, an update shortens the
    distance to the anchor by the share eta c / (1 - m), and S updates undo 1 - exp(-eta c S / (1 - m)) of it, were the
    pull alone. The anchor is idle where that is less than 1 % on average over the weights, ``Term.undone``. Rates are
    those that phases begin with, clipping is left out, and RMSprop, whose steps have another length, is not judged.
    """
    schedule = run.recipe.schedule
    if schedule.optimiser != "sgd":
        return
    steps, bound = ceil(images / schedule.batch_size), 2 * (1 + schedule.momentum)
    paces: dict[str, tuple[Term, float]] = {}
    for phase, epochs, terms in plan:
        rate, updates = schedule.learning_rate * phase.rates.get("shared", 0.0), len(epochs) * steps
        stiffness = rate * sum(weight * term.curvature(states[name]) for name, (weight, term) in terms.items())
        if updates and stiffness > bound:
            sentence = f"rate x curvature of the anchor is {stiffness:.3g}; above {bound:.3g} steps overshoot, held by"
            advice = f"lower lam or learning_rate {stiffness / bound:.2g} times"
            warn_once(run, "overshoot", f"{sentence} clipping alone: {advice}.")
        for name, (weight, term) in terms.items():
            before = paces[name][1] if name in paces else 0.0
            paces[name] = term, before + weight * rate * updates / (1 - schedule.momentum)
    for name, (term, pace) in paces.items():
        share = 100 * term.undone(states[name], pace)
        if pace and share < IDLE:
            sentence = f"in task {task} the pull of {name} undoes {share:.2g} % of a weight's distance, on average"
            warn_once(run, "idle", f"{sentence}, so that it is idle: raise lam, or train longer.")


def warn_of_skipped(run: Run, task: int, plan: Sequence[tuple[Phase, range, Terms]]) -> None:
    """Warn where a ``task`` ends without its last phase, as BiC's correction or EEIL's balanced fine-tuning with one
    epoch: what is measured then is another method."""
    phase, epochs, _ = plan[-1]
    if epochs:
        return
    schedule = run.recipe.schedule
    enough = next(n for n in count(schedule.epochs) if replace(schedule, epochs=n).phases(task)[-1][1])
    given = counted(schedule.epochs, "epoch")
    sentence = f"phase {phase.name!r} gets none of {given}, so that tasks end without it"
    warn_once(run, "skipped", f"{sentence}: {enough} epochs or more give it one.")


def warn_once(run: Run, kind: str, sentence: str) -> None:
    """Warn, and keep the sentence in the run, unless one of this ``kind`` was said before."""
    if kind not in run.warnings:
        run.warnings[kind] = f"{run.name}: {sentence}"
        warn(run.warnings[kind])
