"""Code of recipes and parts, read without evaluating it and written as a cell runs it.

The one reader of run files, pasted lines and the command line. It knows literals, calls of descriptions (cltutor's own
and registered ones), sums of terms and numbers times terms.
"""

import ast
import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from types import ModuleType
from typing import Any, TypeVar

from ..checked import checked
from ..describe import Described
from ..losses.terms import Loss, Term
from .recipe import Phase, Recipe, Schedule

LONGEST = 20_000  # characters
# Where descriptions live, by the name under which users import the module from cltutor.
ROOMS = {
    "importance": "importance",
    "losses": "losses",
    "memory": "memory",
    "merging": "recipe.merging",
    "methods": "methods",
    "networks": "networks",
    "noise": "recipe.noise",
    "streams": "streams",
}
# Settings that were renamed since runs were first saved.
RENAMED = {("Recipe", "merge"): "after_task"}

Kind = TypeVar("Kind", bound=type[Described])
_registered: dict[str, type[Described]] = {}


class NotCode(ValueError):
    """The text is not one expression."""


class NotRecipe(ValueError):
    """The code describes no recipe, or one that cannot be."""


class UnknownPart(ValueError):
    """The code calls a class, ``name``, that this process does not know."""

    def __init__(self, message: str, name: str = ""):
        super().__init__(message)
        self.name = name


def register(kind: Kind) -> Kind:
    """Make a part of your own known to files, pasted lines and the command line: a class decorator.

    Running its definition again, as a notebook cell does, replaces the earlier one.

    Raises:
        ValueError: not a frozen dataclass with a base such as ``losses.Term``, or a name that another class has.
    """
    frozen = getattr(getattr(kind, "__dataclass_params__", None), "frozen", False)
    if not (isinstance(kind, type) and issubclass(kind, Described) and frozen):
        raise ValueError(
            "register takes a part: a class with a base such as cl.losses.Term, decorated with "
            f"@cl.register and below it @dataclass(frozen=True, repr=False), not {kind!r}."
        )
    before = descriptions().get(kind.__name__)
    if before is not None and (before.__module__, before.__qualname__) != (kind.__module__, kind.__qualname__):
        raise ValueError(f"There is already a {kind.__name__} in {before.__module__}: give your class another name.")
    _registered[kind.__name__] = kind
    return kind


def descriptions() -> dict[str, type[Described]]:
    """The classes that code may call, by name."""
    return {**_own(), **_registered}


def own_modules() -> list[ModuleType]:
    """The modules, other than a notebook or script, in which registered parts are defined."""
    names = {kind.__module__ for kind in _registered.values()} - {"__main__"}
    return [sys.modules[name] for name in sorted(names) if name in sys.modules]


@functools.cache
def _own() -> dict[str, type[Described]]:
    found: dict[str, type[Described]] = {kind.__name__: kind for kind in (Recipe, Phase, Schedule)}
    for place in ROOMS.values():
        room = importlib.import_module(f"cltutor.{place}")
        public = (getattr(room, name) for name in room.__all__)
        parts = (one for one in public if isinstance(one, type) and issubclass(one, Described))
        found |= {kind.__name__: kind for kind in parts if is_dataclass(kind)}  # not their bases
    return found


def parse(code: str) -> Recipe:
    """The recipe whose ``repr`` is ``code``.

    Raises:
        UnknownPart: it has a part of somebody's own that is not registered here.
        NotRecipe: anything else.
    """
    no_recipe = "This is not the code of a recipe"
    try:
        recipe = read(code)
    except UnknownPart:
        raise
    except ValueError as error:
        raise NotRecipe(f"{no_recipe}: {error}") from error
    if not isinstance(recipe, Recipe):
        raise NotRecipe(f"{no_recipe}: it does not begin with Recipe(...).")
    return recipe


@checked
def read(
    code: str, functions: Mapping[str, Callable[..., Any]] | None = None, names: Mapping[str, Any] | None = None
) -> Any:
    """The value of one expression of ``code``.

    ``functions`` may be called besides descriptions, and ``names`` stand for values. Dotted names count by their last
    word: ``cl.losses.CrossEntropy()`` is ``CrossEntropy()``.

    Raises:
        NotCode: not one expression, or too long.
        UnknownPart: a call of something that is not known.
        ValueError: anything else that is neither literal nor description.
    """
    if len(code) > LONGEST:
        raise NotCode(f"This code has {len(code):,} characters, more than the {LONGEST:,} that are read.")
    try:
        return _value(_tree(code), {**descriptions(), **(functions or {})}, names or {})
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise NotCode("This is not one line of code.") from error


def _tree(code: str) -> ast.expr:
    try:
        return ast.parse(code.strip(), mode="eval").body
    except ValueError as error:  # a null byte, or half of a character
        raise SyntaxError(str(error)) from error


def _cut(text: str) -> str:
    """Code in a sentence."""
    return text if len(text) <= 80 else f"{text[:80]}..."


def _value(node: ast.expr, known: Mapping[str, Callable[..., Any]], names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Call(func=ast.Name() | ast.Attribute()):
            return _called(node, known, names)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _combined(node, _value(left, known, names), _value(right, known, names), Term | Loss)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _combined(node, _value(left, known, names), _value(right, known, names), int | float)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            values = (_value(element, known, names) for element in elements)
            return tuple(values) if isinstance(node, ast.Tuple) else list(values)
        case ast.Name(id=name) if name in names:
            return names[name]
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        raise ValueError(f"{_cut(ast.unparse(node))} is no number, word or description such as SmallCNN().") from None


def _called(node: ast.Call, known: Mapping[str, Callable[..., Any]], names: Mapping[str, Any]) -> Any:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name not in known:
        raise UnknownPart(
            f"{_cut(name)} is not known here: if it is a class of yours, run its definition with @cl.register first.",
            name,
        )
    if any(keyword.arg is None for keyword in node.keywords):
        raise ValueError(f"Give the settings of {name} by name, such as temperature=3.")
    given = {RENAMED.get((name, str(k.arg)), str(k.arg)): _value(k.value, known, names) for k in node.keywords}
    positional = [_value(value, known, names) for value in node.args]
    try:
        inspect.signature(known[name]).bind(*positional, **given)
    except TypeError as error:
        raise ValueError(f"{name}: {_cut(str(error))}.") from None
    return known[name](*positional, **given)


def _combined(node: ast.BinOp, left: Any, right: Any, first: Any) -> Any:
    """A sum of terms, or a number times a term."""
    if not isinstance(left, first) or isinstance(left, bool) or not isinstance(right, Term | Loss):
        what = "A sum is of terms" if isinstance(node.op, ast.Add) else "A product is a number times a term"
        raise ValueError(f"{what}, such as CrossEntropy() + 0.5 * Anchor(), not {_cut(ast.unparse(node))}.")
    return left + right if isinstance(node.op, ast.Add) else left * right


def code_of(value: Any) -> str:
    """``value`` (a literal, a description or a recipe) written as a cell runs it: with ``cl.<room>.`` before cltutor's
    own names, and double quotes."""
    tree = ast.parse(repr(value), mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            node.func.id = _with_room(node.func.id)
    code = ast.unparse(tree)
    return code if '"' in code else code.replace("'", '"')


def _with_room(name: str) -> str:
    if name not in _own():
        return name  # a class of the user's own, which the cell knows
    rooms = (room for room, place in ROOMS.items() if name in importlib.import_module(f"cltutor.{place}").__all__)
    room = next(rooms, None)
    return f"cl.{room}.{name}" if room else f"cl.{name}"
