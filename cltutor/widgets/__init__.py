"""What is touched: controls around the pictures of `show` and the events of `train`.

ipywidgets is imported with the first widget that is asked for.
"""

import importlib

_MODULES = {
    "MethodToggle": "method_toggle",
    "Temperature": "temperature",
    "errors": "base",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> object:
    """Import the widget's module when it is first asked for (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
