"""The streams on which claims are decided, each with one budget for all recipes that are compared on it.

Digits are too easy for most claims, as the better side reaches 100 %. These are rendered scenes and facts with few
pictures per class. Rates and weights are searched on class orders from ``SEARCH`` on, whose pictures are drawn anew, so
that no picture of a reported trial takes part in a choice.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ... import streams
from ...streams import Split, Stream, Task
from ...streams.division import arrange, unknown
from ...streams.shapes import SHAPES
from ...streams.stream import sample

SEARCH = (100, 101, 102)  # class orders of the search
RATES = (0.01, 0.04, 0.16)
TINY = "tiny-imagenet-100-32px.zip"


@dataclass(frozen=True)
class Setting:
    """A stream by class order, and the budget of every recipe on it.

    ``tasks`` are the numbers of classes of the tasks, ``images`` the training images per class of tasks after the
    first. ``capacity`` is that of an exemplar memory, in images. ``curve`` records the test accuracy of a task after
    each of its epochs. ``score`` is what the search maximises, ``seconds`` what a run takes on one core, about.
    """

    name: str
    make: Callable[[int], Stream]
    tasks: tuple[int, ...]
    images: int
    epochs: int
    score: str = "accuracy"
    first_images: int | None = None
    batch: int = 32
    capacity: int = 40
    curve: bool = False
    rates: tuple[float, ...] = RATES
    seconds: float = 3.0
    trials: int = 10
    kind: str = "scenes"
    extras: tuple[str, ...] = ()  # what the search needs besides accuracies
    data: bool = False  # needs a data set that does not come with cltutor

    @property
    def facts(self) -> dict[str, float]:
        """What a paper's range may be about: the largest and the smallest of each task are both inside it."""
        share = 100 / sum(self.tasks)
        return {
            "classes per step, % of all": share * max(self.tasks),
            "tasks": len(self.tasks),
            "training images per class": self.images,
        }

    @property
    def words(self) -> str:
        """The budget in words."""
        kept = f", {self.capacity} exemplars" if self.score == "incremental" else ""
        classes = "+".join(map(str, self.tasks))
        images = f"{self.images} training images per class"
        return f"{self.kind}: {classes} classes, {images}, {self.epochs} epochs per task{kept}"


def pictures(order: int) -> int:
    """The seed of the pictures of a class order."""
    return int(order in SEARCH)


def scenes(order: int, tasks: Any, per_class: tuple[int, int], size: int = 12) -> Stream:
    return streams.scenes(tasks=tasks, order=order, size=size, per_class=per_class, seed=pictures(order))


def fewer(order: int, share: float) -> Stream:
    """The pair with a share of the images of the new task (LwF, Figure 5)."""
    return scenes(order, 2, PER_CLASS).fewer(share, seed=order)


def dissimilar(order: int) -> Stream:
    """Ten classes of scenes, then handwritten digits, as many of each: the part of MNIST after ImageNet (LwF, Table 1).

    The search sees other digits in place of the test images.
    """
    first = scenes(order, 2, PER_CLASS)[0]
    digits = streams.digits(tasks=1, order=order, validation=0.2)[0]
    tested = digits.validation if order in SEARCH else digits.test
    chosen = digits.train.take(sample(digits.train.labels, lambda n: min(n, PER_CLASS[0]), 0))
    splits = [_as_picture(chosen), Split.empty((3, 12, 12)), _as_picture(tested)]
    labels = tuple(20 + label for label in digits.classes)
    names = (*SHAPES, *(f"digit {number}" for number in range(10)))
    return Stream(tasks=[first, Task(1, labels, *splits)], class_names=names, name="dissimilar", code="dissimilar")


def _as_picture(split: Split) -> Split:
    """8x8 grey digits as 12x12 colour pictures with a border of 2, labelled after the scenes' classes."""
    images = split.images.new_zeros((len(split), 3, 12, 12))
    images[:, :, 2:10, 2:10] = split.images
    return Split(images, split.labels + 20)


def facts(order: int, tasks: int, clustered: bool = False) -> Stream:
    """Facts split at random (MAS, Tables 3 and 4), or by their subject, where a trial is a seed of the pictures."""
    seed = order if clustered else pictures(order)
    return streams.facts(tasks=tasks, order=None if clustered else order, size=12, per_class=(12, 8), seed=seed)


