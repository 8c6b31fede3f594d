"""The devices that this machine has, as PyTorch names them."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import torch

from ..describe import Rule


def accelerator() -> str | None:
    """The kind of accelerator that PyTorch sees here ("cuda", "mps", "xpu", ...), None where there is none."""
    if not torch.accelerator.is_available():
        return None
    found = torch.accelerator.current_accelerator()
    return None if found is None else found.type


def devices() -> list[str]:
    """Every name of a device of this machine: "cpu", the accelerator's kind, and each of its numbered devices."""
    kind = accelerator()
    numbered = [] if kind is None else [kind, *(f"{kind}:{i}" for i in range(torch.accelerator.device_count()))]
    return ["cpu", *numbered]


class DeviceName(Rule):
    """The name of a device of this machine, or "auto"."""

    @property
    def words(self) -> str:
        return f'"auto" or what this machine has ({", ".join(devices())})'

    def accepts(self, value: Any) -> bool:
        name = str(value) if isinstance(value, torch.device) else value
        return isinstance(name, str) and name in ("auto", *devices())


Device = Annotated[str | torch.device, DeviceName()]


def free_memory(
    place: torch.device, meminfo: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")
) -> int | None:
    """Bytes that are free on a device, None where nobody says.

    For the CPU it is what the machine has available (``meminfo``), or what the limit of its container leaves, if that
    is less; files that the container has read count as free.
    """
    if place.type != "cpu":
        ask = getattr(getattr(torch, place.type, None), "mem_get_info", None)
        return ask(place)[0] if ask else None
    found = []
    with suppress(OSError, ValueError):
        found.append(1024 * numbers_in(meminfo)["MemAvailable:"])
    with suppress(OSError, ValueError):  # no container, or none with a limit: "max"
        used = int((cgroup / "memory.current").read_text()) - numbers_in(cgroup / "memory.stat")["inactive_file"]
        found.append(int((cgroup / "memory.max").read_text()) - used)
    return max(0, min(found)) if found else None


def numbers_in(path: Path) -> dict[str, int]:
    """The lines of a file of the kernel: a name and a number, and perhaps a unit."""
    lines = (line.split() for line in path.read_text().splitlines())
    return {words[0]: int(words[1]) for words in lines}


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device has no memory left. On Apple's GPUs and on the CPU PyTorch raises a plain RuntimeError then."""
    words = ("out of memory", "can't allocate memory")
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in words)
    )


def choose_device(device: str | torch.device) -> torch.device:
    """The device of that name; "auto" is the accelerator if there is one, otherwise the CPU.

    ValueError for a name that is none of this machine's devices.
    """
    DeviceName().check("device", device)
    return torch.device((accelerator() or "cpu") if device == "auto" else device)
