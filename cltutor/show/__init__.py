"""What is seen: plain functions that turn a run (or runs, or pictures) into a `Picture`.

matplotlib is imported with the first function that is asked for.
"""

import importlib

_MODULES = {
    "Picture": "picture",
    "accuracy_by_share": "share",
    "accuracy_matrix": "matrix",
    "accuracy_over_time": "curves",
    "forgetting": "bars",
    "loss_parts": "parts",
    "source": "listing",
    "table": "rows",
    "tasks": "samples",
    "temperature": "probabilities",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> object:
    """Import the function's module when it is first asked for (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
