"""`cltutor lab`: JupyterLab on the notebooks, with or without a display."""

import os
import shutil
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
# Holds labconfig/page_config.json, which turns off JupyterLab's question about news.
JUPYTER_CONFIG = Path(__file__).resolve().parent / "jupyter"


def notebooks() -> tuple[Path, bool]:
    """The folder of the notebooks, and whether they must be copied before anybody works on them.

    In a checkout they lie beside the package and are opened where they are; pip puts them inside
    the package, where a learner's changes would be lost with the next version.
    """
    installed = PACKAGE / "notebooks"
    if installed.is_dir():
        return installed, True
    return PACKAGE.parent / "notebooks", False


def working_folder(folder: Path | None = None) -> Path:
    """The folder to open: `folder`, a checkout's own notebooks, or ./cltutor-notebooks.

    Copies the notebooks there when it is not the checkout's own; a file already there is kept,
    since it may hold a learner's work. ValueError when there is nothing to copy or no way to.
    """
    source, installed = notebooks()
    if not any(source.glob("*.ipynb")):
        raise ValueError(f"there are no notebooks in {source}: install cltutor again")
    if folder is None and not installed:
        return source
    target = Path("cltutor-notebooks") if folder is None else folder
    try:
        target.mkdir(parents=True, exist_ok=True)
        for notebook in sorted(source.glob("*.ipynb")):
            if not (target / notebook.name).exists():
                shutil.copyfile(notebook, target / notebook.name)
    except OSError as error:
        raise ValueError(f"cannot write to {target} ({error.strerror}): choose another place with --folder") from error
    return target.resolve()


def has_display() -> bool:
    """Whether a browser can be opened here."""
    if sys.platform in ("win32", "darwin"):
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def in_container() -> bool:
    """Whether this is a container, whose own localhost nobody outside can reach."""
    return any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv"))


def lab_arguments(folder: Path, port: int | None = None) -> list[str]:
    """JupyterLab's arguments to open the first notebook of `folder`; its token stays on."""
    first = min(path.name for path in folder.glob("*.ipynb"))
    arguments = [f"--ServerApp.root_dir={folder}", f"--LabApp.default_url=/lab/tree/{first}"]
    if port is not None:
        # No retries: a port that was asked for and is taken is an error, not another port.
        arguments += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if not has_display():
        arguments.append("--no-browser")
    if in_container():
        arguments.append("--ServerApp.ip=0.0.0.0")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")
    return arguments


def open_lab(port: int | None = None, folder: Path | None = None) -> int:
    """Serve the notebooks until the learner stops the server; Jupyter prints the address."""
    folder = working_folder(folder)
    try:
        from jupyterlab.labapp import LabApp
    except ModuleNotFoundError as error:
        raise ValueError("jupyterlab is missing: pip install jupyterlab ipywidgets") from error
    print(f"The notebooks are in {folder}. Stop with Ctrl-C.", flush=True)
    paths = [str(JUPYTER_CONFIG), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, paths))
    # Every thread that trains would have heaps of its own, which keep what was freed: a kernel grows without it.
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    LabApp.launch_instance(lab_arguments(folder, port))
    return 0
