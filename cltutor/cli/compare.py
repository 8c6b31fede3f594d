"""`cltutor compare STREAM METHOD...`: train several methods on a stream with several seeds, and print a table."""

import argparse
from contextlib import nullcontext

from ..comparing.comparison import compare, processes
from .inputs import prepare
from .writing import report


def main(arguments: argparse.Namespace) -> int:
    recipes, source, _, out, store = prepare(arguments, arguments.methods, arguments.seeds)
    workers = processes(arguments.workers) if arguments.workers > 1 else nullcontext()
    with workers as executor:
        found = compare(source, recipes, arguments.seeds, executor, arguments.device, store)
    report(found, out, "compare")
    return 0
