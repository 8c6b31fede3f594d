"""The pages of the reference: every public name of every public module, from its docstring."""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cltutor as cl

PURPOSE = "Every public name, from its docstring: shapes, units, errors, and the paper and equation it comes from."


def public(module: ModuleType) -> dict[str, Any]:
    """The public functions and classes of a module; where it lists none, those that it defines itself."""
    names = getattr(module, "__all__", None)
    if names is None:
        names = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    found = {name: getattr(module, name) for name in sorted(names) if not name.startswith("_")}
    return {name: value for name, value in found.items() if inspect.isroutine(value) or inspect.isclass(value)}


def modules() -> dict[str, ModuleType]:
    return {name: importlib.import_module(f"cltutor.{name}") for name in sorted(cl._MODULES)}


def top() -> dict[str, Any]:
    """The names of `cl` itself that are no modules; of `cl.guess`, an object that is called, its class."""
    found = {name: getattr(cl, name) for name in sorted(cl._NAMES)}
    return {name: value if hasattr(value, "__qualname__") else type(value) for name, value in found.items()}


def undocumented() -> Iterator[str]:
    """Public modules, their names and the public methods of their classes that have no docstring of their own."""
    yield from (f"cl.{name}" for name, module in modules().items() if not (module.__doc__ or "").strip())
    for room, names in [("", top()), *((f"{name}.", public(module)) for name, module in modules().items())]:
        for name, value in names.items():
            if not (value.__doc__ or "").strip():
                yield f"cl.{room}{name}"
            if inspect.isclass(value):
                yield from (f"cl.{room}{name}.{method}" for method in _silent(value))


def _silent(kind: type) -> Iterator[str]:
    """Public methods and properties without a docstring, also without one in a class that they come from."""
    for name, value in vars(kind).items():
        if name.startswith("_") or not (inspect.isfunction(value) or isinstance(value, property)):
            continue
        # A property in place of a plain fact gets the words of the fact's own type.
        if (inspect.getdoc(getattr(kind, name)) or "").strip() in ("", *map(inspect.getdoc, (bool, int, str, tuple))):
            yield name


def write(folder: Path) -> list[Path]:
    """A page for each module, and one that lists them."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {"cl": ("What `cl` itself has.", "cltutor", top())}
    for name, module in modules().items():
        purpose = (module.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
        pages[name] = (purpose, module.__name__, public(module))
    written = []
    for name, (purpose, _, found) in pages.items():
        title = "cl" if name == "cl" else f"cl.{name}"
        lines = [f"# {title}", "", purpose, "", "```{eval-rst}"]
        for own, value in found.items():
            place = f"{value.__module__}.{value.__qualname__}" if name == "cl" else f"cltutor.{name}.{own}"
            lines += _entry(place, value)
        path = folder / f"{name}.md"
        path.write_text("\n".join([*lines, "```", ""]), encoding="utf-8")
        written.append(path)
    listed = "\n".join(pages)
    index = f"# Reference\n\n{PURPOSE}\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n"
    (folder / "index.md").write_text(index, encoding="utf-8")
    return [*written, folder / "index.md"]


def _entry(place: str, value: Any) -> list[str]:
    if inspect.isclass(value):
        return [f".. autoclass:: {place}", "   :members:", "   :exclude-members: set", "   :no-index:", ""]
    return [f".. autofunction:: {place}", "   :no-index:", ""]
