"""What is typed on the command line: the arguments of every command, parsed and never evaluated."""

import argparse
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from ..describe import Location, Rule, Whole, shown

COMMANDS = {
    "lab": "open the notebooks in JupyterLab",
    "run": "train one method on a stream",
    "compare": "train several methods on a stream with several seeds, and compare them",
    "doctor": "check what this computer has, what is wrong and how to fix it",
    "gallery": "make the results again that come with cltutor",
    "claims": "check the claims of the five papers",
    "grade": "check the notebooks of a class, and write one table",
}
STORE = "~/.cache/cltutor/runs"
SOURCES = ("digits", "scenes", "facts")
SEED = "seed"  # as an order of classes: the one that the seed of each run draws
WORKERS = Whole(1, 1000)
NUMBER = re.compile(r"-?[0-9]{1,30}")  # longer ones are refused as text, as Python reads no number without end
WORDS = {"true": True, "false": False, "none": None}  # as values of settings, in any case


class Parser(argparse.ArgumentParser):
    """Refuses in one sentence, without the lines of usage."""

    def error(self, message: str) -> NoReturn:
        said = cut(message)
        sentence = said if said.endswith((".", "?")) else f"{said}; see {self.prog} --help."
        self.exit(2, f"{self.prog}: {sentence}\n")


def cut(message: str, longest: int = 500) -> str:
    """A message without the end of what was typed, which may be long."""
    return message if len(message) <= longest else f"{message[:longest]}..."


def parser() -> Parser:
    """All commands with their arguments."""
    root = Parser(prog="cltutor", description="The continual-learning textbook that you run.")
    commands = root.add_subparsers(dest="command", required=True, metavar="command")
    lab, run, compare, _, gallery, claims, grade = (
        commands.add_parser(name, help=purpose, description=purpose) for name, purpose in COMMANDS.items()
    )
    port, place = by(Whole(1, 65535), "port"), by(Location(), "it")
    lab.add_argument("--port", type=port, help="the port to listen on (default: a free one)")
    lab.add_argument("--folder", type=place, help="where to work on copies of the notebooks; files there are kept")
    words = "leave the folded solutions out of the copies (default folder: cltutor-notebooks)"
    lab.add_argument("--without-solutions", action="store_true", help=words)
    _add_grading(grade)
    for command in (run, compare):
        _add_training(command)
    run.add_argument("method", help="a method's name, such as lwf")
    run.add_argument("--seed", type=by(Whole(0), "seed"), default=0, help="of weights and draws (default: 0)")
    compare.add_argument("methods", nargs="+", metavar="method", help="names of methods, such as finetune lwf joint")
    seeds = by(Whole(0), "a seed")
    compare.add_argument("--seeds", type=seeds, nargs="+", default=[0, 1, 2], help="per method (default: 0 1 2)")
    gallery.add_argument("streams", nargs="*", help="digits, scenes, or widgets: what they start from (default: all)")
    words = "train only the methods that a stream's file lacks, and leave the others as they are"
    gallery.add_argument("--missing", action="store_true", help=words)
    claims.add_argument("--paper", help="lwf, mas, lwm, eeil or dfcnn (default: all)")
    trials = by(Whole(1), "trials")
    claims.add_argument("--trials", type=trials, help="class orders per claim, 2 or more (default: the claim's own)")
    claims.add_argument("--with-data", action="store_true", help="also the claims on Tiny-ImageNet, in CLTUTOR_DATA")
    words = "when the claims are done, also each side at its own best rate, and with the weights that a paper gives"
    claims.add_argument("--variants", action="store_true", help=words)
    claims.add_argument("--estimate", action="store_true", help="say how long it will take, and train nothing")
    claims.add_argument("--out", type=place, help="the page to write, such as docs/claims.md")
    store = os.environ.get("CLTUTOR_RUNS", STORE)
    words = "the folder of finished runs (default: CLTUTOR_RUNS, or a cache)"
    for command in (gallery, claims):
        command.add_argument("--store", type=place, default=store, help=words)
    workers = by(WORKERS, "workers")
    for command in (compare, gallery, claims):
        command.add_argument("--workers", type=workers, default=1, help="processes to train in (default: 1)")
    return root


