"""`cltutor gallery`: make the runs again that come with cltutor."""

import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

STORE = Path.home() / ".cache" / "cltutor" / "runs"


def rebuild(streams: Sequence[str], store: Path | None = None, workers: int = 1) -> int:
    """Make the gallery's files of these streams, of all when none is named; stopped, it goes on from its run store.

    ``workers`` above 1 are as many processes, of one thread each. ValueError for a stream that the gallery does not
    have, or when its folder cannot be written to.
    """
    from concurrent.futures import ProcessPoolExecutor

    from ..studies.gallery.building import build
    from ..studies.gallery.settings import FOLDER, SETTINGS, setting_of

    for name in streams:
        setting_of(name)
    if not os.access(FOLDER, os.W_OK):
        raise ValueError(f"cannot write to {FOLDER}: make the gallery in a checkout of your own")
    store = store or Path(os.environ.get("CLTUTOR_RUNS", STORE))
    with ProcessPoolExecutor(workers) if workers > 1 else nullcontext() as executor:
        for name in streams or SETTINGS:
            path = build(name, store, FOLDER, executor)
            print(f"{path}: {path.stat().st_size / 1e6:.2f} MB", flush=True)
    return 0
