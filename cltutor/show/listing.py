"""The package's own source code, shown in a notebook: what is read there is what runs."""

import ast
import html
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from ..describe import shown

# By the first letter of pygments' classes: JupyterLab's colour, which follows its theme, and one for another page.
COLORS = {"k": "keyword-color,#1f8a45", "s": "string-color,#c9532f"}
COLORS |= {"c": "comment-color,#7a7a7a", "m": "number-color,#a06c00"}
RULES = "".join(
    f".cltutor-source [class^={first}]{{color:var(--jp-mirror-editor-{color})}}" for first, color in COLORS.items()
)
PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Source:
    """The code of a function or class and its place; a notebook shows it highlighted."""

    code: str
    place: str  # "cltutor/losses/distillation.py, line 14"

    def _repr_markdown_(self) -> str:
        return f"`{self.place}`\n\n```python\n{self.code}\n```"

    def _repr_html_(self) -> str:
        code = highlight(self.code, PythonLexer(), HtmlFormatter(cssclass="cltutor-source", wrapcode=True))
        return f"<p><code>{html.escape(self.place)}</code></p>{code}<style>{RULES}</style>"

    def __repr__(self) -> str:
        return f"# {self.place}\n{self.code}"


def source(thing: Callable) -> Source:
    """The source code of a function, method or class, from its file.

    Raises:
        ValueError: something that is not written in Python, or is neither a function nor a class.
    """
    if not (inspect.isroutine(thing) or inspect.isclass(thing)):
        raise ValueError(f"source shows a function, a method or a class, not {shown(thing)}.")
    try:
        written = inspect.unwrap(thing)
        lines, first = inspect.getsourcelines(written)
        path = Path(inspect.getsourcefile(written)).resolve()
    except (TypeError, OSError) as error:
        raise ValueError(f"{shown(thing)} is not written in Python, so that it has no source to show.") from error
    inside = path.is_relative_to(PACKAGE)
    name = (Path(PACKAGE.name) / path.relative_to(PACKAGE)).as_posix() if inside else path.name
    code = textwrap.dedent("".join(lines)).rstrip()
    checks = lines_of_checks(code)
    kept = [line for number, line in enumerate(code.splitlines(), start=1) if number not in checks]
    return Source("\n".join(kept), f"{name}, line {first + (1 in checks) * len(checks)}")


def lines_of_checks(code: str) -> set[int]:
    """The lines, from 1, of the decorator by which a function declares what it takes: no part of its equation."""
    above = getattr(ast.parse(code).body[0], "decorator_list", [])
    found = [one for one in above if ast.unparse(one).partition("(")[0] in ("checked", "shaped")]
    return {line for one in found for line in range(one.lineno, one.end_lineno + 1)}
