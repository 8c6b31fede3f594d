"""The devices that this machine has, as PyTorch names them."""

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
