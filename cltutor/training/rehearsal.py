"""A run in small, before it takes time: the network is built, grows to the second task, and is shown an image.

Its weights are zeros, which take neither time nor memory until they are written. PyTorch's meta device would do without
them, but its first use imports PyTorch's compiler: 150 MB and some seconds that a small Binder session does not have.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..describe import shown
from ..networks import Architecture, Network
from ..recipe.recipe import Phase, Recipe
from ..streams import Stream

ALLOCATING = {torch.empty, torch.rand, torch.randn}
# Functions of tensors and of torch.nn.init by name. A truncated normal is drawn by several, and compares its values.
DRAWING = {"normal_", "uniform_", "erfinv_", "mul_", "add_", "clamp_", "kaiming_normal_", "kaiming_uniform_"}
COMPARING = {"lt", "gt"}
Names = tuple[str, ...]


class Undrawn(TorchFunctionMode):
    """Weights that modules allocate stay zeros: what would draw their values is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.zeros: set[int] = set()  # where they are in memory

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func in ALLOCATING:
            made = torch.empty(*args, **{name: value for name, value in (kwargs or {}).items() if name != "generator"})
            if made.dtype == torch.float32:  # numpy, unlike torch, writes no zeros where memory is fresh
                made = torch.from_numpy(np.zeros(made.shape, np.float32))
            self.zeros.add(made.data_ptr())
            return made
        subject = args[0] if args else (kwargs or {}).get("tensor")  # torch.nn.init names its argument
        name = getattr(func, "__name__", "")
        if name in DRAWING | COMPARING and isinstance(subject, Tensor) and subject.data_ptr() in self.zeros:
            return subject if name in DRAWING else torch.zeros((), dtype=torch.bool)
        return func(*args, **(kwargs or {}))


def rehearse(stream: Stream, recipe: Recipe) -> None:
    """Refuse, with a ValueError, a network that cannot take the stream's images, or cannot grow to its second task, and
    a phase of these tasks in which nothing learns."""
    names = tuple(tuple(stream.class_names[label] for label in task.classes) for task in stream[:2])
    phases = tuple(
        tuple(phase for phase, epochs, _ in recipe.plan(task.index) if epochs and len(task.train))
        for task in stream[:2]
    )
    arguments = recipe.network, stream.image_shape, names, phases
    try:
        hash(arguments)
    except TypeError:  # a user's own part may have a list in it
        rehearsed.__wrapped__(*arguments)
    else:
        rehearsed(*arguments)


@lru_cache(maxsize=64)  # a comparison or a widget checks the same recipe again and again
def rehearsed(
    architecture: Architecture,
    shape: tuple[int, int, int],
    names: tuple[Names, ...],
    phases: tuple[tuple[Phase, ...], ...],
) -> None:
    with torch.random.fork_rng([]), torch.no_grad():
        try:
            with Undrawn():
                grow(architecture, shape, names, phases)
        except ValueError:
            raise
        except Exception:  # it may need weights that are not zero
            try:
                grow(architecture, shape, names, phases)
            except (RuntimeError, LookupError, AttributeError, AssertionError, TypeError, ArithmeticError) as error:
                size = "x".join(map(str, shape))
                raise ValueError(
                    f"{shown(architecture)} cannot learn images of {size} (channels, height, width): "
                    f"{' '.join(str(error).split())[:200].rstrip('.')}."
                ) from error


def grow(
    architecture: Architecture,
    shape: tuple[int, int, int],
    names: tuple[Names, ...],
    phases: tuple[tuple[Phase, ...], ...],
) -> None:
    """Build the network and let it grow to the tasks of ``names``; at each, the ``phases`` need parameters to train."""
    network = architecture.build(shape, pretrained=False)
    for own, planned in zip(names, phases, strict=True):
        network.grow(len(own), list(own))
        for phase in planned:
            learning(network, phase)
    logits = network.eval()(torch.zeros((1, *shape), dtype=torch.uint8)).logits
    classes = sum(map(len, names))
    if tuple(logits.shape) != (1, classes):
        raise ValueError(
            f"{shown(architecture)} answers one image of {classes} classes with logits of shape {tuple(logits.shape)}, "
            f"not (1, {classes})."
        )


def learning(network: Network, phase: Phase) -> dict[str, list[nn.Parameter]]:
    """The parameters that learn in a phase, by role; ValueError where there is none."""
    found = {role: network.parameters_of(role) for role in phase.rates}
    if not any(found.values()):
        raise ValueError(f"Phase {phase.name!r} trains {', '.join(phase.rates)} parameters, and this network has none.")
    return found
