"""The code of a notebook that an exercise needs: its cell, and what makes the names that it reads."""

import ast
import builtins
import dis
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

CHECKED = re.compile(r"""\bcheck\(\s*(?:exercise\s*=\s*)?["']([\w-]+)["']""")
# What only a notebook that looks for the package's own solutions names.
LOOKS_BEHIND = re.compile(r"\bnotebook_0\d\b|\bEXERCISES\b|\bexercises\s*\.\s*(?:checking|grading)\b|\bgetsource\b")
# Methods that change the list, dictionary, set or tensor they are called on.
CHANGING = re.compile(
    r"append|extend|insert|update|setdefault|add|remove|discard|pop|clear|sort|reverse|[a-z]\w*[a-z]_"
)
LARGEST = 100 * 2**20  # bytes of a notebook, most of them pictures
MOST_CODE = 2**20  # letters of its code: to compile 30 million takes 9 GB


@dataclass(frozen=True)
class Cell:
    """A code cell, or one import of it: its source, the names that it makes and reads, the exercises that it checks."""

    source: str
    makes: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    exercises: tuple[str, ...] = ()


def read(path: Path) -> list[Cell]:
    """The code cells of a notebook, each after the imports in it.

    Raises:
        ValueError: the file is no notebook.
    """
    if path.stat().st_size > LARGEST:
        raise ValueError("it has more than 100 MB")
    try:
        book = json.loads(path.read_bytes())
        sources = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]
    except (ValueError, RecursionError) as error:
        raise ValueError("it cannot be read as a notebook: it is no JSON") from error
    except OSError as error:
        raise ValueError(f"it cannot be read as a notebook: {error.strerror}") from error
    except (KeyError, TypeError) as error:
        why = "its format is older than 4, so open and save it in JupyterLab" if old(book) else "it has no cells"
        raise ValueError(f"it cannot be read as a notebook: {why}") from error
    if sum(map(len, sources)) > MOST_CODE:
        raise ValueError("it has more than a million letters of code")
    return [part for source in sources for part in parts(source)]


def old(book: object) -> bool:
    """Whether a file is a notebook of format 3, which kept its cells in worksheets, or older."""
    return isinstance(book, dict) and "worksheets" in book


def parts(source: str) -> Iterator[Cell]:
    """The imports of a cell one by one, then the cell, without the magic lines that only IPython understands."""
    plain = "\n".join("" if re.match(r"\s*[%!]", line) else line for line in source.splitlines())
    named = tuple(dict.fromkeys(CHECKED.findall(plain)))
    try:
        tree = ast.parse(plain)
        code = compile(tree, "cell", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield Cell(plain, exercises=named)
        return
    imported: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {(one.asname or one.name).split(".")[0] for one in node.names}
            imported |= names
            yield Cell(ast.unparse(node), frozenset(names))
    makes, reads = names_of(code)
    changed = set(changes(tree)) - imported
    reads |= changed - makes  # what another cell made
    makes |= changed
    yield Cell(plain, frozenset(makes - imported), frozenset(reads), named)


def names_of(code: CodeType) -> tuple[set[str], set[str]]:
    """The names that a cell makes, and those that it reads and has not made before."""
    makes, reads = set[str](), set[str]()
    for step in dis.get_instructions(code):
        if step.opname in ("STORE_NAME", "STORE_GLOBAL"):
            makes.add(step.argval)
        elif step.opname in ("LOAD_NAME", "LOAD_GLOBAL") and step.argval not in makes:
            reads.add(step.argval)
    inner = [one for one in code.co_consts if isinstance(one, CodeType)]
    for one in inner:  # functions and classes, which are called when the cell has made its names
        reads |= _read_inside(one) - makes
    return makes, reads - set(dir(builtins))


def changes(tree: ast.AST) -> Iterator[str]:
    """The names whose values a cell changes in place: ``answer["forgetting"] = 0.1``, ``seen.append(1)``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue  # which are called elsewhere, if at all
        if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            yield from root(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and CHANGING.fullmatch(node.func.attr):
            yield from root(node.func)
        yield from changes(node)


def root(place: ast.expr) -> Iterator[str]:
    """The name at the root of ``runs[0].curves``, if there is one."""
    while isinstance(place, ast.Subscript | ast.Attribute):
        place = place.value
    if isinstance(place, ast.Name):
        yield place.id


def _read_inside(code: CodeType) -> set[str]:
    found = {s.argval for s in dis.get_instructions(code) if s.opname in ("LOAD_NAME", "LOAD_GLOBAL")}
    return found.union(*(_read_inside(one) for one in code.co_consts if isinstance(one, CodeType)))


def needed(cells: Sequence[Cell], place: int) -> list[int]:
    """The places of the cells to run for the one at ``place``, itself the last.

    For each name that is read, the last cell before that makes it, with what that one needs; and every ``import *``.
    """
    found = {i for i in range(place) if "*" in cells[i].makes}
    todo = [place]
    while todo:
        at = todo.pop()
        for name in cells[at].reads:
            makers = [i for i in range(at) if name in cells[i].makes]
            if makers and makers[-1] not in found:
                found.add(makers[-1])
                todo.append(makers[-1])
    return [*sorted(found - {place}), place]
