"""What a claim's variants say: each side at its own best rate, and with the weights that its paper gives."""

from .claim import Claim
from .deciding import NOT_RUN, Trial, interval, verdict
from .entry import Entry
from .rows import published
from .sides import Side

TITLES = {"own": "each at its own best rate", "published": "as published"}
SAME = "the same verdict"


def cells(entry: Entry) -> dict[str, str]:
    """What the columns of ``TITLES`` say: another verdict, with what it was found with; or why there is none."""
    return {"own": own_rates(entry), "published": as_published(entry)}


def own_rates(entry: Entry) -> str:
    """The verdict with each side at the rate that is best for it alone, where it is another one."""
    if entry.claim.counted or entry.found is None or not entry.complete:
        return ""
    own = entry.found.choice.own
    if not own:
        return "the same rates"
    rates = ", ".join(f"{label} {rate:g}" for label, rate in own.items())
    return found(entry, "own", rates)


def as_published(entry: Entry) -> str:
    """The verdict with the weights that the paper gives, with their place in it."""
    given = [words for side in entry.claim.sides if (words := weights(entry.claim, side))]
    if not given:
        return ""
    searched = any(side.published for side in entry.claim.sides)
    return found(entry, "published", "; ".join(given)) if searched else f"as run: {'; '.join(given)}"


def weights(claim: Claim, side: Side) -> str:
    """The weights that the paper gives for a side, and where; "" for none."""
    if (place := published(claim.paper).get(side.label)) is None:
        return ""
    values = ", ".join(f"{name} {value:g}" for name, value in side.published.items())
    return f"{side.label}: {values} ({place})" if values else f"{side.label}: {place}"


def found(entry: Entry, variant: str, settings: str) -> str:
    """What a variant with such settings was found to say."""
    trials = entry.found.variants.get(variant) if entry.found else None
    if trials is None:
        chosen = entry.found is not None and entry.complete and variant == "published" and chose_them(entry)
        return f"{SAME}, as the search chose them ({settings})" if chosen else f"{NOT_RUN} ({settings})"
    said = verdict(entry.claim, trials)
    return f"{SAME if said == entry.verdict else said}, {gap(trials)} ({settings})"


def chose_them(entry: Entry) -> bool:
    """Whether the search itself chose the published weights."""
    assert entry.found is not None
    chosen = entry.found.choice.weights
    return all(
        chosen.get(f"{side.label} on {side.setting}", {}).get(name, value) == value
        for side in entry.claim.sides
        for name, value in side.published.items()
    )


def gap(trials: list[Trial]) -> str:
    """Left minus right, as printed."""
    mean, half = interval([trial.difference for trial in trials])
    decimals = 2 if max(abs(trial.left) for trial in trials) < 10 else 1
    return f"{mean:+.{decimals}f} ± {half:.{decimals}f}"
