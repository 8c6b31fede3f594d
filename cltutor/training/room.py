"""Whether a run has room in memory: a lower bound of what it needs, before any time is spent on it."""

from collections.abc import Callable, Sequence
from math import prod

import torch

from ..memory import Everything, Memory
from ..networks.devices import free_memory
from ..recipe.recipe import Recipe
from ..streams import Stream
from ..streams.mapped import is_mapped

CPU = torch.device("cpu")
SHARE = 0.1  # of the free memory of a device that test images may take


def check_room(
    stream: Stream,
    recipe: Recipe,
    place: torch.device | None,
    networks: Sequence[int],
    free: Callable[[torch.device], int | None] = free_memory,
) -> None:
    """Refuse a run that needs more than is ``free`` on ``place``, where it trains, or on the CPU, which keeps the
    network after every task; nothing for no place. ``networks``: the bytes of the network after the first tasks."""
    if place is None:
        return
    trained, kept = needed(stream, recipe, networks, place)
    for device, parts in ((place, trained), (CPU, kept)) if place != CPU else ((CPU, trained | kept),):
        total, available = sum(parts.values()), free(device)
        if available is not None and total > available:
            listed = ", ".join(f"{name} {gigabytes(size)}" for name, size in parts.items() if size > 0.01 * total)
            owner = "this machine" if device == CPU else str(device)
            raise ValueError(
                f"This run of {recipe.name} needs at least {gigabytes(total)} of memory ({listed}), and {owner} has "
                f"{gigabytes(available)} free: take fewer tasks, classes or images, or a smaller network."
            )


def needed(
    stream: Stream, recipe: Recipe, networks: Sequence[int], place: torch.device = CPU
) -> tuple[dict[str, int], dict[str, int]]:
    """Bytes by purpose, where the run trains, on ``place``, and on the CPU.

    It is a lower bound: the network grows by as much at every task as at the second, gradients and the like are counted
    for the first task's parameters alone, and activations and variants of images are left out.
    """
    tasks, first, grown = len(stream), networks[0], networks[-1] - networks[0]
    shared = max(0, first - grown)
    images = pool_size(recipe.memory, [len(task.train) for task in stream], len(stream.classes))
    old = len(stream.classes) - len(stream[-1].classes)
    terms = [
        term for task in (0, min(1, tasks - 1)) for _, _, active in recipe.plan(task) for _, term in active.values()
    ]
    importances = [part.importance for part in recipe.parts.values() if hasattr(part, "importance")]
    trained = {
        "the network": first + (tasks - 1) * grown,
        "gradients and momenta": (2 if recipe.schedule.optimiser == "sgd" else 3) * first,
        "importances and anchors": sum(2 * shared * (tasks - 1 if one.separate else 1) for one in importances),
        "teachers' logits": 4 * old * images if any(term.teacher for term in terms) else 0,
        "images": 0 if place == CPU and is_mapped(stream[-1].train.images) else images * prod(stream.image_shape),
    }
    return trained, {"the network after every task": tasks * first + grown * tasks * (tasks - 1) // 2}


def pool_size(memory: Memory | None, sizes: Sequence[int], classes: int) -> int:
    """The images in the largest pool of tasks of these ``sizes``, at least."""
    if isinstance(memory, Everything):
        return sum(sizes)
    quota = getattr(memory, "quota", None)  # of every class, where a memory has one
    return max(sizes) + (min(sum(sizes[:-1]), quota(classes) * classes) if quota and len(sizes) > 1 else 0)


def place_of_tests(
    stream: Stream, place: torch.device, free: Callable[[torch.device], int | None] = free_memory
) -> torch.device:
    """Where a run has its test images: on its device if they are small beside its free memory, otherwise on the CPU,
    from which they go there chunk by chunk."""
    if place == CPU:
        return CPU
    available = free(place)
    total = sum(task.test.images.nbytes for task in stream)
    return place if available is None or total <= SHARE * available else CPU


def gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 5e7 else f"{size / 1e6:,.1f} MB"
