"""A claim of a paper in a form that can be decided: two sides that differ in one ingredient, and a statistic."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ...checked import a
from ...describe import Choice, Described, Kind, Name, flag, real, ruled, whole
from .differences import KINDS, differences, undeclared
from .measures import Statistic
from .records import Record
from .settings import setting_of
from .sides import Side

PAPERS = {
    "lwf": "Learning without Forgetting (Li and Hoiem 2016)",
    "mas": "Memory Aware Synapses (Aljundi et al. 2018)",
    "lwm": "Learning without Memorizing (Dhar et al. 2019)",
    "eeil": "End-to-End Incremental Learning (Castro et al. 2018)",
    "dfcnn": "Deconvolutional Factorized CNN (Lee et al. 2019)",
}
SIGNS = {"above": ">", "below": "<", "equal": "="}
FEWEST = 3  # trials


@dataclass(frozen=True)
class Quantity:
    """One side of a comparison: the ``statistic`` of a recipe, or how far the first of two ``sides`` is above the
    second; or a ``constant``; or a count of the ``method``, which needs no run.

    ValueError for the best of several recipes."""

    label: str
    statistic: Statistic | None = None
    sides: tuple[Side, ...] = ()
    constant: float = 0.0
    method: str = ""

    def __post_init__(self) -> None:
        if len(self.sides) > 2 or not all(isinstance(side, Side) for side in self.sides):
            raise ValueError(
                f"A side is one recipe or the lead of one over another, not the best of several: {self.label}."
            )

    def parts(self, records: tuple[Record, ...]) -> list[float]:
        """The statistic of each recipe."""
        return [float(self.statistic.of(record)) for record in records] if self.statistic else []

    def value(self, records: tuple[Record, ...]) -> float:
        """The number of a trial: the statistic of one side, or the lead of one over the other."""
        if not self.sides:
            return self.constant
        values = self.parts(records)
        return values[0] - values[1] if len(values) == 2 else values[0]


@dataclass(frozen=True)
class Range:
    """Where the paper makes the claim: ``what``, one of ``Setting.facts``, lies from ``low`` to ``high`` there."""

    what: str
    low: float
    high: float
    said: str

    def words(self, sides: tuple[Side, ...]) -> str:
        """The paper's range, and where it is tested."""
        here = sorted({setting_of(side.setting).facts[self.what] for side in sides})
        return f"{self.what}: {self.said} in the paper, {' and '.join(f'{value:g}' for value in here)} here"


@dataclass(frozen=True, repr=False)
class Reason(Name):
    """Text on one line, or none."""

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str) and not value or super().accepts(value)


def _kinds(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(kind, str) and kind in KINDS for kind in value)


def _reasons(value: Any) -> bool:
    return (
        isinstance(value, Mapping) and value.keys() <= KINDS.keys() and all(isinstance(v, str) for v in value.values())
    )


DIFFERS = Kind('a tuple of kinds of difference, such as ("terms",)', _kinds)
REASONS = Kind('reasons by kind of difference, such as {"warm-up": "it is LwF\'s own"}', _reasons)


