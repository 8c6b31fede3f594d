"""Makes the results from which widgets start, by the widgets themselves: `cltutor gallery widgets`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .. import methods, widgets
from ..streams import Stream, digits, scenes
from . import recording

Start = tuple[str, Callable[[], Stream], dict[str, Any]]  # the widget's class, its stream, and its settings


def _five() -> Stream:
    return digits(tasks=5, order=0)


def _three() -> Stream:
    return digits(tasks=[4, 3, 3], order=0)


def _objects() -> Stream:
    return scenes(tasks=[10, 2, 2, 2], classes=range(16), per_class=(50, 20), order=0)


def _few() -> Stream:
    return scenes(tasks=5, order=0, size=16, per_class=(17, 25))


LEARNED = {"epochs": 6, "learning_rate": 0.02}  # in notebook 03
STARTS: list[Start] = [  # as the notebooks show them, and by default
    ("Balance", _five, {}),
    ("Balance", _five, methods.schedules.classroom() | {"capacity": 100, "epochs": 15}),
    ("ReverseTransfer", _five, {}),
    ("ReverseTransfer", _few, {"epochs": 20, "batch_size": 10, "learning_rate": 0.02}),
    *(("WhatNotToForget", _three, LEARNED | {"classes": (label,)}) for label in _three()[0].classes),
    ("AttentionDrift", _objects, {"epochs": 8, "learning_rate": 0.03}),
    ("ImportanceExplorer", _three, LEARNED),
]


def build(starts: Sequence[Start] = STARTS, folder: Path = recording.FOLDER) -> list[Path]:
    """Train every widget as its start says, and write what it then shows, a file for each class."""
    found: dict[str, dict[str, recording.Held]] = {}
    for name, stream, settings in starts:
        tool = getattr(widgets, name)(stream(), **settings)
        tool.actions.clear.click()  # what is recorded would not be learned again
        tool.actions.train.click()
        tool.training.join()
        held = {key: tool._held(part) for part, key in tool.record_keys.items()}
        found.setdefault(tool.css, {}).update({key: one for key, one in held.items() if one})
        tool.close()
    return [recording.write(css, results, folder) for css, results in found.items()]
