"""Imports point up the list of rooms, without circles; every module says in a line what it is for."""

import ast
from pathlib import Path

import pytest

import cltutor as cl

PACKAGE = Path(cl.__file__).parent
# The order in which data flows (docs: CONTRIBUTING.md). A room imports only from those before it.
ROOMS = [
    *("lazy", "warned", "rules", "describe", "checked", "seeds"),
    *("streams", "networks", "attention", "importance", "losses", "evaluation", "memory", "recipe", "methods"),
    *("runs", "training", "show", "comparing", "studies", "widgets", "exercises", "cli"),
]
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """The module's name below the package: "losses.anchor", or "losses" for its __init__."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path) for path in MODULES}


def imports(path: Path, tree: ast.AST, annotations: bool) -> set[str]:
    """The modules of the package that a tree imports when it runs; with ``annotations`` also those for types alone."""
    package = [*path.relative_to(PACKAGE).parts[:-1]]
    found = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not annotations:
            continue
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            target = ".".join([*base, *(node.module.split(".") if node.module else ())])
            inside = {f"{target}.{alias.name}".strip(".") for alias in node.names} & NAMES
            found |= inside or {target}
        found |= imports(path, node, annotations)
    return found


def test_every_module_is_in_a_room_and_every_room_is_there():
    tops = {name.split(".")[0] for name in NAMES} - {"", "__main__"}
    assert tops == set(ROOMS)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_is_for_and_imports_only_from_rooms_above_its_own(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a module begins with a line of purpose"
    name = name_of(path)
    if name in ("", "__main__"):
        return
    own = ROOMS.index(name.split(".")[0])
    below = [target for target in imports(path, tree, False) if target and ROOMS.index(target.split(".")[0]) > own]
    assert below == []


def test_no_modules_import_each_other_in_a_circle():
    graph = {name_of(p): imports(p, ast.parse(p.read_text(encoding="utf-8")), False) - {name_of(p)} for p in MODULES}
    graph = {name: {t for t in targets if t and not name.startswith(f"{t}.")} for name, targets in graph.items()}
    while leaves := [name for name, targets in graph.items() if not targets & graph.keys()]:
        graph = {name: targets for name, targets in graph.items() if name not in leaves}
    # A package's __init__ imports its modules; these may import the package's other modules, but not the package.
    assert {name: sorted(targets & graph.keys()) for name, targets in graph.items() if name} == {}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_and_functions_stay_small(path):
    code = path.read_text(encoding="utf-8")
    assert code.count("\n") <= 300
    functions = [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = {f.name: f.end_lineno - f.lineno + 1 for f in functions}
    assert {name: length for name, length in lengths.items() if length > 50} == {}
