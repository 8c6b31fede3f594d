"""Runs as rows of a table that sorts; those of different regimes are never ranked in one."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..evaluation.metrics import average_accuracy, forgetting
from ..recipe.recipe import Recipe
from ..runs.run import Run
from ..show.runs import accuracy
from .playground_composition import composition_of
from .playground_presets import short

SORTS = {  # a column -> its heading, its order in words, and the key by which its best row comes first
    "newest": ("", "the newest first", lambda row: -row.place),
    "name": ("name", "from A to Z", lambda row: (row.run.name, row.run.seed)),
    "accuracy": ("average accuracy (%)", "the largest first", lambda row: -row.accuracy),
    "forgetting": ("forgetting (points)", "the least first", lambda row: row.forgetting),
    "seconds": ("seconds", "the fewest first", lambda row: row.seconds),
}
GROUPS = {
    False: "Task known in training: a softmax, or sigmoids, for each task",
    True: "Task unknown in training: the classes of all tasks seen compete",
}
UNTRAINED = "the task is unknown at test, for which these logits were never trained"


@dataclass(frozen=True)
class Row:
    """A run in the table; accuracy and forgetting in percent, nan where there is none."""

    place: int
    run: Run
    accuracy: float
    forgetting: float
    seconds: float
    note: str


def rows_of(runs: Sequence[Run], known_task: bool, recorded: Sequence[Run] = ()) -> list[Row]:
    """A row for each run, in their order."""
    found = []
    for place, run in enumerate(runs):
        average, lost = math.nan, math.nan
        if run.complete:
            matrix = accuracy(run, known_task)
            if not math.isnan(matrix[-1, 0]):
                average, lost = 100 * average_accuracy(matrix), 100 * forgetting(matrix)
        note = "recorded" if any(run is one for one in recorded) else ""
        note = note if run.complete else f"stopped in task {run.learned + 1} of {len(run.tasks)}"
        found.append(Row(place, run, average, lost, sum(run.seconds.values()), note))
    return found


def contents_of(recipe: Recipe) -> str:
    """The parts of a recipe, in a line."""
    try:
        made = composition_of(recipe)
    except ValueError:
        return repr(recipe.loss)
    words = [{"softmax": "softmax", "sigmoid": "sigmoids", "sigmoid, all": "sigmoids over all"}[made.new]]
    soft = f" (T = {made.temperature:g})" if made.kind == "softmax" else f" ({made.kind.replace('_', ' ')})"
    words += [f"{made.beta:g} x distillation{soft}"] * made.distillation
    words += [f"{made.gamma:g} x attention"] * made.attention
    words += [f"{made.omega:g} x {short(made.importance)} anchor"] * made.anchor
    kept = {"exemplars": f"{made.images} images", "per class": f"{made.images} images per class"}
    kept = {name: f"{words} by {made.selection}" for name, words in kept.items()}
    kept |= {"everything": "all images", "none": ""}
    words += [f"{weight:g} x {type(term).__name__}" for weight, term in made.others]
    more = [kept.get(made.memory, type(made.memory).__name__)]
    more += ["balanced fine-tuning"] * made.balanced + ["nearest mean"] * (made.predict != "logits")
    more += ["augmentation"] * bool(made.augmentation)
    kind = type(made.network).__name__
    more += [kind] * (kind != "MultiHead") + [f"{made.epochs} epochs"]
    return "; ".join([" + ".join(words), *filter(None, more)])


def table(rows: Sequence[Row], known_task: bool, by: str = "newest") -> str:
    """The rows as HTML tables, one per training regime, each sorted by that column, its best row first."""
    regime = "task known at test" if known_task else "task unknown at test"
    parts = []
    for competes, caption in GROUPS.items():
        group = sorted((row for row in rows if row.run.competes == competes), key=lambda row: _order(row, by))
        if group:
            mark = "*" if not known_task and not competes else ""
            caption = f"{caption}; {regime}" + (f". *{UNTRAINED}" if mark else "")
            body = "".join(_row(row, mark) for row in group)
            parts.append(f"<table><caption>{caption}</caption><thead>{_head(by)}</thead><tbody>{body}</tbody></table>")
    return f'<div class="cltutor-table">{"".join(parts)}</div>' if parts else ""


def _order(row: Row, by: str) -> tuple:
    """Runs without a number come last, whatever the column."""
    value = SORTS[by][2](row)
    return (isinstance(value, float) and math.isnan(value), 0 if value != value else value)


def _head(by: str) -> str:
    columns = {"name": "name", "what": "parts"}
    columns |= {name: SORTS[name][0] for name in ("accuracy", "forgetting", "seconds")}
    order = {"accuracy": "descending"}.get(by, "ascending")
    cells = (
        f'<th scope="col"{f" aria-sort={order}" if name == by else ""}>{words}{" ▾" if name == by else ""}</th>'
        for name, words in columns.items()
    )
    return f"<tr>{''.join(cells)}</tr>"


def _row(row: Row, mark: str) -> str:
    note = f" <small>{html.escape(row.note)}</small>" if row.note else ""
    name = f"{html.escape(row.run.name)} <small>seed {row.run.seed}</small>{note}"
    numbers = [_number(row.accuracy, mark), _number(row.forgetting, mark), f"{row.seconds:.1f}"]
    cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
    return f'<tr><th scope="row">{name}</th><td>{html.escape(contents_of(row.run.recipe))}</td>{cells}</tr>'


def _number(value: float, mark: str) -> str:
    return "–" if math.isnan(value) else f"{value:.1f}{mark}"
