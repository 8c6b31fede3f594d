"""The streams of the gallery, and every method's recipe there: one budget for all, a rate from one search for all."""

import difflib
import functools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from .. import methods, streams
from ..memory import ExemplarMemory
from ..recipe import Recipe
from ..streams import Stream

FOLDER = Path(__file__).resolve().parent
RATES = 0.005, 0.02, 0.05
SEARCH_ORDER = 100
ALSO_ACROSS = "finetune", "finetune_slow", "joint", "lwf", "l2", "mas", "mas_local", "ewc", "ewc_online", "si"


@dataclass(frozen=True)
class Setting:
    """A stream, and the budget that all methods have on it.

    ``trials``: how many times each method learns it; the number of a trial is its class order and its seed.
    ``epochs``: passes over a task's pool. ``capacity``: the images in all that a memory of exemplars may keep.
    """

    source: Callable[..., Stream]
    fixed: dict
    trials: int
    epochs: int
    capacity: int


SETTINGS = {
    "digits": Setting(streams.digits, {"tasks": 5}, trials=5, epochs=10, capacity=100),
    "scenes": Setting(streams.scenes, {"tasks": 5, "per_class": (30, 20)}, trials=3, epochs=10, capacity=200),
}


def names() -> list[str]:
    """The names of the methods in the gallery: all."""
    return methods.names()


def stream(name: str, order: int = 0) -> Stream:
    """The gallery's stream ``name``, "digits" or "scenes", in the class order of a trial.

    ValueError for a name that the gallery does not have.
    """
    setting = setting_of(name)
    return setting.source(**setting.fixed, order=order)


def recipe(method: str, stream_name: str, heads: str | None = None) -> Recipe:
    """The recipe that the gallery trains ``method`` by on a stream, with the rate that its search found.

    ``heads`` is "task" or "class", None for the regime of the method's paper. All methods have the stream's epochs,
    batches of 32 and, where they keep exemplars, the same capacity; all other settings are their papers'. ValueError
    for a name that the gallery does not have.
    """
    plain = at_rate(method, stream_name, None, heads)
    found = scores(stream_name).get(key(plain))
    return at_rate(method, stream_name, best(found), heads) if found else plain


def at_rate(method: str, stream_name: str, rate: float | None, heads: str | None = None) -> Recipe:
    """A method's recipe at the stream's budget and this learning rate, None for the method's own."""
    setting, default = setting_of(stream_name), methods.get(method)
    settings = {"epochs": setting.epochs, "batch_size": 32}
    if isinstance(default.memory, ExemplarMemory):
        settings["memory"] = ExemplarMemory(setting.capacity)
    settings |= {} if rate is None else {"learning_rate": rate}
    settings |= {} if heads is None else {"heads": heads}
    return getattr(methods, method)(**settings)


def entries() -> list[tuple[str, str | None]]:
    """What the gallery trains: every method in its paper's regime, and baselines across tasks too, as (name, heads)."""
    return [*((name, None) for name in names()), *((name, "class") for name in ALSO_ACROSS)]


def scores(stream_name: str) -> dict[str, dict[float, float]]:
    """What the search found: validation accuracy by rate, by ``key``; nothing for what was not searched yet."""
    return {
        name: {float(rate): score for rate, score in row.items()}
        for name, row in _rates_file().get(stream_name, {}).items()
    }


def best(found: dict[float, float]) -> float:
    """The rate with the highest validation accuracy, the lowest of several."""
    return max(sorted(found), key=found.get)


def key(recipe: Recipe) -> str:
    """An entry's name in the file of rates: the method and its regime."""
    return f"{recipe.name}, {recipe.heads}"


def setting_of(name: str) -> Setting:
    """The setting of the gallery's stream ``name``; ValueError for another."""
    return SETTINGS[known(name, SETTINGS, "stream in the gallery")]


def known(name: str, names: Iterable[str], what: str) -> str:
    """``name``, if it is one of ``names``; ValueError with the nearest of them if not."""
    names = list(names)
    if name in names:
        return name
    near = difflib.get_close_matches(str(name), names, 1) or [", ".join(names)]
    raise ValueError(f"There is no {what} {name!r}; did you mean {near[0]}?")


@functools.cache
def _rates_file() -> dict[str, dict]:
    path = FOLDER / "rates.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
