"""The devices that this machine has, as PyTorch names them."""

import torch


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


def choose_device(device: str | torch.device) -> torch.device:
    """The device of that name; "auto" is the accelerator if there is one, otherwise the CPU.

    ValueError for a name that is none of this machine's devices.
    """
    if device == "auto":
        return torch.device(accelerator() or "cpu")
    name = str(device) if isinstance(device, torch.device) else device
    if not isinstance(name, str) or name not in devices():
        raise ValueError(f'device is "auto" or what this machine has ({", ".join(devices())}), not {device!r}.')
    return torch.device(name)
