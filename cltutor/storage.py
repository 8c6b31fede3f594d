"""The memory that a method needs: the bytes that it really stores to learn the next task (MAS, Figure 6)."""

from collections.abc import Iterable

import torch

from . import methods
from .events import TaskDone
from .learner import train
from .losses.terms import Context
from .recipe import Recipe
from .run import Run
from .seeds import seeded
from .streams import Stream
from .task_state import draw_pool, restore, watched_layer
from .teachers import make_teachers, size


def stored(run: Run, stream: Stream) -> dict[str, int]:
    """Bytes that ``run``, as it stands, holds when its next task begins, by what they are for.

    "network": parameters and buffers with the new head; every part of the recipe that remembers tensors, by its name
    ("Anchor": Omega, theta* and SI's path; "merge": what IMM merges); "teacher": the old network's recorded answers to
    the new images; where attention is held the old network with its maps of them; where images are augmented the old
    network alone; "images": those of earlier tasks. What comes and goes within a step (gradients, activations) is left
    out.
    """
    recipe, task = run.recipe, run.learned
    if not 0 < task < len(stream):
        raise ValueError(f"This run has learned {task} of {len(stream)} tasks: there is no next task to store for.")
    network, kept = restore(run, stream, run.seed)
    with seeded(("storage",)):
        network.grow(len(stream[task].classes), [stream.class_names[label] for label in stream[task].classes])
    sizes = {"network": size(network.state_dict().values())}
    for name, part in recipe.parts.items():
        if part is recipe.memory:
            continue  # its images are counted below
        part.begin_task(Context(network, task, recipe.heads, stream[task]), kept[name])
        sizes |= {name: size(kept[name].values())} if kept[name] else {}
    pool = draw_pool(stream, recipe, task, torch.device("cpu"), kept, run.seed)
    asking = recipe.asking(task)
    watched, changing = watched_layer(network, pool, asking), recipe.schedule.changes_images
    for teacher in make_teachers("task", asking, lambda: run.model, pool, watched, changing).values():
        sizes["teacher"] = teacher.nbytes
    if recipe.memory:
        old = pool.tasks.cpu() < task
        sizes["images"] = size([pool.images[old], pool.labels[old]])
    return sizes


def needed(
    stream: Stream, recipes: Iterable[Recipe | str], epochs: int = 1, seed: int = 0, device: str = "auto"
) -> dict[str, list[dict[str, int]]]:
    """What each method stores to learn the second task, the third and so on: its name -> ``stored`` for each task.

    Every method learns the stream, for one epoch a task: what is stored does not depend on how long it learned. EWC, as
    published, grows by a Fisher and an anchor a task; IMM grows in the paper's figure, which keeps a model a task, and
    not here, where running sums are kept instead.
    """
    found = {}
    for recipe in map(methods.get, recipes):
        done = (event.run for event in train(stream, recipe, seed, epochs, device) if isinstance(event, TaskDone))
        found[recipe.name] = [stored(run, stream) for run in done if not run.complete]
    return found
