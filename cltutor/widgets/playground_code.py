"""A recipe's equation and code, both to copy, and the reading of a line that is pasted into a playground."""

import html
import inspect
from typing import Any

import ipywidgets

from .. import methods
from ..describe import Flag, Whole
from ..recipe.parser import code_of
from ..recipe.recipe import Recipe
from .controls import Call, call, read, takes
from .playground_composition import composition_of

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
CSS = """<style>
.cltutor-playground .cltutor-section { border: 1px solid #d5d5d5; border-radius: 4px; margin: 2px 0;
  padding: 4px 10px; }
.cltutor-playground .widget-toggle-button { height: 26px; line-height: 26px; padding: 0 9px; }
.cltutor-playground .cltutor-knob .widget-hslider { margin: 0; width: 84px !important; }
.cltutor-playground .cltutor-knob { margin-right: 6px; }
.cltutor-playground .cltutor-section .widget-dropdown { margin-right: 8px; max-width: 170px; }
.cltutor-playground .cltutor-reasons, .cltutor-playground details { font-size: 12px; line-height: 1.4; }
.cltutor-playground .cltutor-reasons ul { margin: 2px 0 4px; padding-left: 20px; }
.cltutor-playground summary { cursor: pointer; }
.cltutor-playground summary:focus-visible { outline: 3px solid #e69f00; }
.cltutor-code { display: flex; align-items: baseline; gap: 8px; margin: 2px 0; line-height: 1.35; }
.cltutor-code code { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12px; flex: 1; }
.cltutor-code button { flex: none; font-size: 12px; cursor: pointer; }
.cltutor-table table { border-collapse: collapse; margin: 4px 0 8px; width: 100%; font-size: 13px; }
.cltutor-table caption { text-align: left; font-weight: bold; padding: 2px 0;
  line-height: 1.35; }
.cltutor-table th, .cltutor-table td { text-align: left; padding: 2px 10px 2px 0; border-bottom: 1px solid #e0e0e0;
  font-weight: normal; line-height: 1.35; }
.cltutor-table thead th { font-weight: bold; border-bottom: 1px solid #888; }
.cltutor-table td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.cltutor-table small { color: #555; }
</style>"""


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
