"""What a playground shows as text: equation and code, to copy and to paste, and a table of runs that sorts."""

import html
import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets
import numpy as np

from .. import methods
from ..describe import Flag, Whole
from ..evaluation.metrics import average_accuracy, forgetting
from ..recipe.parser import code_of
from ..recipe.recipe import Recipe
from ..runs.naming import name_of
from ..runs.run import Run
from ..show.runs import accuracy
from .controls import Call, call, read, takes
from .playground_composition import composition_of
from .playground_presets import short

SUCH = 'paste cl.methods.lwf(temperature=3), cl.Recipe(name="mine", loss=...), or a line of this widget'
RULES = {"known_task": Flag(), "seed": Whole(at_least=0)}


def method_code(wanted: Recipe) -> str | None:
    """The call of a method that makes the recipe, such as ``cl.methods.lwf(temperature=3)``; None if there is none."""
    if wanted.name not in methods.names():
        return None
    build, found = methods.named(wanted.name), composition_of(wanted)
    own = inspect.signature(build).parameters
    settings = {name: getattr(found, name) for name in ("temperature", "beta", "gamma") if name in own}
    more = {"heads": found.heads, "epochs": found.epochs, "learning_rate": found.rate}
    settings |= {name: value for name, value in more.items() if takes(build, name, value)}
    settings |= {"memory": wanted.memory} if found.memory in ("exemplars", "per class") else {}
    # The papers' lambda is the weight of a term, or twice of it.
    several = [{"lam": lam} for lam in (found.beta, found.omega, 2 * found.omega)] if "lam" in own else [{}]
    for more in several:
        if _made(build, settings | more) == wanted:
            return call(f"cl.methods.{wanted.name}", _shortest(build, settings | more, wanted))
    return None


def _made(build: methods.Build, settings: dict) -> Recipe | None:
    """The recipe of a method with these settings, None where it does not take them."""
    try:
        return build(**settings)
    except ValueError:
        return None


def _shortest(build: methods.Build, settings: dict, wanted: Recipe) -> dict:
    """The settings without those that are the method's own."""
    for name in list(settings):
        without = {other: value for other, value in settings.items() if other != name}
        settings = without if build(**without) == wanted else settings
    return settings


def widget_code(wanted: Recipe, settings: dict) -> str:
    """The line that makes the playground again as it is set."""
    return call("cl.widgets.Playground", settings, "stream", method_code(wanted) or code_of(wanted))


def read_line(code: str) -> tuple[Recipe, dict[str, Any]]:
    """The recipe that a pasted line makes and, if it makes a playground, ``known_task`` and ``seed``.

    Raises:
        ValueError: it is no recipe, no method and no playground, or has a value that does not fit.
    """
    found = read(code, ["Playground"], {name: methods.named(name) for name in methods.names()}, SUCH)
    if not isinstance(found, Call):
        return _recipe(found), {}
    if not 1 <= len(found.first) <= 2:
        raise ValueError(f"A Playground shows a stream and begins with a recipe: {SUCH}.")
    settings = {"known_task": True, "seed": 0} | found.settings
    recipe = found.first[1] if len(found.first) == 2 else settings.pop("recipe", "finetune")
    if unknown := settings.keys() - RULES.keys():
        raise ValueError(f"No control sets {', '.join(sorted(unknown))}: run that line in a cell.")
    return _recipe(recipe), {name: RULES[name].check(name, value) for name, value in settings.items()}


def _recipe(value: object) -> Recipe:
    """A recipe, or the method of that name."""
    if not isinstance(value, Recipe | str):
        raise ValueError(f"This is no recipe: {SUCH}.")
    return methods.get(value)


# What is copied is selected first, so that the keyboard's own command copies it too.
COPY = "getSelection().selectAllChildren(this.parentElement.querySelector('code'));document.execCommand('copy')"


class Formula(ipywidgets.VBox):
    """The typeset equation, and below it the code and the LaTeX that make it."""

    def __init__(self) -> None:
        self.equation = ipywidgets.HTMLMath()
        self.words = ipywidgets.HTML(layout=ipywidgets.Layout(width="100%", margin="0"))
        super().__init__([self.equation, self.words], layout=ipywidgets.Layout(margin="6px 0", width="98%"))
        self.add_class("cltutor-formula")

    def show(self, recipe: Recipe) -> None:
        """Set the equation of this recipe, and its code."""
        lines = [recipe._repr_latex_().strip("$").removeprefix(r"\displaystyle ")]
        for phase in recipe.schedule.later:
            if phase.loss is not None:
                own = rf"\mathcal{{L}}_{{\text{{{phase.name}}}}} = {phase.loss.latex(recipe.heads)}"
                lines.append(own)
        self.equation.value = "<br>".join(rf"$\displaystyle {line}$" for line in lines)
        call, code = method_code(recipe), code_of(recipe)
        folded = (copyable("code", code) if call else "") + copyable("LaTeX", r" \\ ".join(lines))
        words = "written out, and the equation in LaTeX" if call else "the equation in LaTeX"
        self.words.value = f"{copyable('code', call or code)}<details><summary>{words}</summary>{folded}</details>"


def copyable(what: str, code: str) -> str:
    """Code with a button that copies it."""
    button = f'<button type="button" title="copy the {what}" onclick="{COPY}">Copy</button>'
    return f'<div class="cltutor-code">{button}<code aria-label="{what}">{html.escape(code)}</code></div>'


SORTS = {  # a column -> its heading, its order in words, and the key by which its best row comes first
    "newest": ("", "the newest first", lambda row: -row.place),
    "name": ("name", "from A to Z", lambda row: (name_of(row.run), row.run.seed)),
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
            if not np.isnan(matrix[-1]).all():  # else the run has no answer to this question
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
    name = f"{html.escape(name_of(row.run))} <small>seed {row.run.seed}</small>{note}"
    numbers = [_number(row.accuracy, mark), _number(row.forgetting, mark), f"{row.seconds:.1f}"]
    cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
    return f'<tr><th scope="row">{name}</th><td>{html.escape(contents_of(row.run.recipe))}</td>{cells}</tr>'


def _number(value: float, mark: str) -> str:
    return "–" if math.isnan(value) else f"{value:.1f}{mark}"
