"""cltutor: the continual-learning textbook that you run.

Rooms are imported on first use, so that `import cltutor` costs next to nothing and a headless job
needs only torch and numpy: `import cltutor as cl; cl.learn(cl.streams.digits(), "lwf")`.
"""

import importlib

from . import lazy

__version__ = "0.2.0"

# Every public module by the name that users import, and where it lives below cltutor.
_MODULES = {
    "attention": "attention",
    "claims": "studies.claims",
    "comparison": "comparing.comparison",
    "events": "training.events",
    "exercises": "exercises",
    "gallery": "studies.gallery",
    "importance": "importance",
    "losses": "losses",
    "memory": "memory",
    "merging": "recipe.merging",
    "methods": "methods",
    "metrics": "evaluation.metrics",
    "networks": "networks",
    "noise": "recipe.noise",
    "predicting": "evaluation.predicting",
    "probing": "runs.per_class",
    "schedules": "methods.schedules",
    "show": "show",
    "storage": "comparing.storage",
    "streams": "streams",
    "widgets": "widgets",
}
_NAMES = {
    "Comparison": "comparing.comparison",
    "Phase": "recipe",
    "Recipe": "recipe",
    "Run": "runs.run",
    "Schedule": "recipe",
    "compare": "comparing.comparison",
    "guess": "widgets.guess",
    "learn": "training.loop",
    "register": "recipe.parser",
    "search": "comparing.search",
    "train": "training.loop",
}

__all__ = sorted([*_MODULES, *_NAMES])

lazy.alias(__name__, _MODULES)


def __getattr__(name: str) -> object:
    """Import a module, or the module that holds a public name, when it is first used (PEP 562)."""
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{_MODULES[name]}")
    if name in _NAMES:
        value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
