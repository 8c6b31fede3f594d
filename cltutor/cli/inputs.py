"""The stream and the recipes that the arguments of `cltutor run` and `cltutor compare` describe."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from .. import methods, streams
from ..comparing import comparison
from ..describe import Location
from ..networks import devices
from ..recipe.recipe import Recipe
from ..runs.store import Store
from ..streams import Stream
from ..training import loop
from . import writing
from .arguments import SEED, SOURCES


class Inputs(NamedTuple):
    """What a command trains: recipes on the stream of each seed, ``first`` being that of the first seed."""

    recipes: list[Recipe]
    source: Callable[[int], Stream]
    first: Stream
    out: Path | None
    store: Path | None


def prepare(arguments: argparse.Namespace, names: Sequence[str], seeds: Sequence[int]) -> Inputs:
    """The inputs that the arguments describe.

    Raises:
        ValueError: anything that cannot be trained, or a folder that cannot be written to.
    """
    recipes = recipes_of(names, arguments.settings, arguments.epochs)
    comparison.check_lists(recipes, list(seeds))
    comparison.check_budget(recipes)
    devices.choose_device(arguments.device)
    tasks = arguments.tasks if arguments.tasks is not None else 2 if arguments.stream == "facts" else 5
    splits = {"yes": True, "no": False}.get(arguments.splits)
    source = partial(stream_of, arguments.stream, tasks, arguments.order, splits=splits)  # goes to other processes
    first = source(seeds[0])
    if first.report:
        print(first.report, file=sys.stderr)
    for recipe in recipes:
        loop.check(first, recipe)
        recipe.network.build(first.image_shape)
    out = arguments.out and writing.ready(arguments.out)
    store = arguments.store or (out and out / "runs")
    if store and (refusal := Store(store).refusal()):
        raise ValueError(refusal)
    return Inputs(recipes, source, first, out, store)


def stream_of(source: str, tasks: int | list[int], order: Any, seed: int, splits: bool | None = None) -> Stream:
    """The stream for a seed, in the given order or in the seed's own; splits: as of ``streams.folder``."""
    chosen = seed if order == SEED else order
    if source in SOURCES:
        return getattr(streams, source)(tasks=tasks, order=chosen)
    if not os.path.exists(Location().check("stream", source)):
        raise ValueError(f"there is no stream {source!r}: give {', '.join(SOURCES)}, or a folder or zip file.")
    return streams.folder(source, tasks=tasks, order=chosen, splits=splits)


def recipes_of(names: Sequence[str], settings: Sequence[tuple[str, str, Any]], epochs: int | None) -> list[Recipe]:
    """The methods' recipes with the settings that are meant for them.

    Raises:
        ValueError: no such method, a setting that it does not have, or a value that it does not take.
    """
    for method, _, _ in settings:
        if method and method not in names:
            raise ValueError(f"a setting is for {method!r}, which is not among {', '.join(names)}.")
    found = []
    for name in names:
        own = {key: value for method, key, value in settings if method in ("", name)}
        found.append(methods.named(name)(**own).with_epochs(epochs))
    return found
