"""`cltutor doctor`: what this computer has, and in one line each what is wrong and how to fix it.

Every check is a small function that returns one `Finding`, and every finding is one line.
"""

import argparse
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from . import lab

WIDTH = 80
LABEL = 12
OLDEST_PYTHON = (3, 11)
NEEDED_GB = 1.2  # what one notebook may take
UPGRADE = "pip install --upgrade torch torchvision"  # one without the other may not fit it
FIXES = {"torch": UPGRADE, "torchvision": UPGRADE, "cltutor": "pip install -e . in the checkout"}
REINSTALL = "pip install --force-reinstall torch torchvision"
Version = Callable[[str], str | None]  # from a package's name to its version, None where it is missing
Load = Callable[[str], Any]  # from a module's name to the module
# Where torchvision unpacks a set below its root.
TORCHVISION_FOLDERS = {
    "cifar-10-batches-py": "CIFAR10",
    "cifar-100-python": "CIFAR100",
    "train_32x32.mat": "SVHN",
    "stl10_binary": "STL10",
    "flowers-102": "Flowers102",
    "food-101": "Food101",
    "oxford-iiit-pet": "OxfordIIITPet",
    "stanford_cars": "StanfordCars",
    **{name: name for name in ("MNIST", "FashionMNIST", "KMNIST", "EMNIST")},
    **{name.lower(): name for name in ("Caltech101", "Caltech256", "DTD", "EuroSAT", "GTSRB")},
}


class Finding(NamedTuple):
    """One line of the report: the value, or what is wrong with it and how to fix it."""

    label: str
    value: str
    problem: str | None = None


def _numbers(version: str) -> tuple[int, ...]:
    """'2.11.0+cpu' -> (2, 11, 0): enough to compare releases without another package."""
    found = re.match(r"[\d.]*\d", version)
    return tuple(int(part) for part in found[0].split(".") if part) if found else ()


def required_versions(requires: Callable[[str], Iterable[str] | None] = metadata.requires) -> dict[str, str]:
    """The oldest version of each package that cltutor runs with, from its own metadata."""
    try:
        lines = requires("cltutor") or []
    except metadata.PackageNotFoundError:
        return {}  # check_package reports that
    bounds = (re.fullmatch(r"([\w-]+)>=([\d.]+)", line) for line in lines)
    return {bound[1]: bound[2] for bound in bounds if bound}


def installed(name: str) -> str | None:
    """The version of an installed package, None for one that is missing."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def check_python(version: Sequence[Any] = sys.version_info) -> Finding:
    shown, oldest = (".".join(map(str, numbers)) for numbers in (version[:3], OLDEST_PYTHON))
    new_enough = tuple(version[:2]) >= OLDEST_PYTHON
    return Finding("Python", shown, None if new_enough else f"{shown} is too old: install {oldest} or newer")


def check_package(name: str, version: Version = installed, required: Mapping[str, str] | None = None) -> Finding:
    """Whether the package is installed, and new enough for cltutor."""
    oldest = (required_versions() if required is None else required).get(name, "0")
    fix = FIXES.get(name, f'pip install "{name}>={oldest}"')
    if not (found := version(name)):
        return Finding(name, "", f"missing: {fix}")
    if _numbers(found) < _numbers(oldest):
        return Finding(name, found, f"{found} is too old: {fix}")
    return Finding(name, found)


def check_torchvision(load: Load = importlib.import_module, version: Version = installed) -> Finding:
    """torchvision beside a torch of another build installs without complaint, but cannot be imported."""
    finding = check_package("torchvision", version)
    if finding.problem:
        return finding
    try:
        load("torchvision")
    except (ImportError, OSError, RuntimeError, AttributeError):
        return finding._replace(problem=f"wrong for torch: {REINSTALL}")
    return finding


def check_device(load: Load = importlib.import_module) -> Finding:
    try:
        torch = load("torch")
    except ModuleNotFoundError:
        return Finding("device", "unknown without torch")
    except (ImportError, OSError):
        return Finding("device", "", f"torch fails: {REINSTALL}")
    if torch.accelerator.is_available():
        kind = torch.accelerator.current_accelerator().type
        return Finding("device", torch.cuda.get_device_name(0) if kind == "cuda" else f"{kind} (PyTorch's name)")
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count()
    return Finding("device", f"CPU, {cores} cores, torch uses {torch.get_num_threads()} threads")


def _number(path: Path, pattern: str = r"(\d+)") -> int | None:
    """The number that ``pattern`` finds in a file of the kernel; None without the file, or when it says 'max'."""
    try:
        found = re.search(pattern, path.read_text())
    except OSError:
        return None
    return int(found[1]) if found else None


def _cgroup_free(cgroup: Path) -> int | None:
    """What a container's limit leaves (cgroup 2, then 1), e.g. on Binder; None without a limit."""
    names = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))
    for folder, files in zip((cgroup, cgroup / "memory"), names, strict=True):
        limit, used = (_number(folder / file) for file in files)
        if limit is not None and used is not None:
            return limit - used + (_number(folder / "memory.stat", r"inactive_file (\d+)") or 0)
    return None


