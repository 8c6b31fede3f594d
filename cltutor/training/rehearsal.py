"""A run without numbers, before it takes time: the network is built, grows to the second task, and is shown an image.

It is built on PyTorch's meta device, where tensors have shapes and no values, so that this costs milliseconds.
"""

from collections.abc import Callable
from contextlib import nullcontext
from functools import lru_cache
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from ..describe import shown
from ..networks import Architecture, Network
from ..recipe.recipe import Phase, Recipe
from ..streams import Stream

ALLOCATING = {torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn}
Names = tuple[str, ...]


class Weightless(TorchFunctionMode):
    """What modules allocate for their weights has no values; all else is computed as ever, since an architecture may
    compute its widths with tensors (RegNet)."""

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return func(*args, **{**(kwargs or {}), "device": "meta"} if func in ALLOCATING else kwargs or {})


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
            grow(architecture, shape, names, phases, "meta")
        except ValueError:
            raise
        except Exception:  # it reads its own weights, or has tensors that are no parameters: with values, then
            try:
                grow(architecture, shape, names, phases, "cpu")
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
    place: str,
) -> None:
    """Build the network and let it grow to the tasks of ``names``; at each, the ``phases`` need parameters to train."""
    with Weightless() if place == "meta" else nullcontext():
        network = architecture.build(shape, pretrained=False)
        for own, planned in zip(names, phases, strict=True):
            network.grow(len(own), list(own))
            for phase in planned:
                learning(network, phase)
    network.to(place).eval()
    logits = network(torch.zeros((1, *shape), dtype=torch.uint8, device=place)).logits
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
