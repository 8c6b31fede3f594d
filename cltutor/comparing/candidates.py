"""What a search may try: recipes as functions of their settings, and the values of each setting."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

from .. import methods
from ..describe import Kind
from ..methods.registry import UnknownSetting
from ..recipe.recipe import Recipe, Schedule
from ..training.loop import check
from .comparison import check_budget
from .parallel import Source, make_stream

RATE = "learning_rate"
Build = Callable[..., Recipe]
Settings = dict[str, float]
Own = dict[str, dict[str, Sequence[float]]]  # the values of each recipe's own settings
NAMED = Kind("a Recipe or the name of a method", lambda value: isinstance(value, Recipe | str))
MADE = Kind(
    "a Recipe, the name of a method or a function that makes a Recipe", lambda v: NAMED.accepts(v) or callable(v)
)


def builders(recipes: Any, epochs: int | None) -> dict[str, Build]:
    """A function from settings to a recipe for each of ``recipes``, by its name."""
    if not isinstance(recipes, Mapping):
        labels = [one if isinstance(one, str) else one.name for one in recipes]
        if twice := [label for label in labels if labels.count(label) > 1]:
            raise ValueError(f"{twice[0]} is given twice: give recipes as a dict, each with a name of its own.")
        recipes = dict(zip(labels, recipes, strict=True))
    found: dict[str, Build] = {}
    for label, one in recipes.items():
        build = methods.named(one) if isinstance(one, str) else one
        found[label] = partial(rescheduled, one) if isinstance(one, Recipe) else build
    return {label: partial(made, build, epochs) for label, build in found.items()}


def made(build: Build, epochs: int | None, /, **settings: Any) -> Recipe:
    recipe = build(**settings)
    if not isinstance(recipe, Recipe):
        raise ValueError(f"A function among the recipes returns a Recipe, not {recipe!r:.80}.")
    return recipe.with_epochs(epochs)


def rescheduled(recipe: Recipe, /, **settings: Any) -> Recipe:
    """The recipe with other fields of its schedule; nothing else of it has a name."""
    if other := settings.keys() - Schedule.__dataclass_fields__.keys():
        raise UnknownSetting(f"{recipe.name} has no setting {min(other)!r} in its schedule.")
    return replace(recipe, schedule=replace(recipe.schedule, **settings))


def takes(build: Build, setting: str, value: float) -> bool:
    """Whether a recipe's builder takes a setting that it has not fixed itself."""
    inner = build.args[0]  # type: ignore[attr-defined]  # a partial of ``made``
    parameters = inspect.signature(inner).parameters
    open_ended = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    if setting in getattr(inner, "keywords", {}) or not (open_ended or setting in parameters):
        return False
    try:
        build(**{setting: value})
    except UnknownSetting:
        return False
    return True


def divided(grid: Any, builds: Mapping[str, Build]) -> tuple[list[float], Own]:
    """The common rates, and the values of every recipe's own settings."""
    given = grid if isinstance(grid, Mapping) else {RATE: grid}
    own: Own = {label: {} for label in builds}
    for name, values in given.items():
        if isinstance(values, Mapping):
            if name not in builds:
                raise ValueError(f"grid has values for {name!r}, and the recipes are {', '.join(builds)}.")
            own[name] |= values
    for setting, values in given.items():
        if isinstance(values, Mapping):
            continue
        takers = [label for label in builds if takes(builds[label], setting, values[0])]
        if not takers or setting == RATE and len(takers) < len(builds):
            raise ValueError(
                f"grid has values of {setting!r}, a setting that {'no' if not takers else 'not every'} recipe takes."
            )
        for label in takers if setting != RATE else ():
            own[label].setdefault(setting, values)
    rates = given.get(RATE, ())
    for label, axes in own.items():
        if rates and RATE in axes:
            raise ValueError(f"{RATE} is searched for all together and for {label} alone: leave one out.")
        if unknown := [setting for setting, values in axes.items() if not takes(builds[label], setting, values[0])]:
            raise ValueError(f"{label} has no setting {unknown[0]!r} that can be searched.")
    return list(dict.fromkeys(rates)), own


def check_all(
    builds: Mapping[str, Build], rates: Sequence[float], own: Own, source: Source, orders: Sequence[int]
) -> None:
    """Refuse before any training what cannot be compared or learned."""
    if len(set(orders)) < len(orders):
        raise ValueError("orders has one twice: leave it out.")
    sizes = {label: math.prod(map(len, axes.values())) for label, axes in own.items() if axes}
    for label, size in sizes.items():
        first, count = next(iter(sizes.items()))
        if size != count:
            raise ValueError(
                f"{first} has {count} configurations of its weights and {label} has {size}: give each as many."
            )
    recipes: dict[str, list[Recipe]] = {}
    for label, build in builds.items():
        common = [{RATE: rate} for rate in rates] or [{}]
        points = [dict(zip(own[label], point, strict=True)) for point in product(*own[label].values())]
        recipes[label] = [build(**one, **point) for one in common for point in points]
    firsts = [several[0] for several in recipes.values()]
    check_budget(firsts)
    if rates and len({recipe.heads for recipe in firsts}) > 1:
        raise ValueError(
            "One rate is for recipes of one regime, and these differ in heads=: search each group by itself."
        )
    stream = make_stream(source, orders[0])
    for recipe in firsts:
        check(stream, recipe)
