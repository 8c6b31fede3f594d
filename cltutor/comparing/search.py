"""One search for every method: a grid of values that grows while a method's best lies at its edge."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

Name = TypeVar("Name")
Found = Mapping[float, float]  # the score of every value tried, the higher the better
MORE = 3  # further values on either side of a grid, at most


def search(
    score: Callable[[list[tuple[Name, float]]], Iterable[float]],
    names: Sequence[Name],
    grid: Sequence[float],
    more: int = MORE,
) -> dict[Name, dict[float, float]]:
    """The score of every value that was tried for every name: those of ``grid``, and further ones where the best was
    at the edge of what was tried, one at a time and at most ``more`` on either side.

    ``score`` takes pairs (name, value) and gives a score for each, in their order, so that it can run them in parallel.
    """
    found: dict[Name, dict[float, float]] = {name: {} for name in names}
    pending = [(name, value) for name in names for value in grid]
    while pending:
        for (name, value), reached in zip(pending, score(pending), strict=True):
            found[name][value] = reached
        beyond = [(name, following(found[name], grid, more)) for name in names]
        pending = [(name, value) for name, value in beyond if value is not None]
    return found


def best(found: Found) -> float:
    """The value with the highest score; of several, one inside what was tried, and of those the lowest."""
    top = max(found.values())
    tied = sorted(value for value, reached in found.items() if reached == top)
    return next((value for value in tied if not _at_edge(value, found)), tied[0])


def at_edge(found: Found) -> bool:
    """Whether the best value is the lowest or the highest tried, so that a better one may lie beyond; zero is an end
    beyond which there is nothing."""
    return _at_edge(best(found), found)


def following(found: Found, grid: Sequence[float], more: int = MORE) -> float | None:
    """The next value to try beyond the edge at which the best lies: None if it lies inside, or after ``more`` values.

    It is as many times the edge as the last two values of ``grid`` on this side are apart, to three digits: beyond
    0.005, 0.02, 0.05 come 0.125 and 0.00125.
    """
    positive = sorted(value for value in grid if value > 0)
    if len(positive) < 2 or not at_edge(found):
        return None
    edge = best(found)
    up = edge == max(found)
    last, inner = (positive[-1], positive[-2]) if up else (positive[0], positive[1])
    beyond = sum(value > last if up else value < last for value in found)
    return float(f"{edge * last / inner:.3g}") if beyond < more else None


def _at_edge(value: float, found: Found) -> bool:
    return value == max(found) or value == min(found) > 0
