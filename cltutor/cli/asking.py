"""What is typed for `cltutor run` and `cltutor compare`: streams, recipes and settings, parsed and never evaluated."""

import argparse
import ast
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

SOURCES = ("digits", "scenes", "facts")
SEED = "seed"  # every run's own seed draws its class order


def numbers(text: str) -> int | list[int]:
    """ "5" -> 5 tasks; "4,3,3" -> a list with the number of classes in each."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"tasks are a number such as 5, or a list such as 4,3,3, not {text!r}")
    return [int(part) for part in parts] if len(parts) > 1 else int(text)


def order(text: str) -> int | None | list[int | str]:
    """ "3" -> a random order of that seed; "none" -> the data's own; "2,0,1" or names -> that order; "seed"."""
    if text.lower() in ("none", SEED):
        return None if text.lower() == "none" else SEED
    if text.isdecimal():
        return int(text)
    parts = [part.strip() for part in text.split(",")]
    if len(parts) < 2:
        raise argparse.ArgumentTypeError(
            f"an order is a number that draws it, none, or a list such as 2,0,1, not {text!r}"
        )
    return [int(part) if part.isdecimal() else part for part in parts]


def whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a whole number from 0 up is right here, not {text!r}")
    return int(text)


def counting(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 up is right here, not {text!r}")
    return int(text)


def setting(text: str) -> tuple[str, str, object]:
    """ "lwf.temperature=1" -> ("lwf", "temperature", 1); without a method's name it is meant for all, ""."""
    name, equals, code = text.partition("=")
    method, dot, own = name.strip().rpartition(".")
    if not equals or not own.isidentifier() or (dot and not method.isidentifier()):
        raise argparse.ArgumentTypeError(f"a setting is name=value or method.name=value, not {text!r}")
    return method, own, value(code.strip())


def value(code: str) -> object:
    """A plain value, a bare word, or a description such as "SmallCNN(hidden=(64,))"; nothing else is evaluated."""
    try:
        return ast.literal_eval(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass  # a word or a description, then
    if re.fullmatch(r"[A-Za-z_][\w.-]*", code):
        return code
    from ..recipe.recipe import described

    try:
        return described(ast.parse(code, mode="eval").body)
    except (SyntaxError, TypeError, ValueError, RecursionError, MemoryError):
        example = "SmallCNN(hidden=(64,))"
        raise argparse.ArgumentTypeError(f"{code!r} is no number, word or description such as {example}") from None


def stream_of(source: str, tasks: int | list[int], fixed: bool, order: object, seed: int):
    """The stream for a seed: in the given order where it is ``fixed``, else in the seed's own."""
    from .. import streams

    chosen = order if fixed else seed
    if source in SOURCES:
        return getattr(streams, source)(tasks=tasks, order=chosen)
    if not Path(source).expanduser().exists():
        raise ValueError(f"there is no stream {source!r}: give {', '.join(SOURCES)}, or a folder or zip file.")
    return streams.folder(source, tasks=tasks, order=chosen)


def maker(arguments: argparse.Namespace) -> Callable[[int], object]:
    """From a seed to the stream that was asked for; it can be sent to another process."""
    fixed = arguments.order != SEED
    tasks = arguments.tasks or (2 if arguments.stream == "facts" else 5)
    return partial(stream_of, arguments.stream, tasks, fixed, arguments.order if fixed else None)


def recipes_of(methods: Sequence[str], settings: Sequence[tuple[str, str, object]], epochs: int | None) -> list:
    """The methods' recipes with the settings that are meant for them.

    Raises:
        ValueError: no such method, a setting that it does not have, or a value that it cannot take.
    """
    from .. import methods as named

    for method, _, _ in settings:
        if method and method not in methods:
            raise ValueError(f"a setting is for {method!r}, which is not among {', '.join(methods)}.")
    found = []
    for name in methods:
        named.get(name)  # says which one was meant where there is none
        own = {key: value for method, key, value in settings if method in ("", name)}
        try:
            found.append(getattr(named, name)(**own).with_epochs(epochs))
        except (TypeError, AttributeError) as error:
            typed = ", ".join(f"{key}={value!r}" for key, value in own.items())
            raise ValueError(f"{name} cannot be made with {typed}: {error}.") from error
    return found


def check(recipe, stream) -> None:
    """ValueError, before any training, for a recipe that cannot learn the stream, whatever was typed for its parts."""
    from ..training import loop as learner

    try:
        learner.check(stream, recipe)
        recipe.network.build(stream.image_shape)
    except (AttributeError, TypeError) as error:
        raise ValueError(f"{recipe.name} cannot learn with these settings: {error}.") from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What both commands are asked with."""
    parser.add_argument("stream", help=f"{', '.join(SOURCES)}, or a folder or zip file with a sub-folder a class")
    parser.add_argument("--tasks", type=numbers, help="5, or the classes of each: 4,3,3 (default: 5, facts: 2)")
    parser.add_argument(
        "--order",
        type=order,
        default=SEED,
        help="of classes: a number that draws it, none, or a list (default: the seed)",
    )
    parser.add_argument("--epochs", type=counting, help="epochs a task (default: the method's own)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--store", type=Path, help="a folder in which finished runs are kept and found again")
    parser.add_argument("--out", type=Path, help="a folder for the table, the figures and the run files")
    parser.add_argument(
        "--set",
        type=setting,
        action="append",
        default=[],
        dest="settings",
        metavar="[METHOD.]NAME=VALUE",
        help="a setting of a method, such as temperature=1 or lwf.lam=0.5; may be given again",
    )
