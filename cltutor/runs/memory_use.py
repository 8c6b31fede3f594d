"""The bytes that a run uses when a task begins (MAS, Figure 6), counted from the tensors themselves."""

from collections.abc import Iterable
from typing import Protocol

from torch import Tensor

from ..describe import State
from ..memory import Pool
from ..networks import Network
from ..recipe.recipe import Recipe


class Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


def size(tensors: Iterable[Tensor]) -> int:
    """The bytes of all ``tensors`` together."""
    return sum(tensor.nbytes for tensor in tensors)


def bytes_in_use(
    recipe: Recipe, network: Network, states: dict[str, State], pool: Pool, task: int, teachers: Iterable[Sized]
) -> dict[str, int]:
    """Bytes needed to learn ``task``, by purpose, counted when the task has begun.

    "network": parameters and buffers with the new head; every part of ``recipe`` that remembers tensors, by its name
    ("Anchor": Omega, theta* and SI's path; "after_task": the sums that IMM merges); "teacher": the old network's
    recorded outputs for the new images; with attention distillation the old network and its recorded maps; with
    augmentation the old network alone; "images": those of earlier tasks, without the variants that augmentation makes
    of them. Tensors that live for one step (gradients, activations) are left out.
    """
    sizes = {"network": size(network.state_dict().values())}
    parts = [name for name, part in recipe.parts.items() if part is not recipe.memory and states[name]]
    sizes |= {name: size(states[name].values()) for name in parts}
    for teacher in teachers:
        sizes["teacher"] = teacher.nbytes
    if recipe.memory:
        images, labels = pool.originals()
        old = pool.tasks[: len(labels)].cpu() < task
        apart = states["memory"].values()  # of a memory whose images are not in the pool
        each = size((images[:1], labels[:1]))  # none is copied to be counted
        sizes["images"] = int(old.sum()) * each if old.any() else size(apart)
    return sizes
