"""The stream and the recipes that the arguments of `cltutor run` and `cltutor compare` describe."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from .. import methods, streams
from ..recipe.recipe import Recipe
from ..streams import Stream
from ..training import loop
from .arguments import SEED, SOURCES, Refused


@contextmanager
def before_training() -> Iterator[None]:
    """Turns every ValueError inside into ``Refused``."""
    try:
        yield
    except ValueError as error:
        raise Refused(str(error)) from error


def stream_of(source: str, tasks: int | list[int], order: Any, seed: int) -> Stream:
    """The stream for a seed, in the given order or in the seed's own."""
    chosen = seed if order == SEED else order
    if source in SOURCES:
        return getattr(streams, source)(tasks=tasks, order=chosen)
    if not Path(source).expanduser().exists():
        raise ValueError(f"there is no stream {source!r}: give {', '.join(SOURCES)}, or a folder or zip file.")
    return streams.folder(source, tasks=tasks, order=chosen)


def source_of(arguments: argparse.Namespace) -> Callable[[int], Stream]:
    """A function from a seed to its stream, which can be sent to another process."""
    tasks = arguments.tasks or (2 if arguments.stream == "facts" else 5)
    return partial(stream_of, arguments.stream, tasks, arguments.order)


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


def check(recipe: Recipe, stream: Stream) -> None:
    """ValueError, before any training, for a recipe that cannot be trained on the stream."""
    loop.check(stream, recipe)
    recipe.network.build(stream.image_shape)
