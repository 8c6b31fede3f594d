"""Grids of values that grow while the best lies at their edge: for each name alone, or for all by as many points."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import product
from typing import TypeVar

Name = TypeVar("Name")
Point = tuple[float, ...]
Axes = Sequence[Sequence[float]]  # the values of each coordinate
Found = Mapping[float, float]  # the score of every value tried, the higher the better
Tried = Mapping[Point, float]  # of every point
MORE = 3  # further values on either side of a grid, at most


def grown(
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


def grown_alike(
    score: Callable[[list[tuple[Name, Point]]], Iterable[float]], grids: Mapping[Name, Axes], more: int = MORE
) -> dict[Name, dict[Point, float]]:
    """The score of every point of every name's grid, and of further ones until each best lies inside, as in ``grown``.

    Names whose grids have equally many points are tried at equally many in the end: while the grid of one grows, the
    others try a point between their best and its better neighbour.
    """
    found: dict[Name, dict[Point, float]] = {name: {} for name in grids}
    pending = [(name, point) for name, axes in grids.items() for point in product(*axes)]
    while pending:
        for (name, point), reached in zip(pending, score(pending), strict=True):
            found[name][point] = reached
        outside = {name: beyond(found[name], axes, more) for name, axes in grids.items()}
        following_points = [(name, point or between(found[name])) for name, point in outside.items()]
        pending = [(name, point) for name, point in following_points if point] if any(outside.values()) else []
    return found


def best(found: Found) -> float:
    """The value with the highest score; of several, one inside what was tried, and of those the lowest."""
    return best_point({(value,): reached for value, reached in found.items()})[0]


def best_point(found: Tried) -> Point:
    """The same of points: of several, the first that lies inside on every axis."""
    top = max(found.values())
    tied = sorted(point for point, reached in found.items() if reached == top)
    return next((point for point in tied if not edges(point, found)), tied[0])


def edges(point: Point, found: Tried) -> list[int]:
    """The axes on which a point lies at the edge of what was tried."""
    return [axis for axis, value in enumerate(point) if _at_edge(value, values_on(axis, found))]


def at_edge(found: Found) -> bool:
    """Whether the best value is the lowest or the highest tried, so that a better one may lie beyond; zero is an end
    beyond which there is nothing."""
    return _at_edge(best(found), found)


def following(found: Found, grid: Sequence[float], more: int = MORE) -> float | None:
    """The next value to try beyond the edge at which the best lies: None if it lies inside, or after ``more`` values.

    It is as many times the edge as the last two values of ``grid`` on this side are apart, to three digits: beyond
    0.005, 0.02, 0.05 come 0.125 and 0.00125.
    """
    return next_value(best(found), found, grid, more)


def next_value(edge: float, tried: Collection[float], grid: Sequence[float], more: int) -> float | None:
    """The value that follows beyond ``edge`` if it is an edge of what was tried."""
    positive = sorted(value for value in grid if value > 0)
    if len(positive) < 2 or not _at_edge(edge, tried):
        return None
    up = edge == max(tried)
    last, inner = (positive[-1], positive[-2]) if up else (positive[0], positive[1])
    further = sum(value > last if up else value < last for value in tried)
    return float(f"{edge * last / inner:.3g}") if further < more else None


def beyond(found: Tried, axes: Axes, more: int) -> Point | None:
    """The next point beyond the first edge at which the best lies."""
    point = best_point(found)
    for axis in edges(point, found):
        if (value := next_value(point[axis], values_on(axis, found), axes[axis], more)) is not None:
            return (*point[:axis], value, *point[axis + 1 :])
    return None


def between(found: Tried) -> Point | None:
    """The point halfway, as a ratio, from the best to its better neighbour on an axis; None where it was tried."""
    point, candidates = best_point(found), []
    for axis, value in enumerate(point):
        tried = values_on(axis, found)
        place = tried.index(value)
        for other in (*tried[max(0, place - 1) : place], *tried[place + 1 : place + 2]):
            reached = max(score for at, score in found.items() if at[axis] == other)
            half = math.sqrt(value * other) if value * other else (value + other) / 2
            candidates.append((reached, (*point[:axis], float(f"{half:.3g}"), *point[axis + 1 :])))
    middle = max(candidates)[1] if candidates else None
    return None if middle in found else middle


def values_on(axis: int, found: Tried) -> list[float]:
    """The values tried on an axis, in ascending order."""
    return sorted({point[axis] for point in found})


def _at_edge(value: float, tried: Collection[float]) -> bool:
    return value == max(tried) or value == min(tried) > 0
