"""The code cells of a notebook that an exercise needs: those that import, and those whose names it uses."""

import ast
import builtins
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKED = re.compile(r"""\bcheck\(\s*["']([\w-]+)["']""")
# What only a notebook that looks for the package's own solutions names.
LOOKS_BEHIND = re.compile(r"\bnotebook_0\d\b|\bEXERCISES\b|\bexercises\s*\.\s*(?:checking|grading)\b|\bgetsource\b")
LARGEST = 100 * 2**20  # bytes of a notebook


@dataclass(frozen=True)
class Cell:
    """A code cell: its source, the names that it makes and reads, and the exercises that it checks."""

    source: str
    makes: frozenset[str]
    reads: frozenset[str]
    imports: bool
    exercises: tuple[str, ...]


def read(path: Path) -> list[Cell]:
    """The code cells of a notebook.

    Raises:
        ValueError: the file is no notebook.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError("it is too large")
        cells = json.loads(path.read_bytes())["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"it cannot be read as a notebook: {type(error).__name__}") from error
    return [cell_of(source) for source in sources]


def cell_of(source: str) -> Cell:
    """A cell without its magic lines, which only IPython understands."""
    plain = "\n".join("" if re.match(r"\s*[%!]", line) else line for line in source.splitlines())
    named = tuple(dict.fromkeys(CHECKED.findall(plain)))
    try:
        tree = ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Cell(plain, frozenset(), frozenset(), False, named)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    imports = any(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body)
    return Cell(plain, frozenset(made(tree.body)), frozenset(used - set(dir(builtins))), imports, named)


def made(body: Iterable[ast.AST]) -> set[str]:
    """The names that statements bind, those inside functions and classes left out."""
    found: set[str] = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(one.asname or one.name).split(".")[0] for one in node.names}
        elif isinstance(node, ast.Name):
            found |= {node.id} if isinstance(node.ctx, ast.Store) else set()
        elif not isinstance(node, ast.Lambda):
            found |= made(ast.iter_child_nodes(node))
    return found


def needed(cells: Sequence[Cell], place: int) -> list[int]:
    """The places of the cells to run for the one at ``place``, itself the last.

    The imports before it, and of each name that is read the last cell before that makes it, with what that one needs.
    """
    found: set[int] = {i for i in range(place) if cells[i].imports}
    todo = [place, *found]
    while todo:
        at = todo.pop()
        for name in cells[at].reads:
            makers = [i for i in range(at) if name in cells[i].makes]
            if makers and makers[-1] not in found:
                found.add(makers[-1])
                todo.append(makers[-1])
    return [*sorted(found - {place}), place]
