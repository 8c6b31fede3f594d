"""Frozen descriptions that print as the code that makes them."""

from dataclasses import fields


class Described:
    """A frozen dataclass whose ``repr`` is the call that makes it, defaults left out."""

    def __repr__(self) -> str:
        shown = [f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if getattr(self, f.name) != f.default]
        return f"{type(self).__name__}({', '.join(shown)})"