def free_memory(proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that a new program can use; None where the system does not say (not Linux)."""
    host = _number(proc / "meminfo", r"MemAvailable:\s+(\d+) kB")
    known = [free for free in (host and 1024 * host, _cgroup_free(cgroup)) if free is not None]
    return min(known, default=None)


def check_memory(free_memory: Callable[[], int | None] = free_memory) -> Finding:
    free = free_memory()
    if free is None:
        return Finding("memory", "this system does not say how much is free")
    value = f"{free / 1e9:.1f} GB free"
    too_little = f"{value}, a notebook takes {NEEDED_GB}: close programs"
    return Finding("memory", value, too_little if free < NEEDED_GB * 1e9 else None)


def check_data(package: Path = lab.PACKAGE) -> Finding:
    """The data sets that torchvision could read without a download; none are needed to start."""
    chosen = os.environ.get("CLTUTOR_DATA")
    folder = Path(chosen) if chosen else package.parents[1] / "shared" / "data"
    if chosen and not folder.is_dir():
        return Finding("data", chosen, f"CLTUTOR_DATA is no folder: {chosen}")
    if not folder.is_dir():
        return Finding("data", "built in only; CLTUTOR_DATA can name a folder with more")
    sets = [name for entry, name in TORCHVISION_FOLDERS.items() if (folder / entry).exists()]
    return Finding("data", f"{', '.join(sets) or 'no torchvision set'} in {folder}")


def check_notebooks(package: Path = lab.PACKAGE, access: Callable[[Path, int], bool] = os.access) -> Finding:
    source, installed = lab.notebooks(package)
    count = len(list(source.glob("*.ipynb")))
    if not count:
        return Finding("notebooks", str(source), "none found: install cltutor again")
    folder = Path.cwd() if installed else source
    if not access(folder, os.W_OK):
        return Finding("notebooks", str(folder), "read-only folder: use cltutor lab --folder PLACE")
    return Finding("notebooks", f"{count} in {source}")


CHECKS: tuple[Callable[[], Finding], ...] = (
    partial(check_package, "cltutor"),
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


def main(_: argparse.Namespace | None = None, checks: Sequence[Callable[[], Finding]] = CHECKS) -> int:
    """Print every finding on a line of at most 80 columns; 1 when one of them has a problem."""
    findings = [check() for check in checks]
    for finding in findings:
        line = f"{'!' if finding.problem else ' '} {finding.label:<{LABEL}} {finding.problem or finding.value}"
        print(line if len(line) <= WIDTH else line[: WIDTH - 3] + "...")
    wrong = sum(finding.problem is not None for finding in findings)
    print(f"\n{wrong} to fix, marked with !" if wrong else "\nAll is well.")
    return 1 if wrong else 0