@dataclass(frozen=True, repr=False)
class Claim(Described):
    """What a paper says, and how it is decided: is ``left`` ``side`` (above, below, equal to) ``right``?

    ``place`` is where the paper says it, ``sentence`` the statement in our words. "equal" means: no further apart than
    ``margin``. ``differs``: the kinds of difference (``differences.KINDS``) that are the claimed ingredient; ``also``:
    any other kind, with the reason why it cannot be avoided. ``construction`` says why a claim cannot fail. A
    ``counted`` number is the same in every trial.

    Raises:
        ValueError: recipes that differ in something not declared, a stream outside the paper's range, fewer than three
            trials, no source, or a best of several recipes.
    """

    paper: str = ruled(Choice(PAPERS))
    place: str = ruled(Name(1000))
    sentence: str = ruled(Name(1000))
    left: Quantity = ruled(a(Quantity))
    side: str = ruled(Choice(SIGNS))
    right: Quantity = ruled(a(Quantity))
    margin: float = real(0.0, at_least=0)
    differs: tuple[str, ...] = ruled(DIFFERS, ())
    also: Mapping[str, str] = field(default_factory=dict, hash=False, metadata={"rule": REASONS})
    range: Range | None = ruled(Kind("a Range(...)", lambda value: isinstance(value, Range), or_none=True), None)
    construction: str = ruled(Reason(1000), "")
    trials: int = whole(10, at_least=1)
    counted: bool = flag(False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.margin and self.side != "equal":
            raise ValueError(f"margin belongs to a claim of equality, not to one of {self.side!r}.")
        if self.trials < FEWEST and not self.counted:
            raise ValueError(f"trials is {FEWEST} or more, not {self.trials}: fewer decide nothing.")
        if found := undeclared(self.differences, (*self.differs, *self.also)):
            words = "; ".join(f"{KINDS[kind]} ({left} and {right})" for kind, (left, right) in found.items())
            raise ValueError(
                f"{self.comparison} differs in more than the claimed ingredient: {words}. Make it equal, or declare it."
            )
        self._check_range()

    def _check_range(self) -> None:
        if self.counted:
            return
        if self.range is None:
            raise ValueError(f"{self.comparison} needs the range in which the paper makes the claim.")
        for side in self.sides:
            value = setting_of(side.setting).facts[self.range.what]
            if not self.range.low <= value <= self.range.high:
                raise ValueError(
                    f"{side.label} is outside the paper's range: {self.range.what} {self.range.low:g} to "
                    f"{self.range.high:g}, and {side.setting} has {value:g}."
                )

    @property
    def sides(self) -> tuple[Side, ...]:
        """The recipes on their streams, without repetition."""
        return tuple(dict.fromkeys((*self.left.sides, *self.right.sides)))

    @property
    def data(self) -> bool:
        """Whether it needs a data set that does not come with cltutor."""
        return any(setting_of(side.setting).data for side in self.sides)

    @property
    def statistic(self) -> str:
        """What is compared, with its unit."""
        names = [q.statistic.name for q in (self.left, self.right) if q.statistic]
        return "; against ".join(dict.fromkeys(names))

    @property
    def comparison(self) -> str:
        """Such as "lwf > finetune" or "lwf = joint ± 2"."""
        allowed = f" ± {self.margin:g}" if self.side == "equal" else ""
        return f"{self.left.label} {SIGNS[self.side]} {self.right.label}{allowed}"

    @cached_property
    def differences(self) -> dict[str, tuple[str, str]]:
        """What differs between the two sides, computed; within a lead and between two."""
        left, right = self.left.sides, self.right.sides
        pairs = [(own[0], own[1]) for own in (left, right) if len(own) == 2]
        pairs += list(zip(left, right, strict=False))
        found: dict[str, tuple[str, str]] = {}
        for one, other in pairs:
            found = {**between(one, other), **found}
        return found

    @cached_property
    def code(self) -> str:
        """What its numbers depend on: a claim in which any of this changes has not been run."""
        recipes = [f"{side!r} on {setting_of(side.setting).words}" for side in self.sides]
        return f"{self.paper}: {self.statistic}: {self.comparison}; {'; '.join(recipes)}"


def between(one: Side, other: Side) -> dict[str, tuple[str, str]]:
    """What differs between two recipes on their streams at one rate."""
    found = differences(one.recipe(0.01, 0), other.recipe(0.01, 0))
    if one.setting != other.setting:
        here, there = setting_of(one.setting), setting_of(other.setting)
        if (here.tasks, here.kind) != (there.tasks, there.kind):
            found["stream"] = (here.words, there.words)
    if (few := trained(one)) != (many := trained(other)):
        found["images"] = (f"{few} image views", f"{many} image views")
    return found


def trained(side: Side) -> int:
    """How many times a recipe is shown an image of a new task, over all tasks; without the images in a memory."""
    setting = setting_of(side.setting)
    first = (setting.first_images or setting.images) * setting.tasks[0]
    schedule = side.recipe(0.01, 0).schedule
    views = first + setting.images * sum(setting.tasks[1:])
    return views * schedule.epochs * (12 if schedule.augmentation and schedule.augmentation.once else 1)
