"""`cltutor lab`: JupyterLab on the notebooks, with or without a display."""

import argparse
import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
# With labconfig/page_config.json, which turns off JupyterLab's question about news.
JUPYTER_CONFIG = Path(__file__).resolve().parent / "jupyter"


SOLUTION = re.compile(r"<details><summary>Solution</summary>.*?</details>\s*", re.DOTALL)


def notebooks(package: Path = PACKAGE) -> tuple[Path, bool]:
    """The folder of the notebooks, and whether they must be copied before anybody works on them.

    In a checkout they lie beside the package and are opened where they are; pip puts them inside the package, where a
    learner's changes would be lost with the next version.
    """
    installed = package / "notebooks"
    return (installed, True) if installed.is_dir() else (package.parent / "notebooks", False)


def without_solutions(notebook: bytes) -> bytes:
    """A notebook without its folded solutions; a cell that has nothing else goes with them."""
    content = json.loads(notebook)
    kept = []
    for cell in content["cells"]:
        text = "".join(cell["source"])
        left = SOLUTION.sub("", text) if cell["cell_type"] == "markdown" else text
        if left != text:
            cell["source"] = left.splitlines(keepends=True)
        if left.strip() or left == text:
            kept.append(cell)
    return (json.dumps({**content, "cells": kept}, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def working_folder(folder: Path | None = None, package: Path = PACKAGE, solutions: bool = True) -> Path:
    """The folder to open: `folder`, a checkout's own notebooks, or ./cltutor-notebooks.

    Copies the notebooks there when it is not the checkout's own, and without their solutions where these are not
    wanted; a file already there is kept, since it may contain a learner's work.

    Raises:
        ValueError: there is nothing to copy, or the folder cannot be written to.
    """
    source, installed = notebooks(package)
    if not any(source.glob("*.ipynb")):
        raise ValueError(f"there are no notebooks in {source}: install cltutor again.")
    if folder is None and not installed and solutions:
        return source
    target = Path("cltutor-notebooks") if folder is None else folder
    try:
        target.mkdir(parents=True, exist_ok=True)
        for notebook in sorted(source.glob("*.ipynb")):
            if not (target / notebook.name).exists():
                content = notebook.read_bytes()
                (target / notebook.name).write_bytes(content if solutions else without_solutions(content))
    except OSError as error:
        raise ValueError(f"cannot write to {target} ({error.strerror}): choose another place with --folder.") from error
    return target.resolve()


def still_solved(folder: Path) -> str:
    """A sentence about notebooks that were in the folder before, with their solutions; empty where there are none."""
    found = [path.name for path in sorted(folder.glob("*.ipynb")) if b"<summary>Solution<" in path.read_bytes()]
    return f"Notebooks that were there already keep their solutions: {', '.join(found)}." if found else ""


def has_display(platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a browser can be opened here."""
    if platform in ("win32", "darwin"):
        return "SSH_CONNECTION" not in environment
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def lab_arguments(
    folder: Path, port: int | None = None, display: bool = True, container: bool = False, root: bool = False
) -> list[str]:
    """JupyterLab's arguments to open the first notebook of `folder`; its token stays on.

    A container's localhost cannot be reached from outside: there JupyterLab listens to all addresses.
    """
    first = min(path.name for path in folder.glob("*.ipynb"))
    arguments = [f"--ServerApp.root_dir={folder}", f"--LabApp.default_url=/lab/tree/{first}"]
    if port is not None:
        # No retries: a given port that is taken is an error, not a reason for another port.
        arguments += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if not display:
        arguments.append("--no-browser")
    if container:
        arguments.append("--ServerApp.ip=0.0.0.0")
    if root:
        arguments.append("--allow-root")
    return arguments


def main(arguments: argparse.Namespace) -> int:
    """Serve the notebooks until the learner stops the server; Jupyter prints the address."""
    folder = working_folder(arguments.folder, solutions=not arguments.without_solutions)
    if arguments.without_solutions and (kept := still_solved(folder)):
        print(kept)
    try:
        from jupyterlab.labapp import LabApp
    except ModuleNotFoundError as error:
        raise ImportError("jupyterlab is missing: pip install jupyterlab ipywidgets.") from error
    print(f"The notebooks are in {folder}. Stop with Ctrl-C.", flush=True)
    paths = [str(JUPYTER_CONFIG), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, paths))
    # Otherwise every thread that trains gets a heap of its own, which does not return freed memory: a kernel grows.
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    container = any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv"))
    LabApp.launch_instance(lab_arguments(folder, arguments.port, has_display(), container, root))
    return 0
