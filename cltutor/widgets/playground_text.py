"""What a playground shows as text: equation and code, to copy and to paste, and a table of runs that sorts."""

import html
import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import ipywidgets

from .. import methods
from ..describe import Choice, Flag, Whole, counted
from ..recipe.merging import Unmerged
from ..recipe.parser import code_of
from ..recipe.recipe import Recipe
from ..runs.naming import grouped
from ..runs.run import Run
from ..show.runs import reading, setting
from .collecting import ends_of, seeds_of
from .controls import Call, call, read, takes
from .playground_composition import composition_of
from .playground_presets import short

SUCH = 'paste cl.methods.lwf(temperature=3), cl.Recipe(name="mine", loss=...), or a line of this widget'
SEEDS = (1, 3, 5)
VIEWS = {
    "curves": "the accuracy of every task",
    "wall": "every test image, right or wrong (a click on a curve opens it)",
}
RULES = {"known_task": Flag(), "seed": Whole(at_least=0), "seeds": Choice(SEEDS), "view": Choice(VIEWS)}


def method_code(wanted: Recipe) -> str | None:
    """The call of a method that makes the recipe, such as ``cl.methods.lwf(temperature=3)``; None if there is none."""
    if wanted.name not in methods.names():
        return None
    build, found = methods.named(wanted.name), composition_of(wanted)
    own = inspect.signature(build).parameters
    more = {"heads": found.heads, "epochs": found.epochs, "learning_rate": found.rate}
    settings = {name: value for name, value in more.items() if takes(build, name, value)}
    settings |= {"memory": wanted.memory} if found.memory in ("exemplars", "per class") else {}
    settings |= {"capacity": found.images} if found.keeps and "capacity" in own else {}
    # The papers' lambda is the weight of a term, or twice of it.
    several = [{"lam": lam} for lam in (found.beta, found.omega, 2 * found.omega)] if "lam" in own else [{}]
    weights = {name: getattr(found, name) for name in ("temperature", "beta", "gamma") if name in own}
    for weight, more in product((weights, {}), several):  # a method's own beta may be that of another term
        if _made(build, weight | settings | more) == wanted:
            return call(f"cl.methods.{wanted.name}", _shortest(build, weight | settings | more, wanted))
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


def read_line(code: str, usual: Mapping[str, Any], first: Recipe | str = "finetune") -> tuple[Recipe, dict[str, Any]]:
    """The recipe that a pasted line makes and, if it makes a playground, its settings; what it leaves out is ``usual``,
    or the ``first`` recipe.

    Raises:
        ValueError: it is no recipe, no method and no playground, or has a value that does not fit.
    """
    found = read(code, ["Playground"], {name: methods.named(name) for name in methods.names()}, SUCH)
    if not isinstance(found, Call):
        return _recipe(found), {}
    if not 1 <= len(found.first) <= 2:
        raise ValueError(f"A Playground shows a stream and begins with a recipe: {SUCH}.")
    settings = dict(usual) | found.settings
    recipe = found.first[1] if len(found.first) == 2 else settings.pop("recipe", first)
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


class Formula(ipywidgets.HTML):
    """The equation, and below it the code and the LaTeX that make it."""

    def __init__(self) -> None:
        super().__init__(layout=ipywidgets.Layout(margin="6px 0", width="98%"))
        self.add_class("cltutor-formula")

    def show(self, recipe: Recipe) -> None:
        """Set the equation of this recipe, and its code."""
        call, code = method_code(recipe), code_of(recipe)
        folded = (copyable("code", code) if call else "") + copyable("LaTeX", r" \\ ".join(recipe.equations))
        words = "written out, and the equation in LaTeX" if call else "the equation in LaTeX"
        more = f"<details><summary>{words}</summary>{folded}</details>"
        self.value = f"{recipe._repr_html_()}{copyable('code', call or code)}{more}"


def copyable(what: str, code: str) -> str:
    """Code with a button that copies it."""
    button = f'<button type="button" title="copy the {what}" onclick="{COPY}">Copy</button>'
    return f'<div class="cltutor-code">{button}<code aria-label="{what}">{html.escape(code)}</code></div>'


SORTS = {  # a column -> its heading, its order in words, and the key by which its best row comes first
    "name": ("name", "from A to Z", lambda row: row.name),
    "parts": ("parts", "from A to Z", lambda row: row.parts),
    "accuracy": ("average accuracy (%)", "the largest first", lambda row: -row.accuracy[0]),
    "forgetting": ("forgetting (points)", "the least first", lambda row: row.forgetting[0]),
    "seconds": ("seconds", "the fewest first", lambda row: row.seconds),
}
NEWEST = "newest"
GROUPS = {
    False: "Task-incremental training: a softmax, or sigmoids, for each task",
    True: "Class-incremental training: the loss is over the classes of all tasks seen",
}
UNTRAINED = "the task is unknown at test, for which these logits were never trained"


