"""The command line: `cltutor lab` opens the notebooks, `run` and `compare` learn without one, `doctor` looks at the
computer."""

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path


def _lab(arguments: argparse.Namespace) -> int:
    from . import lab

    return lab.open_lab(port=arguments.port, folder=arguments.folder)


def _doctor(arguments: argparse.Namespace) -> int:
    from . import doctor

    return doctor.report()


def _gallery(arguments: argparse.Namespace) -> int:
    from . import gallery

    return gallery.rebuild(arguments.streams, arguments.store, arguments.workers)


def _claims(arguments: argparse.Namespace) -> int:
    from . import claims

    return claims.report(arguments.paper, arguments.trials, arguments.workers, arguments.store, arguments.out)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 up, not {text!r}")
    return int(text)


def _run(arguments: argparse.Namespace) -> int:
    from . import run

    return run.run(arguments)


def _compare(arguments: argparse.Namespace) -> int:
    from . import compare

    return compare.compare(arguments)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {text!r}")
    return int(text)


COMMANDS = {
    "lab": (_lab, "open the notebooks in JupyterLab"),
    "run": (_run, "learn a stream with one method"),
    "compare": (_compare, "learn a stream with several methods and seeds, and set them side by side"),
    "doctor": (_doctor, "say what this computer has, what is wrong and how to mend it"),
    "gallery": (_gallery, "make the results again that come with cltutor"),
    "claims": (_claims, "check the claims of the five papers"),
}


def _parser() -> argparse.ArgumentParser:
    from . import compare, run

    parser = argparse.ArgumentParser(prog="cltutor", description="The continual-learning textbook that you run.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, (_, purpose) in COMMANDS.items():
        commands.add_parser(name, help=purpose, description=purpose)
    lab = commands.choices["lab"]
    lab.add_argument("--port", type=_port, help="the port to listen on (default: a free one)")
    lab.add_argument("--folder", type=Path, help="where to work on copies of the notebooks; files there are kept")
    gallery = commands.choices["gallery"]
    gallery.add_argument("streams", nargs="*", help="digits, scenes (default: all)")
    gallery.add_argument("--store", type=Path, help="the folder of finished runs (default: CLTUTOR_RUNS, or a cache)")
    gallery.add_argument("--workers", type=_count, default=1, help="processes of one thread each (default: 1)")
    claims = commands.choices["claims"]
    claims.add_argument("--paper", help="lwf, mas, lwm, eeil or dfcnn (default: all)")
    claims.add_argument("--trials", type=_count, help="class orders a claim, 2 or more (default: the claim's own)")
    claims.add_argument("--workers", type=_count, default=1, help="processes of one thread each (default: 1)")
    claims.add_argument("--store", type=Path, help="the folder of finished runs (default: CLTUTOR_RUNS, or a cache)")
    claims.add_argument("--out", type=Path, help="the page to write, such as docs/claims.md")
    run.add_arguments(commands.choices["run"])
    compare.add_arguments(commands.choices["compare"])
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 when all went well, 1 when something is wrong.

    Unknown commands and options end the program with code 2, as argparse does.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        near = difflib.get_close_matches(argv[0], COMMANDS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"the commands are {', '.join(COMMANDS)}."
        parser.error(f"there is no command {argv[0]!r}: {hint}")
    arguments = parser.parse_args(argv)
    run, _ = COMMANDS[arguments.command]
    try:
        return run(arguments)
    except (ValueError, ArithmeticError, MemoryError) as error:  # also: a run diverged, or does not fit a GPU
        print(f"cltutor {arguments.command}: {error}", file=sys.stderr)
        return 1
