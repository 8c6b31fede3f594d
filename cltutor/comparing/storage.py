"""The memory that a method needs: the bytes in use when a task begins (MAS, Figure 6)."""

import warnings
from collections.abc import Iterable

from .. import methods
from ..recipe.recipe import Recipe
from ..streams import Stream
from ..training.events import TaskBegun
from ..training.loop import train


def needed(
    stream: Stream, recipes: Iterable[Recipe | str], epochs: int = 1, seed: int = 0, device: str = "auto"
) -> dict[str, list[dict[str, int]]]:
    """The bytes in use when the second task begins, the third and so on: method's name -> bytes by purpose.

    "network", "teacher", "images" and the parts of the recipe that remember tensors, as in
    ``runs.memory_use.bytes_in_use``. Every method learns the stream for one epoch per task, as the memory does not
    depend on the number of epochs. EWC, as published, grows by a Fisher and an anchor per task. IMM grows in the
    paper's figure, which keeps one model per task, but not here, where running sums replace the models.
    """
    found = {}
    with warnings.catch_warnings(action="ignore"):  # an idle anchor takes as much memory
        for recipe in map(methods.get, recipes):
            begun = (event for event in train(stream, recipe, seed, epochs, device) if isinstance(event, TaskBegun))
            found[recipe.name] = [dict(event.run.memory) for event in begun if event.task]
    return found
