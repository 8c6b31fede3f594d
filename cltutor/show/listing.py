"""The package's own source code, shown in a notebook: what is read there is what runs."""

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..describe import shown

PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Source:
    """The code of a function or class and its place; a notebook shows it highlighted."""

    code: str
    place: str  # "cltutor/losses/distillation.py, line 14"

    def _repr_markdown_(self) -> str:
        return f"`{self.place}`\n\n```python\n{self.code}\n```"

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
        lines, first = inspect.getsourcelines(thing)
        path = Path(inspect.getsourcefile(thing)).resolve()
    except (TypeError, OSError) as error:
        raise ValueError(f"{shown(thing)} is not written in Python, so that it has no source to show.") from error
    inside = path.is_relative_to(PACKAGE)
    name = (Path(PACKAGE.name) / path.relative_to(PACKAGE)).as_posix() if inside else path.name
    return Source(textwrap.dedent("".join(lines)).rstrip(), f"{name}, line {first}")
