"""What the rows of End-to-End Incremental Learning mean (Castro et al. 2018).

All methods train for the thirty epochs of `schedules.classroom`, three times the gallery's: augmented images need them.
"""

from functools import partial
from typing import Any

from ...memory import ExemplarMemory
from ...methods import schedules
from .claim import Measure, Quantity, Trained, Vocabulary, trained
from .measures import gap, incremental, whole

EPOCHS = schedules.classroom()["epochs"]
CAPACITY = 100  # exemplars in all, as in the gallery


def across(method: str, stream: str = "digits", **changed: Any) -> Trained:
    """A method trained with all classes competing."""
    return trained(method, stream, "class", epochs=EPOCHS, **changed)


def five_per_step(method: str) -> Trained:
    return across(method, "digits in two tasks")


STATISTICS = {
    "incremental": Measure(f"average incremental accuracy, {EPOCHS} epochs, %", incremental),
    "whole": Measure(f"accuracy on all tasks at the end, {EPOCHS} epochs, %", whole),
    "lead": Measure(f"lead in average incremental accuracy, {EPOCHS} epochs, points", partial(gap, of=incremental)),
}
RUNS = {"eeil by herding": across("eeil")}  # the gallery's memory
for selection in ("random", "histogram"):
    RUNS[f"eeil by {selection}"] = across("eeil", memory=ExemplarMemory(CAPACITY, selection=selection))
for count in (10, 20):
    RUNS[f"eeil with {count} images a class"] = across("eeil", memory=ExemplarMemory(capacity=None, per_class=count))
for method in ("eeil", "lwf_mc", "icarl"):
    RUNS |= {f"{method}, 5 classes a step": five_per_step(method), f"{method}, 2 a step": across(method)}
LEAD = STATISTICS["lead"].of
SIDES = {
    "incremental": [Quantity(label, incremental, (run,)) for label, run in RUNS.items()],
    "lead": [
        Quantity("eeil - icarl, 5 classes a step", LEAD, (five_per_step("eeil"), five_per_step("icarl"))),
        Quantity("2 a step", LEAD, (across("eeil"), across("icarl"))),
    ],
}
VOCABULARY = Vocabulary(STATISTICS, SIDES, across)
