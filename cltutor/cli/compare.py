"""`cltutor compare STREAM METHOD...`: learn a stream with several methods and seeds, and print and write a table."""

import argparse
import sys
from contextlib import nullcontext

from . import asking
from .run import refused, report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    asking.add_arguments(parser)
    parser.add_argument("methods", nargs="+", metavar="method", help="names of methods, such as finetune lwf joint")
    parser.add_argument(
        "--seeds",
        type=asking.whole,
        nargs="+",
        default=[0, 1, 2],
        help="one run of a method each (default: 0 1 2)",
    )
    parser.add_argument("--workers", type=asking.counting, default=1, help="processes to learn in (default: 1)")


def compare(arguments: argparse.Namespace) -> int:
    """0 when all went well, 2 for what cannot be asked, said in one sentence before any training."""
    from ..comparing import comparison
    from ..comparing.parallel import WorkerDied
    from ..training import loop as learner
    from . import writing

    try:
        recipes = asking.recipes_of(arguments.methods, arguments.settings, arguments.epochs)
        comparison.check_lists(recipes, arguments.seeds)
        comparison.check_budget(recipes)
        learner.choose_device(arguments.device)
        source = asking.maker(arguments)
        first = source(arguments.seeds[0])
        for recipe in recipes:
            asking.check(recipe, first)
        out = arguments.out and writing.ready(arguments.out)
    except ValueError as error:
        return refused("compare", error)
    store = arguments.store or (out and out / "runs")
    workers = comparison.processes(arguments.workers) if arguments.workers > 1 else nullcontext()
    try:
        with workers as executor:
            found = comparison.compare(source, recipes, arguments.seeds, executor, arguments.device, store)
    except WorkerDied as error:
        print(f"cltutor compare: {error}", file=sys.stderr)
        return 1
    return report(found, out, "compare")
