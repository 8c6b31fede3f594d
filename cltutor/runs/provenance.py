"""Where numbers come from: the versions and the hardware that produced them."""

import os
import platform
from importlib import metadata
from pathlib import Path

import torch


def versions() -> str:
    """Python, torch, numpy and cltutor with their versions."""
    packages = (f"{package} {metadata.version(package)}" for package in ("torch", "numpy", "cltutor"))
    return ", ".join([f"Python {platform.python_version()}", *packages])


def hardware(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The GPU, if there is one, and the processor (from Linux's ``cpuinfo``, if there is one), cores and threads."""
    try:
        lines = cpuinfo.read_text().splitlines()
        processor = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        processor = platform.processor() or platform.machine()
    parts = [f"{processor}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"]
    if torch.cuda.is_available():
        parts.insert(0, torch.cuda.get_device_name(0))
    return "; ".join(parts)
