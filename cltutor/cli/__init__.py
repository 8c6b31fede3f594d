"""The command line: `cltutor lab` opens the notebooks, `run` and `compare` train without one, `doctor` checks the
computer."""

import difflib
import importlib
import io
import sys
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor

from ..describe import shown
from .arguments import COMMANDS, cut, parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 when all went well, 1 when something went wrong, 2 for bad input, which is
    refused in one sentence before time is spent. What the terminal cannot show is printed as a question mark.

    Unknown commands and options end the program with code 2, as argparse does.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    argv, root = list(sys.argv[1:] if argv is None else argv), parser()
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        near = difflib.get_close_matches(argv[0], COMMANDS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"the commands are {', '.join(COMMANDS)}."
        root.error(f"there is no command {shown(argv[0])}: {hint}")
    arguments = root.parse_args(argv)
    command = importlib.import_module(f".{arguments.command}", __name__)  # imported when needed: some take seconds
    try:
        return command.main(arguments)
    except (ValueError, ArithmeticError, MemoryError, BrokenExecutor, ImportError) as error:
        print(f"cltutor {arguments.command}: {cut(str(error))}", file=sys.stderr)
        return 2 if isinstance(error, ValueError) else 1  # a run diverged or lost its worker, no JupyterLab
