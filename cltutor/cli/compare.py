"""`cltutor compare STREAM METHOD...`: train several methods on a stream with several seeds, and print a table."""

import argparse
import sys
from contextlib import nullcontext

from ..comparing import comparison
from ..comparing.parallel import WorkerDied
from ..training import loop
from . import inputs, writing
from .run import report


def main(arguments: argparse.Namespace) -> int:
    with inputs.before_training():
        recipes = inputs.recipes_of(arguments.methods, arguments.settings, arguments.epochs)
        comparison.check_lists(recipes, arguments.seeds)
        comparison.check_budget(recipes)
        loop.choose_device(arguments.device)
        source = inputs.source_of(arguments)
        first = source(arguments.seeds[0])
        for recipe in recipes:
            inputs.check(recipe, first)
        out = arguments.out and writing.ready(arguments.out)
    store = arguments.store or (out and out / "runs")
    workers = comparison.processes(arguments.workers) if arguments.workers > 1 else nullcontext()
    try:
        with workers as executor:
            found = comparison.compare(source, recipes, arguments.seeds, executor, arguments.device, store)
    except WorkerDied as error:
        print(f"cltutor compare: {error}", file=sys.stderr)
        return 1
    report(found, out, "compare")
    return 0
