"""Rooms whose public names are imported when they are first asked for (PEP 562)."""

import importlib
import sys
from collections.abc import Callable, Mapping


def lazy(room: str, modules: Mapping[str, str]) -> tuple[list[str], Callable[[str], object], Callable[[], list[str]]]:
    """``__all__``, ``__getattr__`` and ``__dir__`` of the package ``room``, given the module of each public name."""

    def get(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{room}.{modules[name]}"), name)
        setattr(sys.modules[room], name, value)
        return value

    return sorted(modules), get, lambda: sorted({*vars(sys.modules[room]), *modules})
