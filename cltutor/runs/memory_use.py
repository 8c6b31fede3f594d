"""The bytes that a run holds as a task begins (MAS, Figure 6): counted where the tensors are."""

from collections.abc import Iterable

from ..losses.terms import Kept
from ..memory import Pool
from ..networks import Network
from ..recipe.recipe import Recipe
from ..training.teachers import Teacher, size


def held(
    recipe: Recipe, network: Network, kept: dict[str, Kept], pool: Pool, task: int, teachers: Iterable[Teacher]
) -> dict[str, int]:
    """Bytes held to learn ``task``, by what they are for; all as they stand when the task has begun.

    "network": parameters and buffers with the new head; every part of ``recipe`` that remembers tensors, by its name
    ("Anchor": Omega, theta* and SI's path; "merge": what IMM merges); "teacher": the old network's recorded answers to
    the new images; where attention is held the old network with its maps of them; where images are augmented the old
    network alone; "images": those of earlier tasks. What comes and goes within a step (gradients, activations) is left
    out.
    """
    sizes = {"network": size(network.state_dict().values())}
    parts = [name for name, part in recipe.parts.items() if part is not recipe.memory and kept[name]]
    sizes |= {name: size(kept[name].values()) for name in parts}
    for teacher in teachers:
        sizes["teacher"] = teacher.nbytes
    if recipe.memory:
        old = pool.tasks.cpu() < task
        sizes["images"] = size([pool.images[old], pool.labels[old]])
    return sizes
