"""A run in small, before it takes time: the network is built, grows to the second task, and is shown an image.

Its weights are zeros, which take neither time nor memory until they are written. PyTorch's meta device would do without
them, but its first use imports PyTorch's compiler: 150 MB and some seconds that a small Binder session does not have.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..describe import Part, shown
from ..networks import Architecture, Network
from ..networks.devices import free_memory, is_out_of_memory
from ..recipe.recipe import Phase, Recipe
from ..runs.memory_use import size
from ..seeds import apart
from ..streams import Stream

# Functions of tensors and of torch.nn.init by name. A truncated normal is drawn by several, and compares its values.
DRAWING = {"normal_", "uniform_", "erfinv_", "mul_", "add_", "clamp_", "kaiming_normal_", "kaiming_uniform_"}
COMPARING = {"lt", "gt"}


class Undrawn(TorchFunctionMode):
    """Weights that modules allocate stay zeros: what would draw their values is left out."""

    def __init__(self, room: int | None = None) -> None:
        super().__init__()
        self.zeros: dict[int, Tensor] = {}  # by address, and kept: no other tensor may get theirs
        self.room, self.bytes = room, 0

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.empty:
            try:
                made = func(*args, **kwargs)
            except RuntimeError as error:
                raise TooLarge(self.room) if is_out_of_memory(error) else error from None
            if made.dtype != torch.float32 or made.device.type != "cpu":
                return made
            self.bytes += made.nbytes
            if self.room is not None and self.bytes > self.room:
                raise TooLarge(self.room)
            # numpy, unlike torch, writes no zeros where memory is fresh
            zeros = torch.from_numpy(np.zeros(made.shape, np.float32)).requires_grad_(made.requires_grad)
            self.zeros[zeros.data_ptr()] = zeros
            return zeros
        subject = args[0] if args else kwargs.get("tensor")  # torch.nn.init names its argument
        name = getattr(func, "__name__", "")
        if name in DRAWING | COMPARING and isinstance(subject, Tensor) and subject.data_ptr() in self.zeros:
            return subject if name in DRAWING else torch.zeros((), dtype=torch.bool)
        return func(*args, **kwargs)


# What a network raises that does not fit its images: the exceptions of PyTorch and Python for wrong shapes and values.
UNFIT = RuntimeError, LookupError, AttributeError, AssertionError, TypeError, ArithmeticError


class TooLarge(Exception):
    """A network whose weights have no ``room``, in bytes."""

    def __init__(self, room: int | None):
        available = "any memory" if room is None else f"the {room / 1e9:,.1f} GB of memory"
        super().__init__(f"its weights take more than {available} that this machine has free")


class Plan(NamedTuple):
    """What is rehearsed: a network for images (C, H, W), the names of classes and the phases of two tasks, and the
    parts that the network must fit."""

    architecture: Architecture
    shape: tuple[int, int, int]
    tasks: tuple[tuple[tuple[str, ...], tuple[Phase, ...]], ...]
    parts: tuple[Part, ...]


def rehearse(stream: Stream, recipe: Recipe) -> tuple[int, ...]:
    """Refuse, with a ValueError, a network that cannot take the stream's images, cannot grow to its second task, or
    does not fit another part, and a phase of these tasks in which nothing learns. Returns the bytes of the network
    after each of the two."""
    tasks = tuple(
        (
            tuple(stream.class_names[label] for label in stream.arrivals[task.index]),
            tuple(phase for phase, epochs, _ in recipe.plan(task.index) if epochs and len(task.train)),
        )
        for task in stream[:2]
    )
    parts = tuple(part for part in recipe.parts.values() if part.acts("fits"))
    plan = Plan(recipe.network, stream.image_shape, tasks, parts)
    try:
        hash(plan)
    except TypeError:  # a user's own part may have a list in it
        return rehearsed.__wrapped__(plan)
    return rehearsed(plan)


@lru_cache(maxsize=64)  # a comparison or a widget checks the same recipe again and again
def rehearsed(plan: Plan) -> tuple[int, ...]:
    with apart(), torch.no_grad():
        try:
            return grows_undrawn(plan, free_memory(torch.device("cpu"))) or grow(plan)
        except (TooLarge, *UNFIT) as error:
            shape = "x".join(map(str, plan.shape))
            raise ValueError(
                f"{shown(plan.architecture)} cannot learn images of {shape} (channels, height, width): "
                f"{' '.join(str(error).split())[:200].rstrip('.')}."
            ) from error


def grows_undrawn(plan: Plan, room: int | None = None) -> tuple[int, ...]:
    """``grow`` with zeros; nothing where that goes wrong: drawn weights decide then, as zeros may be what was wrong.
    TooLarge for weights of more bytes than there is ``room``."""
    try:
        with Undrawn(room):
            return grow(plan)
    except (ValueError, *UNFIT):
        return ()


def grow(plan: Plan) -> tuple[int, ...]:
    """Build the network and let it grow to the tasks; at each, it must fit all parts, and the phases need parameters to
    train. Its bytes then."""
    sizes: list[int] = []
    shared: list[int] = []
    network = plan.architecture.build(plan.shape, pretrained=False)
    for names, phases in plan.tasks:
        if names:
            network.grow(len(names), list(names))
        for phase in phases:
            learning(network, phase)
        if plan.parts:
            shared.append(sum(parameter.numel() for parameter in network.parameters_of("shared")))
        for part in plan.parts:
            part.fits(network, shared)
        sizes.append(size(network.state_dict().values()))
    logits = network.eval()(torch.zeros((1, *plan.shape), dtype=torch.uint8)).logits
    classes = sum(len(names) for names, _ in plan.tasks)
    if tuple(logits.shape) != (1, classes):
        raise ValueError(
            f"{shown(plan.architecture)} answers one image of {classes} classes with logits of shape "
            f"{tuple(logits.shape)}, not (1, {classes})."
        )
    return tuple(sizes)


def learning(network: Network, phase: Phase) -> dict[str, list[nn.Parameter]]:
    """The parameters that learn in a phase, by role; ValueError where there is none."""
    found = {role: network.parameters_of(role) for role in phase.rates}
    if not any(found.values()):
        raise ValueError(f"Phase {phase.name!r} trains {', '.join(phase.rates)} parameters, and this network has none.")
    return found
