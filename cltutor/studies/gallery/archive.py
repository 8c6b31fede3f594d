"""The runs of a stream in one file: read without executing anything, with a checksum and the runs' origin."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...recipe.parser import parse
from ...recipe.recipe import Recipe
from ...runs import files
from ...runs.curves import Curves
from ...runs.run import Run
from .settings import FOLDER, setting_of


@dataclass(frozen=True)
class Origin:
    """Where and how the runs of a stream were made; it prints as a list, in a notebook too.

    ``diverged``: a sentence for each trial that diverged; its accuracies count as 0. ``seconds`` are of all training.
    """

    command: str
    stream: str
    seeds: str
    budget: str
    search: str
    regimes: str
    seconds: str
    versions: str
    hardware: str
    date: str
    diverged: str

    def __str__(self) -> str:
        return "\n".join(f"- {name}: {value}" for name, value in asdict(self).items())

    _repr_markdown_ = __str__


def runs(stream_name: str) -> list[Run]:
    """Every method's complete runs on a stream, without weights: by method, then trial.

    The number of a trial is its class order and its seed. Loss curves are left out; everything else that was measured
    is there. ValueError for a stream that is not in the gallery, or a damaged file.
    """
    return read(path_of(stream_name))[0]


def origin(stream_name: str) -> Origin:
    """Where and how the runs on a stream were made."""
    return read(path_of(stream_name))[1]


def path_of(stream_name: str) -> Path:
    setting_of(stream_name)
    return FOLDER / f"{stream_name}.safetensors"


def write(path: Path, made: Sequence[Run], origin: Origin) -> None:
    """Write complete runs of one number of tasks and epochs to ``path``, without weights and loss curves."""
    kinds = sorted(made[0].accuracies)
    arrays = {f"accuracy/{kind}": np.stack([run.accuracies[kind] for run in made]) for kind in kinds}
    arrays |= {f"curve/{name}": np.stack([getattr(run.curves, name) for run in made]) for name in CURVES}
    codes = list(dict.fromkeys(repr(run.recipe) for run in made))
    entries = [{name: getattr(run, name) for name in PLAIN} | {"recipe": codes.index(repr(run.recipe))} for run in made]
    arrays |= {
        f"run/{i}/{name}": getattr(run.curves, name) for i, run in enumerate(made) if run.record for name in TAKEN
    }
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    files.write(path, tensors, {"origin": asdict(origin), "recipes": codes, "runs": entries})


def read(path: Path) -> tuple[list[Run], Origin]:
    """The runs in the file ``path``, and their origin; ValueError if it is damaged or of another format."""
    try:
        tensors, facts = files.read(path)
        recipes = [parse(code) for code in facts["recipes"]]
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"{path} is missing, damaged or not a gallery: make it again with `cltutor gallery`."
        ) from error
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    alike = {name: array for name, array in arrays.items() if not name.startswith("run/")}
    made = []
    for i, entry in enumerate(facts["runs"]):
        made.append(_run(recipes, entry, {name: array[i] for name, array in alike.items()}))
        for name in TAKEN if made[-1].record else ():
            setattr(made[-1].curves, name, arrays[f"run/{i}/{name}"])
    return made, Origin(**facts["origin"])


# Of a run, all that JSON can hold; of its curves, all but the losses and their steps.
PLAIN = [f.name for f in fields(Run) if f.name not in ("recipe", "accuracies", "curves", "states", "part_states")]
TAKEN = [f.name for f in fields(Curves) if f.name.startswith("predicted")]  # of the few runs that record predictions
CURVES = [f.name for f in fields(Curves) if f.name not in ("loss", "step_task", *TAKEN)]


def _run(recipes: list[Recipe], entry: dict[str, Any], arrays: dict[str, np.ndarray]) -> Run:
    plain = {name: _frozen(value) for name, value in entry.items()}
    plain["recipe"] = recipes[entry["recipe"]]
    accuracies = {k.removeprefix("accuracy/"): v.copy() for k, v in arrays.items() if k.startswith("accuracy/")}
    curves = Curves()
    for name in CURVES:
        setattr(curves, name, arrays[f"curve/{name}"].copy())
    return Run(**plain, accuracies=accuracies, curves=curves, states=[{} for _ in plain["tasks"]])


def _frozen(value: Any) -> Any:
    """Lists of JSON as the tuples that they were."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