@dataclass(frozen=True)
class Row:
    """The runs of one recipe; accuracy and forgetting in per cent, with half of their interval, nan where there is
    none; seconds of a run."""

    place: int
    name: str
    parts: str
    competes: bool
    accuracy: tuple[float, float]
    forgetting: tuple[float, float]
    seconds: float
    note: str


def rows_of(runs: Sequence[Run], known_task: bool, recorded: Sequence[Run] = (), live: Run | None = None) -> list[Row]:
    """A row for each recipe, by the name that it has in the picture, in their order."""
    found = []
    for place, (name, own) in enumerate(grouped(runs)):
        whole = [run for run in own if run.complete] or own
        notes = [seeds_of(own)] + ["recorded"] * any(own[0] is one for one in recorded)
        for run in own:
            if not run.complete:
                doing = "learning" if run is live else "stopped in"
                notes.append(f"{doing} task {run.learned + 1} of {len(run.tasks)}")
        seconds = sum(sum(run.seconds.values()) for run in whole) / len(whole)
        numbers = ends_of(own, known_task)
        found.append(Row(place, name, contents_of(own[0].recipe), own[0].competes, *numbers, seconds, ", ".join(notes)))
    return found


def contents_of(recipe: Recipe) -> str:
    """The parts of a recipe, in a line."""
    made = composition_of(recipe)
    images, epochs = counted(made.images, "image"), counted(made.epochs, "epoch")
    if made.whole is not None:
        own = [recipe.network, *([recipe.after_task] if recipe.after_task != Unmerged() else [])]
        kept = [images] * made.keeps
        return "; ".join([repr(recipe.loss), *kept, *(type(part).__name__ for part in own), epochs])
    words = [{"softmax": "softmax", "sigmoid": "sigmoids", "sigmoid, all": "sigmoids over all"}[made.new]]
    soft = f" (T = {made.temperature:g})" if made.kind == "softmax" else f" ({made.kind.replace('_', ' ')})"
    words += [f"{made.beta:g} x distillation{soft}"] * made.distillation
    words += [f"{made.gamma:g} x attention"] * made.attention
    words += [f"{made.omega:g} x {short(made.importance)} anchor"] * made.anchor
    kept = {"exemplars": images, "per class": f"{images} per class"}
    kept = {name: f"{words} by {made.selection}" for name, words in kept.items()}
    kept |= {"everything": "all images", "none": ""}
    words += [f"{weight:g} x {type(term).__name__}" for weight, term in made.others]
    more = [kept.get(made.memory, type(made.memory).__name__)]
    more += [images] * (made.keeps and made.memory != "exemplars")
    more += ["balanced fine-tuning"] * made.balanced + ["nearest mean"] * (made.predict != "logits")
    more += ["augmentation"] * bool(made.augmentation)
    kind = type(made.network).__name__
    more += [kind] * (kind != "MultiHead") + [epochs]
    return "; ".join([" + ".join(words), *filter(None, more)])


def table(rows: Sequence[Row], known_task: bool, by: str = NEWEST) -> str:
    """The rows as HTML tables, one per training regime, each sorted by that column, its best row first."""
    parts = []
    for competes, caption in GROUPS.items():
        group = sorted((row for row in rows if row.competes == competes), key=lambda row: _order(row, by))
        if group:
            mark = "*" if not known_task and not competes else ""
            caption += f". *{UNTRAINED}" if mark else ""
            body = "".join(_row(row, mark) for row in group)
            head = _head(by, setting(known_task))
            parts.append(f"<table><caption>{caption}</caption><thead>{head}</thead><tbody>{body}</tbody></table>")
    return f'<div class="cltutor-table">{"".join(parts)}</div>' if parts else ""


def _order(row: Row, by: str) -> tuple:
    """Rows without a number come last, whatever the column."""
    value = SORTS[by][2](row) if by in SORTS else -row.place
    return (isinstance(value, float) and math.isnan(value), 0 if value != value else value)


def _head(by: str, question: str) -> str:
    """The headings: each is a button that sorts, and says which question its numbers answer."""
    cells = []
    for name, (words, order, _) in SORTS.items():
        shown = f"{words}, {question}" if name in ("accuracy", "forgetting") else words
        state = ("descending" if name == "accuracy" else "ascending") if name == by else "none"
        tip = f"sort by {words}, {order}" if name != by else "sort by age, the newest first"
        sign = " ▾" if name == by else ""
        button = f'<button type="button" data-press="{name}" title="{tip}">{shown}{sign}</button>'
        cells.append(f'<th scope="col" aria-sort="{state}">{button}</th>')
    return f"<tr>{''.join(cells)}</tr>"


def _row(row: Row, mark: str) -> str:
    numbers = [_number(row.accuracy, mark), _number(row.forgetting, mark), f"{row.seconds:.1f}"]
    cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
    name = f"{html.escape(row.name)} <small>{html.escape(row.note)}</small>"
    return f'<tr><th scope="row">{name}</th><td>{html.escape(row.parts)}</td>{cells}</tr>'


def _number(value: tuple[float, float], mark: str) -> str:
    return reading(*value, unit="") + (mark if math.isfinite(value[0]) else "")
