"""How long each method after the five papers is: lines of its file, and of its parts elsewhere, counted by code.

    python benchmarks/method_lines.py

A line counts if it has code: no blank line, no comment alone, no docstring. A part that a method shares with others is
listed with those that use it, and counted once.
"""

import ast
import io
import tokenize
from pathlib import Path

import report

ROOT = Path(__file__).resolve().parents[1] / "cltutor"
METHODS = {  # the file of each method, and the parts that were written for it, or for it and others
    "er": ("memory/reservoir.py",),
    "derpp": ("memory/reservoir.py", "methods/er.py"),
    "agem": (),
    "bic": (),
    "wa": ("methods/bic.py",),
    "packnet": (),
    "gdumb": (),
    "ncm": ("networks/shapes_cnn.py", "methods/wa.py"),
}
SILENT = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)


def docstrings(tree: ast.Module) -> set[int]:
    """The lines of all docstrings."""
    found = set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            first = node.body[0]
            found |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return found


def count(text: str) -> int:
    """The lines of a Python text that have code."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {
        line
        for token in tokens
        if token.type not in SILENT and token.type != tokenize.ENDMARKER
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(lines - docstrings(ast.parse(text)))


def imports(text: str) -> int:
    """Of these, the lines that import."""
    nodes = [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in nodes)


def main() -> None:
    rows = []
    for name, shared in METHODS.items():
        text = (ROOT / "methods" / f"{name}.py").read_text(encoding="utf-8")
        others = ", ".join(f"{path} {count((ROOT / path).read_text(encoding='utf-8'))}" for path in shared)
        rows.append([name, len(text.splitlines()), count(text), imports(text), others or "nothing"])
    header = ["method", "lines of its file", "of these code", "of these imports", "it also uses, lines of code"]
    notes = "Code: without blank lines, comments alone and docstrings."
    report.write("method_lines", "Lines per method after the five papers", header, rows, notes)


if __name__ == "__main__":
    main()
