"""Results that come with the package: what a widget shows before anything has been trained.

They are made by the widgets themselves (`cltutor gallery widgets`), and are found where stream, seed and recipe are the
same as of the widget at hand.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..recipe.recipe import Recipe
from ..runs import files, provenance
from ..streams import Stream
from .training import Actions

FOLDER = Path(__file__).with_name("recorded")
Held = Mapping[str, Any]  # arrays, or more of the same by name


def key_of(stream: Stream, seed: int, recipe: object) -> str:
    """What a recorded result depends on."""
    return f"{stream.fingerprint} {seed} {recipe!r}"


def write(name: str, results: Mapping[str, Held], folder: Path = FOLDER) -> Path:
    """Write results by their keys for the widgets ``name``."""
    parts = {key: str(number) for number, key in enumerate(results)}
    tensors = {f"{parts[key]}/{place}": value for key, held in results.items() for place, value in flat(held).items()}
    path = folder / f"{name}.safetensors"
    made = {"versions": provenance.versions(), "hardware": provenance.hardware()}
    files.write(path, tensors, {"parts": parts, "origin": made})
    return path


def read(name: str, keys: Mapping[str, str], folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """Those recorded results of the widgets ``name`` that have one of these ``keys``, by the name of the key; none
    where none were recorded."""
    path = folder / f"{name}.safetensors"
    if not path.exists():
        return {}
    tensors, facts = files.read(path)
    parts = {name: facts["parts"][key] for name, key in keys.items() if key in facts["parts"]}
    return {name: nested(tensors, f"{part}/") for name, part in parts.items()}


def flat(held: Held) -> dict[str, Tensor]:
    """Arrays by path, with a slash between two names."""
    made: dict[str, Tensor] = {}
    for name, value in held.items():
        if isinstance(value, Mapping):
            made |= {f"{name}/{below}": one for below, one in flat(value).items()}
        else:
            made[str(name)] = value if isinstance(value, Tensor) else torch.from_numpy(np.ascontiguousarray(value))
    return made


def nested(tensors: Mapping[str, Tensor], below: str) -> dict[str, Any]:
    """The other way round: NumPy arrays of what stands ``below`` a part."""
    made: dict[str, Any] = {}
    for path, value in tensors.items():
        *above, last = path.removeprefix(below).split("/")
        place = made
        for name in above if path.startswith(below) else ():
            place = place.setdefault(name, {})
        if path.startswith(below):
            place[last] = value.numpy()
    return made


class Recordable:
    """A widget with a ``stream``, a ``seed`` and ``actions`` that may begin with recorded results; ``css`` names it."""

    records = FOLDER
    recorded: frozenset[str] = frozenset()  # names of results that came with the package
    css: str
    stream: Stream
    seed: int
    actions: Actions

    def _load(self, recipes: Mapping[str, Recipe]) -> None:
        """Begin with what is recorded of these recipes, by name, for this stream and seed; what does not fit is left
        out, and the page says so."""
        self.restorable = dict(recipes)
        try:
            for name, held in read(self.css, self.record_keys, self.records).items():
                self._restore(name, held)
                self.recorded |= {name}
        except (KeyError, RuntimeError, TypeError, ValueError):  # damaged, or of another version
            self.actions.caution(["What was recorded cannot be read: press Train to make your own."])
        self.actions.explain(self.recorded)

    @property
    def record_keys(self) -> dict[str, str]:
        """What recorded results of this widget depend on, by their names."""
        return {name: key_of(self.stream, self.seed, recipe) for name, recipe in self.restorable.items()}

    def _replace(self, *names: str) -> None:
        """What was recorded under these names makes room for the learner's own."""
        self.recorded -= set(names)
        self.actions.explain(self.recorded)

    def _restore(self, name: str, held: dict[str, Any]) -> None:
        """Take over a result as ``_held`` gave it."""
        raise NotImplementedError

    def _held(self, name: str) -> Held:
        """All that is shown of a result, as arrays by name."""
        raise NotImplementedError
