"""The memory that a method needs: the bytes that it really stores to learn the next task (MAS, Figure 6)."""

from collections.abc import Iterable

import torch

from . import methods
from .events import TaskDone
from .holding import held
from .learner import train
from .losses.terms import Context
from .recipe import Recipe
from .run import Run
from .seeds import seeded
from .streams import Stream
from .task_state import draw_pool, restore, watched_layer
from .teachers import make_teachers


def stored(run: Run, stream: Stream) -> dict[str, int]:
    """Bytes that ``run``, as it stands, holds when its next task begins, by what they are for: see ``holding.held``."""
    recipe, task = run.recipe, run.learned
    if not 0 < task < len(stream):
        raise ValueError(f"This run has learned {task} of {len(stream)} tasks: there is no next task to store for.")
    network, kept = restore(run, stream, run.seed)
    with seeded(("storage",)):
        network.grow(len(stream[task].classes), [stream.class_names[label] for label in stream[task].classes])
    for name, part in recipe.parts.items():
        if part is not recipe.memory:  # its images are counted in the pool
            part.begin_task(Context(network, task, recipe.heads, stream[task]), kept[name])
    pool = draw_pool(stream, recipe, task, torch.device("cpu"), kept, run.seed)
    asking = recipe.asking(task)
    watched, changing = watched_layer(network, pool, asking), recipe.schedule.changes_images
    teachers = make_teachers("task", asking, lambda: run.model, pool, watched, changing)
    return held(recipe, network, kept, pool, task, teachers.values())


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
