"""`cltutor doctor`: what this computer has, and in one line each what is wrong and how to mend it.

Every check is a small function that returns one `Finding`, and every finding is one line.
"""

import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from . import lab

WIDTH = 80
LABEL = 12
OLDEST_PYTHON = (3, 11)
NEEDED_GB = 1.2  # what one notebook may take
# Where torchvision unpacks a set below its root.
TORCHVISION_FOLDERS = {
    "cifar-10-batches-py": "CIFAR10",
    "cifar-100-python": "CIFAR100",
    "MNIST": "MNIST",
    "FashionMNIST": "FashionMNIST",
    "KMNIST": "KMNIST",
    "EMNIST": "EMNIST",
    "train_32x32.mat": "SVHN",
    "stl10_binary": "STL10",
    "caltech101": "Caltech101",
    "caltech256": "Caltech256",
    "flowers-102": "Flowers102",
    "food-101": "Food101",
    "oxford-iiit-pet": "OxfordIIITPet",
    "stanford_cars": "StanfordCars",
    "dtd": "DTD",
    "eurosat": "EuroSAT",
    "gtsrb": "GTSRB",
}


class Finding(NamedTuple):
    """One line of the report: the value, or what is wrong with it and how to mend it."""

    label: str
    value: str
    problem: str | None = None


def _numbers(version: str) -> tuple[int, ...]:
    """'2.11.0+cpu' -> (2, 11, 0): enough to compare releases without another package."""
    return tuple(int(part) for part in re.match(r"[\d.]*\d|", version)[0].split(".") if part)


def required_versions() -> dict[str, str]:
    """The oldest version of each package that cltutor runs with, from its own metadata."""
    lines = metadata.requires("cltutor") or []
    bounds = (re.fullmatch(r"([\w-]+)>=([\d.]+)", line) for line in lines)
    return {bound[1]: bound[2] for bound in bounds if bound}


def check_cltutor() -> Finding:
    try:
        return Finding("cltutor", metadata.version("cltutor"))
    except metadata.PackageNotFoundError:
        return Finding("cltutor", "", "not installed: pip install -e . in the checkout")


def check_python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if tuple(sys.version_info[:2]) < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        return Finding("Python", version, f"{version} is too old: install {oldest} or newer")
    return Finding("Python", version)


def check_package(name: str) -> Finding:
    """Whether the package is installed, and new enough for cltutor."""
    try:
        oldest = required_versions().get(name, "0")
    except metadata.PackageNotFoundError:
        oldest = "0"  # check_cltutor says that
    mend = f'pip install "{name}>={oldest}"'
    if name in ("torch", "torchvision"):
        mend = "pip install --upgrade torch torchvision"  # one without the other may not fit it
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(name, "", f"missing: {mend}")
    if _numbers(version) < _numbers(oldest):
        return Finding(name, version, f"{version} is too old: {mend}")
    return Finding(name, version)


def check_torchvision() -> Finding:
    """torchvision beside a torch of another build installs without complaint, but cannot load."""
    finding = check_package("torchvision")
    if finding.problem:
        return finding
    try:
        import torchvision  # noqa: F401
    except (ImportError, OSError, RuntimeError, AttributeError):
        mend = "wrong for torch: pip install --force-reinstall torch torchvision"
        return finding._replace(problem=mend)
    return finding


def check_device() -> Finding:
    try:
        import torch
    except ModuleNotFoundError:
        return Finding("device", "unknown without torch")
    except (ImportError, OSError):
        mend = "torch fails: pip install --force-reinstall torch torchvision"
        return Finding("device", "", mend)
    if torch.cuda.is_available():
        return Finding("device", torch.cuda.get_device_name(0))
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count()
    return Finding("device", f"CPU, {cores} cores, torch uses {torch.get_num_threads()} threads")


def _number_in(path: Path) -> int | None:
    """The number that a file of the kernel holds; None without the file, or when it says 'max'."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _host_free(proc: Path) -> int | None:
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", (proc / "meminfo").read_text())
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def _cgroup_free(cgroup: Path) -> int | None:
    """What a container's limit leaves (cgroup 2, then 1), e.g. on Binder; None without a limit."""
    names = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))
    for folder, (limit_name, used_name) in zip((cgroup, cgroup / "memory"), names, strict=True):
        limit, used = _number_in(folder / limit_name), _number_in(folder / used_name)
        if limit is not None and used is not None:
            try:
                cache = re.search(r"inactive_file (\d+)", (folder / "memory.stat").read_text())
            except OSError:
                cache = None
            return limit - used + (int(cache[1]) if cache else 0)
    return None


def free_memory(proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that a new program can use; None where the system does not say (not Linux)."""
    known = [free for free in (_host_free(proc), _cgroup_free(cgroup)) if free is not None]
    return min(known, default=None)


def check_memory() -> Finding:
    free = free_memory()
    if free is None:
        return Finding("memory", "this system does not say how much is free")
    value = f"{free / 1e9:.1f} GB free"
    if free < NEEDED_GB * 1e9:
        return Finding("memory", value, f"{value}, a notebook takes {NEEDED_GB}: close programs")
    return Finding("memory", value)


def check_data() -> Finding:
    """The data sets that torchvision could read without a download; none are needed to start."""
    chosen = os.environ.get("CLTUTOR_DATA")
    folder = Path(chosen) if chosen else lab.PACKAGE.parents[1] / "shared" / "data"
    if chosen and not folder.is_dir():
        return Finding("data", chosen, f"CLTUTOR_DATA is no folder: {chosen}")
    if not folder.is_dir():
        return Finding("data", "built in only; CLTUTOR_DATA can name a folder with more")
    sets = [name for entry, name in TORCHVISION_FOLDERS.items() if (folder / entry).exists()]
    return Finding("data", f"{', '.join(sets) or 'no torchvision set'} in {folder}")


def check_notebooks() -> Finding:
    source, installed = lab.notebooks()
    count = len(list(source.glob("*.ipynb")))
    if not count:
        return Finding("notebooks", str(source), "none found: install cltutor again")
    folder = Path.cwd() if installed else source
    if not os.access(folder, os.W_OK):
        return Finding("notebooks", str(folder), "read-only folder: use cltutor lab --folder PLACE")
    return Finding("notebooks", f"{count} in {source}")


CHECKS: tuple[Callable[[], Finding], ...] = (
    check_cltutor,
    check_python,
    partial(check_package, "torch"),
    check_torchvision,
    *(partial(check_package, name) for name in ("captum", "ipywidgets", "jupyterlab", "numpy", "matplotlib")),
    *(partial(check_package, name) for name in ("scikit-learn", "tqdm", "safetensors")),
    check_device,
    check_memory,
    check_data,
    check_notebooks,
)


def _line(finding: Finding) -> str:
    mark = "!" if finding.problem else " "
    line = f"{mark} {finding.label:<{LABEL}} {finding.problem or finding.value}"
    return line if len(line) <= WIDTH else line[: WIDTH - 3] + "..."


def report(checks: Sequence[Callable[[], Finding]] = CHECKS) -> int:
    """Print every finding on a line of at most 80 columns; 1 when one of them has a problem."""
    findings = [check() for check in checks]
    for finding in findings:
        print(_line(finding))
    wrong = sum(finding.problem is not None for finding in findings)
    print(f"\n{wrong} to mend, marked with !" if wrong else "\nAll is well.")
    return 1 if wrong else 0
