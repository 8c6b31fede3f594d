"""`cltutor run STREAM METHOD`: train one method on a stream, and print and write the results."""

import argparse

from ..comparing.comparison import Comparison
from ..training.loop import learn
from .inputs import prepare
from .writing import report


def main(arguments: argparse.Namespace) -> int:
    (recipe,), _, stream, out, store = prepare(arguments, [arguments.method], [arguments.seed])
    run = learn(stream, recipe, arguments.seed, device=arguments.device, store=store)
    report(Comparison([run]), out, "run")
    return 0
