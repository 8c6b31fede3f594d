"""The runs of a stream in one file: read without executing anything, checksummed, and told where they come from."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch

from ..recipe import Recipe, parse
from ..run import Curves, Run
from .settings import FOLDER, setting_of

FORMAT = 1


@dataclass(frozen=True)
class Origin:
    """Where and how the runs of a stream were made; it prints as a list, and shows itself in a notebook.

    ``diverged``: a sentence for each trial that diverged, and whose accuracies count as 0.
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
    is there. ValueError for a name that the gallery does not have, or a damaged file.
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
    tensors = {f"accuracy/{kind}": _stacked([run.accuracies[kind] for run in made]) for kind in kinds}
    tensors |= {f"curve/{name}": _stacked([getattr(run.curves, name) for run in made]) for name in CURVES}
    codes = list(dict.fromkeys(repr(run.recipe) for run in made))
    entries = [{name: getattr(run, name) for name in PLAIN} | {"recipe": codes.index(repr(run.recipe))} for run in made]
    header = {"format": FORMAT, "origin": asdict(origin), "recipes": codes, "runs": entries}
    text = json.dumps(header | {"checksum": _checksum(tensors, header)})
    path.write_bytes(safetensors.torch.save(tensors, {"cltutor": text}))


def read(path: Path) -> tuple[list[Run], Origin]:
    """The runs in the file ``path``, and where they come from; ValueError if it is damaged or of another format."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {})["cltutor"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no iterator there)
    except FileNotFoundError:
        raise ValueError(f"There is no gallery in {path}: make it with `cltutor gallery`.") from None
    except (safetensors.SafetensorError, KeyError, json.JSONDecodeError, OSError) as error:
        raise ValueError(f"{path} is damaged or no gallery: make it again with `cltutor gallery`.") from error
    found = header.pop("checksum", None)
    if header.get("format") != FORMAT or found != _checksum(tensors, header):
        raise ValueError(f"{path} is damaged or of another version: make it again with `cltutor gallery`.")
    recipes = [parse(code) for code in header["recipes"]]
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    made = [_run(recipes, entry, {k: v[i] for k, v in arrays.items()}) for i, entry in enumerate(header["runs"])]
    return made, Origin(**header["origin"])


# Of a run, all that JSON can hold; of its curves, all but the losses and their steps.
PLAIN = [f.name for f in fields(Run) if f.name not in ("recipe", "accuracies", "curves", "states", "kept")]
CURVES = [f.name for f in fields(Curves) if f.name not in ("loss", "step_task")]


def _run(recipes: list[Recipe], entry: dict, arrays: dict[str, np.ndarray]) -> Run:
    plain = {name: _frozen(value) for name, value in entry.items()}
    plain["recipe"] = recipes[entry["recipe"]]
    accuracies = {k.removeprefix("accuracy/"): v.copy() for k, v in arrays.items() if k.startswith("accuracy/")}
    curves = Curves(**{name: arrays[f"curve/{name}"].copy() for name in CURVES})
    return Run(**plain, accuracies=accuracies, curves=curves, states=[{} for _ in plain["tasks"]])


def _frozen(value):
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _stacked(arrays: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(arrays))


def _checksum(tensors: dict[str, torch.Tensor], header: dict) -> str:
    """Of the numbers and of what is said about them."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()
