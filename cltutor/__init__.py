"""cltutor: the continual-learning textbook that you run.

Rooms are imported on first use, so that `import cltutor` costs next to nothing and a headless job
needs only torch and numpy: `import cltutor as cl; cl.learn(cl.streams.digits(), "lwf")`.
"""

import importlib

__version__ = "0.1.0"

_ROOMS = (
    "attention",
    "exercises",
    "gallery",
    "importance",
    "losses",
    "memory",
    "merging",
    "methods",
    "metrics",
    "networks",
    "noise",
    "predicting",
    "probing",
    "schedules",
    "show",
    "storage",
    "streams",
    "widgets",
)
_NAMES = {
    "Phase": "recipe",
    "Recipe": "recipe",
    "Run": "run",
    "Schedule": "recipe",
    "compare": "comparison",
    "learn": "learner",
    "train": "learner",
}

__all__ = sorted([*_ROOMS, *_NAMES])


def __getattr__(name: str) -> object:
    """Import a room, or the room that holds a public name, when it is first asked for (PEP 562)."""
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
