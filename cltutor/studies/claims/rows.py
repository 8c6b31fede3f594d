"""The claims of the five papers, read from ``claims.toml``: one row per claim."""

import re
import tomllib
from pathlib import Path

from . import dfcnn, eeil, lwf, lwm, mas
from .claim import PAPERS, SIGNS, Claim

ROWS = Path(__file__).resolve().parent / "claims.toml"
VOCABULARIES = {paper.__name__.rpartition(".")[2]: paper.VOCABULARY for paper in (lwf, mas, lwm, eeil, dfcnn)}
COMPARISON = re.compile(r"(.+) ([<>=]) (.+?)(?: ± ([\d.]+))?")


def read(path: Path) -> tuple[Claim, ...]:
    """The claims of the rows in a file, by paper.

    Raises:
        ValueError: a comparison that is none.
    """
    rows = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(claim(paper, *row) for paper in PAPERS for row in rows[paper])


def claim(paper: str, place: str, sentence: str, statistic: str, comparison: str) -> Claim:
    """One row as a claim."""
    if not (parts := COMPARISON.fullmatch(comparison)):
        raise ValueError(f'A comparison is "left > right", "left < right" or "left = right ± 2", not {comparison!r}.')
    vocabulary = VOCABULARIES[paper]
    measure = vocabulary.statistics[statistic]
    left, right = (vocabulary.side(statistic, label) for label in parts.group(1, 3))
    side = next(word for word, sign in SIGNS.items() if sign == parts[2])
    trials = 1 if measure.counted else Claim.trials
    margin = float(parts[4] or 0)
    return Claim(paper, place, sentence, measure.name, left, side, right, margin, trials, measure.counted)


CLAIMS = read(ROWS)
