"""Counts how many modules of cltutor a run enters, and how often it switches between them as a task begins.

A reader who follows a run opens every module that is entered, and turns a page at every switch. Counted are calls of
functions, and returns from them, that lead from one file to another: while a whole `cl.learn` runs, and from the end of
a task to the first step of the next, with and without that step itself. `python benchmarks/modules_entered.py REVISION`
counts the same in an older revision of the repository.
"""

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import report

METHODS = [
    *("finetune", "lwf", "mas", "mas_local", "ewc", "si", "imm_mode", "ebll", "lwm", "eeil", "icarl", "joint"),
    *("single_task", "dfcnn", "progressive", "expandable", "tensor_factorization"),
]
HERE = Path(__file__).resolve().parents[1]
COUNT = """
import json, sys, warnings
root, name = sys.argv[1:]
sys.path.insert(0, root)
warnings.simplefilter("ignore")
import torch
import cltutor as cl
torch.set_num_threads(1)
stream = cl.streams.digits(tasks=[4, 3, 3], order=0)
entered, stack, switches = set(), [], 0
def watch(frame, event, argument):
    global switches
    path = frame.f_code.co_filename
    if event not in ("call", "return") or not path.startswith(root + "/cltutor/"):
        return
    if event == "call":
        entered.add(path)
        switches += bool(stack) and stack[-1] != path
        stack.append(path)
    elif stack:
        left = stack.pop()
        switches += bool(stack) and stack[-1] != left
def begin(events):
    \"\"\"Switches from the end of the first task to the second one's beginning, and to its first step.\"\"\"
    global switches
    found = []
    for event in events:
        kind = type(event).__name__
        if event.task == 1 and kind in ("TaskBegun", "Stepped"):
            found.append(switches)
            if kind == "Stepped":
                return found
        if kind == "TaskDone":
            switches = 0
cl.learn(stream, name, epochs=2, device="cpu", progress=False)  # what is imported and cached once
sys.setprofile(watch)
cl.learn(stream, name, epochs=2, device="cpu", progress=False)
modules = sorted(path[len(root) + 9 :] for path in entered)
found = begin(cl.train(stream, name, epochs=2, device="cpu"))
sys.setprofile(None)
print(json.dumps([modules, *found]))
"""


def count(root: Path, method: str) -> tuple[list[str], int, int]:
    """The modules entered by a run, and switches until the second task has begun, and until its first step is done."""
    command = [sys.executable, "-c", COUNT, str(root), method]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        measure([HERE, *(checked_out(revision, Path(folder)) for revision in sys.argv[1:])])


def checked_out(revision: str, folder: Path) -> Path:
    """The package as it was at a revision, in a folder of its own."""
    archive = subprocess.run(["git", "archive", revision, "cltutor"], cwd=HERE, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def measure(roots: list[Path]) -> None:
    header = ["method", "modules entered", "switches until a task has begun", "and until its first step is done"]
    header += [f"{words} (older)" for words in header[1:]] if len(roots) > 1 else []
    rows = []
    for method in METHODS:
        counted = [count(root, method) for root in roots]
        rows.append([method, *(n for modules, *switches in counted for n in (len(modules), *switches))])
    notes = "Digits in tasks of 4, 3 and 3 classes, two epochs per task; the second task is the one that begins."
    report.write("modules_entered", "What a reader of a run opens", header, rows, notes, seeds=[0])


if __name__ == "__main__":
    main()