def _add_grading(command: argparse.ArgumentParser) -> None:
    place = by(Location(), "it")
    command.add_argument("submissions", type=place, metavar="folder", help="where the students' notebooks are")
    command.add_argument("--out", type=place, default=Path("grades.csv"), help="the table (default: grades.csv)")
    words = "seconds for an exercise with the cells that it needs (default: 120)"
    command.add_argument("--limit", type=by(Whole(1, 86_400), "limit"), default=120, help=words)
    memory = by(Whole(1, 1024), "memory")
    command.add_argument("--memory", type=memory, default=4, help="GB that a notebook may take (default: 4)")
    words = "write otter-grader's test files to the folder instead of grading"
    command.add_argument("--otter", action="store_true", help=words)


def _add_training(command: argparse.ArgumentParser) -> None:
    """The arguments of `run` and of `compare`."""
    place = by(Location(), "it")
    command.add_argument("stream", help=f"{', '.join(SOURCES)}, or a folder or zip file with one sub-folder per class")
    command.add_argument("--tasks", type=tasks, help="5, or the classes of each: 4,3,3 (default: 5, facts: 2)")
    words = "whether a folder's train/, val/ and test/ are splits, or classes (default: as it looks)"
    command.add_argument("--splits", choices=("yes", "no"), help=words)
    words = "of classes: a number that draws it, none, or a list (default: the seed)"
    command.add_argument("--order", type=listed, default=SEED, help=words)
    command.add_argument("--epochs", type=by(Whole(1), "epochs"), help="epochs per task (default: the method's own)")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps, xpu: what this machine has")
    command.add_argument("--store", type=place, help="a folder in which finished runs are kept and found again")
    command.add_argument("--out", type=place, help="a folder for the table, the figures and the run files")
    command.add_argument(
        "--set",
        type=setting,
        action="append",
        default=[],
        dest="settings",
        metavar="[METHOD.]NAME=VALUE",
        help="a setting of a method, such as temperature=1 or lwf.lam=0.5; may be repeated",
    )


def by(rule: Rule, name: str) -> Callable[[str], Any]:
    """A type for argparse: what a rule accepts."""

    def convert(text: str) -> Any:
        try:
            return rule.check(name, int(text) if isinstance(rule, Whole) and NUMBER.fullmatch(text) else text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def listed(text: str) -> Any:
    """ "5" -> 5; "4,3,3" -> [4, 3, 3]; "cat,dog" -> ["cat", "dog"]; "none" -> None."""
    parts = [part.strip() for part in text.split(",")]
    values = [int(part) if NUMBER.fullmatch(part) else part for part in parts]
    if len(values) > 1:
        return values
    return None if text.lower() == "none" else values[0]


def tasks(text: str) -> Any:
    """As ``listed``, but None is no number of tasks."""
    found = listed(text)
    if found is None or found == "":
        raise argparse.ArgumentTypeError(f"tasks is a number such as 5, or the classes of each: 4,3,3; not {text!r}.")
    return found


def setting(text: str) -> tuple[str, str, Any]:
    """ "lwf.temperature=1" -> ("lwf", "temperature", 1); without a method's name it is meant for all, ""."""
    name, equals, code = text.partition("=")
    method, dot, own = name.strip().rpartition(".")
    if not equals or not own.isidentifier() or (dot and not method.isidentifier()):
        raise argparse.ArgumentTypeError(f"a setting is name=value or method.name=value, not {shown(text)}.")
    return method, own, value(code.strip())


def value(code: str) -> Any:
    """A literal, a bare word (true, false and none stand for what they mean), or a description such as
    "SmallCNN(hidden=(64,))"; nothing else is evaluated."""
    if code.lower() in WORDS:
        return WORDS[code.lower()]
    from ..recipe import parser  # imports PyTorch, which --help does not need

    try:
        return parser.read(code)
    except ValueError as error:
        if re.fullmatch(r"[A-Za-z_][\w.-]*", code):
            return code
        raise argparse.ArgumentTypeError(str(error)) from None
