"""`cltutor run STREAM METHOD`: learn a stream with one method, and print and write what came out."""

import argparse
import sys
from pathlib import Path

from . import asking


def add_arguments(parser: argparse.ArgumentParser) -> None:
    asking.add_arguments(parser)
    parser.add_argument("method", help="a method's name, such as lwf")
    parser.add_argument("--seed", type=asking.whole, default=0, help="of the first weights and all draws (default: 0)")


def run(arguments: argparse.Namespace) -> int:
    """0 when all went well, 2 for what cannot be asked, said in one sentence before any training."""
    from ..comparing.comparison import Comparison
    from ..training import loop as learner
    from . import writing

    try:
        (recipe,) = asking.recipes_of([arguments.method], arguments.settings, arguments.epochs)
        learner.choose_device(arguments.device)
        stream = asking.maker(arguments)(arguments.seed)
        asking.check(recipe, stream)
        out = arguments.out and writing.ready(arguments.out)
    except ValueError as error:
        return refused("run", error)
    store = arguments.store or (out and out / "runs")
    learned = learner.learn(stream, recipe, arguments.seed, device=arguments.device, store=store)
    return report(Comparison([learned]), out, "run")


def refused(command: str, error: Exception) -> int:
    print(f"cltutor {command}: {error}", file=sys.stderr)
    return 2


def report(comparison, out: Path | None, command: str) -> int:
    """Print the table, and write it with its figures and runs where a folder was named."""
    from . import writing

    print(comparison.table())
    if out:
        files = writing.write(comparison, out, f"cltutor {command}")
        print(f"\n{len(files)} files in {out}: the table, {len(files) - 1 - len(comparison)} figures and the runs.")
    return 0
