"""The command line: `cltutor lab` opens the notebooks, `run` and `compare` train without one, `doctor` checks the
computer."""

import difflib
import importlib
import sys
from collections.abc import Sequence

from .arguments import COMMANDS, Refused, parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 when all went well, 1 when something is wrong, 2 for bad input.

    Unknown commands and options end the program with code 2, as argparse does.
    """
    argv, root = list(sys.argv[1:] if argv is None else argv), parser()
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        near = difflib.get_close_matches(argv[0], COMMANDS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"the commands are {', '.join(COMMANDS)}."
        root.error(f"there is no command {argv[0]!r}: {hint}")
    arguments = root.parse_args(argv)
    command = importlib.import_module(f".{arguments.command}", __name__)  # imported when needed: some take seconds
    try:
        return command.main(arguments)
    except (ValueError, ArithmeticError, MemoryError) as error:  # also: a run diverged, or does not fit a GPU
        print(f"cltutor {arguments.command}: {error}", file=sys.stderr)
        return 2 if isinstance(error, Refused) else 1
