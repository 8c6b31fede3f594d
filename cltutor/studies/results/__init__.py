"""Results of long benchmarks that pages draw: small JSON files, each with the command that made it."""

import json
from pathlib import Path
from typing import Any

from ...streams.division import unknown

FOLDER = Path(__file__).resolve().parent


def read(name: str) -> dict[str, Any]:
    """The results ``name``, with their "origin": command, seeds, versions, hardware; ValueError for another name."""
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        raise unknown("results", name, [found.stem for found in FOLDER.glob("*.json")])
    return json.loads(path.read_text(encoding="utf-8"))
