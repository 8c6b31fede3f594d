"""The runs that claims need: the gallery's, and those in which one thing is changed."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ... import methods, streams
from ...memory import ExemplarMemory
from ...recipe.recipe import Recipe
from ...runs.run import Run
from ...streams import Stream
from ...training.loop import learn
from .. import gallery
from .claim import Claim, Trained

FEWER = 0.3  # of the images of every task after the first: a little more than three times as many epochs make up for it


@dataclass(frozen=True)
class Source:
    """A stream by the number of its trial, and the stream of the gallery whose rates and budget it takes."""

    make: Callable[[int], Stream]
    gallery: str = "digits"


def fewer(trial: int) -> Stream:
    """Digits with a share of the images of the tasks after the first (LwF, Figure 5)."""
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


def stream_of(claim: Claim, trial: int) -> Stream:
    """The stream that a claim's trial is measured on."""
    return STREAMS[claim.runs[0].stream if claim.runs else "digits"].make(trial)


def recipe_of(run: Trained, stream: Stream) -> Recipe:
    """The gallery's recipe for the run's method, built anew with what the run changes."""
    recipe = gallery.recipe(run.method, STREAMS[run.stream].gallery, run.heads)
    if not run.changed:
        return recipe
    settings = {name: getattr(recipe.schedule, name) for name in ("epochs", "batch_size", "learning_rate")}
    settings |= {"memory": recipe.memory} if isinstance(recipe.memory, ExemplarMemory) else {}
    settings |= {} if run.heads is None else {"heads": run.heads}
    settings |= {name: value(stream) if callable(value) else value for name, value in run.changed}
    return getattr(methods, run.method)(**settings)


def learned(run: Trained, trial: int, store: str | os.PathLike) -> Run:
    """The run of a trial, found in the store or learned now; the trial is its class order and its seed."""
    stream = STREAMS[run.stream].make(trial)
    return learn(stream, recipe_of(run, stream), trial, device="cpu", store=store, progress=False)


def measured(claim: Claim, trial: int, store: str | os.PathLike) -> tuple[float, float]:
    """What the left and the right side of a claim come to in a trial."""
    runs = {run: learned(run, trial, store) for run in claim.runs}
    stream = stream_of(claim, trial)
    left, right = (float(side.measure(stream, *(runs[r] for r in side.of))) for side in (claim.left, claim.right))
    return left, right
