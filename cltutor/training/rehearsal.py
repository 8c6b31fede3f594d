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

from ..describe import shown
from ..networks import Architecture, Network
from ..recipe.recipe import Phase, Recipe
from ..streams import Stream

# Functions of tensors and of torch.nn.init by name. A truncated normal is drawn by several, and compares its values.
DRAWING = {"normal_", "uniform_", "erfinv_", "mul_", "add_", "clamp_", "kaiming_normal_", "kaiming_uniform_"}
COMPARING = {"lt", "gt"}


class Undrawn(TorchFunctionMode):
    """Weights that modules allocate stay zeros: what would draw their values is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.zeros: dict[int, Tensor] = {}  # by address, and kept: no other tensor may get theirs

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.empty:
            made = func(*args, **kwargs)
            if made.dtype != torch.float32 or made.device.type != "cpu":
                return made
            # numpy, unlike torch, writes no zeros where memory is fresh
            zeros = torch.from_numpy(np.zeros(made.shape, np.float32)).requires_grad_(made.requires_grad)
            self.zeros[zeros.data_ptr()] = zeros
            return zeros
        subject = args[0] if args else kwargs.get("tensor")  # torch.nn.init names its argument
        name = getattr(func, "__name__", "")
        if name in DRAWING | COMPARING and isinstance(subject, Tensor) and subject.data_ptr() in self.zeros:
            return subject if name in DRAWING else torch.zeros((), dtype=torch.bool)
        return func(*args, **kwargs)


class Plan(NamedTuple):
    """What is rehearsed: a network for images (C, H, W), the names of classes and the phases of two tasks."""

    architecture: Architecture
    shape: tuple[int, int, int]
    tasks: tuple[tuple[tuple[str, ...], tuple[Phase, ...]], ...]


def rehearse(stream: Stream, recipe: Recipe) -> None:
    """Refuse, with a ValueError, a network that cannot take the stream's images, or cannot grow to its second task, and
    a phase of these tasks in which nothing learns."""
    tasks = tuple(
        (
            tuple(stream.class_names[label] for label in task.classes),
            tuple(phase for phase, epochs, _ in recipe.plan(task.index) if epochs and len(task.train)),
        )
        for task in stream[:2]
    )
    plan = Plan(recipe.network, stream.image_shape, tasks)
    try:
        hash(plan)
    except TypeError:  # a user's own part may have a list in it
        rehearsed.__wrapped__(plan)
    else:
        rehearsed(plan)


@lru_cache(maxsize=64)  # a comparison or a widget checks the same recipe again and again
def rehearsed(plan: Plan) -> None:
    with torch.random.fork_rng([]), torch.no_grad():
        if grows_undrawn(plan):
            return
        try:
            grow(plan)
        except (RuntimeError, LookupError, AttributeError, AssertionError, TypeError, ArithmeticError) as error:
            size = "x".join(map(str, plan.shape))
            raise ValueError(
                f"{shown(plan.architecture)} cannot learn images of {size} (channels, height, width): "
                f"{' '.join(str(error).split())[:200].rstrip('.')}."
            ) from error


def grows_undrawn(plan: Plan) -> bool:
    """Whether all goes well with zeros; where it does not, drawn weights decide, as zeros may be what was wrong."""
    try:
        with Undrawn():
            grow(plan)
    except Exception:
        return False
    return True


def grow(plan: Plan) -> None:
    """Build the network and let it grow to the tasks; at each, the phases need parameters to train."""
    network = plan.architecture.build(plan.shape, pretrained=False)
    for names, phases in plan.tasks:
        network.grow(len(names), list(names))
        for phase in phases:
            learning(network, phase)
    logits = network.eval()(torch.zeros((1, *plan.shape), dtype=torch.uint8)).logits
    classes = sum(len(names) for names, _ in plan.tasks)
    if tuple(logits.shape) != (1, classes):
        raise ValueError(
            f"{shown(plan.architecture)} answers one image of {classes} classes with logits of shape "
            f"{tuple(logits.shape)}, not (1, {classes})."
        )


def learning(network: Network, phase: Phase) -> dict[str, list[nn.Parameter]]:
    """The parameters that learn in a phase, by role; ValueError where there is none."""
    found = {role: network.parameters_of(role) for role in phase.rates}
    if not any(found.values()):
        raise ValueError(f"Phase {phase.name!r} trains {', '.join(phase.rates)} parameters, and this network has none.")
    return found
