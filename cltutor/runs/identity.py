"""What decides a run's numbers beside its recipe's code: files of weights, and the source of a user's own parts."""

import functools
import hashlib
import os
import stat
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from ..recipe.recipe import Recipe

INSTALLED = tuple({os.path.realpath(path) for path in sysconfig.get_paths().values()})
PLAIN = int, float, complex, bool, str, bytes, type(None)


def contents(recipe: Recipe) -> tuple[str, ...]:
    """A digest of each file that the recipe reads, and of the code of each class and function in it that is the user's
    own, with all of the user's that it calls. Code is compared as Python compiled it: comments do not count."""
    found = []
    for value in parts(recipe):
        found += [file_digest(getattr(value, name)) for name in getattr(value, "files", ()) if getattr(value, name)]
        kind = code_of(value)
        if is_own(kind.__module__):
            found.append(code_digest(kind))
    return tuple(found)


def parts(value: Any) -> Iterator[Any]:
    """A description, everything that its fields contain, and everything that those contain."""
    if isinstance(value, tuple | list):
        for item in value:
            yield from parts(item)
    elif isinstance(value, dict):
        yield from parts([*value.values()])
    elif not isinstance(value, PLAIN):
        yield value
        if is_dataclass(value):
            yield from parts([getattr(value, one.name) for one in fields(value)])


def code_of(value: Any) -> type | FunctionType:
    return value if isinstance(value, type | FunctionType) else type(value)


def file_digest(path: str) -> str:
    """A sha256 of a file; "" where there is none, or something else of that name, which is reported when it is read."""
    try:
        path = os.path.expanduser(path)
        about = os.stat(path)
    except OSError:
        return ""
    if not stat.S_ISREG(about.st_mode):  # a pipe would wait, and a device never end
        return ""
    return _file_digest(os.path.realpath(path), about.st_mtime_ns, about.st_size)


@functools.lru_cache(maxsize=32)
def _file_digest(path: str, changed: int, size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_own(module: str | None) -> bool:
    """Whether a module is the user's: a notebook, a script or a file beside them, neither installed nor cltutor's."""
    name = module or ""
    if name.split(".")[0] in ("cltutor", "builtins", *sys.stdlib_module_names) and name != "__main__":
        return False
    file = getattr(sys.modules.get(name), "__file__", None)
    return file is None or not os.path.realpath(file).startswith(INSTALLED)


def code_digest(thing: type | FunctionType) -> str:
    """A digest of a class or function as compiled, and of all code and constants of the user's that it names."""
    words: list[str] = []
    _describe(thing, words, set())
    return hashlib.sha256("\n".join(words).encode("utf-8", "surrogatepass")).hexdigest()


def _describe(thing: Any, words: list[str], seen: set[int]) -> None:
    if isinstance(thing, staticmethod | classmethod):
        thing = thing.__func__
    elif isinstance(thing, property):
        thing = thing.fget
    elif isinstance(thing, functools.cached_property):
        thing = thing.func
    if isinstance(thing, PLAIN):
        words.append(repr(thing))
    elif isinstance(thing, tuple | list | set | frozenset):
        items = thing if isinstance(thing, tuple | list) else sorted(thing, key=repr)
        for item in items:
            _describe(item, words, seen)
    elif id(thing) not in seen:
        seen.add(id(thing))
        _describe_code(thing, words, seen)


def _describe_code(thing: Any, words: list[str], seen: set[int]) -> None:
    if isinstance(thing, CodeType):
        words += [thing.co_name, thing.co_code.hex(), repr(thing.co_names), repr(thing.co_varnames)]
        _describe(thing.co_consts, words, seen)
    elif isinstance(thing, ModuleType):
        if is_own(thing.__name__) and (file := getattr(thing, "__file__", None)):
            words.append(hashlib.sha256(Path(file).read_bytes()).hexdigest())
    elif isinstance(thing, FunctionType):
        if is_own(thing.__module__):
            _describe(thing.__code__, words, seen)
            _describe([thing.__defaults__, *(thing.__kwdefaults__ or {}).items()], words, seen)
            _describe([cell.cell_contents for cell in thing.__closure__ or ()], words, seen)
            names = sorted(_names(thing.__code__))
            _describe([thing.__globals__[name] for name in names if name in thing.__globals__], words, seen)
    elif isinstance(thing, type) and is_own(thing.__module__):
        words.append(thing.__qualname__)
        for name, value in sorted(vars(thing).items()):
            words.append(name)
            _describe(value, words, seen)
        _describe(thing.__bases__, words, seen)


def _names(code: CodeType) -> set[str]:
    """The names that a function's code looks up, those of functions inside it too."""
    return set(code.co_names).union(*(_names(const) for const in code.co_consts if isinstance(const, CodeType)))
