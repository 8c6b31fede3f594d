"""The claims of the five papers, read from ``claims.toml``: one row per claim."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .claim import PAPERS, SIGNS, Claim, Quantity, Range
from .measures import STATISTICS, Statistic
from .settings import setting_of
from .sides import Side

ROWS = Path(__file__).resolve().parent / "claims.toml"
COMPARISON = re.compile(r"(.+) ([<>=]) (.+?)(?: ± ([\d.]+))?")
NUMBER = re.compile(r"-?[\d.]+")
BEST_OF = re.compile(r"\b(best|better|worst|worse|most|least|maximum|minimum) of\b")


def read(path: Path) -> tuple[Claim, ...]:
    """The claims of the rows in a file, by paper.

    Raises:
        ValueError: a comparison that is none, an unknown statistic or stream, or a claim that is not fair.
    """
    papers = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(claim(paper, papers[paper], *row) for paper in PAPERS for row in papers[paper]["rows"])


def claim(
    paper: str,
    given: Mapping[str, Any],
    place: str,
    sentence: str,
    statistic: str,
    comparison: str,
    options: Mapping[str, Any] | None = None,
) -> Claim:
    """One row as a claim; ``given`` are the paper's ``sides``, and its ``stream``, ``range`` and ``also`` for rows that
    name none."""
    own = {"stream": given["stream"], "range": given["range"], **(options or {})}
    if not (parts := COMPARISON.fullmatch(comparison)):
        raise ValueError(f'A comparison is "left > right", "left < right" or "left = right ± 2", not {comparison!r}.')
    names = statistic.split(" | ")
    if unknown := [name for name in names if name not in STATISTICS]:
        raise ValueError(f"There is no statistic {unknown[0]!r}; there are {', '.join(STATISTICS)}.")
    measures = [STATISTICS[name] for name in (names[0], names[-1])]
    counted = measures[0].counted
    left, right = (
        quantity(text, measure, given["sides"], own["stream"])
        for text, measure in zip(parts.group(1, 3), measures, strict=True)
    )
    streams = [setting_of(side.setting) for side in (*left.sides, *right.sides)]
    return Claim(
        paper,
        place,
        sentence,
        left,
        next(word for word, sign in SIGNS.items() if sign == parts[2]),
        right,
        float(parts[4] or 0),
        tuple(filter(None, own.get("differs", "").split(", "))),
        {**given.get("also", {}), **own.get("also", {})},
        None if counted else Range(*own["range"]),
        own.get("construction", ""),
        1 if counted else min(setting.trials for setting in streams),
        counted,
    )


def quantity(text: str, statistic: Statistic, sides: Mapping[str, Mapping[str, Any]], stream: str) -> Quantity:
    """One side of a comparison as written: a number, a recipe, or the lead of one recipe over another; behind " @ " on
    which stream, if not on the row's.

    Raises:
        ValueError: the best of several, which no single recipe can be compared with, or an unknown name.
    """
    if NUMBER.fullmatch(text):
        return Quantity(text, None if statistic.counted else statistic, constant=float(text))
    if BEST_OF.search(text):
        raise ValueError(f"A side is one recipe or the lead of one over another, not the best of several: {text}.")
    if statistic.counted:
        return Quantity(text, statistic, method=text)
    names, _, chosen = text.partition(" @ ")
    own = [side(name, sides, chosen or stream) for name in names.split(" - ")]
    return Quantity(text, statistic, tuple(own))


def side(name: str, sides: Mapping[str, Mapping[str, Any]], stream: str) -> Side:
    """The recipe of that name, one of the paper's sides or a method, on a stream."""
    found = dict(sides.get(name, {}))
    setting_of(stream)
    kinds = ("change", "warm_up", "weights", "published")
    own = {kind: found.pop(kind) for kind in kinds if kind in found}
    if "weights" in own:
        own["weights"] = {weight: tuple(map(float, values)) for weight, values in own["weights"].items()}
    return Side(name, found.pop("method", name), stream, found, **own)


@cache
def all_claims() -> tuple[Claim, ...]:
    """The claims of ``claims.toml``."""
    return read(ROWS)


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(ROWS.read_text(encoding="utf-8"))


def unrunnable(paper: str) -> list[tuple[str, str]]:
    """What a paper compares and a classroom cannot run: the place, and the reason."""
    return [(place, reason) for place, reason in _table()[paper].get("cannot", ())]


def published(paper: str) -> dict[str, str]:
    """Where a paper gives the weights of a side, by its label."""
    return _table()[paper].get("published", {})


def instructive() -> list[tuple[str, str, str]]:
    """Claims to learn from: the sentence, the verdict that the words are about, and the words."""
    rows = _table().get("instructive", ())
    return [(claim, verdict, words) for claim, verdict, words in rows]
