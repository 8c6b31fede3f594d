"""One learning rate for both sides of a claim, then each side's own weights at that rate: chosen from records."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...comparing.grids import Point, at_edge, best, best_point, edges, grown, grown_alike, values_on
from .claim import Claim
from .deciding import Trial
from .measures import incremental, latest_peak, peak, whole
from .records import Job, Missing, Record, Records
from .settings import SEARCH, setting_of
from .sides import Side

MORE = 5  # further values on either side of a grid, at most
BOTH = "both sides"


def facts(record: Record) -> float:
    """MAP of all facts and of each task."""
    return float(np.mean([value for name, value in record.extras.items() if name.startswith("map")]))


SCORES: dict[str, Callable[[Record], float]] = {
    "accuracy": whole,
    "incremental": incremental,
    "peak": peak,
    "map": facts,
}


@dataclass(frozen=True)
class Choice:
    """What the search chose: the common rate, each side's weights by its label, how many configurations each tried,
    what lies at the edge of what was tried, and the rate at which each side alone is best."""

    rate: float
    weights: dict[str, dict[str, float]] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)
    edges: list[str] = field(default_factory=list)
    own: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Search:
    """The search of one claim in the records that there are; Missing where it needs more. ``extras`` are measured on
    the runs of a side."""

    claim: Claim
    records: Records
    extras: Callable[[Side], tuple[str, ...]]

    def choice(self) -> Choice:
        """The rate with the best mean over all sides and class orders; then, at that rate, each side's own weights, as
        many configurations for each side that has any. What ties goes to a value inside the grid."""
        sides = {f"{side.label} on {side.setting}": side for side in self.claim.sides}
        if not sides:
            return Choice(0.0)
        rates = setting_of(self.claim.sides[0].setting).rates
        scores: dict[str, dict[float, float]] = {label: {} for label in sides}

        def of_rates(tried: list[tuple[str, float]]) -> list[float]:
            asked: list[tuple[Side, float, dict[str, float]]] = [
                (side, rate, {}) for _, rate in tried for side in sides.values()
            ]
            found = iter(self.scores(asked))
            means = []
            for _, rate in tried:
                for label in sides:
                    scores[label][rate] = next(found)
                means.append(round(float(np.mean([scores[label][rate] for label in sides])), 9))
            return means

        together = grown(of_rates, [BOTH], rates, MORE)[BOTH]
        rate = best(together)
        words = [edge(BOTH, "rate", together, rate)] if at_edge(together) else []
        own = {label: best(found) for label, found in scores.items()}
        weights, tried, more = self.weights(sides, rate)
        return Choice(rate, weights, tried, words + more, {label: r for label, r in own.items() if r != rate})

    def weights(
        self, sides: dict[str, Side], rate: float
    ) -> tuple[dict[str, dict[str, float]], dict[str, int], list[str]]:
        searched = {label: side for label, side in sides.items() if side.weights}

        def named(label: str, point: Point) -> dict[str, float]:
            return dict(zip(searched[label].weights, point, strict=True))

        def of_points(tried: list[tuple[str, Point]]) -> list[float]:
            return self.scores([(searched[label], rate, named(label, point)) for label, point in tried])

        grids = {label: list(side.weights.values()) for label, side in searched.items()}
        found = grown_alike(of_points, grids, MORE)
        words = []
        for label, tried in found.items():
            point = best_point(tried)
            for axis in edges(point, tried):
                values = dict.fromkeys(values_on(axis, tried), 0.0)
                words.append(edge(label, list(searched[label].weights)[axis], values, point[axis]))
        chosen = {label: named(label, best_point(tried)) for label, tried in found.items()}
        return chosen, {label: len(tried) for label, tried in found.items()}, words

    def scores(self, asked: Sequence[tuple[Side, float, dict[str, float]]]) -> list[float]:
        """The mean score of each side at a rate with weights, over the orders of the search; 0 where it diverged."""
        jobs = [[self.job(side, rate, weights, order) for order in SEARCH] for side, rate, weights in asked]
        flat = iter(self.records.of([job for group in jobs for job in group]))
        means = []
        for (side, _, _), group in zip(asked, jobs, strict=True):
            score = SCORES[setting_of(side.setting).score]
            values = [0.0 if record.diverged else score(record) for record in (next(flat) for _ in group)]
            means.append(round(float(np.mean(values)), 9))
        return means

    def job(self, side: Side, rate: float, weights: dict[str, float], trial: int) -> Job:
        extras = setting_of(side.setting).extras if trial in SEARCH else self.extras(side)
        return Job(side.setting, side.recipe(rate, trial, weights), trial, extras)

    def trials(self, choice: Choice, numbers: Sequence[int], variant: str = "") -> list[Trial]:
        """The trials of the claim as chosen; ``variant`` "own": each side at the rate that is best for it alone;
        "published": with the weights that the paper gives."""
        groups = [
            [self.job(side, *self.settled(side, choice, variant), number) for side in self.sides] for number in numbers
        ]
        lacking, found = [], []
        for number, jobs in zip(numbers, groups, strict=True):
            try:
                found.append(self.trial(number, self.records.of(jobs)))
            except Missing as missing:
                lacking += missing.jobs
        if lacking:
            raise Missing(lacking)
        return found

    def settled(self, side: Side, choice: Choice, variant: str) -> tuple[float, dict[str, float]]:
        label = f"{side.label} on {side.setting}"
        rate = choice.own.get(label, choice.rate) if variant == "own" else choice.rate
        weights = choice.weights.get(label, {})
        return rate, {**weights, **side.published} if variant == "published" else weights

    @property
    def sides(self) -> tuple[Side, ...]:
        return (*self.claim.left.sides, *self.claim.right.sides)

    def trial(self, number: int, records: Sequence[Record]) -> Trial:
        if any(record.diverged for record in records):
            return Trial(number, float("nan"), float("nan"))
        count = len(self.claim.left.sides)
        own = tuple(records[:count]), tuple(records[count:])
        left, right = self.claim.left, self.claim.right
        curved = any(q.statistic and q.statistic.curves for q in (left, right))
        latest = max(map(latest_peak, records)) if curved else 0.0
        lefts, rights = (
            tuple(round(part, 6) for part in quantity.parts(of))
            for quantity, of in zip((left, right), own, strict=True)
        )
        values = round(left.value(own[0]), 6), round(right.value(own[1]), 6)
        return Trial(number, *values, lefts, rights, round(latest, 4))


def edge(label: str, name: str, tried: dict[float, float], value: float) -> str:
    """That a best value lies at the edge of what was tried."""
    return f"the best {name} of {label}, {value:g}, is at the edge of {min(tried):g} to {max(tried):g}"