def tiny(order: int, tasks: int, images: int) -> Stream:
    """Tiny-ImageNet's hundred classes at 32x32 from the data folder, so many training pictures of each; the search sees
    50 further training pictures in place of the test pictures.

    Raises:
        ValueError: the file is not in the data folder.
    """
    path = Path(os.environ.get("CLTUTOR_DATA") or "~/.cache/cltutor").expanduser() / TINY
    if not path.is_file():
        raise ValueError(
            f"Claims on Tiny-ImageNet read {TINY} in the folder that CLTUTOR_DATA names; {path} is no file."
        )
    whole = streams.folder(path, tasks=tasks, order=order)
    return Stream([_few(task, images, order in SEARCH) for task in whole], whole.class_names, whole.name, whole.code)


def _few(task: Task, images: int, searched: bool) -> Task:
    few = sample(task.train.labels, lambda n: min(n, images), 0)
    more = sample(task.train.labels, lambda n: min(n, images + 50), 0)  # contains the few
    test = task.train.take(more & ~few) if searched else task.test
    return replace(task, train=task.train.take(few), test=test)


PER_CLASS = (40, 20)
EIGHT = (3, 3, 3, 3, 2, 2, 2, 2)
CONVERGED: dict[str, Any] = {"score": "peak", "curve": True, "epochs": 80}


def classes_in(count: int) -> tuple[int, ...]:
    return (20 // count,) * count


def of_scenes(name: str, tasks: int, score: str = "accuracy", **budget: Any) -> Setting:
    images = budget.setdefault("images", PER_CLASS[0])
    make = partial(scenes, tasks=tasks, per_class=(images, 20))
    return Setting(name, make, classes_in(tasks), **{"score": score, **budget})


def of_facts(name: str, tasks: int, clustered: bool = False) -> Setting:
    make = partial(facts, tasks=tasks, clustered=clustered)
    budget: dict[str, Any] = {"epochs": 12, "batch": 20, "rates": (0.0125, 0.05, 0.2), "seconds": 3.0, "kind": "facts"}
    budget["extras"] = (*(f"map T{task + 1}" for task in range(tasks)), "map all")
    return Setting(name, make, (60 // tasks,) * tasks, 12, score="map", **budget)


def of_tiny(name: str, images: int, **budget: Any) -> Setting:
    make = partial(tiny, tasks=10, images=images)
    own: dict[str, Any] = {
        "score": "incremental",
        "capacity": 500,
        "trials": 5,
        "data": True,
        "kind": "Tiny-ImageNet",
        **budget,
    }
    return Setting(name, make, (10,) * 10, images, **own)


def in_shares(name: str, share: float) -> Setting:
    images = max(1, round(share * PER_CLASS[0]))
    return Setting(name, partial(fewer, share=share), (10, 10), images, 10, first_images=PER_CLASS[0], seconds=1.0)


SETTINGS = {
    setting.name: setting
    for setting in (
        of_scenes("pair", 2, epochs=10, seconds=1.5),
        in_shares("pair, 30 %", 0.3),
        in_shares("pair, 10 %", 0.1),
        Setting("unlike pair", dissimilar, (10, 10), PER_CLASS[0], 10, seconds=1.5, kind="scenes, then digits"),
        of_scenes("four tasks", 4, epochs=10, seconds=2.0),
        Setting("eight tasks", partial(scenes, tasks=EIGHT, per_class=PER_CLASS), EIGHT, PER_CLASS[0], 10, seconds=2.5),
        *(of_scenes(f"{20 // count} a step", count, "incremental", epochs=10, seconds=2.0) for count in (10, 5, 2)),
        of_scenes("2 a step, memory", 10, "incremental", epochs=15, seconds=9.0),
        of_scenes("4 a step, memory", 5, "incremental", epochs=15, seconds=5.5),
        of_scenes("10 a step, memory", 2, "incremental", epochs=15, seconds=3.5),
        of_scenes("few images", 5, **CONVERGED, images=17, seconds=12.0),
        of_scenes("more images", 5, **{**CONVERGED, "epochs": 40}, images=42, seconds=13.0),
        *(of_facts(f"facts, {count} tasks", count) for count in (2, 4)),
        of_facts("facts by subject", 4, clustered=True),
        of_tiny("Tiny-ImageNet, 10 a step", 100, epochs=10, seconds=150.0),
        of_tiny("Tiny-ImageNet, 10 a step, memory", 100, epochs=15, seconds=240.0),
        of_tiny("Tiny-ImageNet, few images", 17, **CONVERGED, seconds=400.0),
    )
}


def setting_of(name: str) -> Setting:
    """The setting of that name; ValueError for another."""
    if name not in SETTINGS:
        raise unknown("stream of the claims", name, SETTINGS)
    return SETTINGS[name]


def first_class(trial: int) -> tuple[int, ...]:
    """The first class of the first of two tasks of scenes in the class order of a trial (MAS, adaptation test)."""
    return arrange(tuple(SHAPES), 2, trial)[0][:1]
