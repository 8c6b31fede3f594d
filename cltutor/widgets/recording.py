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

from ..runs import files, provenance
from ..streams import Stream

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
