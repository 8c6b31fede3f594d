"""The memory that a method needs: the bytes that it really holds to learn the next task (MAS, Figure 6)."""

from collections.abc import Iterable

from .. import methods
from ..recipe.recipe import Recipe
from ..streams import Stream
from ..training.events import TaskBegun
from ..training.loop import train


def needed(
    stream: Stream, recipes: Iterable[Recipe | str], epochs: int = 1, seed: int = 0, device: str = "auto"
) -> dict[str, list[dict[str, int]]]:
    """What each method holds as the second task begins, the third and so on: its name -> bytes by what they are for.

    "network", "teacher", "images" and the parts of the recipe that remember tensors, as in ``holding.held``. Every
    method learns the stream, for one epoch a task: what is held does not depend on how long it learned. EWC, as
    published, grows by a Fisher and an anchor a task; IMM grows in the paper's figure, which keeps a model a task, and
    not here, where running sums are kept instead.
    """
    found = {}
    for recipe in map(methods.get, recipes):
        begun = (event for event in train(stream, recipe, seed, epochs, device) if isinstance(event, TaskBegun))
        found[recipe.name] = [dict(event.run.memory) for event in begun if event.task]
    return found
