"""`cltutor run STREAM METHOD`: train one method on a stream, and print and write the results."""

import argparse
from pathlib import Path

from ..comparing.comparison import Comparison
from ..training import loop
from . import inputs, writing


def main(arguments: argparse.Namespace) -> int:
    with inputs.before_training():
        (recipe,) = inputs.recipes_of([arguments.method], arguments.settings, arguments.epochs)
        loop.choose_device(arguments.device)
        stream = inputs.source_of(arguments)(arguments.seed)
        inputs.check(recipe, stream)
        out = arguments.out and writing.ready(arguments.out)
    store = arguments.store or (out and out / "runs")
    run = loop.learn(stream, recipe, arguments.seed, device=arguments.device, store=store)
    report(Comparison([run]), out, "run")
    return 0


def report(comparison: Comparison, out: Path | None, command: str) -> None:
    """Print the table, and write it with its figures and runs where a folder was named."""
    print(comparison.table())
    if out:
        files = writing.write(comparison, out, f"cltutor {command}")
        print(f"\n{len(files)} files in {out}: the table, {len(files) - 1 - len(comparison)} figures and the runs.")
