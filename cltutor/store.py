"""Runs on disk: found again, resumed, and set aside when damaged."""

import hashlib
import os
import warnings
from pathlib import Path

from .run import FORMAT, Run


class Store:
    """A folder of runs, one file each, named after the method and a key of everything that decides the numbers."""

    def __init__(self, folder: str | os.PathLike):
        self.folder = Path(folder)

    def path(self, run: Run) -> Path:
        """Where this run is kept: same stream, recipe, seed and kind of device, same file."""
        key = (FORMAT, run.fingerprint, repr(run.recipe), run.seed, run.device.split(":")[0])
        return self.folder / f"{run.name}-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.safetensors"

    def find(self, run: Run) -> Run:
        """The run of this kind on disk, as far as it got, or ``run`` itself; a damaged file is told and set aside."""
        path = self.path(run)
        if not path.exists():
            return run
        try:
            return Run.load(path)
        except ValueError as error:
            aside = path.with_suffix(".damaged")
            os.replace(path, aside)
            warnings.warn(f"{error} It was set aside as {aside.name} and is computed again.", stacklevel=2)
            return run

    def save(self, run: Run) -> None:
        run.save(self.path(run))
