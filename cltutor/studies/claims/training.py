"""The runs that claims need: the gallery's, and those in which one setting is changed."""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from ... import methods, streams
from ...memory import ExemplarMemory
from ...recipe.recipe import Recipe
from ...runs.run import Run
from ...streams import Stream
from ...training.events import Diverged
from .. import gallery
from .claim import Claim, Trained

FEWER = 0.3  # of the images of every task after the first: a little more than three times the epochs make up for it


@dataclass(frozen=True)
class Source:
    """A stream by the number of its trial, and the stream of the gallery whose rates and budget it takes."""

    make: Callable[[int], Stream]
    gallery: str = "digits"


def fewer(trial: int) -> Stream:
    """Digits with fewer images of the tasks after the first (LwF, Figure 5)."""
    return gallery.stream("digits", trial).fewer(FEWER, seed=trial)


def halves(trial: int) -> Stream:
    """Digits in two tasks of five classes."""
    return streams.digits(tasks=2, order=trial)


STREAMS = {
    "digits": Source(partial(gallery.stream, "digits")),
    "scenes": Source(partial(gallery.stream, "scenes"), "scenes"),
    "digits, fewer images": Source(fewer),
    "digits in two tasks": Source(halves),
}


def recipe_of(run: Trained, source: Source, stream: Stream) -> Recipe:
    """The gallery's recipe for the run's method, rebuilt with the settings that the run changes."""
    recipe = gallery.recipe(run.method, source.gallery, run.heads)
    if not run.changed:
        return recipe
    settings = {name: getattr(recipe.schedule, name) for name in ("epochs", "batch_size", "learning_rate")}
    settings |= {"memory": recipe.memory} if isinstance(recipe.memory, ExemplarMemory) else {}
    settings |= {} if run.heads is None else {"heads": run.heads}
    settings |= {name: value(stream) if callable(value) else value for name, value in run.changed}
    return methods.named(run.method)(**settings)


def measured(
    job: tuple[Claim, int], store: str | os.PathLike, sources: Mapping[str, Source], learn: Callable[..., Run]
) -> tuple[float, float]:
    """The left and the right side of a claim in a trial, whose number is the class order and the seed.

    Runs are found in the store or trained now; (nan, nan) where one diverged.
    """
    claim, trial = job
    names = list(dict.fromkeys(run.stream for run in claim.runs)) or ["digits"]
    made = {name: sources[name].make(trial) for name in names}
    runs = {}
    try:
        for run in claim.runs:
            recipe = recipe_of(run, sources[run.stream], made[run.stream])
            runs[run] = learn(made[run.stream], recipe, trial, device="cpu", store=store, progress=False, threads=1)
        stream = made[names[0]]
        left, right = (float(side.measure(stream, *(runs[r] for r in side.of))) for side in (claim.left, claim.right))
    except Diverged:
        return math.nan, math.nan
    return left, right
