"""The streams of the gallery, and every method's recipe there: one budget for all, one search for all rates."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ... import methods, streams
from ...comparing.grids import MORE, best
from ...methods.registry import of_size
from ...recipe.recipe import Recipe
from ...streams import Stream
from ...streams.division import unknown

FOLDER = Path(__file__).resolve().parent
# What is recorded, in the order of the archives: a new method needs no entry until its runs are recorded.
METHODS = (
    *("finetune", "finetune_slow", "feature_extraction", "duplicate", "joint", "lwf", "expansion", "expansion_lwf"),
    *("l2", "mas", "mas_local", "ewc", "ewc_online", "si", "imm_mean", "imm_mode", "ebll"),
    *("single_task", "single_task_large", "hard_sharing", "dfcnn", "dfcnn_small"),
    *("lwf_mc", "lwm", "lwm_attention_only", "eeil", "eeil_base", "eeil_da", "eeil_bf", "icarl", "hybrid1"),
    *("tensor_factorization", "progressive", "expandable"),
    *("er", "agem", "derpp", "bic", "wa", "packnet", "gdumb", "ncm"),
)
RATES, BATCH = (0.005, 0.02, 0.05), 32
SEARCH_ORDER = 100
ALSO_ACROSS = "finetune", "finetune_slow", "joint", "lwf", "l2", "mas", "mas_local", "ewc", "ewc_online", "si", "agem"


@dataclass(frozen=True)
class Setting:
    """A stream, and the budget that all methods have on it.

    ``source`` makes the stream, with the arguments ``fixed`` and a class order. ``trials``: how many times each method
    is trained on it; the number of a trial is its class order and its seed. ``epochs``: passes over a task's pool.
    ``capacity``: of an exemplar memory, in images; ``recorded``: the keys of the methods whose first trial keeps what
    every test image was taken for.
    """

    source: Callable[..., Stream]
    fixed: dict[str, Any]
    trials: int
    epochs: int
    capacity: int
    recorded: tuple[str, ...] = ()

    def stream(self, order: int, **more: Any) -> Stream:
        return self.source(**self.fixed, **more, order=order)


WALL = "finetune, class", "joint, class", "eeil, class", "lwf, class", "finetune, task", "lwf, task"
SETTINGS = {
    "digits": Setting(streams.digits, {"tasks": 5}, trials=5, epochs=10, capacity=100, recorded=WALL),
    "scenes": Setting(
        streams.scenes, {"tasks": 5, "size": 16, "per_class": (40, 20)}, trials=5, epochs=10, capacity=200
    ),
}


def names() -> list[str]:
    """The names of the methods in the gallery, in the order of its archives."""
    return list(METHODS)


def stream(name: str, order: int = 0) -> Stream:
    """The gallery's stream ``name``, "digits" or "scenes", in the class order of a trial.

    ValueError for a name that the gallery does not have.
    """
    return setting_of(name).stream(order)


def recipe(method: str, stream_name: str, heads: str | None = None) -> Recipe:
    """The gallery's recipe of ``method`` for a stream, with the learning rate that its search found
    (``comparing.grids``).

    ``heads`` is "task" or "class", None for the regime of the method's paper. All methods have the stream's epochs,
    batches of 32 and, where they keep exemplars, the same capacity; all other settings are their papers'. A method that
    is not in the gallery has its own rate.

    Raises:
        ValueError: an unknown method, or a stream that is not in the gallery.
    """
    setting = setting_of(stream_name)
    plain = at_rate(method, setting, None, heads)
    found = scores(stream_name).get(key(plain))
    return at_rate(method, setting, best(found), heads) if found else plain


def at_rate(method: str, setting: Setting, rate: float | None, heads: str | None = None) -> Recipe:
    """A method's recipe at the stream's budget and this learning rate, None for the method's own."""
    settings: dict[str, Any] = {"epochs": setting.epochs, "batch_size": BATCH}
    settings |= of_size(method, setting.capacity)
    settings |= {} if rate is None else {"learning_rate": rate}
    settings |= {} if heads is None else {"heads": heads}
    return methods.named(method)(**settings)


def entries() -> list[tuple[str, str | None]]:
    """What the gallery trains, as (name, heads): each method in its paper's regime, and some with "class" as well."""
    return [*((name, None) for name in names()), *((name, "class") for name in ALSO_ACROSS)]


def scores(stream_name: str) -> dict[str, dict[float, float]]:
    """The results of the search: validation accuracy by rate, by ``key``; nothing where none was made yet."""
    path = FOLDER / "rates.json"
    found = json.loads(path.read_text(encoding="utf-8")).get(stream_name, {}) if path.exists() else {}
    return {name: {float(rate): score for rate, score in row.items()} for name, row in found.items()}


def search_words(rates: Sequence[float] = RATES) -> str:
    """How the search chose a rate, for the reader of its results."""
    return (
        f"the rate of every method among {', '.join(map(str, rates))}, and up to {MORE} further ones on the side where "
        f"its best was at the edge, by average accuracy at the end of class order {SEARCH_ORDER} on validation images "
        "(a fifth of the training images); all other settings as published"
    )


def key(recipe: Recipe) -> str:
    """An entry's name in the file of rates: the method and its regime."""
    return f"{recipe.name}, {recipe.heads}"


def setting_of(name: str) -> Setting:
    """The setting of the gallery's stream ``name``; ValueError for another."""
    if name not in SETTINGS:
        raise unknown("stream in the gallery", name, SETTINGS)
    return SETTINGS[name]
