"""The lines of code of a playground: a recipe as it can be run in a cell, and what a pasted line says.

Pasted code is read with `ast` and never evaluated.
"""

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass

from .. import importance, losses, memory, methods, networks, streams
from ..recipe import merging, noise, recipe
from ..recipe.recipe import Recipe, described, descriptions
from .code import plain
from .playground_composition import composition_of

ROOMS = (importance, losses, memory, merging, networks, noise, streams)
SUCH = 'paste cl.methods.lwf(temperature=3), cl.Recipe(name="mine", loss=...), or a line of this widget'


@dataclass(frozen=True)
class Line:
    """What a line of this widget says: the recipe, and what is asked at test."""

    recipe: Recipe
    known_task: bool | None = None
    seed: int | None = None


def recipe_code(wanted: Recipe) -> str:
    """The recipe written out, as a cell runs it: each name with the room that it is in."""
    tree = ast.parse(repr(wanted), mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            node.func.id = _room(node.func.id)
    return _quoted(ast.unparse(tree))


def method_code(wanted: Recipe) -> str | None:
    """The call of a method that makes the recipe, such as ``cl.methods.lwf(temperature=3)``; None if there is none."""
    if wanted.name not in methods.names():
        return None
    build, found = getattr(methods, wanted.name), composition_of(wanted)
    own = inspect.signature(build).parameters
    settings = {name: getattr(found, name) for name in ("temperature", "beta", "gamma") if name in own}
    settings |= {"heads": found.heads, "epochs": found.epochs, "learning_rate": found.rate}
    settings |= {"memory": wanted.memory} if found.memory in ("exemplars", "per class") else {}
    # The papers' lambda is the weight of a term, or twice of it.
    several = [{"lam": lam} for lam in (found.beta, found.omega, 2 * found.omega)] if "lam" in own else [{}]
    for more in several:
        if _made(build, settings | more) == wanted:
            shown = _shortest(build, settings | more, wanted)
            words = (f"{name}={_code(value)}" for name, value in shown.items())
            return f"cl.methods.{wanted.name}({', '.join(words)})"
    return None


def _made(build: Callable[..., Recipe], settings: dict) -> Recipe | None:
    """The recipe of a method with these settings, None where it does not take them."""
    try:
        return build(**settings)
    except ValueError:
        return None


def _shortest(build: Callable[..., Recipe], settings: dict, wanted: Recipe) -> dict:
    """The settings without those that are the method's own."""
    for name in list(settings):
        without = {other: value for other, value in settings.items() if other != name}
        settings = without if build(**without) == wanted else settings
    return settings


def widget_code(wanted: Recipe, settings: dict) -> str:
    """The line that makes the playground again as it is set."""
    shown = "".join(f", {name}={_code(value)}" for name, value in settings.items())
    return f"cl.widgets.Playground(stream, {method_code(wanted) or recipe_code(wanted)}{shown})"


def read_line(code: str) -> Line:
    """What a pasted line says.

    Raises:
        ValueError: it is no recipe, no method and no playground, or has a value that does not fit.
    """
    try:
        node = _undotted(ast.parse(code.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"This is not one line of code: {SUCH}.") from None
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Playground"):
        return Line(_recipe(node))
    if not 1 <= len(node.args) <= 2:
        raise ValueError(f"A Playground shows a stream and begins with a recipe: {SUCH}.")
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    first = node.args[1] if len(node.args) == 2 else given.pop("recipe", ast.Constant("finetune"))
    values = {}
    for name, kind, words in (("known_task", bool, "True or False"), ("seed", int, "a whole number from 0 up")):
        if name in given:
            values[name] = _literal(name, given.pop(name))
            if type(values[name]) is not kind or values[name] < 0:
                raise ValueError(f"{name} is {words}, not {values[name]!r}.")
    if given:
        raise ValueError(f"No control sets {', '.join(map(str, given))}: run that line in a cell.")
    return Line(_recipe(first), **values)


def _recipe(node: ast.expr) -> Recipe:
    """The recipe that a node says: one written out, a method's name, or a call of a method."""
    match node:
        case ast.Constant(value=str(name)):
            return methods.get(name)
        case ast.Call(func=ast.Name(id=name), args=[], keywords=keywords) if name in methods.names():
            return getattr(methods, name)(**{keyword.arg: _literal(keyword.arg, keyword.value) for keyword in keywords})
        case ast.Call(func=ast.Name(id="Recipe")):
            return recipe.parse(ast.unparse(node))
        case ast.Call(func=ast.Name(id=name)):
            methods.get(name)  # tells what it may have been meant to be
    raise ValueError(f"This is no recipe: {SUCH}.")


def _literal(name: str | None, node: ast.expr) -> object:
    if name is None:
        raise ValueError("Give the settings by name, such as temperature=3.")
    try:
        return described(node)
    except (TypeError, ValueError) as error:
        words = str(error) if "malformed node" not in str(error) else "use a number, a word or what cltutor describes."
        raise ValueError(f"{name}={ast.unparse(node)} cannot be set here: {words}") from None


class _Undot(ast.NodeTransformer):
    """Names without their rooms, and the settings of descriptions by name, as the code of a recipe has them."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        kind = descriptions().get(node.func.id) if isinstance(node.func, ast.Name) else None
        names = list(inspect.signature(kind).parameters) if kind else []
        if 0 < len(node.args) <= len(names):
            named = [ast.keyword(name, value) for name, value in zip(names, node.args, strict=False)]
            node.args, node.keywords = [], named + node.keywords
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.Name:
        return ast.Name(node.attr, ast.Load())


def _undotted(node: ast.expr) -> ast.expr:
    """The same code without the rooms before its names."""
    return ast.fix_missing_locations(_Undot().visit(node))


def _room(name: str) -> str:
    """A class's name with the room that it is found in."""
    for room in ROOMS:
        if name in room.__all__:
            return f"cl.{room.__name__.rpartition('.')[2]}.{name}"
    return f"cl.{name}"


def _code(value: object) -> str:
    """The code of a setting, as a cell runs it."""
    tree = ast.parse(repr(plain(value)), mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            node.func.id = _room(node.func.id)
    return _quoted(ast.unparse(tree))


def _quoted(code: str) -> str:
    """Code with the double quotes that the notebooks use."""
    return code if '"' in code else code.replace("'", '"')
