"""What a search found: every configuration that it tried, as a table, and the recipes that it chose."""

import html
from dataclasses import dataclass

import numpy as np

from ..evaluation.metrics import mean_interval, paired_difference
from ..recipe.recipe import Recipe
from ..show.rows import Table
from .table import percent

MEANINGS = (
    "mean: over the class orders, with the half width of its 95 % t-interval",
    "against the chosen: the difference, paired by class order; an interval that contains 0 decides nothing",
)


@dataclass(frozen=True)
class Configuration:
    """A recipe with the ``settings`` that were tried, and what it scored on each class order: 0 where it diverged.

    One of all recipes together has their means.
    """

    recipe: str
    settings: dict[str, float]
    scores: tuple[float, ...]
    diverged: int = 0
    chosen: bool = False

    @property
    def mean(self) -> float:
        """Rounded, so that equal scores in another order are a tie."""
        return round(float(np.mean(self.scores)), 12)


@dataclass(frozen=True, repr=False)
class SearchResult:
    """The outcome of ``cl.search``. A notebook shows everything that was tried as a table, a terminal as text.

    ``recipes`` are the chosen ones in the order given, ready for ``cl.compare``; ``settings`` what was chosen for each,
    by its name. ``tried`` are all configurations, those of all recipes together first. ``edges`` has a sentence for
    every best value that lies at the edge of what was tried, so that a better one may lie beyond.
    """

    recipes: list[Recipe]
    settings: dict[str, dict[str, float]]
    tried: tuple[Configuration, ...]
    edges: tuple[str, ...]
    about: str

    def table(self) -> Table:
        """A row for every configuration, sorted by its settings within each recipe."""
        names = list(dict.fromkeys(name for one in self.tried for name in one.settings))
        order = list(dict.fromkeys(one.recipe for one in self.tried))
        chosen = {one.recipe: one for one in self.tried if one.chosen}

        def place(one: Configuration) -> tuple[int, list[float]]:
            return order.index(one.recipe), [one.settings.get(name, -1.0) for name in names]

        lost, rows = any(one.diverged for one in self.tried), []
        for one in sorted(self.tried, key=place):
            values = (f"{one.settings[name]:g}" if name in one.settings else "" for name in names)
            gap = percent(paired_difference(one.scores, chosen[one.recipe].scores), "+")
            cells = (percent(mean_interval(one.scores)), "chosen" if one.chosen else gap, str(len(one.scores)))
            rows.append((one.recipe, *values, *cells, *([str(one.diverged)] if lost else [])))
        head = ("recipe", *names, "mean (%)", "against the chosen", "orders", *(["diverged"] if lost else []))
        return Table(head, tuple(rows))

    def __repr__(self) -> str:
        return "\n".join([repr(self.table()), "", self.about, *self.edges])

    def _repr_markdown_(self) -> str:
        notes = "".join(f"- {words}\n" for words in (self.about, *self.edges))
        return f"{self.table()._repr_markdown_()}\n\n{notes}"

    def _repr_html_(self) -> str:
        notes = "".join(f"<p>{html.escape(words)}</p>" for words in (self.about, *self.edges))
        meanings = "".join(f"<li>{html.escape(meaning)}.</li>" for meaning in MEANINGS)
        return (
            f"<div>{self.table().html('Everything that was tried')}{notes}"
            f"<details><summary>What the columns mean</summary><ul>{meanings}</ul></details></div>"
        )
