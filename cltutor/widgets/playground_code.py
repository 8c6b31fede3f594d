"""The lines of code of a playground: a recipe as it can be run in a cell, and the reading of a pasted line."""

import inspect
from dataclasses import dataclass

from .. import methods
from ..describe import Flag, Whole
from ..recipe.parser import code_of
from ..recipe.recipe import Recipe
from .code import Call, call, read, takes
from .playground_composition import composition_of

SUCH = 'paste cl.methods.lwf(temperature=3), cl.Recipe(name="mine", loss=...), or a line of this widget'
RULES = {"known_task": Flag(), "seed": Whole(at_least=0)}


@dataclass(frozen=True)
class Line:
    """What a pasted line sets: the recipe and, if it makes a playground, whether the task is known at test, and the
    seed."""

    recipe: Recipe
    known_task: bool | None = None
    seed: int | None = None


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


def read_line(code: str) -> Line:
    """What a pasted line says.

    Raises:
        ValueError: it is no recipe, no method and no playground, or has a value that does not fit.
    """
    found = read(code, ["Playground"], {name: methods.named(name) for name in methods.names()}, SUCH)
    if not isinstance(found, Call):
        return Line(_recipe(found))
    if not 1 <= len(found.first) <= 2:
        raise ValueError(f"A Playground shows a stream and begins with a recipe: {SUCH}.")
    settings = dict(found.settings)
    recipe = found.first[1] if len(found.first) == 2 else settings.pop("recipe", "finetune")
    usual = {"known_task": True, "seed": 0}
    values = {name: rule.check(name, settings.pop(name, usual[name])) for name, rule in RULES.items()}
    if settings:
        raise ValueError(f"No control sets {', '.join(settings)}: run that line in a cell.")
    return Line(_recipe(recipe), **values)


def _recipe(value: object) -> Recipe:
    """A recipe, or the method of that name."""
    if not isinstance(value, Recipe | str):
        raise ValueError(f"This is no recipe: {SUCH}.")
    return methods.get(value)
