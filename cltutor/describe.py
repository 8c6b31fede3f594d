"""Frozen descriptions that print as the code that makes them."""

from dataclasses import fields

import numpy as np


class Described:
    """A frozen dataclass whose ``repr`` is the call that makes it, defaults left out."""

    def __repr__(self) -> str:
        values = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        shown = [f"{name}={_plain(value)!r}" for name, value in values.items()]
        return f"{type(self).__name__}({', '.join(shown)})"


def _plain(value: object) -> object:
    """A numpy scalar, as np.linspace gives it, as the Python number that prints as code."""
    return value.item() if isinstance(value, np.generic) else value
