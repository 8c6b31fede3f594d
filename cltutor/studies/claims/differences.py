"""What differs between two recipes, computed: a comparison that decides a claim differs in the claimed ingredient."""

from collections.abc import Mapping
from dataclasses import fields

from ...recipe.recipe import Phase, Recipe, Schedule

# What recipes may differ in, and how a row names it.
KINDS = {
    "terms": "terms of the loss",
    "weights": "weights of shared terms",
    "phases": "what learns",
    "warm-up": "warm-up of the new head",
    "memory": "memory",
    "network": "network",
    "after task": "step after a task",
    "prediction": "prediction rule",
    "heads": "classes that compete",
    "rate": "learning rate",
    "schedule": "schedule",
    "augmentation": "augmentation",
    "noise": "noise of the gradients",
    "images": "training images",
    "stream": "stream",
}
APART = ("later", "first", "learning_rate", "augmentation", "augment_first", "noise")  # fields of a kind of their own


def differences(left: Recipe, right: Recipe) -> dict[str, tuple[str, str]]:
    """Kind of difference (one of ``KINDS``) -> what the left and what the right recipe has, in words.

    Names do not count. A term with other settings is another term; one with another weight differs in "weights".
    """
    sides = described(left), described(right)
    found = {kind: (sides[0][kind], sides[1][kind]) for kind in sides[0] if sides[0][kind] != sides[1][kind]}
    if "terms" not in found and (weights := _weights(left)) != _weights(right):
        found["weights"] = (_listed(weights), _listed(_weights(right)))
    warm = warm_up(left), warm_up(right)
    if None not in warm and warm[0] != warm[1]:  # a recipe whose shared weights never learn has no warm-up to differ in
        found["warm-up"] = (f"{warm[0]:.0%} of the epochs", f"{warm[1]:.0%} of the epochs")
    return found


def described(recipe: Recipe) -> dict[str, str]:
    """The recipe in words, by kind of difference; without weights, and without the warm-up."""
    schedule = recipe.schedule
    own = {one.name: getattr(schedule, one.name) for one in fields(Schedule) if one.name not in APART}
    return {
        "terms": " + ".join(sorted(set(_terms(recipe)))),
        "phases": _phases(schedule.first, False) + "; later " + _phases(schedule.later, True),
        "memory": repr(recipe.memory),
        "network": repr(recipe.network),
        "after task": repr(recipe.after_task),
        "prediction": recipe.predict,
        "heads": recipe.heads,
        "rate": f"{schedule.learning_rate:g}",
        "schedule": _listed(own),
        "augmentation": f"{schedule.augmentation!r}{'' if schedule.augment_first else ', not of the first task'}",
        "noise": repr(schedule.noise),
    }


def warm_up(recipe: Recipe) -> float | None:
    """The share of a later task's epochs in which the new head alone learns, before anything else does; None where
    nothing else ever does."""
    later = recipe.schedule.later
    whole, before = sum(phase.share for phase in later), 0.0
    for phase in later:
        if set(phase.rates) != {"new"}:
            return before / whole
        before += phase.share
    return None


def undeclared(found: Mapping[str, tuple[str, str]], declared: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """The differences that are neither claimed nor declared."""
    return {kind: pair for kind, pair in found.items() if kind not in declared}


def _terms(recipe: Recipe) -> list[str]:
    losses = [recipe.loss, *(phase.loss for phase in recipe.schedule.later if phase.loss)]
    return [repr(term) for loss in losses for weight, term in loss.terms if weight]


def _weights(recipe: Recipe) -> dict[str, float]:
    return {name: weight for name, (weight, _) in recipe.loss.named().items() if weight}


def _phases(phases: tuple[Phase, ...], later: bool) -> str:
    """What learns, and at which multiple of the rate; a warm-up is a difference of its own."""
    kept = list(phases)
    while later and len(kept) > 1 and set(kept[0].rates) == {"new"}:
        kept.pop(0)
    whole = sum(phase.share for phase in kept)
    words = []
    for phase in kept:
        roles = ", ".join(name if rate == 1 else f"{rate:g} {name}" for name, rate in phase.rates.items())
        share = "" if len(kept) == 1 else f"{phase.share / whole:.0%}: "
        words.append(f"{share}{roles}{' on a balanced set' if phase.balanced else ''}")
    return " then ".join(words)


def _listed(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in values.items())
